using System.Collections.Immutable;

namespace Calls.Domain;

/// <summary>A session that is due, compared with Twilio. What was missed goes through the same changes as the webhooks that were lost.</summary>
internal static class ReviewDecisions
{
    public static Step Observe(CallSession session, Observation seen, CallPolicy policy, DateTimeOffset now)
    {
        var reviewed = session with { ReviewedAt = now, ReviewNow = false };
        if (seen.Conference is not null)
            reviewed = LegDecisions.Open(reviewed, seen.Conference);
        foreach (var leg in seen.Legs)
            if (reviewed.Find(leg.Leg) is { Progress: not Progress.Gone } participant)
                reviewed = Compare(reviewed, participant, leg, seen.InTheRoom.Contains(leg.Leg), policy, now);
        return Step.Do(TurnOutStrangers(reviewed, seen.InTheRoom, policy, now));
    }

    /// <summary>A leg in the room that is nobody's, with no dial under way whose leg it could be, is one that the store has lost in a failover; one that counts
    /// as gone is back against all we were told. Nobody would see them left alone.</summary>
    private static CallSession TurnOutStrangers(CallSession session, ImmutableArray<CallSid> inTheRoom, CallPolicy policy, DateTimeOffset now)
    {
        var dialUnderWay = session.FindEffect<Effect.Dial>(d => d.State != DialState.Planned) is not null;
        foreach (var stranger in inTheRoom.Where(leg => session.Find(leg) is { } known ? known.Progress == Progress.Gone : !dialUnderWay))
            session = session.HangUp(stranger, policy, now);
        return session;
    }

    private static CallSession Compare(CallSession session, Participant participant, ObservedLeg seen, bool inTheRoom, CallPolicy policy, DateTimeOffset now)
    {
        if (seen.Gone is { } gone)
            return session.Lose(participant.Id, gone, now);
        session = session.Raise(participant.Id, inTheRoom ? Progress.Joined : seen.Progress, now);
        if (participant.Leaving != Leaving.No)
            return session.HangUp(seen.Leg, policy, now);
        var strayed = !inTheRoom && seen.Progress == Progress.Answered && participant.Progress >= Progress.Answered && now >= participant.Since + policy.JoinGrace;
        return strayed
            ? session.Lose(participant.Id, participant.EverJoined ? LeaveReason.HungUp : LeaveReason.NeverJoined, now).HangUp(seen.Leg, policy, now)
            : session;
    }
}
