using Calls.Sandbox;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Calls.Integration.Tests.RestApi;

/// <summary>Bearers with any claims, signed with the key that a sandbox accepts.</summary>
internal static class Bearers
{
    public static string BearerWith(this SandboxHost host, params (string Claim, object Value)[] claims)
    {
        var keys = host.Services.GetRequiredService<IConfiguration>();
        var key = Convert.FromBase64String(keys["Authentication:Schemes:Bearer:SigningKeys:0:Value"]!);
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = "calls-sandbox",
            Audience = "calls",
            Claims = claims.ToDictionary(claim => claim.Claim, claim => claim.Value, StringComparer.Ordinal),
            NotBefore = now.AddMinutes(-1),
            IssuedAt = now.AddMinutes(-1),
            Expires = now.AddHours(1),
            SigningCredentials = new SigningCredentials(
                new SymmetricSecurityKey(key) { KeyId = "sandbox" }, SecurityAlgorithms.HmacSha256),
        });
    }
}
