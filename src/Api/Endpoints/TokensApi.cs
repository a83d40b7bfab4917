using System.Text.Json.Serialization;

namespace Calls.Api.Endpoints;

/// <summary>An app needs a Twilio access token before it can place or receive calls.</summary>
internal static class TokensApi
{
    public static void MapTokensApi(this IEndpointRouteBuilder app) =>
        app.MapPost("/v1/tokens", CreateToken).RequireAuthorization().WithTags("Tokens").WithName("CreateToken")
            .WithSummary("Create a Twilio Voice access token for the bearer's own identity")
            .WithDescription("With the token the app registers at Twilio as the bearer's client identity, receives calls and places calls. "
                + "The app asks for the next token before `expiresAt`.")
            .ProducesProblem(401).ProducesProblem(403).ProducesProblem(503);

    private static Results<Ok<TokenDocument>, ProblemHttpResult> CreateToken(ClaimsPrincipal user, AccessTokens tokens)
    {
        if (user.Asker().Identity is not { } identity)
            return user.NoIdentity();
        if (tokens.MissingKeys is { Count: > 0 } missing)
        {
            var detail = $"The service cannot make an access token without {string.Join(" and ", missing)}.";
            return Problems.Of(503, "tokens-not-configured", detail, ("missingKeys", missing));
        }

        var token = tokens.For(identity);
        return TypedResults.Ok(new TokenDocument(token.Jwt, token.Identity.Value, token.ExpiresAt, WarningsAbout(identity)));
    }

    /// <summary>Twilio's mobile SDKs take letters, digits and <c>_</c> only (twilio.com/docs/voice/twiml/client).</summary>
    private static string[]? WarningsAbout(ClientIdentity identity) =>
        identity.Value.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
            ? null
            : [$"An app on iOS or Android cannot use the identity \"{identity.Value}\": "
                + "Twilio's mobile SDKs take only letters, digits and underscores."];
}

/// <summary>An access token.</summary>
/// <param name="Token">The token for the <c>Device</c> of the Voice SDK.</param>
/// <param name="Identity">The client identity of the token. Other people call this identity.</param>
/// <param name="ExpiresAt">When the token expires.</param>
/// <param name="Warnings">Sentences about an identity that some apps cannot use. Absent if all apps can use the identity.</param>
public sealed record TokenDocument(
    string Token, string Identity, DateTimeOffset ExpiresAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Warnings);
