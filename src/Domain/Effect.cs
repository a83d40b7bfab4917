namespace Calls.Domain;

/// <summary>Something to be done at Twilio, stored with the state that calls for it and run after the commit.</summary>
/// <remarks>
/// An effect is named by what it is and whom it concerns, so the same one is never stored twice. Until <see cref="NotBefore"/> it belongs to the
/// replica that wrote it; from then on to whichever sweeps next.
/// </remarks>
public abstract record Effect
{
    private Effect()
    {
    }

    /// <summary>How often it has been sent; for a dial also the name of the sending that its outcome belongs to.</summary>
    public int Attempt { get; init; }
    /// <summary>From when any replica may take it.</summary>
    public required DateTimeOffset NotBefore { get; init; }
    /// <summary>The stored members that only a newer version knows, as a JSON object. They are stored again as they are.</summary>
    public string? Unknown { get; init; }

    /// <summary>Ring a participant's phone: the callee by a call, a guest by adding it to the conference. The one effect that cannot be repeated.</summary>
    public sealed record Dial(ParticipantId Participant) : Effect
    {
        public DialState State { get; init; }
        /// <summary>When the request was sent; what the patience with an unknown outcome counts from.</summary>
        public DateTimeOffset? SentAt { get; init; }
    }

    /// <summary>End one leg, whatever its state. Ending what has ended is success.</summary>
    public sealed record HangUp(CallSid Leg) : Effect;
    /// <summary>Set a participant's mute and hold. Null leaves one as it is.</summary>
    public sealed record SetFlags(ParticipantId Participant, bool? Muted, bool? Hold) : Effect;
    /// <summary>An effect of a kind that only a newer version knows, as JSON. It is stored again as it is and never run.</summary>
    public sealed record Foreign(string Json) : Effect;
}

/// <summary>How far a dial has come; what it was answered becomes part of the participant.</summary>
public enum DialState
{
    /// <summary>Not sent, or known not to have been acted upon.</summary>
    Planned = 0,
    /// <summary>The intent is stored and the request may be under way. When the lease is out, nobody knows: as <see cref="Unknown"/>.</summary>
    Sending = 1,
    /// <summary>Twilio may have acted. Look before anything else; never send again.</summary>
    Unknown = 2,
}
