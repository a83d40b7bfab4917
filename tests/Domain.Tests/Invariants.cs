namespace Calls.Domain.Tests;

/// <summary>What holds of every stored session, and of every step from one to the next, whatever happened.</summary>
internal static class Invariants
{
    /// <summary>The first thing that is wrong, in words; null where all is well.</summary>
    public static string? BrokenBy(CallSession? before, CallSession after, CallPolicy policy) =>
        InState(after, policy) ?? (before is null || before.Nonce != after.Nonce ? null : InStep(before, after));

    private static string? InState(CallSession session, CallPolicy policy)
    {
        var settled = session.IsEnded && session.Effects.IsEmpty && session.Participants.All(p => p.Progress == Progress.Gone);
        if (settled != Deadlines.Next(session, policy) is null)
            return "nothing will wake this session, or something wakes a settled one";
        if (session.IsEnded != session.EndReason is not null)
            return "a call ended for no reason, or has a reason and goes on";
        var onTheLine = session.Participants.Count(p => p.IsOnTheLine);
        if (!session.IsEnded && (onTheLine == 0 || (onTheLine == 1 && !session.Participants.Any(p => p.IsOnTheWay))))
            return "somebody is known to be alone, and the call goes on";
        if (session.Effects.OfType<Effect.HangUp>().GroupBy(h => h.Leg).Any(legs => legs.Count() > 1))
            return "one leg is to be hung up twice";
        return session.Participants.Select(p => Of(session, p)).FirstOrDefault(broken => broken is not null);
    }

    private static string? Of(CallSession session, Participant participant)
    {
        var dials = session.Effects.OfType<Effect.Dial>().Where(d => d.Participant == participant.Id).ToList();
        return dials.Count > 1 ? "one person has two dials"
            : dials.Count == 1 != (participant.Leg is null && participant.Progress != Progress.Gone) ? "a person without a leg has no dial, or one with a leg has"
            : session.IsEnded && dials.Any(d => d.State == DialState.Planned) ? "a dial is planned for a call that is over"
            : participant.Leaving != Leaving.No && dials.Any(d => d.State == DialState.Planned) ? "a dial is planned for somebody who is to leave"
            : participant.Progress == Progress.Gone != participant.Gone is not null ? "gone without a cause, or a cause without having gone"
            : session.IsEnded && participant.Progress != Progress.Gone && participant.Leaving == Leaving.No ? "somebody stays in a call that is over"
            : null;
    }

    private static string? InStep(CallSession before, CallSession after) =>
        before.IsEnded && after.EndedAt != before.EndedAt ? "a call that is over goes on, or ends again"
        : before.AnsweredAt is not null && after.AnsweredAt != before.AnsweredAt ? "a call is answered twice"
        : before.Participants.Select(was => OnlyRises(was, after.Find(was.Id))).FirstOrDefault(broken => broken is not null);

    private static string? OnlyRises(Participant was, Participant? now) =>
        now is null ? "a participant has vanished"
        : now.Progress < was.Progress ? "progress falls"
        : was.Leg is not null && now.Leg != was.Leg ? "a person's leg is another"
        : was.Gone is not null && now.Gone != was.Gone ? "why a leg has gone has changed"
        : was.Answered && !now.Answered ? "an answer is forgotten"
        : was.EverJoined && !now.EverJoined ? "a join is forgotten"
        : was.Leaving != Leaving.No && now.Leaving != was.Leaving ? "somebody who is to leave is to stay"
        : null;
}
