namespace Calls.Infrastructure.Webhooks;

/// <summary>How far a receiver knows a call.</summary>
internal enum Stage
{
    Nothing = 0,
    Started = 1,
    Answered = 2,
    Ended = 3,
}

/// <summary>What a receiver was told about a call, and how the delivery goes. It is stored beside the session, and what must be sent
/// follows from both.</summary>
/// <param name="Nonce">The call. A later call can have the same session id.</param>
/// <param name="Version">The version that was delivered last.</param>
/// <param name="Stage">How far the receiver knows the call.</param>
/// <param name="Failures">The failed attempts since the last delivery.</param>
/// <param name="FailingSince">The first of them, in Unix milliseconds.</param>
internal sealed record Told(string Nonce, long Version, Stage Stage, int Failures, long FailingSince)
{
    public static Told Parse(string? text, string nonce) =>
        text?.Split(' ') is [var call, var version, var stage, var failures, var since] && call == nonce
        && long.TryParse(version, CultureInfo.InvariantCulture, out var told)
        && int.TryParse(stage, CultureInfo.InvariantCulture, out var reached)
        && int.TryParse(failures, CultureInfo.InvariantCulture, out var failed)
        && long.TryParse(since, CultureInfo.InvariantCulture, out var began)
            ? new Told(call, told, (Stage)reached, failed, began)
            : new Told(nonce, 0, Stage.Nothing, 0, 0);

    public string Write() => string.Create(CultureInfo.InvariantCulture, $"{Nonce} {Version} {(int)Stage} {Failures} {FailingSince}");

    /// <summary>The type of the next event: the first one of the state that the receiver wants and does not know. Null: it wants none.
    /// </summary>
    public string? NextType(CallSession session, EventReceiver receiver) =>
        session.IsEnded ? receiver.Wants(EventTypes.Ended) ? EventTypes.Ended : null
        : session.AnsweredAt is not null && Stage < Stage.Answered && receiver.Wants(EventTypes.Answered) ? EventTypes.Answered
        : Stage < Stage.Started && receiver.Wants(EventTypes.Started) ? EventTypes.Started
        : receiver.Wants(EventTypes.Changed) ? EventTypes.Changed : null;

    /// <summary>The receiver knows this whole state, or never will: nothing of it is left to send.</summary>
    public static Told Whole(CallSession session, long version) => new(session.Nonce, version, StageOf(session), 0, 0);

    public Told Failed(DateTimeOffset now) =>
        this with { Failures = Failures + 1, FailingSince = Failures == 0 ? now.ToUnixTimeMilliseconds() : FailingSince };

    /// <summary>Whether the event was tried long enough. The time counts from the first failure, and for an end from the end too.</summary>
    public bool IsHopeless(CallSession session, TimeSpan giveUpAfter, DateTimeOffset now) =>
        Failures > 0 && Latest(DateTimeOffset.FromUnixTimeMilliseconds(FailingSince), session.EndedAt) + giveUpAfter <= now;

    private static DateTimeOffset Latest(DateTimeOffset one, DateTimeOffset? other) => other > one ? other.Value : one;

    private static Stage StageOf(CallSession session) =>
        session.IsEnded ? Stage.Ended : session.AnsweredAt is not null ? Stage.Answered : Stage.Started;
}
