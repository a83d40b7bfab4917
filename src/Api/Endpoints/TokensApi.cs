using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Calls.Api.Endpoints;

/// <summary>An app needs a Twilio access token before it can place or receive calls.</summary>
internal static class TokensApi
{
    public static void MapTokensApi(this IEndpointRouteBuilder app) =>
        app.MapPost("/v1/tokens", CreateToken).RequireAuthorization().WithTags("Tokens").WithName("CreateToken")
            .WithSummary("Create a Twilio Voice access token for the bearer's own identity")
            .WithDescription("With the token the app registers at Twilio as the bearer's client identity, receives calls and places calls. "
                + "The app asks for the next token before `expiresAt`. The body is optional.")
            .WithProblems("invalid-request", "no-identity", "tokens-not-configured");

    private static Results<Ok<TokenDocument>, ValidationProblem, ProblemHttpResult> CreateToken(
        TokenToCreate? body, ClaimsPrincipal user, AccessTokens tokens)
    {
        if (user.Asker().Identity is not { } identity)
            return user.NoIdentity();
        Platform? named = body?.Platform switch
        {
            null => Platform.Any,
            "ios" => Platform.Ios,
            "android" => Platform.Android,
            _ => null,
        };
        if (named is not { } platform)
            return Problems.Field("platform", "It must be ios or android.");
        if (tokens.MissingKeys(platform) is { Count: > 0 } missing)
        {
            var detail = $"The service cannot make an access token without {string.Join(" and ", missing)}.";
            return Problems.Of(503, "tokens-not-configured", detail, ("missingKeys", missing));
        }

        var token = tokens.For(identity, platform);
        return TypedResults.Ok(new TokenDocument(token.Jwt, token.Identity.Value, token.ExpiresAt)
        {
            Warnings = WarningsAbout(identity),
        });
    }

    /// <summary>Twilio's mobile SDKs take letters, digits and <c>_</c> only (twilio.com/docs/voice/twiml/client).</summary>
    private static string[]? WarningsAbout(ClientIdentity identity) =>
        identity.Value.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
            ? null
            : [$"An app on iOS or Android cannot use the identity \"{identity.Value}\": "
                + "Twilio's mobile SDKs take only letters, digits and underscores."];
}

/// <summary>The token to create.</summary>
/// <param name="Platform">The platform of an app on a phone. The token then has the push credential of this platform, with which Twilio
/// wakes the app when it is rung. Absent: an app in a browser.</param>
public sealed record TokenToCreate([property: AllowedValues("ios", "android")] string? Platform = null);

/// <summary>An access token.</summary>
/// <param name="Token">The token for the <c>Device</c> of the Voice SDK.</param>
/// <param name="Identity">The client identity of the token. Other people call this identity.</param>
/// <param name="ExpiresAt">When the token expires.</param>
public sealed record TokenDocument(string Token, string Identity, DateTimeOffset ExpiresAt)
{
    /// <summary>Sentences about an identity that some apps cannot use. Absent if all apps can use the identity.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Warnings { get; init; }
}
