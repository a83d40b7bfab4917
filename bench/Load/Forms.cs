using System.Globalization;

namespace Calls.Load;

/// <summary>The parameters of Twilio's webhooks that a reader uses.</summary>
internal static class Forms
{
    /// <summary>Alice's app calls Bob.</summary>
    public static List<KeyValuePair<string, string>> Incoming(Line line) =>
        [.. Leg(line.Caller, line.Alice, line.Dials, "ringing"), new("SessionID", line.Name)];

    public static List<KeyValuePair<string, string>> Leg(string sid, string from, string to, string status) =>
    [
        new("AccountSid", QuickTwilio.Account), new("ApiVersion", "2010-04-01"), new("CallSid", sid), new("CallStatus", status),
        new("Direction", "inbound"),
        new("From", from), new("To", to),
    ];

    public static List<KeyValuePair<string, string>> Conference(Line line, string name, string? leg = null, string? label = null)
    {
        List<KeyValuePair<string, string>> form =
        [
            new("AccountSid", QuickTwilio.Account), new("ConferenceSid", line.Conference),
            new("SequenceNumber", line.NextSequence().ToString(CultureInfo.InvariantCulture)),
            new("StatusCallbackEvent", name), new("Timestamp", "Mon, 01 Jan 2024 00:00:00 +0000"),
        ];
        if (leg is not null)
            form.AddRange(
                [new("CallSid", leg), new("Coaching", "false"), new("EndConferenceOnExit", "false"), new("Hold", "false"),
                new("Muted", "false"),
                new("ParticipantLabel", label ?? ""), new("StartConferenceOnEnter", "true")]);
        return form;
    }
}
