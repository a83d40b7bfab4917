using System.Globalization;

namespace Calls.Sandbox.Twilio;

/// <summary>Builds the parameters of webhooks, and sends the status callbacks of legs and conferences.</summary>
internal sealed class Callbacks(TwilioCloud cloud)
{
    /// <summary>Formats a date as Twilio's API does: RFC 2822 in GMT, without fractions of a second.</summary>
    public static string Date(DateTimeOffset at) => at.ToString("ddd, dd MMM yyyy HH:mm:ss '+0000'", CultureInfo.InvariantCulture);

    /// <summary>The parameters of every request about a leg (twilio.com/docs/voice/twiml#request-parameters).</summary>
    /// <param name="leg">The leg.</param>
    /// <param name="isFirst">
    /// Whether this is the first request about an inbound leg. Only this one has the app's own parameters, unless
    /// <see cref="TwilioEmulatorOptions.RepeatsAppParameters"/> is set.
    /// </param>
    public Parameters Voice(Leg leg, bool isFirst = false)
    {
        var fromSdk = leg.Inbound && leg.Phone.IsClient;
        var withApp = isFirst || cloud.Options.RepeatsAppParameters;
        var parameters = new Parameters
        {
            { "AccountSid", cloud.Options.AccountSid },
            { "ApiVersion", "2010-04-01" },
            { "ApplicationSid", leg.ApplicationSid },
            { "CallSid", leg.Sid },
            { "CallStatus", leg.CallStatus },
            { "Called", fromSdk ? "" : leg.To },
            { "Caller", leg.From },
            { "Direction", leg.Direction },
            { "From", leg.From },
            { "To", fromSdk && !withApp ? "" : leg.To },
        };
        AddGeography(parameters, leg.From, "From", "Caller");
        if (!fromSdk)
        {
            AddGeography(parameters, leg.To, "To", "Called");
        }
        foreach (var (name, value) in leg.Inbound && withApp ? leg.Custom : Parameters.None)
        {
            if (name != "To")
            {
                parameters.Add(name, value);
            }
        }
        return parameters;
    }

    /// <summary>The parameters of a waitUrl request. As in recorded requests, From and To are empty.</summary>
    public Parameters Wait(Participant participant) => new()
    {
        { "AccountSid", cloud.Options.AccountSid },
        { "ApiVersion", "2010-04-01" },
        { "CallSid", participant.Leg.Sid },
        { "CallStatus", participant.Leg.CallStatus },
        { "Called", "" },
        { "Caller", "" },
        { "ConferenceSid", participant.Conference.Sid },
        { "Direction", "outbound-dial" },
        { "From", "" },
        { "To", "" },
    };

    /// <summary>
    /// Sends the status callback of a leg, if it subscribed to <paramref name="progress"/>: initiated, ringing, answered or completed.
    /// </summary>
    /// <param name="leg">The leg.</param>
    /// <param name="progress">The event.</param>
    /// <param name="status">The CallStatus, if it is not that of the leg.</param>
    public void CallProgress(Leg leg, string progress, string? status = null)
    {
        if (leg.StatusCallback is not { } target || !target.Events.Contains(progress))
        {
            return;
        }
        var parameters = Voice(leg);
        parameters.Set("CallStatus", status ?? leg.CallStatus);
        parameters.Add("CallbackSource", "call-progress-events");
        parameters.Add("SequenceNumber", leg.NextSequence++.ToString(CultureInfo.InvariantCulture));
        parameters.Add("Timestamp", Date(cloud.Scheduler.Now));
        if (leg.EndedAt is { } ended)
        {
            var seconds = (int)(ended - (leg.AnsweredAt ?? ended)).TotalSeconds;
            parameters.Add("CallDuration", seconds.ToString(CultureInfo.InvariantCulture));
            // Duration is in minutes, rounded up. Recorded callbacks have it beside CallDuration, which is in seconds.
            parameters.Add("Duration", ((seconds + 59) / 60).ToString(CultureInfo.InvariantCulture));
            parameters.Add("SipResponseCode", leg.SipResponseCode.ToString(CultureInfo.InvariantCulture));
        }
        if (leg is { EndedAt: not null, AnsweredBy: { } answeredBy })
        {
            parameters.Add("AnsweredBy", answeredBy);
        }
        var kind = leg.Inbound ? WebhookKind.AppStatus : WebhookKind.CallStatus;
        cloud.Webhooks.Fire(new(kind, status ?? leg.CallStatus, target, parameters) { CallSid = leg.Sid });
    }

    /// <summary>Sends a conference event, if the conference subscribed to it.</summary>
    /// <param name="room">The conference.</param>
    /// <param name="subscription">The event's name in the attribute statusCallbackEvent.</param>
    /// <param name="name">The value of the parameter StatusCallbackEvent.</param>
    /// <param name="about">The participant, for participant events.</param>
    /// <param name="extra">More parameters of this event.</param>
    public void ConferenceEvent(Conference room, string subscription, string name, Participant? about = null, Parameters? extra = null)
    {
        if (room.StatusCallback is not { } target || !target.Events.Contains(subscription))
        {
            room.NextSequence += cloud.Options.UnsentEventsTakeNumbers ? 1 : 0;
            return;
        }
        var parameters = new Parameters
        {
            { "AccountSid", cloud.Options.AccountSid },
            { "ConferenceSid", room.Sid },
            { "FriendlyName", room.FriendlyName },
            { "SequenceNumber", room.NextSequence++.ToString(CultureInfo.InvariantCulture) },
            { "StatusCallbackEvent", name },
            { "Timestamp", Date(cloud.Scheduler.Now) },
        };
        if (about is not null)
        {
            parameters.Add("CallSid", about.Leg.Sid);
            parameters.Add("Coaching", Bool(about.Coaching));
            parameters.Add("EndConferenceOnExit", Bool(about.EndConferenceOnExit));
            parameters.Add("Hold", Bool(about.Hold));
            parameters.Add("Muted", Bool(about.Muted));
            parameters.Add("ParticipantLabel", about.Label);
            parameters.Add("StartConferenceOnEnter", Bool(about.Settings.StartConferenceOnEnter));
        }
        parameters.AddRange(extra ?? Parameters.None);
        cloud.Webhooks.Fire(new(WebhookKind.Conference, name, target, parameters) { CallSid = about?.Leg.Sid, ConferenceSid = room.Sid });
    }

    private static string Bool(bool value) => value ? "true" : "false";

    /// <summary>Adds city, country, state and zip of a telephone number.</summary>
    /// <remarks>A value that Twilio does not know is empty. Clients have none.</remarks>
    private static void AddGeography(Parameters parameters, string address, params ReadOnlySpan<string> sides)
    {
        if (!address.StartsWith('+'))
        {
            return;
        }
        foreach (var side in sides)
        {
            parameters.Add(side + "City", "");
            parameters.Add(side + "Country", address.StartsWith("+1", StringComparison.Ordinal) ? "US" : "");
            parameters.Add(side + "State", "");
            parameters.Add(side + "Zip", "");
        }
    }
}
