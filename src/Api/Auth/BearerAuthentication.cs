using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.DataProtection;

namespace Calls.Api.Auth;

/// <summary>REST takes a JWT whose <c>sub</c> is a client identity. The keys are <c>Authentication:Schemes:Bearer</c>.</summary>
internal static class BearerAuthentication
{
    /// <summary>The scope of an operator, who may see and change every call.</summary>
    public const string OperatorScope = "calls.operate";

    public static void AddBearerAuthentication(this IServiceCollection services)
    {
        services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer(bearer =>
        {
            bearer.MapInboundClaims = false;
            bearer.TokenValidationParameters.ClockSkew = TimeSpan.FromSeconds(30);
            bearer.TokenValidationParameters.NameClaimType = "sub";
            bearer.TokenValidationParameters.RequireExpirationTime = true;
            bearer.TokenValidationParameters.RequireSignedTokens = true;
        });
        services.AddAuthorization();
        // The service makes no cookie and no antiforgery token, so it keeps no keys on a disk.
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
    }

    /// <summary>The sender of a request. A <c>sub</c> that is not a client identity is on no call.</summary>
    public static Asker Asker(this ClaimsPrincipal user) => new(
        ClientIdentity.TryParse(user.FindFirst("sub")?.Value, out var identity) ? identity : null,
        user.FindAll("scope").Concat(user.FindAll("scp")).SelectMany(claim => claim.Value.Split(' '))
            .Contains(OperatorScope, StringComparer.Ordinal));
}
