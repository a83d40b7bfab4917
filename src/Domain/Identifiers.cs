using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Calls.Domain;

/// <summary>Names one call from the app's first request to the end of its retention. The app chooses it (<c>SessionID</c>).</summary>
/// <remarks>1-128 characters of <c>A-Z a-z 0-9 _ . : -</c>, and not dots alone: it is a segment of every callback URL.</remarks>
public sealed record SessionId
{
    public const int MaxLength = 128;

    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-");

    private SessionId(string value) => Value = value;

    public string Value { get; }

    /// <summary>FNV-1a over the id's characters, which are ASCII: the same in every process and for ever, as <see cref="string.GetHashCode()"/> is not.</summary>
    public uint StableHash()
    {
        var hash = 2166136261u;
        foreach (var c in Value)
            hash = unchecked((hash ^ c) * 16777619u);
        return hash;
    }

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out SessionId? id)
    {
        var valid = text is { Length: > 0 and <= MaxLength } && !text.AsSpan().ContainsAnyExcept(Allowed) && text.AsSpan().ContainsAnyExcept('.');
        id = valid ? new SessionId(text!) : null;
        return valid;
    }

    /// <summary>The id of a call whose app sent none: its caller's <c>CallSid</c>, which the app sees too and which stays the same on a retry.</summary>
    public static SessionId For(CallSid callerLeg) => new(callerLeg.Value);

    public override string ToString() => Value;
}

/// <summary>Names one person within a session: <c>caller</c>, <c>callee</c>, or a guest's own id. Travels in callback URLs and as Twilio's participant <c>Label</c>.</summary>
public sealed record ParticipantId
{
    public const int MaxLength = 64;

    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private ParticipantId(string value) => Value = value;

    public static ParticipantId Caller { get; } = new("caller");

    public static ParticipantId Callee { get; } = new("callee");

    public string Value { get; }

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ParticipantId? id)
    {
        var valid = text is { Length: > 0 and <= MaxLength } && !text.AsSpan().ContainsAnyExcept(Allowed) && !CallSid.TryParse(text, out _);
        id = valid ? new ParticipantId(text!) : null;
        return valid;
    }

    public override string ToString() => Value;
}

/// <summary>Twilio's name of one leg: <c>CA</c> and 32 hexadecimal digits (twilio.com/docs/voice/api/call-resource).</summary>
public sealed record CallSid
{
    private CallSid(string value) => Value = value;

    public string Value { get; }

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out CallSid? sid)
    {
        sid = Sid.IsValid(text, "CA") ? new CallSid(text) : null;
        return sid is not null;
    }

    public override string ToString() => Value;
}

/// <summary>Twilio's name of one conference: <c>CF</c> and 32 hexadecimal digits. A room that is opened again gets a new one
/// (twilio.com/docs/voice/api/conference-resource).</summary>
public sealed record ConferenceSid
{
    private ConferenceSid(string value) => Value = value;

    public string Value { get; }

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ConferenceSid? sid)
    {
        sid = Sid.IsValid(text, "CF") ? new ConferenceSid(text) : null;
        return sid is not null;
    }

    public override string ToString() => Value;
}

internal static class Sid
{
    private const int Length = 34;

    public static bool IsValid([NotNullWhen(true)] string? text, string prefix) =>
        text is { Length: Length } && text.StartsWith(prefix, StringComparison.Ordinal) && text.AsSpan(2).IndexOfAnyExcept(Hex) < 0;

    private static readonly SearchValues<char> Hex = SearchValues.Create("0123456789abcdefABCDEF");
}
