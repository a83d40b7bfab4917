namespace Calls.Domain.Tests.Properties;

/// <summary>A session as text, without what only says when something became known, or when it is to be tried again.</summary>
internal static class Canonical
{
    public static string Of(CallSession session) => string.Join('\n',
    [
        $"{session.Id} {session.Nonce} ended={session.IsEnded} {session.EndReason}",
        $"open={session.Conference} closed={string.Join(',', session.ClosedConferences.Select(c => c.Value).Order(StringComparer.Ordinal))} review={session.ReviewNow}",
        .. session.Participants.Select(p => $"{Of(p)} leaving={p.Leaving} muted={p.Muted} hold={p.Hold} at {p.FlagsSequence}"),
        .. session.Effects.Select(Of).Order(StringComparer.Ordinal),
    ]);

    /// <summary>What is known of a person, without who it was that wanted the leg to end.</summary>
    public static string Of(Participant p) => $"{p.Id} {p.Role} {p.Progress} leg={p.Leg} answered={p.Answered} joined={p.EverJoined} gone={p.Gone}";

    private static string Of(Effect effect) => effect switch
    {
        Effect.Dial dial => $"dial {dial.Participant} {dial.State} {dial.Attempt}",
        Effect.HangUp hangUp => $"hang up {hangUp.Leg}",
        Effect.SetFlags flags => $"flags {flags.Participant} {flags.Muted} {flags.Hold}",
        _ => effect.GetType().Name,
    };
}
