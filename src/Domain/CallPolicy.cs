namespace Calls.Domain;

/// <summary>The times and limits that the decisions use.</summary>
public sealed record CallPolicy
{
    /// <summary>The time after which Twilio stops ringing a phone that does not answer.</summary>
    public TimeSpan RingTimeout { get; init; } = TimeSpan.FromSeconds(30);
    /// <summary>How long a call may wait in Twilio's queue, and a dial to be sent. The ring time comes after it.</summary>
    /// <remarks>By default Twilio starts one call a second and queues the rest (twilio.com/docs/voice/api/call-resource).</remarks>
    public TimeSpan QueueTimeout { get; init; } = TimeSpan.FromSeconds(60);
    /// <summary>The time that an answered leg may take to enter the room. After it, a review counts the leg as gone.</summary>
    public TimeSpan JoinGrace { get; init; } = TimeSpan.FromSeconds(15);
    /// <summary>After this time one early review asks Twilio about an answered leg that is not in the room. A leg enters within 1 to 2 s.
    /// A caller who hung up before the service's answer arrived never enters, and no webhook says so.</summary>
    public TimeSpan FirstLook { get; init; } = TimeSpan.FromSeconds(3);
    /// <summary>How phones are screened unless the request says otherwise. It covers callees that are phones.</summary>
    public Screening ScreenPhones { get; init; } = Screening.None;
    /// <summary>Whether a machine hears a message after its beep. If so, Twilio requests the answer URL after the beep.</summary>
    public bool LeavesMessage { get; init; }
    /// <summary>The time that a screened phone may take from the answer until it is accepted. After it, a review counts it as not accepted:
    /// 30 s for the detection of machines, two questions of 15 s each, their words, and a margin.</summary>
    /// <remarks>twilio.com/docs/voice/answering-machine-detection, <c>MachineDetectionTimeout</c>.</remarks>
    public TimeSpan ScreeningTime { get; init; } = TimeSpan.FromSeconds(90);
    /// <summary>The time after which a leg that hears a tone or words is hung up if it has not ended: the tone of at most 5 s, or the
    /// words, and the time in which Twilio fetches the audio.</summary>
    public TimeSpan ToneTime { get; init; } = TimeSpan.FromSeconds(12);
    /// <summary>How long the call waits for an app user whose line has dropped. Zero: it does not wait.</summary>
    public TimeSpan RejoinGrace { get; init; } = TimeSpan.Zero;
    /// <summary>The most legs that one participant has in a call. It bounds the size of a session.</summary>
    public int MaxLegs { get; init; } = 100;
    /// <summary>The interval at which a live session is compared with Twilio. A lost webhook is repaired within this time.</summary>
    public TimeSpan ReviewInterval { get; init; } = TimeSpan.FromSeconds(60);
    /// <summary>The most participants who are on the line or on the way at one time. Twilio's own limit is 250.</summary>
    public int MaxParticipants { get; init; } = 250;
    /// <summary>The most phones and app users that can be added to one session, answered or not.</summary>
    public int MaxGuests { get; init; } = 50;
    /// <summary>The longest time of a call. The service ends it then. Twilio's own limit of a leg is 4 hours by default.</summary>
    /// <remarks>twilio.com/docs/voice/api/call-resource, <c>TimeLimit</c>.</remarks>
    public TimeSpan MaxDuration { get; init; } = TimeSpan.FromHours(4);
    /// <summary>If the service has heard nothing of a call for this time, it asks Twilio about the call before it dials a phone.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(60);
    /// <summary>The lease of a stored effect: the time of the longest request (a create takes at most 8 s) and a margin.</summary>
    public TimeSpan EffectLease { get; init; } = TimeSpan.FromSeconds(12);
    /// <summary>How much older than the truth an answer to a GET may be. Until this time has passed, "not found" proves nothing.</summary>
    /// <remarks>Twilio calls such answers eventually consistent and names no bound (docs/emulator.md).</remarks>
    public TimeSpan ReadLag { get; init; } = TimeSpan.FromSeconds(5);
    /// <summary>How long a dial with an unknown outcome is looked up. After this time the participant counts as unreachable.</summary>
    /// <remarks>The longest create (8 s), <see cref="ReadLag"/> and a margin.</remarks>
    public TimeSpan UnknownDialPatience { get; init; } = TimeSpan.FromSeconds(15);
    /// <summary>Twilio rings up to 5 s longer than the time-out, and the webhook needs time too.</summary>
    /// <remarks>twilio.com/docs/voice/api/conference-participant-resource.</remarks>
    public TimeSpan RingSlack { get; init; } = TimeSpan.FromSeconds(7);
    /// <summary>The least time between two reviews of one session.</summary>
    public TimeSpan Recheck { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The wait after a failed review: 5 s, doubled with each further failure, at most the review interval. The jitter (0 to 1)
    /// takes up to half of it away, so that the calls of an outage are not all reviewed at one time.</summary>
    public TimeSpan ReviewBackoff(int failures, double jitter)
    {
        var wait = Recheck * Math.Pow(2, Math.Clamp(failures - 1, 0, 10));
        wait = (wait < ReviewInterval ? wait : ReviewInterval) * (1 - (Math.Clamp(jitter, 0, 1) / 2));
        // Times are stored in whole milliseconds.
        return TimeSpan.FromMilliseconds(Math.Round(wait.TotalMilliseconds));
    }

    /// <summary>The longest time from the request to Twilio until the phone has rung out: the queue, the ring time, and a margin.</summary>
    public TimeSpan LongestWait => QueueTimeout + RingTimeout + RingSlack;

    /// <summary>The same for a participant with a ring time of its own.</summary>
    public TimeSpan LongestWaitOf(Participant participant) => QueueTimeout + RingTimeOf(participant) + RingSlack;

    public TimeSpan RingTimeOf(Participant participant) => participant.RingTime ?? RingTimeout;

    /// <summary>How long an answered phone may take until it is accepted. The answer of a candidate that is not screened is enough.
    /// </summary>
    public TimeSpan ScreeningTimeOf(Participant participant) => participant.Screen == Screening.None ? JoinGrace : ScreeningTime;

    /// <summary>The wait before attempt <paramref name="attempt"/> is repeated: 0.5 s, doubled each time, at most 15 s.</summary>
    public static TimeSpan Backoff(int attempt) => TimeSpan.FromSeconds(Math.Min(15, 0.5 * Math.Pow(2, Math.Clamp(attempt - 1, 0, 10))));
}
