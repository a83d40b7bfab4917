using Calls.Domain;

namespace Calls.Infrastructure.Twilio;

/// <summary>Where Twilio reaches us: every URL that we hand to it, in REST parameters and in TwiML, spelled as it is to be signed.</summary>
/// <remarks>
/// Each ends in connection overrides (twilio.com/docs/usage/webhooks/webhooks-connection-overrides), a fragment that is neither sent nor signed. Twilio
/// itself only tries again where it could not connect: a 5xx or a time-out would be lost. Every handler takes a repeated request.
/// </remarks>
/// <param name="publicBaseUrl">The origin that Twilio is given, and signs: <c>PublicBaseUrl</c>.</param>
public sealed class CallbackUrls(Uri publicBaseUrl)
{
    /// <summary>Nobody waits for a status callback's answer: as many attempts as Twilio offers.</summary>
    public const string StatusOverrides = "#rc=5&rp=5xx,ct,rt";

    /// <summary>Somebody is on the line and hears nothing until TwiML comes, and Twilio gives up after 15 s whatever the overrides say. By default one slow
    /// answer may use all of them up; three attempts of at most 1.5 s to connect and 3 s for the answer (13.5 s) leave two more replicas to try.</summary>
    public const string TwimlOverrides = "#rc=2&rp=5xx,ct,rt&ct=1500&rt=3000";

    /// <summary>Scheme, host and port, without a slash at the end: what signatures are checked against.</summary>
    public string Origin { get; } = publicBaseUrl.GetLeftPart(UriPartial.Authority);

    /// <summary>Asked for TwiML when a dialled callee answers.</summary>
    public string Answer(SessionId session, ParticipantId participant, string nonce) =>
        At($"/twilio/sessions/{Segment(session.Value)}/join/{Segment(participant.Value)}?call={Segment(nonce)}", TwimlOverrides);

    /// <summary>Told how a leg that we have created gets on.</summary>
    public string CallStatus(SessionId session, ParticipantId participant, string nonce) =>
        At($"/twilio/sessions/{Segment(session.Value)}/calls/{Segment(participant.Value)}?call={Segment(nonce)}", StatusOverrides);

    /// <summary>Told who joins and leaves the room, and when it opens and closes.</summary>
    public string Conference(SessionId session) => At($"/twilio/sessions/{Segment(session.Value)}/conference", StatusOverrides);

    /// <summary>Asked for TwiML when a leg's <c>Dial</c> is over. Word of a leave as well, so it is tried again, but as TwiML: until it answers the leg stays up.</summary>
    public string Left(SessionId session, ParticipantId participant) =>
        At($"/twilio/sessions/{Segment(session.Value)}/left/{Segment(participant.Value)}", TwimlOverrides);

    /// <summary>What a waiting caller hears. A wait URL that fails drops the caller.</summary>
    /// <param name="traceParent">The call's trace context, which travels in the URL since no session is read for this; null where nothing is traced.</param>
    public string Wait(string? traceParent = null) => At("/twilio/wait" + (traceParent is null ? "" : "?trace=" + traceParent), TwimlOverrides);

    /// <summary>The sound that the wait document plays.</summary>
    public string Ringback() => Origin + "/twilio/wait/ringback.wav";

    private string At(string pathAndQuery, string overrides) => string.Concat(Origin, pathAndQuery, overrides);

    /// <summary>Percent-encoded once, with <c>:</c> as it is (RFC 3986 allows it in a segment): the signature is over the URL that was handed out,
    /// and is checked against the path as it arrives.</summary>
    private static string Segment(string value) => Uri.EscapeDataString(value).Replace("%3A", ":", StringComparison.Ordinal);
}
