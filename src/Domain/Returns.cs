namespace Calls.Domain;

/// <summary>A person who is or was on the call comes back with a new leg. For a while the call waits for an app user whose line has
/// dropped.</summary>
internal static class Returns
{
    /// <summary>The answer to a voice webhook with the session id of a live call. The caller of the webhook is known by the identity.
    /// </summary>
    /// <remarks>The person is the same participant with a new leg. If Twilio may still hold the old leg, it is hung up. Mute is kept, hold
    /// is not kept. A person who was removed, or who was never on the line, cannot come back.</remarks>
    public static Step Return(CallSession session, SessionEvent.StartCall e, CallPolicy policy, DateTimeOffset now)
    {
        if (e.Caller is not Party.Client
            || session.Participants.LastOrDefault(p => p.Party == e.Caller && MayReturn(p, policy)) is not { } person)
            return Step.Say(new CallReply.Refused(RefusalReason.SessionInUse));
        if (session.Participants.Count(p => p != person && p.IsPresent) >= policy.MaxParticipants)
            return Step.Say(new CallReply.Refused(RefusalReason.CallIsFull));
        var returned = TakeLeg(session, person, e.CallerLeg, policy, now);
        return Step.Do(returned, new CallReply.JoinRoom(returned.Find(person.Id)!));
    }

    /// <summary>The person is on the line again, with another leg. If the session does not know that the earlier leg has ended, it is hung
    /// up.</summary>
    public static CallSession TakeLeg(CallSession session, Participant person, CallSid leg, CallPolicy policy, DateTimeOffset now)
    {
        var back = person with
        {
            Leg = leg,
            EarlierLegs = person.Leg is null ? [] : person.EarlierLegs.Add(person.Leg),
            Progress = Progress.Answered,
            Since = now,
            Gone = null,
            Reconnecting = false,
            Ringback = RingbackState.None,
            Hold = false,
            HeldBy = null,
            FlagsSequence = -1,
            FlagsVersion = person.FlagsVersion + 1,
            FlagsAt = null,
        };
        var returned = session.With(person, back);
        if (session.FindEffect<Effect.SetFlags>(f => f.Participant == person.Id) is { } wanted)
            returned = wanted.Muted is null ? returned.Without(wanted) : returned.With(wanted, wanted with { Hold = null });
        if (person is { Progress: not Progress.Gone, Leg: { } earlier })
            returned = returned.HangUp(earlier, policy, now);
        return returned;
    }

    /// <summary>Marks the app users for whom the call waits. A hang-up of the person and a broken connection look the same at Twilio, so
    /// both count, but not an end by a request.</summary>
    /// <remarks>The call does not wait for a person who was added again. A replica whose clock is behind may see the grace as not over yet.
    /// </remarks>
    public static CallSession Await(CallSession session, CallPolicy policy, DateTimeOffset now)
    {
        foreach (var participant in session.Participants)
        {
            var waits = !session.IsEnded && HasDropped(participant) && now < participant.Since + policy.RejoinGrace
                && !session.Participants.Any(p => p != participant && p.Party == participant.Party && (p.IsOnTheLine || p.IsOnTheWay));
            if (waits != participant.Reconnecting)
                session = session.With(participant, participant with { Reconnecting = waits });
        }

        return session;
    }

    /// <summary>The only person on the line hears ringback while another participant reconnects, unless the person is on hold already.
    /// Afterwards the person is taken off that hold.</summary>
    public static CallSession Ring(CallSession session, CallPolicy policy, DateTimeOffset now)
    {
        var isAlone = session.Participants.Any(p => p.Reconnecting) && session.Participants.Count(p => p.IsOnTheLine) == 1;
        foreach (var participant in session.Participants)
        {
            if (isAlone && participant is { IsOnTheLine: true, Ringback: not RingbackState.Plays } && !Holds.IsWanted(session, participant))
                session = session.Ring(participant, RingbackState.Plays, hold: true, policy, now);
            else if (!isAlone && participant is { IsOnTheLine: true, Ringback: not RingbackState.None }
                && Holds.IsWanted(session, participant))
                session = session.Ring(participant, RingbackState.Over, hold: false, policy, now);
            else if (!isAlone && participant is { Ringback: RingbackState.Plays })
                session = session.With(participant, participant with { Ringback = RingbackState.Over });
        }

        return session;
    }

    private static CallSession Ring(
        this CallSession session, Participant participant, RingbackState ringback, bool hold, CallPolicy policy, DateTimeOffset now)
    {
        var rung = participant with { Ringback = ringback, HeldBy = null };
        return session.With(participant, rung).SetFlags(rung, null, hold, policy, now);
    }

    private static bool HasDropped(Participant participant) =>
        participant is { Party: Party.Client, Gone: LeaveReason.HungUp, Leaving: Leaving.No, Answered: true };

    private static bool MayReturn(Participant participant, CallPolicy policy) => participant.EarlierLegs.Length + 1 < policy.MaxLegs
        && participant is { Leg: not null, Answered: true, Leaving: Leaving.No }
        && participant.Gone is null or LeaveReason.HungUp or LeaveReason.NeverJoined;
}
