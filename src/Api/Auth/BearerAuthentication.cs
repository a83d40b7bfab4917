using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Calls.Api.Auth;

/// <summary>REST takes a JWT. Its <c>sub</c>, or the claim that <c>Calls:IdentityClaim</c> names, is the client identity. The keys are
/// <c>Authentication:Schemes:Bearer</c>.</summary>
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
            bearer.TokenValidationParameters.RequireExpirationTime = true;
            bearer.TokenValidationParameters.RequireSignedTokens = true;
            // The details would repeat text of the bearer, such as its issuer, in a header.
            bearer.IncludeErrorDetails = false;
            bearer.Events = new JwtBearerEvents { OnChallenge = NameError };
        });
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme).Configure<IOptions<CallsOptions>>(
            (bearer, calls) => bearer.TokenValidationParameters.NameClaimType = calls.Value.ClaimOfIdentity);
        services.AddAuthorization();
        // The service makes no cookie and no antiforgery token, so it keeps no keys on a disk.
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
    }

    /// <summary>The sender of a request. A claim that is not exactly one client identity is none: the bearer is on no call.</summary>
    public static Asker Asker(this ClaimsPrincipal user)
    {
        var claims = user.FindAll(user.IdentityClaim()).ToList();
        var identity = claims is [{ Value: var text }] && ClientIdentity.TryParse(text, out var parsed) ? parsed : null;
        var isOperator = user.FindAll("scope").Concat(user.FindAll("scp")).SelectMany(claim => claim.Value.Split(' '))
            .Contains(OperatorScope, StringComparer.Ordinal);
        return new(identity, isOperator) { Subject = user.Subject() ?? "" };
    }

    /// <summary>Who the bearer is: <c>sub</c>, or the client of a token without one (RFC 9068, section 2.2). Null if the token names
    /// neither.</summary>
    public static string? Subject(this ClaimsPrincipal user) =>
        new[] { JwtRegisteredClaimNames.Sub, "client_id", JwtRegisteredClaimNames.Azp }
            .Select(claim => user.FindFirst(claim)?.Value is { Length: > 0 } name ? $"{claim}:{name}" : null)
            .FirstOrDefault(name => name is not null);

    /// <summary>The answer to a bearer without a client identity, where the request needs one.</summary>
    public static ProblemHttpResult NoIdentity(this ClaimsPrincipal user) => Problems.Of(403, "no-identity",
        $"The claim {user.IdentityClaim()} of your bearer is not an identity that Twilio takes: one value of at most "
            + $"{ClientIdentity.MaxLength} letters, digits and _ - . @ + = | ~ ! ' :, without + at the beginning.");

    /// <summary>The authentication keeps the name of the claim: <see cref="CallsOptions.IdentityClaim"/>.</summary>
    private static string IdentityClaim(this ClaimsPrincipal user) =>
        user.Identity is ClaimsIdentity { NameClaimType: var claim } ? claim : CallsOptions.DefaultIdentityClaim;

    /// <summary>RFC 6750, section 3.1: the error has a name, and no text of the bearer.</summary>
    private static Task NameError(JwtBearerChallengeContext challenge)
    {
        if (challenge.AuthenticateFailure is not null)
            challenge.Error = "invalid_token";
        return Task.CompletedTask;
    }
}
