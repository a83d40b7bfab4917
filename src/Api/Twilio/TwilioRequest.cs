namespace Calls.Api.Twilio;

/// <summary>The parameters of a signed request of Twilio. Only <c>From</c>, the SIDs and the URL that we made can be trusted.</summary>
/// <remarks>A POST carries the parameters as a form, a GET in the query (twilio.com/docs/voice/twiml, "Request parameters"). Unknown
/// parameters are ignored.</remarks>
internal sealed class TwilioRequest(WebhookForm? form, HttpRequest http)
{
    /// <summary>The trace context of this request's own span; null if the request is not traced.</summary>
    public string? SpanContext { get; set; }

    public string? To => Single("To");
    public string? From => Single("From");
    public string? SessionId => Single("SessionID");
    public string? Event => field ??= Single("StatusCallbackEvent");
    public string? CallStatus => field ??= Single("CallStatus");
    public string? FriendlyName => Single("FriendlyName");
    public string? ParticipantCallStatus => Single("ParticipantCallStatus");
    /// <summary>The trace context in the URL that the service gave to Twilio; null if the URL has none.</summary>
    public string? Trace => http.Query["trace"] is [{ Length: > 0 } trace] ? trace : null;
    public CallSid? CallSid => field ??= Domain.CallSid.TryParse(Single("CallSid"), out var sid) ? sid : null;
    public ConferenceSid? ConferenceSid => field ??= Domain.ConferenceSid.TryParse(Single("ConferenceSid"), out var sid) ? sid : null;
    public ParticipantId? Label => ParticipantId.TryParse(Single("ParticipantLabel"), out var id) ? id : null;
    public int? SipResponseCode => Number("SipResponseCode");
    /// <summary>Mute and hold as of this event; null if the event does not say, or cannot be put in order.</summary>
    public Flags? Flags => Number("SequenceNumber") is { } sequence && Single("Muted") is { } muted && Single("Hold") is { } hold
        ? new Flags(muted == "true", hold == "true", sequence) : null;

    private int? Number(string key) =>
        int.TryParse(Single(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>A parameter's value; null if it is missing or came more than once: Twilio sends none twice.</summary>
    private string? Single(string key) => form is not null ? form.Single(key) : http.Query[key] is [{ } value] ? value : null;
}
