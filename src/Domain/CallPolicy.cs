namespace Calls.Domain;

/// <summary>The numbers that the decisions go by.</summary>
public sealed record CallPolicy
{
    /// <summary>How long a phone rings before Twilio gives up.</summary>
    public TimeSpan RingTimeout { get; init; } = TimeSpan.FromSeconds(30);
    /// <summary>How long an answered leg may take into the room before we ask Twilio what became of it.</summary>
    public TimeSpan JoinGrace { get; init; } = TimeSpan.FromSeconds(15);
    /// <summary>An answered leg is in the room within a second or two. If there is no word of it by then, Twilio is asked once before <see cref="JoinGrace"/> is over: a caller
    /// who gave up before our answer came never gets there, and nothing tells us so while the callee's phone rings.</summary>
    public TimeSpan FirstLook { get; init; } = TimeSpan.FromSeconds(3);
    /// <summary>How often a live session is compared with Twilio, whatever it hears meanwhile: a lost webhook is repaired within this time.</summary>
    public TimeSpan ReviewInterval { get; init; } = TimeSpan.FromSeconds(60);
    /// <summary>People on the line or being rung at once; Twilio's own limit is 250.</summary>
    public int MaxParticipants { get; init; } = 250;
    /// <summary>Phones added to one session in all, whether they answered or not.</summary>
    public int MaxGuests { get; init; } = 50;
    /// <summary>How long a written effect belongs to its writer: the longest request (a create takes 8 s at most) and a margin.</summary>
    public TimeSpan EffectLease { get; init; } = TimeSpan.FromSeconds(12);
    /// <summary>How long we look for a dial of which nobody knows whether Twilio acted, before the participant counts as unreachable.</summary>
    public TimeSpan UnknownDialPatience { get; init; } = TimeSpan.FromSeconds(10);
    /// <summary>Twilio rings up to 5 s longer than the time-out it was given (twilio.com/docs/voice/api/conference-participant-resource), and the word of it travels.</summary>
    public TimeSpan RingSlack { get; init; } = TimeSpan.FromSeconds(7);
    /// <summary>The least time between two reviews of one session.</summary>
    public TimeSpan Recheck { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The wait before the n-th try again: 0.5 s, doubling, at most 15 s.</summary>
    public static TimeSpan Backoff(int attempt) => TimeSpan.FromSeconds(Math.Min(15, 0.5 * Math.Pow(2, Math.Clamp(attempt - 1, 0, 10))));
}
