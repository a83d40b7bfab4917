using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Calls.Application.Randomness;
using Microsoft.Net.Http.Headers;

namespace Calls.Api.Endpoints;

/// <summary><c>If-Match</c> names a version of the call. <c>Idempotency-Key</c> makes a repeated request the same request.</summary>
internal static partial class RequestHeaders
{
    public const string IfMatch = "If-Match";
    public const string IfMatchMeaning = "The `ETag` of the expected version. 412: the call has another version.";
    public const string IdempotencyKey = "Idempotency-Key";
    public const string IdempotencyKeyMeaning = "A repeated request with the same key rings no phone and gets the first answer. "
        + "409: the first request still waits for Twilio after a second. 422: the key came with another phone number, "
        + "identity, label or screening. "
        + "The key has 1 to 255 printable characters. It is kept for as long as the call can be seen.";
    private const int MaxKeyLength = 255;

    public static ValidationProblem BadIfMatch => Problems.Field(IfMatch, "The header must be * or a list of entity tags such as \"7\".");
    public static ValidationProblem BadIdempotencyKey => Problems.Field(
        IdempotencyKey,
        "The key must be one string of 1 to 255 printable ASCII characters, either quoted or without spaces, commas and quotes.");

    /// <summary>Reads <c>If-Match</c>. False if it is malformed. A weak tag, or a tag of another service, matches no version.</summary>
    public static bool TryIfMatch(string? header, out Precondition? precondition)
    {
        precondition = null;
        if (header is null)
            return true;
        if (!EntityTagHeaderValue.TryParseStrictList([header], out var tags) || tags is null)
            return false;
        precondition = new(tags.Any(tag => tag.Tag == "*") ? (ImmutableArray<long>?)null : [.. tags.Select(VersionOf).OfType<long>()]);
        return true;
    }

    /// <summary>The participant of an <c>Idempotency-Key</c>: a quoted string (draft-ietf-httpapi-idempotency-key-header-07), or the same
    /// string without quotes. The same bearer with the same key gets the same participant on every replica, so that no phone rings twice.
    /// Null if the key is malformed.</summary>
    public static ParticipantId? ParticipantFor(string? header, Asker asker)
    {
        if (header is null)
            return Nonces.NextGuest();
        var match = KeyForm().Match(header.Trim());
        var quoted = match.Groups["quoted"];
        var key = quoted.Success ? quoted.Value.Replace(@"\""", "\"").Replace(@"\\", @"\") : match.Value;
        if (key.Length is 0 or > MaxKeyLength)
            return null;
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{asker.Owner}\n{key}"));
        return ParticipantId.TryParse("guest-" + Convert.ToHexStringLower(hash.AsSpan(0, 10)), out var id) ? id : Nonces.NextGuest();
    }

    private static long? VersionOf(EntityTagHeaderValue tag) =>
        !tag.IsWeak && long.TryParse(tag.Tag.AsSpan().Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? version : null;

    /// <summary>A string of RFC 9651, 3.3.3; or printable ASCII without space, quote and comma.</summary>
    [GeneratedRegex("""^(?:"(?<quoted>(?:[ !#-\[\]-~]|\\["\\])+)"|[!#-+\x2D-~]+)\z""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex KeyForm();
}
