using System.Buffers.Text;
using System.Text;
using Calls.Infrastructure.Dialing;

namespace Calls.Infrastructure.Twilio;

/// <summary>Every URL that the service gives to Twilio, spelled as Twilio signs it.</summary>
/// <remarks>
/// Values that a decision depends on stand in the path, before a last segment that is a fixed word. Twilio signs the URL and the parameters
/// without a separator, so a client that holds a signed request can move characters across the end of the URL. The trace context stands
/// there: no decision depends on it.
/// Each URL ends in connection overrides (twilio.com/docs/usage/webhooks/webhooks-connection-overrides), a fragment that Twilio neither
/// sends nor signs. Without them Twilio retries only a failed connection, and a webhook that met a 5xx or a time-out is lost. Every handler
/// accepts a repeated request.
/// </remarks>
/// <param name="publicBaseUrl">The origin that Twilio was given: <c>PublicBaseUrl</c>.</param>
public sealed class CallbackUrls(Uri publicBaseUrl)
{
    /// <summary>For status callbacks: as many attempts as Twilio offers, because no person waits for the answer.</summary>
    public const string StatusOverrides = "#rc=5&rp=5xx,ct,rt";

    /// <summary>For URLs that answer TwiML: a person waits in silence, and Twilio gives up after 15 s. Three attempts of at most 1.5 s to
    /// connect and 3 s to answer (13.5 s in all) leave time for two more replicas.</summary>
    public const string TwimlOverrides = "#rc=2&rp=5xx,ct,rt&ct=1500&rt=3000";

    /// <summary>The segment of a path that says that the person has pressed 1.</summary>
    public const string KeyOne = "one";

    public const string RingbackPath = "/twilio/wait/ringback.wav";
    public const string BusyTonePath = "/twilio/tones/busy.wav";
    public const string ReorderTonePath = "/twilio/tones/reorder.wav";

    /// <summary>Scheme, host and port, without a slash at the end. The host has small letters, and a default port is left out. Every URL of
    /// the service begins with it.</summary>
    public string Origin { get; } = publicBaseUrl.GetLeftPart(UriPartial.Authority);

    /// <summary>The host in the case in which it was configured. Twilio's console may have this spelling.</summary>
    public string ConfiguredHost { get; } = publicBaseUrl.OriginalString.Split("://") is [_, var rest, ..]
        && rest.StartsWith(publicBaseUrl.Host, StringComparison.OrdinalIgnoreCase) ? rest[..publicBaseUrl.Host.Length] : publicBaseUrl.Host;

    /// <summary>The origin with the host in another case. Null if this is another host.</summary>
    public string? OriginWith(string host)
    {
        var at = publicBaseUrl.Scheme.Length + Uri.SchemeDelimiter.Length;
        return string.Equals(host, publicBaseUrl.Host, StringComparison.OrdinalIgnoreCase)
            ? Origin[..at] + host + Origin[(at + host.Length)..]
            : null;
    }

    /// <summary>The answer URL of a call that the service created.</summary>
    public string Join(CallReference call, ParticipantId participant) =>
        At(Of(call, participant), "join", call.TraceParent, TwimlOverrides);

    /// <summary>The <c>action</c> of a question. The number of the question tells which question the person has answered.</summary>
    public string Answer(CallReference call, ParticipantId participant, int question) =>
        At($"{Of(call, participant)}/questions/{question}", "join", call.TraceParent, TwimlOverrides);

    /// <summary>Status callback of a leg that the service created.</summary>
    public string Status(CallReference call, ParticipantId participant) =>
        At(Of(call, participant), "status", call.TraceParent, StatusOverrides);

    /// <summary>The <c>action</c> of a leg's <c>&lt;Dial&gt;</c>. The caller's has the callee's address: if Redis has lost the session when
    /// the caller hangs up, the service must find the phone that rings.</summary>
    public string Left(CallReference call, ParticipantId participant, Party? callee = null) =>
        At(Of(call, participant) + (callee is null or Party.Unknown ? "" : "/callees/" + Encode(callee)), "left", call.TraceParent,
            TwimlOverrides);

    /// <summary>Status callback of the conference.</summary>
    public string Conference(CallReference call) => At(Of(call), "conference", call.TraceParent, StatusOverrides);

