namespace Calls.Domain.Tests.DecisionTable;

/// <summary>Sessions, replies and changes as short texts.</summary>
internal static class Words
{
    public static string Of(CallReply reply) => reply switch
    {
        CallReply.Acknowledged => "no reply",
        CallReply.JoinRoom join => $"{join.Participant.Id} enters the room",
        CallReply.HangUp => "hang up",
        CallReply.Ask ask => $"ask {ask.Participant.Id} to press 1, question {ask.Question}",
        CallReply.AnsweredElsewhere => "words: another candidate has the call, and hang up",
        CallReply.LeaveMessage => "the configured message, and hang up",
        CallReply.Refused refused => $"refused: {refused.Reason}",
        CallReply.Added added => $"participant {added.Participant.Id}",
        CallReply.DialGranted granted => $"dial {granted.Participant.Id}, sending {granted.Attempt}",
        _ => reply.GetType().Name,
    };

    public static string Of(CallSession session) => string.Join("; ",
    [
        .. session.Participants.Select(p => $"{p.Id} {Of(p)}"),
        .. session.Conference is null ? [] : new[] { "room open" },
        .. session.ReviewNow ? ["review now"] : Array.Empty<string>(),
        .. session.RebuiltAt is not null ? ["just built again"] : Array.Empty<string>(),
        .. session.ReviewFailures > 0 ? [$"reviews failed: {session.ReviewFailures}"] : Array.Empty<string>(),
        .. session.IsEnded ? [$"ended: {session.EndReason}"] : Array.Empty<string>(),
        .. session.Effects.Select(e => $"plan {Of(session, e)}"),
    ]);

    public static string RightsIn(CallSession session) => string.Join("; ", session.Participants.Select(p => p.Party).OfType<Party.Client>()
        .Select(client => client.Identity).Distinct().Select(person => $"{person.Value} {Rights.Of(session, person)}"));

    /// <summary>The differences between two sessions, without the instants.</summary>
    public static string Between(CallSession? before, CallSession after)
    {
        if (before is null || before.Nonce != after.Nonce)
            return $"a new call: {Of(after)}";
        var (was, now) = (before.Effects.Select(e => Of(before, e)).ToList(), after.Effects.Select(e => Of(after, e)).ToList());
        List<string> changes =
        [
            .. after.Participants.Where(p => before.Find(p.Id) is null).Select(p => $"{p.Id} {Of(p)}, added by {p.AddedBy}"),
            .. before.Participants.Where(p => after.Find(p.Id) is null).Select(p => $"{p.Id} is replaced"),
            .. before.Participants.SelectMany(p => after.Find(p.Id) is { } known ? Between(p, known) : []),
        ];
        if (before.Conference != after.Conference)
            changes.Add(after.Conference is null ? "no room open" : before.Conference is null ? "room open" : "another room open");
        if (before.ClosedConferences.Length != after.ClosedConferences.Length)
            changes.Add("that conference has ended");
        if (before.ReviewNow != after.ReviewNow)
            changes.Add(after.ReviewNow ? "review now" : "reviewed");
        if (before.RebuiltAt is not null && after.RebuiltAt is null)
            changes.Add("all legs are known");
        if (before.ReviewFailures != after.ReviewFailures)
            changes.Add($"reviews failed: {before.ReviewFailures} → {after.ReviewFailures}");
        if (before.IsEnded != after.IsEnded)
            changes.Add($"**ended: {after.EndReason}** ({after.EndEvidence})");
        else if (before.EndReason != after.EndReason)
            changes.Add($"ended: {before.EndReason} → {after.EndReason}");
        if (before.EndedBy != after.EndedBy)
            changes.Add($"ended by {after.EndedBy}");
        changes.AddRange(was.Except(now).Select(e => $"drop {e}"));
        changes.AddRange(now.Except(was).Select(e => $"plan {e}"));
        return string.Join("; ", changes);
    }

    private static IEnumerable<string> Between(Participant was, Participant now)
    {
        if (Of(was) != Of(now))
            yield return $"{was.Id} {Of(was)} → {Of(now)}";
        if (was.EarlierLegs.Length != now.EarlierLegs.Length)
            yield return $"{was.Id} is back with another leg";
        else if (was.Leg != now.Leg)
            yield return $"{was.Id}'s leg known";
        if (!was.Answered && now.Answered && now.Progress is not (Progress.Answered or Progress.Joined) && now.Gone != LeaveReason.HungUp)
            yield return $"{was.Id} had answered";
        if (!was.EverJoined && now.EverJoined && now.Progress != Progress.Joined)
            yield return $"{was.Id} had joined";
        if (was.DialedAt is null && now.DialedAt is not null)
            yield return $"{now.Id}'s ring time begins";
        if (was.Hold != now.Hold)
            yield return $"{was.Id} {(now.Hold ? "on hold" : "resumed")}";
        if (was.HeldBy != now.HeldBy)
            yield return $"{was.Id}'s holder is {now.HeldBy}";
        if (was.RemovedBy != now.RemovedBy)
            yield return $"{was.Id} is removed by {now.RemovedBy}";
        if (was.Muted != now.Muted)
            yield return $"{was.Id} {(now.Muted ? "muted" : "unmuted")}";
    }

    private static string Of(Participant p) => (p.Progress == Progress.Gone ? $"{p.Progress} ({p.Reason})" : p.Progress.ToString())
        + (p.Reconnecting ? " (reconnecting)" : "") + (p.Ringback == RingbackState.Plays ? " (hears ringback)" : "")
        + (p.IsQueued ? " (queued)" : "")
        + (p is { IsScreened: true, Gone: null } ? " (screened)" : "")
        + HeldBy(p)
        + (p.Leaving == Leaving.No || p.Progress == Progress.Gone ? ""
            : p.Leaving == Leaving.Removed ? ", being removed" : p.Lost ? ", answered elsewhere" : ", ending");

    private static string HeldBy(Participant p) =>
        p is { Hold: true, HeldBy: { } holder, Progress: not Progress.Gone } ? $" (on hold by {holder})" : "";

    private static string Of(CallSession session, Effect effect) => effect switch
    {
        Effect.Dial dial => $"dial {dial.Participant} ({dial.State}{Sent(dial)})",
        Effect.HangUp hangUp =>
            $"hang up {session.Find(hangUp.Leg)?.Id.Value ?? Earlier(session, hangUp.Leg)}{Heard(hangUp)}{Later(hangUp)}",
        Effect.SetFlags flags => $"set {flags.Participant}{Flag("muted", flags.Muted)}{Flag("hold", flags.Hold)}{Later(flags)}",
        Effect.ResolveGroup group => $"ask the group resolver for {group.Group}",
        _ => effect.GetType().Name,
    };

    private static string Earlier(CallSession session, CallSid leg) =>
        session.Participants.FirstOrDefault(p => p.EarlierLegs.Contains(leg)) is { } person ? $"{person.Id}'s earlier leg" : "that leg";

    private static string Sent(Effect.Dial dial) =>
        dial.Attempt > 1 || (dial.Attempt == 1 && dial.State == DialState.Planned) ? $", sent {dial.Attempt}×" : "";

    private static string Flag(string name, bool? value) => value is { } set ? $" {name}={set}" : "";

    private static string Heard(Effect.HangUp hangUp) => hangUp.Because is not { } because ? ""
        : Tones.Of(because) == Tone.Busy ? " after the busy tone" : " after the reorder tone";

    private static string Later(Effect effect) => effect.Attempt > 0 ? " later" : "";
}
