using System.Collections.Immutable;

namespace Calls.Application.Reviews;

/// <summary>Looks at one session that is due: ends a call that has lasted for the maximum duration, runs the effects whose lease has run
/// out, and compares the call with Twilio when its review is due.</summary>
public sealed class SessionReviewer(
    ISender mediator,
    ISessionStore sessions,
    IDueSessions due,
    IVoiceGateway gateway,
    EffectExecutor executor,
    ReviewSlots slots,
    CallsTelemetry telemetry,
    IDialPace pace,
    CallPolicy policy,
    TimeProvider clock)
{
    public async Task LookAtAsync(SessionId id, CancellationToken cancellationToken)
    {
        var stored = await sessions.LoadAsync(id, cancellationToken);
        var (session, now) = (stored.Session, clock.GetUtcNow());
        if (session is not null && Deadlines.MaxDurationHasPassed(session, policy, now))
        {
            using var end = CallsTelemetry.Review(session);
            await mediator.Send(new MaxDurationPassed(id), cancellationToken);
            return;
        }

        if (session is not null && Deadlines.RejoinGraceHasPassed(session, policy, now))
        {
            using var end = CallsTelemetry.Review(session);
            await mediator.Send(new RejoinGracePassed(id), cancellationToken);
            return;
        }

        if (session is not null && Deadlines.RingTimeHasPassed(session, policy, now))
        {
            using var next = CallsTelemetry.Review(session);
            await mediator.Send(new RingTimePassed(id), cancellationToken);
            return;
        }

        var effects = session is null ? [] : Deadlines.DueEffects(session, policy, now).ToList();
        var isDue = session is not null && Deadlines.ReviewIsDue(session, policy, now);
        using var span = isDue || effects.Count > 0 ? CallsTelemetry.Review(session!) : null;
        // The kinds run beside each other, so that ending a line never waits behind a mute.
        await Task.WhenAll(effects.GroupBy(effect => effect.GetType()).Select(kind => RunAsync(stored, kind, now, cancellationToken)));
        if (isDue)
            await ReviewAsync(stored, session!, hadEffects: effects.Count > 0, cancellationToken);
        else if (effects.Count == 0)
        {
            var index = session is null ? null : Deadlines.PutOffForeign(session, policy, now);
            await due.RescheduleAsync(stored with { Session = index }, cancellationToken);
        }
    }

    private async Task RunAsync(StoredSession stored, IEnumerable<Effect> effects, DateTimeOffset now, CancellationToken cancellationToken)
    {
        foreach (var effect in effects)
            if (!await MustWaitAsync(stored.Session!, effect, now, cancellationToken))
                await executor.RunAsync(stored, effect, cancellationToken);
    }

    /// <summary>Compares the call with Twilio, if the service can ask Twilio now. Otherwise the index gets a later time.</summary>
    private async Task ReviewAsync(StoredSession stored, CallSession session, bool hadEffects, CancellationToken cancellationToken)
    {
        if (!slots.TryEnter(out var expected))
        {
            telemetry.Reviewed("postponed");
            // Effects that were run have set the deadline, or the claim's lease stands.
            if (hadEffects)
                return;
            var postponed = Deadlines.PutOffForeign(session with { ReviewNotBefore = expected }, policy, clock.GetUtcNow());
            await due.RescheduleAsync(stored with { Session = postponed }, cancellationToken);
            return;
        }

        var began = clock.GetTimestamp();
        Observation? observation;
        try
        {
            observation = await ObserveAsync(session, cancellationToken);
        }
        finally
        {
            slots.Leave(clock.GetElapsedTime(began));
        }

        telemetry.Reviewed(observation is null ? "failed" : "compared");
        ISessionReport report = observation is null
            ? new ReviewFailed(session.Id, session.Room, Chance.Jitter())
            : new SessionObserved(session.Id, observation);
        await mediator.Send(report, cancellationToken);
    }

    /// <summary>A planned dial waits for its turn. A dial that is overdue needs no turn, because it is dropped.</summary>
    private async Task<bool> MustWaitAsync(CallSession session, Effect effect, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (!pace.IsLimited || effect is not Effect.Dial { State: DialState.Planned } dial
            || session.Find(dial.Participant) is not { } participant || now >= participant.Since + policy.QueueTimeout
            || await pace.TakeTurnAsync(participant.Role, cancellationToken) <= TimeSpan.Zero)
            return false;
        await mediator.Send(new DialPaced(session.Id, session.Nonce, dial.Participant), cancellationToken);
        return true;
    }

    /// <summary>The state of the call at Twilio. Null where one of the requests was not answered: an incomplete observation must not end a
    /// call.</summary>
    private async Task<Observation?> ObserveAsync(CallSession session, CancellationToken cancellationToken)
    {
        var (answered, conference) = await FindConferenceAsync(session, cancellationToken);
        if (!answered)
            return null;
        var asked = clock.GetUtcNow();
        var inTheRoom = ImmutableArray<CallSid>.Empty;
        var flags = ImmutableArray<ObservedFlags>.Empty;
        if (conference is not null)
        {
            switch (await gateway.ListParticipantsAsync(conference, cancellationToken))
            {
                case GatewayOutcome<IReadOnlyList<ParticipantView>>.Accepted { Value: var participants }:
                    inTheRoom = [.. participants.Where(p => p.Connected).Select(p => p.CallSid)];
                    flags = [.. participants.Where(p => p.Connected).Select(p => FlagsOf(session, p, asked)).OfType<ObservedFlags>()];
                    break;
                case GatewayOutcome<IReadOnlyList<ParticipantView>>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver }:
                    conference = null;
                    break;
                default:
                    return null;
            }
        }

        var legs = ImmutableArray.CreateBuilder<ObservedLeg>();
        foreach (var leg in session.Participants.Where(p => p is { Leg: not null, Progress: not Progress.Gone }).Select(p => p.Leg!))
        {
            if (inTheRoom.Contains(leg))
                legs.Add(await NamedAsync(session, leg, cancellationToken));
            else if (await FetchAsync(session, leg, cancellationToken) is { } seen)
                legs.Add(seen);
            else
                return null;
        }

        return new Observation(session.Room, conference, inTheRoom, legs.ToImmutable()) { Flags = flags };
    }

    /// <summary>Null where a change is under way or was just made: Twilio's list may be older than the change, or newer.</summary>
    private ObservedFlags? FlagsOf(CallSession session, ParticipantView seen, DateTimeOffset asked) =>
        session.Find(seen.CallSid) is { } participant
        && session.FindEffect<Effect.SetFlags>(f => f.Participant == participant.Id) is null
        && !(participant.FlagsAt > asked - policy.ReadLag)
            ? new ObservedFlags(seen.CallSid, participant.FlagsMark, seen.Muted, seen.Hold)
            : null;

    /// <summary>The known conference, if it is still open. Otherwise the conference that is open under the name of the room. The list may
    /// lag behind, and have a conference as open that is known to be over.</summary>
    private async Task<(bool Answered, ConferenceSid? Conference)> FindConferenceAsync(
        CallSession session, CancellationToken cancellationToken)
    {
        if (session.Conference is { } known)
        {
            switch (await gateway.FetchConferenceAsync(known, cancellationToken))
            {
                case GatewayOutcome<ConferenceView>.Accepted { Value.Completed: false }:
                    return (true, known);
                case GatewayOutcome<ConferenceView>.Accepted:
                case GatewayOutcome<ConferenceView>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver }:
                    break;
                default:
                    return (false, null);
            }
        }

        var answer = await gateway.ListConferencesAsync(session.Room, cancellationToken);
        return answer is GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted { Value: var conferences }
            ? (true, conferences.FirstOrDefault(c =>
                !c.Completed && c.Sid != session.Conference && !session.ClosedConferences.Contains(c.Sid))?.Sid)
            : (false, null);
    }

    /// <summary>A leg that is in the room. The call is asked for if the session does not know its address.</summary>
    private async Task<ObservedLeg> NamedAsync(CallSession session, CallSid leg, CancellationToken cancellationToken)
    {
        var seen = new ObservedLeg(leg, Progress.Answered, null);
        return session.Find(leg) is { Party: Party.Unknown }
            && await gateway.FetchCallAsync(leg, cancellationToken) is GatewayOutcome<CallView>.Accepted { Value: var call }
            ? seen with { Party = Seen(session, call).Party }
            : seen;
    }

    /// <summary>A session that was built again learns the addresses that it does not know.</summary>
    private static ObservedLeg Seen(CallSession session, CallView call) => LegStatuses.Seen(call) with
    {
        Party = session.Find(call.Sid) is { Party: Party.Unknown } participant ? LegStatuses.PartyOf(participant.Id, call) : null,
    };

    /// <remarks>A leg that is not found has gone, but not a leg whose state is so new that the answer can be older.</remarks>
    private async Task<ObservedLeg?> FetchAsync(CallSession session, CallSid leg, CancellationToken cancellationToken) =>
        await gateway.FetchCallAsync(leg, cancellationToken) switch
        {
            GatewayOutcome<CallView>.Accepted { Value: var call } => Seen(session, call),
            GatewayOutcome<CallView>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver } =>
                session.Find(leg)!.Since > clock.GetUtcNow() - policy.UnknownDialPatience
                    ? new ObservedLeg(leg, Progress.Dialing, null)
                    : new ObservedLeg(leg, Progress.Gone, LeaveReason.Unreachable),
            _ => null,
        };
}