    /// <summary>Asks the voice webhook again while Redis is away. The path has all data that places the call, because Twilio does not
    /// repeat the app's own parameters on a <c>&lt;Redirect&gt;</c>.</summary>
    public string VoiceAgain(SessionId session, Recipient callee, Language? language, int retry, string? traceParent) => At(
        $"/twilio/sessions/{Segment(session.Value)}/callees/{Encode(callee)}{(language is null ? "" : $"/languages/{language.Value}")}"
            + $"/retries/{retry}",
        "voice", traceParent, TwimlOverrides);

    /// <summary>Asks the Voice URL of a number again while Redis is away. The session is the caller's leg.</summary>
    public string NumberAgain(SessionId session, Recipient callee, int retry, string? traceParent) => At(
        $"/twilio/sessions/{Segment(session.Value)}/callees/{Encode(callee)}/retries/{retry}", "number", traceParent, TwimlOverrides);

    /// <summary>Reads the callee from a path of <see cref="Left"/>. Null if the segment is not a callee.</summary>
    public static Party? ReadCallee(string? segment) => ReadAddress(segment) is { } address ? PartyOf(address) : null;

    /// <summary>Reads the callee from a path of <see cref="VoiceAgain"/>. Null if the segment is not one.</summary>
    public static Recipient? ReadRecipient(string? segment) => ReadAddress(segment) is not { } address ? null
        : GroupName.TryParseAddress(address, out var group) ? Recipient.Of(group)
        : PartyOf(address) is { } party ? new(party)
        : null;

    private static string? ReadAddress(string? segment) => segment is not null && Base64Url.IsValid(segment)
        ? Encoding.UTF8.GetString(Base64Url.DecodeFromChars(segment)) : null;

    private static Party? PartyOf(string address) =>
        PhoneNumber.TryParse(address, out var number) ? new Party.Phone(number) : LegStatuses.ClientOf(address);

    /// <summary>Asks the answer URL again while Redis is away. The path says who has answered, or which key was pressed: Twilio need not
    /// repeat this on a <c>&lt;Redirect&gt;</c>.</summary>
    public string JoinAgain(
        CallReference call, ParticipantId participant, int retry, AnsweredBy by = AnsweredBy.Unknown, KeyPress? key = null)
    {
        var known = key is not null ? $"/questions/{key.Question}/{(key.IsOne ? KeyOne : "other")}"
            : by == AnsweredBy.Unknown ? ""
            : $"/answered/{by}";
        return At($"{Of(call, participant)}{known}/retries/{retry}", "join", call.TraceParent, TwimlOverrides);
    }

    /// <summary>The sound for a waiting caller. If this request fails, Twilio drops the caller.</summary>
    public string Wait(string? traceParent) => At("/twilio", "wait", traceParent, TwimlOverrides);

    /// <summary>The audio that the wait document plays.</summary>
    public string Ringback() => Origin + RingbackPath;

    /// <summary>The audio of a tone for the caller of a callee who was not reached.</summary>
    public string ToneOf(Tone tone) => Origin + (tone == Tone.Busy ? BusyTonePath : ReorderTonePath);

    /// <summary>The address of a callee as a segment of a path. It is personal. It is encoded so that its characters need no escape; this
    /// does not hide it.</summary>
    public static string Encode(string address) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(address));

    private static string Encode(Recipient callee) => callee.Group is { } group ? Encode(group.Address) : Encode(callee.Party);

    private static string Encode(Party callee) => Encode(callee switch
    {
        Party.Phone phone => phone.Number.Value,
        Party.Client client => client.Identity.Address,
        _ => throw new UnreachableException($"{callee.GetType().Name} has no address"),
    });

    private static string Of(CallReference call) => $"/twilio/sessions/{Segment(call.Session.Value)}/{Segment(call.Nonce)}";
    private static string Of(CallReference call, ParticipantId participant) => $"{Of(call)}/participants/{Segment(participant.Value)}";

    private string At(string path, string word, string? traceParent, string overrides) =>
        $"{Origin}{path}/{word}{(traceParent is null ? "" : "?trace=" + traceParent)}{overrides}";

    /// <summary>Percent-encoded, except for <c>:</c>, which RFC 3986 allows in a segment. Twilio signs the URL as it was given.</summary>
    private static string Segment(string value) => Uri.EscapeDataString(value).Replace("%3A", ":", StringComparison.Ordinal);
}

/// <summary>The values of a call that its callback URLs carry. <paramref name="Nonce"/> ties a callback to this call of the session id.
/// <paramref name="TraceParent"/> is the W3C trace context; null if the call is not traced.</summary>
public sealed record CallReference(SessionId Session, string Nonce, string? TraceParent)
{
    public static CallReference To(CallSession session) => new(session.Id, session.Nonce, session.TraceParent);
}
