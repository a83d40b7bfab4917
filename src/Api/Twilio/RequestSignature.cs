using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.ObjectPool;

namespace Calls.Api.Twilio;

/// <summary>Checks <c>X-Twilio-Signature</c>: base64 of HMAC-SHA1 over the URL and the sorted form parameters (twilio.com/docs/usage/security).</summary>
/// <remarks>One serves any number of requests at once. Each token keeps its keyed hashes, since making one takes as long as using it; what that saves, bench/Micro prints ("signature check").</remarks>
/// <param name="tokens">The account's auth tokens: the current one and, while it is being rotated, the other.</param>
internal sealed class RequestSignature(IEnumerable<string> tokens)
{
    private const int Sha1Length = 20;

    /// <summary>The longest thing that a spelling of the origin adds to it: <c>:443</c>.</summary>
    private const int LongestPort = 4;

    private readonly ObjectPool<IncrementalHash>[] hashes = [.. tokens.Select(token => new DefaultObjectPool<IncrementalHash>(new Keyed(Encoding.UTF8.GetBytes(token))))];

    /// <summary>Whether one of the tokens made this signature for this request. Every token and every spelling of the URL is tried, until one fits: that one does, the answer tells anyway.</summary>
    /// <param name="origin">Of the URL that Twilio was given: scheme, host and port.</param>
    /// <param name="target">The rest of it: path and query as they were sent; no fragment.</param>
    /// <param name="form">The decoded form fields of a POST; empty for GET and for JSON.</param>
    /// <param name="signature">The header's value; null or nonsense is simply wrong.</param>
    public bool IsValid(string origin, string target, ISignedForm form, string? signature)
    {
        Span<byte> claimed = stackalloc byte[Sha1Length + 4];
        if (string.IsNullOrEmpty(signature) || !Convert.TryFromBase64String(signature, claimed, out var length) || length != Sha1Length)
            return false;
        if (IsSigned(origin, target, form, claimed[..Sha1Length]))
            return true;
        // Twilio signs the query with ' encoded.
        return target.IndexOf('?', StringComparison.Ordinal) is >= 0 and var query && target.AsSpan(query).Contains('\'')
            && IsSigned(origin, target.Replace("'", "%27", StringComparison.Ordinal), form, claimed[..Sha1Length]);
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

    /// <summary>Twilio drops the port of an https URL and keeps that of an http one; its libraries try both, and so do we.</summary>
    private bool IsSigned(string origin, string target, ISignedForm form, ReadOnlySpan<byte> claimed)
    {
        // The target and the parameters are written once, and each spelling of the origin right before them.
        var room = Encoding.UTF8.GetMaxByteCount(origin.Length + LongestPort);
        var buffer = ArrayPool<byte>.Shared.Rent(room + Encoding.UTF8.GetMaxByteCount(target.Length) + form.MaxLength);
        try
        {
            var end = room + Encoding.UTF8.GetBytes(target, buffer.AsSpan(room));
            var signed = buffer.AsSpan(0, end + form.Write(buffer.AsSpan(end)));
            var (from, to, port) = PortOf(origin);
            return Matches(Before(signed, room, origin, default, default), claimed)
                || (from > 0 && Matches(Before(signed, room, origin.AsSpan(0, from), port, origin.AsSpan(to)), claimed));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private bool Matches(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> claimed)
    {
        Span<byte> expected = stackalloc byte[Sha1Length];
        foreach (var pool in hashes)
        {
            var hash = pool.Get();
            hash.AppendData(signed);
            hash.GetHashAndReset(expected);
            pool.Return(hash);
            if (CryptographicOperations.FixedTimeEquals(expected, claimed))
                return true;
        }

        return false;
    }

    /// <summary>Puts an origin, in up to three pieces, right before what lies at <paramref name="at"/>.</summary>
    private static ReadOnlySpan<byte> Before(Span<byte> signed, int at, ReadOnlySpan<char> head, ReadOnlySpan<char> middle, ReadOnlySpan<char> tail)
    {
        at -= Encoding.UTF8.GetByteCount(head) + Encoding.UTF8.GetByteCount(middle) + Encoding.UTF8.GetByteCount(tail);
        var written = Encoding.UTF8.GetBytes(head, signed[at..]);
        written += Encoding.UTF8.GetBytes(middle, signed[(at + written)..]);
        Encoding.UTF8.GetBytes(tail, signed[(at + written)..]);
        return signed[at..];
    }

    /// <summary>Where the origin's port is, with its colon, and what to spell instead: nothing, or, where there is none, the scheme's own. From 0 on: not an origin.</summary>
    private static (int From, int To, string Instead) PortOf(string origin)
    {
        var authority = origin.IndexOf("://", StringComparison.Ordinal) + 3;
        if (authority < 3)
            return (0, 0, "");
        var host = Math.Max(authority, origin.LastIndexOf('@') + 1);
        var port = origin.AsSpan(host).LastIndexOf(':');
        return port >= 0 && origin[^1] != ']' ? (host + port, origin.Length, "")
            : (origin.Length, origin.Length, origin.StartsWith("https:", StringComparison.OrdinalIgnoreCase) ? ":443" : ":80");
    }

    private sealed class Keyed(byte[] key) : PooledObjectPolicy<IncrementalHash>
    {
#pragma warning disable CA5350 // Twilio's algorithm, not our choice; as a MAC it holds.
        public override IncrementalHash Create() => IncrementalHash.CreateHMAC(HashAlgorithmName.SHA1, key);
#pragma warning restore CA5350

        public override bool Return(IncrementalHash obj) => true;
    }
}
