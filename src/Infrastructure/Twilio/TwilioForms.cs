using Refit;

namespace Calls.Infrastructure.Twilio;

/// <summary>The form of <c>POST Calls</c>.</summary>
internal sealed record CreateCallForm
{
    public required string To { get; init; }

    public required string From { get; init; }

    /// <summary>Asked for TwiML when the callee answers.</summary>
    public required string Url { get; init; }

    public string Method { get; } = "POST";

    public required string StatusCallback { get; init; }

    public string StatusCallbackMethod { get; } = "POST";

    [Query(CollectionFormat.Multi)]
    public IReadOnlyList<string> StatusCallbackEvent { get; } = CallbackEvents.OfACall;

    /// <summary>Seconds of ringing.</summary>
    public required int Timeout { get; init; }
}

/// <summary>The form of <c>POST Conferences/{sid}/Participants</c>.</summary>
internal sealed record CreateParticipantForm
{
    public required string From { get; init; }

    public required string To { get; init; }

    /// <summary>Unique among the active participants: a second request for the same one is refused with 16026 instead of ringing twice.</summary>
    public required string Label { get; init; }

    /// <summary>Seconds of ringing; Twilio adds five.</summary>
    public required int Timeout { get; init; }

    /// <summary>Twilio's default would let everybody hear the phone ring.</summary>
    public string EarlyMedia { get; } = "false";

    public string Beep { get; } = "false";

    /// <summary>Empty is silence; without it Twilio plays music.</summary>
    public string WaitUrl { get; } = "";

    public string EndConferenceOnExit { get; } = "false";

    public required string StatusCallback { get; init; }

    public string StatusCallbackMethod { get; } = "POST";

    [Query(CollectionFormat.Multi)]
    public IReadOnlyList<string> StatusCallbackEvent { get; } = CallbackEvents.OfACall;

    public required string ConferenceStatusCallback { get; init; }

    public string ConferenceStatusCallbackMethod { get; } = "POST";

    [Query(CollectionFormat.Multi)]
    public IReadOnlyList<string> ConferenceStatusCallbackEvent { get; } = CallbackEvents.OfAConference;
}

/// <summary>The form that ends a call or a conference. Twilio's <c>canceled</c> spares a call that has just been answered; <c>completed</c> ends it in any state.</summary>
internal sealed record UpdateStatusForm
{
    public string Status { get; } = "completed";
}

/// <summary>The form of <c>POST Conferences/{sid}/Participants/{sid}</c>; null is not sent.</summary>
internal sealed record UpdateParticipantForm
{
    public string? Muted { get; init; }

    public string? Hold { get; init; }
}

/// <summary>The events that we subscribe to. The documentation of Participants also knows one value with spaces; Twilio's own libraries repeat the key, and so do we.</summary>
internal static class CallbackEvents
{
    public static readonly IReadOnlyList<string> OfACall = ["initiated", "ringing", "answered", "completed"];

    /// <summary>The same for every leg that enters, since Twilio honours the settings of whoever is first.</summary>
    public static readonly IReadOnlyList<string> OfAConference = ["start", "end", "join", "leave", "mute", "hold"];
}
