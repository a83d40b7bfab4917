using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Calls.Sandbox;

/// <summary>Issues bearer tokens (JWT, HS256) for the REST API of the service in a sandbox.</summary>
/// <remarks>The signing key has 32 random bytes. It is made when the sandbox starts, and it is never stored.</remarks>
public sealed class BearerTokens(TimeProvider clock)
{
    private const string Issuer = "calls-sandbox";
    private const string Audience = "calls";

    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);

    /// <summary>The JWT settings of ASP.NET Core with which the service accepts these tokens.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Configuration =>
    [
        new("Authentication:Schemes:Bearer:ValidIssuer", Issuer),
        new("Authentication:Schemes:Bearer:ValidAudiences:0", Audience),
        new("Authentication:Schemes:Bearer:SigningKeys:0:Id", "sandbox"),
        new("Authentication:Schemes:Bearer:SigningKeys:0:Issuer", Issuer),
        new("Authentication:Schemes:Bearer:SigningKeys:0:Value", Convert.ToBase64String(key)),
    ];

    /// <summary>Issues a token for a client identity, with an optional <c>scope</c> claim. It is valid for one day.</summary>
    public string For(string identity, string? scope = null)
    {
        var now = clock.GetUtcNow();
        var claims = new Dictionary<string, object>(StringComparer.Ordinal) { ["sub"] = identity };
        if (scope is not null)
            claims["scope"] = scope;
        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = Audience,
            Claims = claims,
            IssuedAt = now.UtcDateTime,
            NotBefore = now.UtcDateTime,
            Expires = now.UtcDateTime.AddDays(1),
            SigningCredentials = new SigningCredentials(new SymmetricSecurityKey(key) { KeyId = "sandbox" }, SecurityAlgorithms.HmacSha256),
        });
    }
}
