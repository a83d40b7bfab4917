namespace Calls.Domain.Tests.Properties;

/// <summary>A session as text, without its instants.</summary>
internal static class Canonical
{
    public static string Of(CallSession session) => string.Join('\n',
    [
        $"{session.Id} {session.Nonce} ended={session.IsEnded} {session.EndReason}",
        $"open={session.Conference} closed={Closed(session)} review={session.ReviewNow}",
        .. session.Participants.Select(p => $"{Of(p)} leaving={p.Leaving} muted={p.Muted} hold={p.Hold} at {p.FlagsSequence} "
            + $"earlier={p.EarlierLegs.Length} reconnecting={p.Reconnecting} ringback={p.Ringback}"),
        .. session.Effects.Select(Of).Order(StringComparer.Ordinal),
    ]);

    /// <summary>The facts about a participant, without <see cref="Participant.Leaving"/>. Of two people who hang up at once, the service
    /// counts the one whose webhook comes first, and ends the line of the other.</summary>
    public static string Of(Participant p) =>
        $"{p.Id} {p.Role} {p.Progress} leg={p.Leg} answered={p.Answered} joined={p.EverJoined} gone={ReasonOf(p)}";

    private static LeaveReason? ReasonOf(Participant p) => p.Reason is LeaveReason.CallEnded ? LeaveReason.HungUp : p.Reason;

    private static string Closed(CallSession session) =>
        string.Join(',', session.ClosedConferences.Select(c => c.Value).Order(StringComparer.Ordinal));

    private static string Of(Effect effect) => effect switch
    {
        Effect.Dial dial => $"dial {dial.Participant} {dial.State} {dial.Attempt}",
        Effect.HangUp hangUp => $"hang up {hangUp.Leg} {hangUp.Because}",
        Effect.SetFlags flags => $"flags {flags.Participant} {flags.Muted} {flags.Hold}",
        _ => effect.GetType().Name,
    };
}
