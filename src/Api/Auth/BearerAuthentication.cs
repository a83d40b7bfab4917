using System.Security.Claims;
using Calls.Application.UseCases;
using Calls.Domain;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.DataProtection;

namespace Calls.Api.Auth;

/// <summary>REST callers: a JWT bearer whose <c>sub</c> is a client identity. Settings are ASP.NET Core's own, <c>Authentication:Schemes:Bearer</c>.</summary>
internal static class BearerAuthentication
{
    /// <summary>The scope that makes its bearer an operator: may see and change every call.</summary>
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
        // No cookie and no antiforgery token is ever made here: no keys are to be kept on a disk that a pod does not have.
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
    }

    /// <summary>The person behind a request. A <c>sub</c> that is no client identity belongs to nobody on any call.</summary>
    public static Asker Asker(this ClaimsPrincipal user) => new(
        ClientIdentity.TryParse(user.FindFirst("sub")?.Value, out var identity) ? identity : null,
        user.FindAll("scope").Concat(user.FindAll("scp")).SelectMany(claim => claim.Value.Split(' ')).Contains(OperatorScope, StringComparer.Ordinal));
}
