namespace Calls.Domain;

/// <summary>An operation at Twilio. It is stored with the state that needs it, and runs after the commit.</summary>
/// <remarks>The kind and the subject name an effect, so the same effect is never stored twice. Until <see cref="NotBefore"/> it belongs to
/// the replica that wrote it. After that it belongs to the replica whose sweeper claims the session.</remarks>
public abstract record Effect
{
    private Effect() { }
    /// <summary>How often the effect was sent. For a dial this number also tells which request an outcome belongs to.</summary>
    public int Attempt { get; init; }
    /// <summary>The time from which any replica may run the effect.</summary>
    public required DateTimeOffset NotBefore { get; init; }
    /// <summary>The stored members that only a newer version knows, as a JSON object. They are stored again as they are.</summary>
    public string? Unknown { get; init; }

    /// <summary>Rings the callee by a call, or a guest by an addition to the conference. Only this effect must not be repeated.</summary>
    public sealed record Dial(ParticipantId Participant) : Effect
    {
        public DialState State { get; init; }
        /// <summary>When the request was sent. The time limit for an unknown outcome counts from here.</summary>
        public DateTimeOffset? SentAt { get; init; }
    }

    /// <summary>Hangs up one leg in any state. To hang up an ended leg is a success.</summary>
    public sealed record HangUp(CallSid Leg) : Effect
    {
        /// <summary>Why the callee was not reached. The caller's leg hears it, as a tone or as words, before the leg ends. Null: the leg
        /// just ends. A version that does not know this member hangs the leg up.</summary>
        public LeaveReason? Because { get; init; }
    }

    /// <summary>Sets mute and hold of a participant. Null leaves the value as it is.</summary>
    public sealed record SetFlags(ParticipantId Participant, bool? Muted, bool? Hold) : Effect;
    /// <summary>Asks the group resolver for the candidates of the group that was called. The request has the same id each time, so it can
    /// be repeated. Until the answer, the callee has no address.</summary>
    public sealed record ResolveGroup(GroupName Group) : Effect;
    /// <summary>An effect of a kind that only a newer version knows, as JSON. It is stored again as it is and never run.</summary>
    public sealed record Foreign(string Json) : Effect;
}

/// <summary>The state of a dial. After an answer of Twilio the dial is removed, and the participant has the result.</summary>
public enum DialState
{
    /// <summary>The dial was not sent, or Twilio certainly did not act on it.</summary>
    Planned = 0,
    /// <summary>The intent is stored, and the request may be under way. After the lease this means <see cref="Unknown"/>.</summary>
    Sending = 1,
    /// <summary>Twilio may have acted. Look the call up first, and never send the dial again.</summary>
    Unknown = 2,
}
