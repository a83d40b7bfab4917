namespace Calls.Domain;

/// <summary>What the caller hears before the line ends, because the callee was not reached (G4).</summary>
public enum Tone
{
    /// <summary>The callee is busy, or has declined.</summary>
    Busy,
    /// <summary>The callee cannot be reached. Telephony calls this the reorder or congestion tone.</summary>
    Reorder,
}

/// <summary>Which tone belongs to which outcome, and when the caller hears one.</summary>
public static class Tones
{
    /// <summary>The tone of a reason. Null if the reason has none: the call simply ended.</summary>
    public static Tone? Of(LeaveReason reason) => reason switch
    {
        LeaveReason.Busy or LeaveReason.Declined => Tone.Busy,
        LeaveReason.NoAnswer or LeaveReason.Unreachable or LeaveReason.RefusedByTwilio or LeaveReason.Voicemail
            or LeaveReason.NotAccepted or LeaveReason.NobodyAccepted or LeaveReason.NoCandidates => Tone.Reorder,
        _ => null,
    };

    /// <summary>Why the callee was not reached, if that is the reason for the end of the call. Otherwise null.</summary>
    private static LeaveReason? Reason(CallSession session, EndReason end) => end switch
    {
        EndReason.CalleeBusy => LeaveReason.Busy,
        EndReason.CalleeDeclined => LeaveReason.Declined,
        EndReason.CalleeNoAnswer => LeaveReason.NoAnswer,
        EndReason.CalleeUnreachable when session.Participants[1].Gone is LeaveReason.NoCandidates => LeaveReason.NoCandidates,
        EndReason.CalleeUnreachable => LeaveReason.Unreachable,
        EndReason.CalleeRefusedByTwilio => LeaveReason.RefusedByTwilio,
        EndReason.CalleeVoicemail => LeaveReason.Voicemail,
        EndReason.CalleeNotAccepted => LeaveReason.NotAccepted,
        EndReason.NobodyAccepted => LeaveReason.NobodyAccepted,
        _ => null,
    };

    /// <summary>The caller's line ends, and the caller is still on it: the leg hears the reason before. Each other leg just ends.</summary>
    internal static CallSession HangUpCaller(this CallSession session, EndReason end, CallPolicy policy, DateTimeOffset now)
    {
        var caller = session.Caller;
        if (caller.Progress == Progress.Gone || caller.Leaving != Leaving.No || Reason(session, end) is not { } reason)
            return session;
        session = session.Remove(caller.Id, Leaving.WithTheCall, policy, now);
        return session.FindEffect<Effect.HangUp>(h => h.Leg == caller.Leg) is { } hangUp
            ? session.With(hangUp, hangUp with { Because = reason })
            : session;
    }

    /// <summary>Twilio has answered the request that plays the tone. If the leg hears the tone, it leaves the room, hears the tone, and
    /// hangs up. The hang-up stays planned for the time after the tone, because Twilio may not have done it. Otherwise the leg is hung up
    /// at once: no answer proves that the leg has gone, because Twilio also refuses to redirect a leg that is not connected yet.</summary>
    internal static Step Settle(CallSession session, SessionEvent.ToneSettled e, CallPolicy policy, DateTimeOffset now)
    {
        if (session.FindEffect<Effect.HangUp>(h => h.Leg == e.Leg) is not { Because: not null } hangUp)
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NotPending);
        return Step.Do(session.With(hangUp, e.Outcome == EffectOutcome.Done
            ? hangUp with { Because = null, Attempt = hangUp.Attempt + 1, NotBefore = now + policy.ToneTime }
            : hangUp with { Because = null, Attempt = 0, NotBefore = now + policy.EffectLease }));
    }
}
