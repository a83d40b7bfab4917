using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Calls.Application;
using Calls.Domain;
using Microsoft.Net.Http.Headers;

namespace Calls.Api.Endpoints;

/// <summary><c>If-Match</c> ties a request to a version of the call. <c>Idempotency-Key</c> makes a repeated request the same
/// request.</summary>
internal static partial class RequestHeaders
{
    public const string IdempotencyKey = "Idempotency-Key";

    private const int MaxKeyLength = 255;

    /// <summary>Reads <c>If-Match</c>. False if it is malformed. A weak tag, and a tag that the service never gave, match no
    /// version.</summary>
    public static bool TryIfMatch(HttpContext http, out Precondition? precondition)
    {
        precondition = null;
        var values = http.Request.Headers.IfMatch;
        if (values.Count == 0)
            return true;
        if (!EntityTagHeaderValue.TryParseStrictList([.. values.OfType<string>()], out var tags) || tags is null)
            return false;
        precondition = tags.Any(tag => tag.Tag == "*")
            ? new Precondition((ImmutableArray<long>?)null)
            : new Precondition([.. tags.Select(VersionOf).OfType<long>()]);
        return true;
    }

    /// <summary>Reads <c>Idempotency-Key</c>: a quoted string (draft-ietf-httpapi-idempotency-key-header-07), or the same string without
    /// quotes.
    /// The key is null if the header is absent. False if it is malformed.</summary>
    public static bool TryIdempotencyKey(HttpContext http, out string? key)
    {
        key = null;
        var values = http.Request.Headers[IdempotencyKey];
        if (values.Count == 0)
            return true;
        if (values is not [{ } text] || KeyForm().Match(text.Trim()) is not { Success: true } match)
            return false;
        key = match.Groups["quoted"] is { Success: true, Value: var quoted } ? quoted.Replace(@"\""", "\"").Replace(@"\\", @"\") : match.Value;
        return key.Length <= MaxKeyLength;
    }

    /// <summary>The same bearer with the same key gets the same participant on every replica, so that no phone rings twice.</summary>
    public static ParticipantId ParticipantFor(Asker asker, string? key)
    {
        if (key is null)
            return Nonces.NextGuest();
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{asker.Identity?.Value}\n{key}"));
        return ParticipantId.TryParse("guest-" + Convert.ToHexStringLower(hash.AsSpan(0, 10)), out var id) ? id : Nonces.NextGuest();
    }

    private static long? VersionOf(EntityTagHeaderValue tag) =>
        !tag.IsWeak && long.TryParse(tag.Tag.AsSpan().Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? version
            : null;

    /// <summary>A string of RFC 9651, 3.3.3; or printable ASCII without space, quote and comma.</summary>
    [GeneratedRegex("""^(?:"(?<quoted>(?:[ !#-\[\]-~]|\\["\\])+)"|[!#-+\--~]+)\z""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex KeyForm();
}
