using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Calls.Sandbox;

/// <summary>Mints bearers for the sandbox's REST calls, signed with a key that is made at its start and known to nobody else.</summary>
public sealed class BearerTokens(TimeProvider clock)
{
    private const string Issuer = "calls-sandbox";
    private const string Audience = "calls";

    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);

    /// <summary>ASP.NET Core's own JWT settings that make the service accept these bearers.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Configuration =>
    [
        new("Authentication:Schemes:Bearer:ValidIssuer", Issuer),
        new("Authentication:Schemes:Bearer:ValidAudiences:0", Audience),
        new("Authentication:Schemes:Bearer:SigningKeys:0:Id", "sandbox"),
        new("Authentication:Schemes:Bearer:SigningKeys:0:Issuer", Issuer),
        new("Authentication:Schemes:Bearer:SigningKeys:0:Value", Convert.ToBase64String(key)),
    ];

    /// <summary>A bearer for a client identity, good for a day.</summary>
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
