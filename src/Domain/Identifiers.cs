using System.Globalization;

namespace Calls.Domain;

/// <summary>The name of one call until the end of its retention. The app chooses it (<c>SessionID</c>).</summary>
/// <remarks>1-128 characters of <c>A-Z a-z 0-9 _ . : -</c>, but not only dots, because it is a segment of every callback URL.</remarks>
public sealed record SessionId
{
    public const int MaxLength = 128;
    private static readonly SearchValues<char> Allowed = SearchValues.Create(ParticipantId.Allowed + ".:");
    private SessionId(string value) => Value = value;
    public string Value { get; }
    /// <summary>For a call without <c>SessionID</c>: the caller's <c>CallSid</c>. The app knows it, and a retry keeps it.</summary>
    public static SessionId For(CallSid callerLeg) => new(callerLeg.Value);
    public override string ToString() => Value;

    /// <summary>FNV-1a over the ASCII characters. Unlike <see cref="string.GetHashCode()"/>, it never changes.</summary>
    public uint StableHash()
    {
        var hash = 2166136261u;
        foreach (var c in Value)
            hash = unchecked((hash ^ c) * 16777619u);
        return hash;
    }

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out SessionId? id) =>
        (id = Syntax.IsName(text, MaxLength, Allowed) && text.AsSpan().ContainsAnyExcept('.') ? new SessionId(text) : null) is not null;
}

/// <summary>The name of one participant within a session: <c>caller</c>, <c>callee</c>, or a guest's own id. At most 64 characters of
/// <c>A-Z a-z 0-9 - _</c>, and no <c>CallSid</c>. Callback URLs and Twilio's participant <c>Label</c> carry it.</summary>
public sealed record ParticipantId
{
    public const int MaxLength = 64;
    /// <summary>In the <c>Label</c> of a leg: stands between the participant and the end of the leg's SID. No id has it.</summary>
    public const char LegSeparator = '~';
    /// <summary>Stands between the participant and the number of the candidate. The ids that the service makes up have no other one.
    /// </summary>
    private const char CandidateMark = '_';
    internal const string Allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    private static readonly SearchValues<char> AllowedChars = SearchValues.Create(Allowed);
    private ParticipantId(string value) => (Value, Group) = (value, GroupOf(value));
    public static ParticipantId Caller { get; } = new("caller");
    public static ParticipantId Callee { get; } = new("callee");
    /// <summary>Stands for an operator who is not on the call, where a document names who did something. No participant has it.</summary>
    public static ParticipantId Operator { get; } = new("operator");
    public string Value { get; }
    /// <summary>The participant that this one is a candidate for (<see cref="Candidates"/>). It is in the id, so callback URLs and labels
    /// carry it too. Null if it is no candidate.</summary>
    public ParticipantId? Group { get; }
    public override string ToString() => Value;

    /// <summary>The id of one candidate for this participant: <c>guest-7_1</c> is the first one for <c>guest-7</c>.</summary>
    public ParticipantId Candidate(int number) => new(string.Create(CultureInfo.InvariantCulture, $"{Value}{CandidateMark}{number}"));

    private static ParticipantId? GroupOf(string value) =>
        value.LastIndexOf(CandidateMark) is > 0 and var mark
        && int.TryParse(value.AsSpan(mark + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number is >= 1 and <= Candidates.Most ? new(value[..mark]) : null;

    /// <summary>The participant in a <c>Label</c> (<see cref="Participant.RoomLabel"/>).</summary>
    public static bool TryParseLabel([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ParticipantId? id) =>
        TryParse(text?.Split(LegSeparator)[0], out id);

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ParticipantId? id) =>
        (id = Syntax.IsName(text, MaxLength, AllowedChars) && !Syntax.IsSid(text, "CA") ? new ParticipantId(text) : null) is not null;
}

/// <summary>Twilio's name of one leg: <c>CA</c> and 32 hexadecimal digits (twilio.com/docs/voice/api/call-resource).</summary>
public sealed record CallSid
{
    private CallSid(string value) => Value = value;
    public string Value { get; }
    public override string ToString() => Value;

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out CallSid? sid) =>
        (sid = Syntax.IsSid(text, "CA") ? new CallSid(text) : null) is not null;
}

/// <summary>Twilio's name of one conference: <c>CF</c> and 32 hexadecimal digits. A room that opens again gets a new one.</summary>
/// <remarks>twilio.com/docs/voice/api/conference-resource.</remarks>
public sealed record ConferenceSid
{
    private ConferenceSid(string value) => Value = value;
    public string Value { get; }
    public override string ToString() => Value;

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ConferenceSid? sid) =>
        (sid = Syntax.IsSid(text, "CF") ? new ConferenceSid(text) : null) is not null;
}

/// <summary>The name of a group that can be called: 1-64 characters of <c>A-Z a-z 0-9 - _ .</c></summary>
/// <remarks>It is part of a key of the configuration, which has no <c>:</c> and does not distinguish case.</remarks>
public sealed record GroupName
{
    public const int MaxLength = 64;
    private const string Scheme = "group:";
    private static readonly SearchValues<char> Allowed = SearchValues.Create(ParticipantId.Allowed + ".");
    private GroupName(string value) => Value = value;
    public string Value { get; }
    /// <summary>The form in <c>To</c>: <c>group:interpreters</c>.</summary>
    public string Address => Scheme + Value;
    public override string ToString() => Value;

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out GroupName? name) =>
        (name = Syntax.IsName(text, MaxLength, Allowed) ? new GroupName(text) : null) is not null;

    /// <summary>Whether the text is meant as a group. The name need not be valid.</summary>
    public static bool IsAddress([NotNullWhen(true)] string? text) =>
        text is not null && text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads <c>group:interpreters</c>.</summary>
    public static bool TryParseAddress([NotNullWhen(true)] string? text, [NotNullWhen(true)] out GroupName? name)
    {
        name = null;
        return IsAddress(text) && TryParse(text[Scheme.Length..], out name);
    }
}

internal static class Syntax
{
    private const int SidLength = 34;
    private static readonly SearchValues<char> Hex = SearchValues.Create("0123456789abcdefABCDEF");
    public static bool IsSid([NotNullWhen(true)] string? text, string prefix) =>
        text is { Length: SidLength } && text.StartsWith(prefix, StringComparison.Ordinal) && text.AsSpan(2).IndexOfAnyExcept(Hex) < 0;

    public static bool IsName([NotNullWhen(true)] string? text, int maxLength, SearchValues<char> allowed) =>
        text is { Length: > 0 } && text.Length <= maxLength && !text.AsSpan().ContainsAnyExcept(allowed);
}
