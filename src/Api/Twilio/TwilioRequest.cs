using System.Buffers;
using System.IO.Pipelines;
using System.Text.Unicode;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Calls.Api.Twilio;

/// <summary>The parameters of a signed request of Twilio. Only <c>From</c>, the SIDs and the URL that we made can be trusted.</summary>
/// <remarks>A POST carries the parameters as a form, a GET in the query (twilio.com/docs/voice/twiml, "Request parameters"). Unknown
/// parameters are ignored.</remarks>
/// <param name="form">The parameters, of the body or of the query.</param>
/// <param name="http">The request, for the URL that the service gave to Twilio.</param>
internal sealed class TwilioRequest(WebhookForm form, HttpRequest http)
{
    /// <summary>The trace context of this request's own span; null if the request is not traced.</summary>
    public string? SpanContext { get; set; }

    public string? To => Single("To");
    public string? From => Single("From");
    public string? SessionId => Single("SessionID");
    /// <summary>The language of words, as the app names it (BCP 47).</summary>
    public string? Language => Single("Language");
    public string? Event => field ??= Single("StatusCallbackEvent");
    public string? CallStatus => field ??= Single("CallStatus");
    /// <summary>Whether a leg is over (its final <c>CallStatus</c>). Such a request only reports: no person waits for TwiML.</summary>
    public bool IsOfEndedLeg => LegStatuses.TryParse(CallStatus, out var status) && LegStatuses.ProgressOf(status) == Progress.Gone;
    /// <summary>Whether this is a status callback of a call and not a request for TwiML: only status callbacks have
    /// <c>CallbackSource</c>.</summary>
    public bool IsStatusCallback => IsOfEndedLeg || Single("CallbackSource") is { Length: > 0 };
    /// <summary>Whether a REST request created the leg, so that the leg places no call.</summary>
    public bool IsOutbound => Single("Direction")?.StartsWith("outbound", StringComparison.Ordinal) is true;
    public string? FriendlyName => Single("FriendlyName");
    public string? ParticipantCallStatus => Single("ParticipantCallStatus");
    /// <summary>The trace context in the URL that the service gave to Twilio; null if the URL has none.</summary>
    public string? Trace => http.Query["trace"] is [{ Length: > 0 } trace] ? trace : null;
    public CallSid? CallSid => field ??= Domain.CallSid.TryParse(Single("CallSid"), out var sid) ? sid : null;
    public ConferenceSid? ConferenceSid => field ??= Domain.ConferenceSid.TryParse(Single("ConferenceSid"), out var sid) ? sid : null;
    public ParticipantId? Label => ParticipantId.TryParseLabel(Single("ParticipantLabel"), out var id) ? id : null;
    /// <summary>Who has answered, if Twilio detects machines (twilio.com/docs/voice/answering-machine-detection).</summary>
    public AnsweredBy AnsweredBy => Single("AnsweredBy") switch
    {
        "human" => AnsweredBy.Human,
        "fax" => AnsweredBy.Machine,
        ['m', 'a', 'c', 'h', 'i', 'n', 'e', '_', ..] => AnsweredBy.Machine,
        _ => AnsweredBy.Unknown,
    };
    /// <summary>Whether the person pressed 1 (twilio.com/docs/voice/twiml/gather, <c>Digits</c>).</summary>
    public bool IsKeyOne => Single("Digits") == "1";
    public int? SipResponseCode => Number("SipResponseCode");
    /// <summary>Mute and hold as of this event; null if the event does not say, or cannot be put in order.</summary>
    public Flags? Flags => Number("SequenceNumber") is { } sequence && Single("Muted") is { } muted && Single("Hold") is { } hold
        ? new Flags(muted == "true", hold == "true", sequence) : null;

    private int? Number(string key) =>
        int.TryParse(Single(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private string? Single(string key) => form.Single(key);
}

/// <summary>The decoded fields of a webhook's body or query, in the order in which they came. Names are compared ordinally, because Twilio
/// signs names that differ only in case as two fields. ASP.NET Core's form and query merge them.</summary>
internal sealed class WebhookForm(List<KeyValuePair<string, string>> fields)
{
    /// <summary>The form of a request without a body.</summary>
    public static readonly WebhookForm Empty = new([]);
    public IReadOnlyList<KeyValuePair<string, string>> Fields => fields;

    /// <summary>Reads a body to its end.</summary>
    /// <returns>The form, or the cause of the refusal, as in the metric <c>calls.webhooks.refused</c>.</returns>
    /// <exception cref="IOException">The body is longer than the server allows, or the connection was cut off.</exception>
    public static async ValueTask<(WebhookForm? Form, string Refusal)> ReadAsync(PipeReader body, string? contentType)
    {
        var read = await body.ReadAtLeastAsync((int)Hardening.MaxBody + 1, CancellationToken.None);
        try
        {
            if (!read.IsCompleted || read.Buffer.Length > Hardening.MaxBody)
                return (null, "unreadable body");
            if (read.Buffer.IsEmpty)
                return (Empty, "");
            if (!IsForm(contentType))
                return (null, "content type");
            var form = Parse(read.Buffer.IsSingleSegment ? read.Buffer.FirstSpan : read.Buffer.ToArray());
            return (form, form is null ? "unreadable body" : "");
        }
        finally
        {
            body.AdvanceTo(read.Buffer.End);
        }
    }

    /// <summary>Decodes a body. Null if it is not UTF-8, has a NUL, or exceeds a bound of <see cref="Hardening"/>.</summary>
    public static WebhookForm? Parse(ReadOnlySpan<byte> body) => Utf8.IsValid(body) ? Parse(Encoding.UTF8.GetString(body)) : null;

    /// <summary>Decodes a query, with or without its question mark, within the same bounds.</summary>
    public static WebhookForm? Parse(string encoded)
    {
        List<KeyValuePair<string, string>> fields = [];
        foreach (var field in new QueryStringEnumerable(encoded))
        {
            var (name, value) = (field.EncodedName, field.EncodedValue);
            if (fields.Count == Hardening.MaxFields || name.Length > Hardening.MaxFieldName || value.Length > Hardening.MaxFieldValue)
                return null;
            (name, value) = (field.DecodeName(), field.DecodeValue());
            if (name.Span.Contains('\0') || value.Span.Contains('\0'))
                return null;
            fields.Add(new(name.ToString(), value.ToString()));
        }

        return new WebhookForm(fields);
    }

    /// <summary>The value of the field with this exact name. Where this is missing or empty, a field whose name differs only in case
    /// fills in: Twilio's mobile samples send <c>to</c> beside an empty <c>To</c>.</summary>
    /// <returns>Null if the field is missing or came more than once: Twilio sends no field twice.</returns>
    public string? Single(string name)
    {
        string? exact = null, other = null;
        var (exacts, others) = (0, 0);
        foreach (var (key, value) in fields)
        {
            if (string.Equals(key, name, StringComparison.Ordinal))
                (exact, exacts) = (value, exacts + 1);
            else if (value.Length > 0 && string.Equals(key, name, StringComparison.OrdinalIgnoreCase))
                (other, others) = (value, others + 1);
        }

        return exacts > 1 ? null : exact is { Length: > 0 } || others == 0 ? exact : others == 1 ? other : null;
    }

    private static bool IsForm(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType.Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)
        && RequestBodies.IsUtf8(type);
}
