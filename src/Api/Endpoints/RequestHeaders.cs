using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Calls.Application.Randomness;
using Calls.Application.UseCases;
using Calls.Domain;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Calls.Api.Endpoints;

/// <summary>The two headers that bind a request to what its sender knows: the version it is about, and the key that makes its repetition the same request.</summary>
internal static class RequestHeaders
{
    public const string IdempotencyKey = "Idempotency-Key";

    private const int MaxKeyLength = 255;

    /// <summary>Reads <c>If-Match</c>. False where it cannot be read; a weak tag, and one that we never gave, match nothing.</summary>
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

    /// <summary>Reads <c>Idempotency-Key</c>: a quoted string, or the same without quotes (draft-ietf-httpapi-idempotency-key-header-07). Null where there is none. False where it cannot be read.</summary>
    public static bool TryIdempotencyKey(HttpContext http, out string? key)
    {
        key = null;
        var values = http.Request.Headers[IdempotencyKey];
        if (StringValues.IsNullOrEmpty(values))
            return values.Count == 0;
        if (values is not [{ } text] || !TryUnquote(text.Trim(), out var plain) || plain.Length is 0 or > MaxKeyLength || plain.Any(c => c is < ' ' or > '~'))
            return false;
        key = plain;
        return true;
    }

    /// <summary>The same asker with the same key asks for the same participant, whichever replica it reaches: nothing is rung twice.</summary>
    public static ParticipantId ParticipantFor(Asker asker, string? key)
    {
        if (key is null)
            return Nonces.NextGuest();
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{asker.Identity?.Value}\n{key}"));
        return ParticipantId.TryParse("guest-" + Convert.ToHexStringLower(hash.AsSpan(0, 10)), out var id) ? id : Nonces.NextGuest();
    }

    private static long? VersionOf(EntityTagHeaderValue tag) =>
        !tag.IsWeak && long.TryParse(tag.Tag.AsSpan().Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : null;

    private static bool TryUnquote(string text, out string plain)
    {
        plain = text;
        if (!text.Contains('"', StringComparison.Ordinal))
            return !text.Contains(',', StringComparison.Ordinal) && !text.Contains(' ', StringComparison.Ordinal);
        if (text is not ['"', .. var inside, '"'])
            return false;
        var read = new StringBuilder();
        for (var i = 0; i < inside.Length; i++)
        {
            if (inside[i] == '"' || (inside[i] == '\\' && (++i == inside.Length || inside[i] is not ('"' or '\\'))))
                return false;
            read.Append(inside[i]);
        }

        plain = read.ToString();
        return true;
    }
}
