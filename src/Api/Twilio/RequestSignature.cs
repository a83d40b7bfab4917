using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace Calls.Api.Twilio;

/// <summary>Checks <c>X-Twilio-Signature</c>: base64 of HMAC-SHA1 over the URL and the sorted form parameters (twilio.com/docs/usage/security).</summary>
internal static class RequestSignature
{
    private const int Sha1Length = 20;

    /// <summary>Whether one of the tokens made this signature for this request. Every token and every form of the URL is tried, with no early exit.</summary>
    /// <param name="tokens">The account's auth tokens: the current one and, while it is being rotated, the other.</param>
    /// <param name="url">The URL that Twilio was given: its own origin, the path and query as they were sent; no fragment.</param>
    /// <param name="form">The decoded form fields of a POST; empty for GET and for JSON. A key that occurs twice counts once for each different value.</param>
    /// <param name="signature">The header's value; null or nonsense is simply wrong.</param>
    public static bool IsValid(IReadOnlyCollection<string> tokens, string url, IReadOnlyCollection<KeyValuePair<string, StringValues>> form, string? signature)
    {
        Span<byte> claimed = stackalloc byte[Sha1Length + 4];
        if (string.IsNullOrEmpty(signature) || !Convert.TryFromBase64String(signature, claimed, out var length) || length != Sha1Length)
            return false;
        var parameters = Concatenate(form);
        Span<byte> expected = stackalloc byte[Sha1Length];
        var valid = false;
        foreach (var candidate in Candidates(url))
        {
            var signed = Encoding.UTF8.GetBytes(candidate + parameters);
            foreach (var token in tokens)
            {
#pragma warning disable CA5350 // Twilio's algorithm, not our choice; as a MAC it holds.
                HMACSHA1.HashData(Encoding.UTF8.GetBytes(token), signed, expected);
#pragma warning restore CA5350
                valid |= CryptographicOperations.FixedTimeEquals(expected, claimed[..Sha1Length]);
            }
        }

        return valid;
    }

    /// <summary>Whether a JSON body is the one whose hash is in the signed URL (<c>bodySHA256</c>).</summary>
    public static bool BodyMatches(ReadOnlySpan<byte> body, string? bodySha256)
    {
        if (bodySha256 is not { Length: 2 * SHA256.HashSizeInBytes })
            return false;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(body, hash);
        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash)), Encoding.ASCII.GetBytes(bodySha256));
    }

    private static string Concatenate(IReadOnlyCollection<KeyValuePair<string, StringValues>> form)
    {
        var text = new StringBuilder();
        foreach (var (key, values) in form.OrderBy(field => field.Key, StringComparer.Ordinal))
        {
            if (values.Count <= 1)
                text.Append(key).Append(values.ToString());
            else
                foreach (var value in values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
                    text.Append(key).Append(value);
        }

        return text.ToString();
    }

    /// <summary>Twilio drops the port of an https URL and keeps that of an http one, its libraries try both; and it signs the query with <c>'</c> encoded.</summary>
    private static List<string> Candidates(string url)
    {
        var candidates = new List<string>(4) { url };
        var authority = url.IndexOf("://", StringComparison.Ordinal) + 3;
        if (authority < 3)
            return candidates;
        var end = url.AsSpan(authority).IndexOfAny('/', '?');
        end = end < 0 ? url.Length : authority + end;
        var host = url.AsSpan(authority, end - authority).LastIndexOf('@') + 1 + authority;
        var port = url.AsSpan(host, end - host).LastIndexOf(':');
        var isHttps = url.StartsWith("https:", StringComparison.OrdinalIgnoreCase);
        candidates.Add(port >= 0 && url[end - 1] != ']' ? url.Remove(host + port, end - host - port) : url.Insert(end, isHttps ? ":443" : ":80"));
        var query = url.IndexOf('?', StringComparison.Ordinal);
        if (query >= 0 && url.AsSpan(query).Contains('\''))
            candidates.AddRange(candidates.ConvertAll(candidate => candidate.Replace("'", "%27", StringComparison.Ordinal)));
        return candidates;
    }
}
