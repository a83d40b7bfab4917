using System.Security.Claims;
using Calls.Api.Auth;
using Calls.Infrastructure.Twilio;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Calls.Api.Endpoints;

/// <summary>What an app needs before it can call: a Twilio access token for the person who uses it.</summary>
internal static class TokensApi
{
    public static void MapTokensApi(this IEndpointRouteBuilder app) =>
        app.MapPost("/v1/tokens", CreateToken).RequireAuthorization().WithTags("Tokens").WithName("CreateToken")
            .WithSummary("A Twilio Voice access token for the bearer's own identity")
            .WithDescription("With it the app registers at Twilio as the bearer's `sub`, is rung as that, and places calls. Ask for another one before `expiresAt`.")
            .ProducesProblem(401).ProducesProblem(403).ProducesProblem(503);

    private static Results<Ok<TokenDocument>, ProblemHttpResult> CreateToken(ClaimsPrincipal user, AccessTokens tokens, HttpContext http)
    {
        if (user.Asker().Identity is not { } identity)
            return Problems.Of(403, "no-identity", "The bearer's sub is no client identity: at most 121 letters, digits and _ - . @ + =.");
        if (tokens.MissingKeys is { Count: > 0 } missing)
            return Problems.Of(503, "tokens-not-configured", $"No access token can be made without {string.Join(" and ", missing)}.", ("missingKeys", missing));
        var token = tokens.For(identity);
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new TokenDocument(token.Jwt, token.Identity.Value, token.ExpiresAt));
    }
}

/// <summary>An access token.</summary>
/// <param name="Token">For the Voice SDK's <c>Device</c>.</param>
/// <param name="Identity">Whom it makes of its bearer: others call this name.</param>
/// <param name="ExpiresAt">Until when it is good.</param>
public sealed record TokenDocument(string Token, string Identity, DateTimeOffset ExpiresAt);
