namespace Calls.Domain;

/// <summary>Who put whom on hold, and when a hold ends. A hold ends when its holder leaves (G1).</summary>
internal static class Holds
{
    /// <summary>The participant who sent a request. A bearer who is not on the line or on the way is an operator.</summary>
    public static ParticipantId SenderOf(CallSession session, ClientIdentity? bearer) => bearer is null
        ? ParticipantId.Operator
        : session.Participants.FirstOrDefault(p => p.IsPresent && p.Party is Party.Client client && client.Identity == bearer)?.Id
            ?? ParticipantId.Operator;

    /// <summary>The first holder stays the holder until the hold ends. An operator becomes the holder in any case, and then the hold no
    /// longer ends with a person.</summary>
    public static Participant WithHolder(CallSession session, Participant held, ParticipantId holder) =>
        held.HeldBy is null || holder == ParticipantId.Operator || !IsWanted(session, held) ? held with { HeldBy = holder } : held;

    /// <summary>Takes all participants off hold whose holder has left. A hold that was requested and not made yet is not made.</summary>
    /// <remarks>The rule reads the state. If a request of the holder reaches Twilio late, a webhook or a review says that the participant
    /// is on hold again, and the rule plans the end of the hold again.</remarks>
    public static CallSession Release(CallSession session, CallPolicy policy, DateTimeOffset now)
    {
        foreach (var participant in session.Participants)
            if ((participant.Hold || participant.HeldBy is not null) && participant is { IsPresent: true, Reconnecting: false }
                && HolderHasLeft(session, participant) && IsWanted(session, participant))
                session = session.SetFlags(participant, null, hold: false, policy, now);
        return session;
    }

    /// <summary>A hold by an operator has no end here. A hold without a known holder ends when no app user is there who could end it.
    /// </summary>
    public static bool HolderHasLeft(CallSession session, Participant held) =>
        held.HeldBy is null ? !session.Participants.Any(p => p.IsPresent && p.Party is Party.Client)
            : held.HeldBy != ParticipantId.Operator && session.Find(held.HeldBy) is not { IsPresent: true };

    /// <summary>The participant is on hold, or a hold is requested. A participant whose end of the hold is requested is neither.</summary>
    public static bool IsWanted(CallSession session, Participant participant) =>
        session.FindEffect<Effect.SetFlags>(f => f.Participant == participant.Id)?.Hold ?? participant.Hold;
}
