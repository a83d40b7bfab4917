using System.Diagnostics;

namespace Calls.Application.Effects;

/// <summary>Runs one effect of a stored session at Twilio. Twilio's answer becomes one more event of the session.</summary>
/// <remarks>Two replicas may run the same effect, and it may run again after a crash. A dial is claimed first, so only one replica sends
/// it. To end something that has ended is a success.</remarks>
public sealed partial class EffectExecutor(
    ISender mediator,
    IVoiceGateway gateway,
    IStoreMemory memory,
    ILegOwners owners,
    ICallerNotices notices,
    IDialingRules rules,
    IGroupResolver groups,
    CallPolicy policy,
    DialOutcomes outcomes,
    CallsTelemetry telemetry,
    CallLog log,
    TimeProvider clock,
    ILogger<EffectExecutor> logger)
{
    private static readonly TimeSpan ClockSlack = TimeSpan.FromSeconds(2);
    /// <summary>The clock of the replica that sent the dial may be five seconds ahead of Twilio's, and Twilio's dates have whole
    /// seconds.</summary>
    private static readonly TimeSpan DateSlack = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan SettlePause = TimeSpan.FromMilliseconds(500);

    /// <param name="stored">The session as this replica last read or wrote it. Decisions are made on the stored session.</param>
    /// <param name="effect">One of its effects.</param>
    /// <param name="cancellationToken">Counts until the request is sent, not after.</param>
    public async Task RunAsync(StoredSession stored, Effect effect, CancellationToken cancellationToken)
    {
        var session = stored.Session ?? throw new ArgumentException("A session that is not stored has no effects", nameof(stored));
        using var span = CallsTelemetry.Effect(effect, session.Id, session.TraceParent);
        var delay = clock.GetUtcNow() - session.TouchedAt;
        var outcome = effect switch
        {
            Effect.Dial { State: DialState.Planned } dial => await DialAsync(session, dial, cancellationToken),
            Effect.Dial dial => await LookUpAsync(session, dial, cancellationToken),
            Effect.HangUp { Because: { } because } tone when Tones.Of(because) is not null =>
                await PlayToneAsync(session, tone, because, cancellationToken),
            Effect.HangUp hangUp => await HangUpAsync(session, hangUp, cancellationToken),
            Effect.SetFlags flags => await SetFlagsAsync(session, flags, cancellationToken),
            Effect.ResolveGroup group => await ResolveAsync(session, group, cancellationToken),
            _ => throw new UnreachableException($"No execution for {effect.GetType().Name}"),
        };
        telemetry.Ran(effect, outcome, delay);
        span?.SetTag("calls.outcome", outcome);
        Log.Ran(logger, effect.GetType().Name, outcome, effect.Attempt + 1);
    }

    private async Task<string> DialAsync(CallSession session, Effect.Dial dial, CancellationToken cancellationToken)
    {
        if (await mediator.Send(new ClaimDial(session.Id, session.Nonce, dial.Participant),
            cancellationToken) is not { Reply: CallReply.DialGranted granted })
            return "not granted";
        var (current, participant) = (granted.Session, granted.Participant);
        if (participant.Party is Party.Phone && await WhyNotAsync(current, cancellationToken) is { } withheld)
        {
            telemetry.Dials.Withheld(withheld);
            return await SettleAsync(current, dial, granted.Attempt, withheld);
        }

        if (memory.SuspectFor is { } time && await FindForgottenAsync(current, participant, time, cancellationToken) is { } forgotten)
            return await SettleAsync(current, dial, granted.Attempt, forgotten);
        var ringTime = policy.RingTimeOf(participant);
        // The request is finished whatever happens to this process's token: the outcome of a cancelled create would be unknown.
        var sent = !participant.HasAnswerUrl
            ? await gateway.CreateParticipantAsync(
                new OutboundParticipant(
                    current.Id, current.Nonce, participant.Id, participant.Party, CallerOf(current), current.Conference!,
                    ringTime)
                {
                    MaxDuration = policy.MaxDuration,
                    TraceParent = current.TraceParent,
                    Muted = current.WillBeMuted(participant.Id),
                },
                CancellationToken.None)
            : await gateway.CreateCallAsync(
                new OutboundCall(current.Id, current.Nonce, participant.Id, participant.Party, CallerOf(current), ringTime)
                {
                    MaxDuration = policy.MaxDuration,
                    TraceParent = current.TraceParent,
                    MachineDetection = participant.Screen != Screening.Machine ? MachineDetection.Off
                        : policy.LeavesMessage ? MachineDetection.DetectMessageEnd : MachineDetection.Enable,
                },
                CancellationToken.None);
        telemetry.Dials.Answered(sent);
        DialOutcome outcome = sent switch
        {
            GatewayOutcome<CallSid>.Accepted accepted => new DialOutcome.Accepted(accepted.Value),
            GatewayOutcome<CallSid>.NotSent stopped => new DialOutcome.NotSent(stopped.RetryAfter),
            GatewayOutcome<CallSid>.Refused { Meaning: Refusal.NotProcessed } refused => new DialOutcome.NotSent(refused.RetryAfter),
            GatewayOutcome<CallSid>.Refused { Meaning: Refusal.LabelInUse } => new DialOutcome.Unknown(),
            GatewayOutcome<CallSid>.Refused refused => new DialOutcome.Refused(refused.Code),
            _ => new DialOutcome.Unknown(),
        };
        if (participant.Party is Party.Phone rung && outcome is DialOutcome.Accepted or DialOutcome.Unknown)
            telemetry.Dialed(rules.RegionOf(rung.Number));
        return await SettleAsync(current, dial, granted.Attempt, outcome);
    }

    /// <summary>Why a phone is not rung now; null where it is. If the service has heard nothing of the call for a while, or if Redis may
    /// have lost the mark of an earlier call, it asks Twilio whether the call exists: the session may come from a replayed webhook.
    /// </summary>
    private async Task<DialOutcome?> WhyNotAsync(CallSession session, CancellationToken cancellationToken)
    {
        if (rules.IsStopped)
            return new DialOutcome.Stopped();
        if (clock.GetUtcNow() - session.HeardAt <= policy.Silence && memory.SuspectFor is null)
            return null;
        if (session.OnTheLine is not { Leg: { } leg })
            return new DialOutcome.CallIsGone();
        return await gateway.FetchCallAsync(leg, cancellationToken) switch
        {
            GatewayOutcome<CallView>.Accepted { Value: var call } =>
                LegStatuses.ProgressOf(call.Status) == Progress.Gone ? new DialOutcome.CallIsGone() : null,
            GatewayOutcome<CallView>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver } => new DialOutcome.CallIsGone(),
            _ => new DialOutcome.NotSent(null),
        };
    }

    /// <summary>The outcome of this dial is unknown: look for the call, adopt it if it exists, and send nothing.</summary>
    private async Task<string> LookUpAsync(CallSession session, Effect.Dial dial, CancellationToken cancellationToken)
    {
        if (session.Find(dial.Participant) is not { } participant)
            return "settled";
        var found = await FindAsync(session, participant, dial.SentAt ?? session.StartedAt, cancellationToken);
        return await SettleAsync(session, dial, dial.Attempt, found);
    }

    /// <summary>Redis says that the dial was never sent, but Redis may have lost writes. Null means that Twilio knows no such call, so the
    /// dial may be sent. A dial that Redis can have forgotten just now may be missing from Twilio's answer.</summary>
    private async Task<DialOutcome?> FindForgottenAsync(
        CallSession session, Participant participant, TimeSpan suspectFor, CancellationToken cancellationToken) =>
        await FindAsync(session, participant, participant.Since, cancellationToken) switch
        {
            DialOutcome.NotFound when suspectFor < policy.ReadLag && participant.Since <= clock.GetUtcNow() - suspectFor + ClockSlack =>
                new DialOutcome.NotSent(policy.ReadLag - suspectFor),
            DialOutcome.NotFound => null,
            DialOutcome.LookUpFailed => new DialOutcome.NotSent(null),
            var found => found,
        };

    /// <remarks>The leg of a guest that is added to the room has the participant's label, but only within its conference. Without the
    /// conference it cannot be found.</remarks>
    private async Task<DialOutcome> FindAsync(
        CallSession session, Participant participant, DateTimeOffset since, CancellationToken cancellationToken) =>
        participant.HasAnswerUrl
            ? IsAddressKnown(session, participant)
                ? await FindCallAsync(session, participant, since, cancellationToken) : new DialOutcome.LookUpFailed()
        : session.Conference is { } conference ? await FindGuestAsync(conference, participant, cancellationToken)
        : new DialOutcome.LookUpFailed();

    /// <remarks>Twilio may not find a label whose phone still rings. The list of participants has the label then too.</remarks>
    private async Task<DialOutcome> FindGuestAsync(ConferenceSid conference, Participant guest, CancellationToken cancellationToken) =>
        await gateway.FetchParticipantAsync(conference, guest.Id, cancellationToken) switch
        {
            GatewayOutcome<ParticipantView>.Accepted { Value: var view } => new DialOutcome.Accepted(view.CallSid),
            GatewayOutcome<ParticipantView>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver } =>
                await FindListedGuestAsync(conference, guest, cancellationToken),
            _ => new DialOutcome.LookUpFailed(),
        };

    private async Task<DialOutcome> FindListedGuestAsync(
        ConferenceSid conference, Participant guest, CancellationToken cancellationToken) =>
        await gateway.ListParticipantsAsync(conference, cancellationToken) switch
        {
            GatewayOutcome<IReadOnlyList<ParticipantView>>.Accepted { Value: var listed } =>
                listed.FirstOrDefault(view => view.Label == guest.Id.Value) is { } view
                    ? new DialOutcome.Accepted(view.CallSid)
                    : new DialOutcome.NotFound(),
            GatewayOutcome<IReadOnlyList<ParticipantView>>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver } =>
                new DialOutcome.NotFound(),
            _ => new DialOutcome.LookUpFailed(),
        };

    /// <summary>A Call resource has no name of ours. A call is adopted only where it is the one call between these addresses at that time
    /// that no other participant owns. A call that has ended counts too: it can be this dial.</summary>
    private async Task<DialOutcome> FindCallAsync(
        CallSession session, Participant participant, DateTimeOffset sentAt, CancellationToken cancellationToken)
    {
        var (to, from) = gateway.AddressesOf(participant.Party, session.Id, CallerOf(session));
        var answer = await gateway.ListCallsAsync(to, from, sentAt, cancellationToken);
        if (answer is not GatewayOutcome<IReadOnlyList<CallView>>.Accepted { Value: var calls })
            return new DialOutcome.LookUpFailed();
        var legs = calls.Where(c => c.DateCreated >= sentAt - DateSlack && c.DateCreated <= sentAt + policy.EffectLease)
            .Select(c => c.Sid).ToList();
        return await WithoutForeignAsync(legs, new LegOwner(session.Id, session.Nonce, participant.Id), cancellationToken) switch
        {
            [var only] => new DialOutcome.Accepted(only),
            [] => new DialOutcome.NotFound(),
            _ => new DialOutcome.LookUpFailed(),
        };
    }

    /// <summary>The legs that no other participant owns; null where Redis did not say so.</summary>
    private async Task<List<CallSid>?> WithoutForeignAsync(List<CallSid> legs, LegOwner owner, CancellationToken cancellationToken)
    {
        try
        {
            var foreign = await Task.WhenAll(legs.Select(leg => owners.IsOfAnotherAsync(leg, owner, cancellationToken)));
            return [.. legs.Where((_, i) => !foreign[i])];
        }
        catch (SessionStoreUnavailableException)
        {
            return null;
        }
    }

    private async Task<string> HangUpAsync(CallSession session, Effect.HangUp hangUp, CancellationToken cancellationToken)
    {
        var answer = await gateway.CompleteCallAsync(hangUp.Leg, cancellationToken);
        var outcome = OutcomeOf(answer);
        LogRefusal(session, hangUp, hangUp.Leg, answer);
        // Twilio sends no status callback for a call that is canceled in its queue (twilio.com/docs/voice/api/call-resource).
        // Twilio may have reported that it dials this call, although the call waited (docs/emulator.md).
        if (answer is GatewayOutcome<CallView>.Accepted { Value.Status: LegStatus.Canceled }
            && session.Find(hangUp.Leg) is { Progress: Progress.Dialing })
            outcome = EffectOutcome.AlreadyOver;
        // The leg's own webhook reports in a moment that the leg is over. If that webhook is lost, the hang-up is still stored when its
        // lease runs out, and is sent again. A leg that belongs to no participant, or to one who is gone, has no such webhook, so its
        // hang-up is settled here.
        if (outcome is not EffectOutcome.Done || session.Find(hangUp.Leg) is null or { Progress: Progress.Gone })
            await mediator.Send(new HangUpSettled(session.Id, hangUp.Leg, outcome), CancellationToken.None);
        return outcome.ToString();
    }

    /// <summary>The caller hears why the callee was not reached. The answer decides whether the leg is hung up now or after the tone.
    /// </summary>
    private async Task<string> PlayToneAsync(
        CallSession session, Effect.HangUp tone, LeaveReason because, CancellationToken cancellationToken)
    {
        var answer = await gateway.RedirectCallAsync(tone.Leg, notices.TwimlOf(because, session.Language), cancellationToken);
        LogRefusal(session, tone, tone.Leg, answer);
        var outcome = OutcomeOf(answer);
        await mediator.Send(new ToneSettled(session.Id, tone.Leg, outcome), CancellationToken.None);
        return outcome == EffectOutcome.Done ? "Told" : "NotTold";
    }

    /// <summary>Asks for the candidates of the group that was called. After the queue time-out the caller does not wait any more.</summary>
    private async Task<string> ResolveAsync(CallSession session, Effect.ResolveGroup group, CancellationToken cancellationToken)
    {
        var answer = clock.GetUtcNow() < session.StartedAt + policy.QueueTimeout
            ? await groups.AskAsync(group.Group, session, cancellationToken) : new GroupAnswer("Overdue", null);
        await mediator.Send(new GroupResolved(session.Id, session.Nonce, answer.Members), CancellationToken.None);
        return answer.Outcome;
    }

    private async Task<string> SetFlagsAsync(CallSession session, Effect.SetFlags flags, CancellationToken cancellationToken)
    {
        if (session is not { Conference: { } conference } || session.Find(flags.Participant) is not { Leg: { } leg } participant)
            return "waits";
        var answer = await gateway.UpdateParticipantAsync(
            conference, leg, flags.Muted, flags.Hold, participant.Ringback == RingbackState.Plays, cancellationToken);
        var outcome = OutcomeOf(answer);
        LogRefusal(session, flags, leg, answer);
        SeenFlags? seen = answer is GatewayOutcome<ParticipantView>.Accepted { Value: var view } ? new(view.Muted, view.Hold) : null;
        await mediator.Send(
            new FlagsSettled(session.Id, session.Room, participant.Id, participant.FlagsMark, outcome, seen), CancellationToken.None);
        return outcome.ToString();
    }

    private async Task<string> SettleAsync(CallSession session, Effect.Dial dial, int attempt, DialOutcome outcome)
    {
        if (outcome is DialOutcome.Refused refused)
            log.EffectRefused(session, dial, null, refused.Code);
        await StoreAsync(new DialSettled(session.Id, session.Nonce, dial.Participant, attempt, outcome));
        outcomes.Tell(session.Id, dial.Participant, outcome);
        return outcome.GetType().Name;
    }

    /// <summary>While Redis is away, the outcome is kept for the time of a lease. If it was lost, a dial that was not sent would count as
    /// unknown. It would be looked up, and it would never be sent.</summary>
    private async Task StoreAsync(DialSettled settled)
    {
        for (var start = clock.GetTimestamp(); ; await Task.Delay(SettlePause, clock))
        {
            try
            {
                await mediator.Send(settled, CancellationToken.None);
                return;
            }
            catch (SessionStoreUnavailableException) when (clock.GetElapsedTime(start) < policy.EffectLease)
            {
                // Redis may answer the next request.
            }
        }
    }

    private void LogRefusal<T>(CallSession session, Effect effect, CallSid leg, GatewayOutcome<T> answer)
    {
        if (answer is GatewayOutcome<T>.Refused refused
            && refused.Meaning is not (Refusal.AlreadyOver or Refusal.NotFound or Refusal.NotProcessed))
            log.EffectRefused(session, effect, leg, refused.Code);
    }

    private static EffectOutcome OutcomeOf<T>(GatewayOutcome<T> outcome) => outcome switch
    {
        GatewayOutcome<T>.Accepted => EffectOutcome.Done,
        GatewayOutcome<T>.Refused { Meaning: Refusal.AlreadyOver or Refusal.NotFound } => EffectOutcome.AlreadyOver,
        GatewayOutcome<T>.Refused { Meaning: Refusal.BadRequest } => EffectOutcome.Refused,
        _ => EffectOutcome.TryLater,
    };

    /// <summary>Whether a call to the participant can be found by its addresses. An app user was rung from the caller's address.</summary>
    private static bool IsAddressKnown(CallSession session, Participant participant) =>
        participant.Party is Party.Phone || (participant.Party is Party.Client && CallerOf(session) is not null);

    /// <summary>Null if the session was built again and Twilio did not name the caller.</summary>
    private static Party? CallerOf(CallSession session) => session.Caller.Party is Party.Unknown ? null : session.Caller.Party;

    private static partial class Log
    {
        [LoggerMessage(2001, LogLevel.Debug, "The effect {Kind} was run: {Outcome}, attempt {Attempt}")]
        public static partial void Ran(ILogger logger, string kind, string outcome, int attempt);
    }
}
