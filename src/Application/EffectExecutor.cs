using System.Diagnostics;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;
using Microsoft.Extensions.Logging;

namespace Calls.Application;

/// <summary>Runs one effect of a stored session at Twilio, and feeds what Twilio says back as one more event.</summary>
/// <remarks>May be run twice for the same effect, by two replicas or after a crash: a dial is claimed first and then sent by one alone, and ending what has ended is success.</remarks>
public sealed partial class EffectExecutor(
    ISender mediator, IVoiceGateway gateway, IStoreMemory memory, CallPolicy policy, DialOutcomes outcomes, CallTrace trace, CallsTelemetry telemetry, TimeProvider clock,
    ILogger<EffectExecutor> logger)
{
    /// <param name="stored">The session as this replica last saw it; what is decided is decided on what is stored.</param>
    /// <param name="effect">One of its effects.</param>
    /// <param name="cancellationToken">Stops before a request is sent, never in the middle of one.</param>
    public async Task RunAsync(StoredSession stored, Effect effect, CancellationToken cancellationToken)
    {
        var session = stored.Session ?? throw new ArgumentException("Where nothing is stored there are no effects", nameof(stored));
        using var span = CallsTelemetry.Effect(effect, session.Id, session.TraceParent);
        var delay = clock.GetUtcNow() - session.TouchedAt;
        var outcome = effect switch
        {
            Effect.Dial { State: DialState.Planned } dial => await DialAsync(stored, dial, cancellationToken),
            Effect.Dial dial => await LookUpAsync(session, dial, cancellationToken),
            Effect.HangUp hangUp => await HangUpAsync(session, hangUp, cancellationToken),
            Effect.SetFlags flags => await SetFlagsAsync(session, flags, cancellationToken),
            _ => throw new UnreachableException($"No execution for {effect.GetType().Name}"),
        };
        telemetry.Ran(effect, outcome, delay);
        span?.SetTag("calls.outcome", outcome);
        Log.Ran(logger, effect.GetType().Name, outcome, effect.Attempt + 1);
    }

    private async Task<string> DialAsync(StoredSession stored, Effect.Dial dial, CancellationToken cancellationToken)
    {
        // Written or read a moment ago: claimed as it is, and read again only if somebody else has written since.
        trace.Remember(stored);
        if (await mediator.Send(new ClaimDial(stored.Id, stored.Session!.Nonce, dial.Participant), cancellationToken) is not CallReply.DialGranted granted)
            return "not granted";
        var (current, participant) = (granted.Session, granted.Participant);
        if (memory.IsSuspect && await FindForgottenAsync(current, participant, cancellationToken) is { } forgotten)
            return await SettleAsync(current, dial.Participant, granted.Attempt, forgotten);
        // From here on the request is finished, whatever happens to this process' patience: a cancelled create is an unknown one.
        var sent = participant is { Role: Role.Guest, Party: Party.Phone phone }
            ? await gateway.CreateParticipantAsync(
                new OutboundParticipant(current.Id, current.Nonce, participant.Id, phone.Number, current.Conference!, policy.RingTimeout), CancellationToken.None)
            : await gateway.CreateCallAsync(
                new OutboundCall(current.Id, current.Nonce, participant.Id, participant.Party, CallerOf(current), policy.RingTimeout), CancellationToken.None);
        return await SettleAsync(current, dial.Participant, granted.Attempt, sent switch
        {
            GatewayOutcome<CallSid>.Accepted accepted => new DialOutcome.Accepted(accepted.Value),
            GatewayOutcome<CallSid>.Refused { Meaning: Refusal.NotProcessed } refused => new DialOutcome.NotSent(refused.RetryAfter),
            GatewayOutcome<CallSid>.Refused { Meaning: Refusal.LabelInUse } => new DialOutcome.Unknown(),
            GatewayOutcome<CallSid>.Refused refused => new DialOutcome.Refused(refused.Code),
            _ => new DialOutcome.Unknown(),
        });
    }

    /// <summary>A dial of which nobody knows whether Twilio acted: look, adopt what is found, send nothing.</summary>
    private async Task<string> LookUpAsync(CallSession session, Effect.Dial dial, CancellationToken cancellationToken)
    {
        var participant = session.Find(dial.Participant);
        if (participant is null)
            return "settled";
        return await SettleAsync(session, dial.Participant, dial.Attempt, await FindAsync(session, participant, dial.SentAt ?? session.StartedAt, cancellationToken));
    }

    /// <summary>A dial that the store says was never sent, while the store may have forgotten that it was. Null: Twilio knows nothing of it, and it may be sent.</summary>
    private async Task<DialOutcome?> FindForgottenAsync(CallSession session, Participant participant, CancellationToken cancellationToken) =>
        await FindAsync(session, participant, participant.Since, cancellationToken) switch
        {
            DialOutcome.NotFound => null,
            DialOutcome.LookUpFailed => new DialOutcome.NotSent(null),
            var found => found,
        };

    private async Task<DialOutcome> FindAsync(CallSession session, Participant participant, DateTimeOffset since, CancellationToken cancellationToken) =>
        participant is { Role: Role.Guest } && session.Conference is not null
            ? await FindGuestAsync(session.Conference, participant, cancellationToken)
            : await FindCallAsync(session, participant, since, cancellationToken);

    private async Task<DialOutcome> FindGuestAsync(ConferenceSid conference, Participant guest, CancellationToken cancellationToken) =>
        await gateway.FetchParticipantAsync(conference, guest.Id, cancellationToken) switch
        {
            GatewayOutcome<ParticipantView>.Accepted { Value: var view } => new DialOutcome.Accepted(view.CallSid),
            GatewayOutcome<ParticipantView>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver } => new DialOutcome.NotFound(),
            _ => new DialOutcome.LookUpFailed(),
        };

    /// <summary>A call carries no name of ours, so one is taken only where it is the one call from here to there of that moment.</summary>
    private async Task<DialOutcome> FindCallAsync(CallSession session, Participant participant, DateTimeOffset sentAt, CancellationToken cancellationToken)
    {
        var (to, from) = gateway.AddressesOf(participant.Party, CallerOf(session));
        if (await gateway.ListCallsAsync(to, from, sentAt, cancellationToken) is not GatewayOutcome<IReadOnlyList<CallView>>.Accepted { Value: var calls })
            return new DialOutcome.LookUpFailed();
        var slack = TimeSpan.FromSeconds(2);
        var candidates = calls.Where(c => c.DateCreated >= sentAt - slack && c.DateCreated <= sentAt + policy.EffectLease).ToList();
        return candidates is [var only] ? new DialOutcome.Accepted(only.Sid) : candidates is [] ? new DialOutcome.NotFound() : new DialOutcome.LookUpFailed();
    }

    private async Task<string> HangUpAsync(CallSession session, Effect.HangUp hangUp, CancellationToken cancellationToken)
    {
        var outcome = OutcomeOf(await gateway.CompleteCallAsync(hangUp.Leg, cancellationToken));
        // That a participant's leg has gone, its webhook tells in a moment. If none comes, the hang-up is still there when its lease is out, and is sent again.
        // Of a leg that is nobody's, or that came when its participant had been given up, no webhook would take the hang-up away.
        if (outcome is not EffectOutcome.Done || session.Find(hangUp.Leg) is null or { Progress: Progress.Gone })
            await mediator.Send(new HangUpSettled(session.Id, hangUp.Leg, outcome), CancellationToken.None);
        return outcome.ToString();
    }

    private async Task<string> SetFlagsAsync(CallSession session, Effect.SetFlags flags, CancellationToken cancellationToken)
    {
        var outcome = session is { Conference: { } conference } && session.Find(flags.Participant) is { Leg: { } leg }
            ? OutcomeOf(await gateway.UpdateParticipantAsync(conference, leg, flags.Muted, flags.Hold, cancellationToken))
            : EffectOutcome.AlreadyOver;
        await mediator.Send(new FlagsSettled(session.Id, flags.Participant, flags.Muted, flags.Hold, outcome), CancellationToken.None);
        return outcome.ToString();
    }

    private async Task<string> SettleAsync(CallSession session, ParticipantId participant, int attempt, DialOutcome outcome)
    {
        await mediator.Send(new DialSettled(session.Id, session.Nonce, participant, attempt, outcome), CancellationToken.None);
        outcomes.Tell(session.Id, participant, outcome);
        return outcome.GetType().Name;
    }

    private static EffectOutcome OutcomeOf<T>(GatewayOutcome<T> outcome) => outcome switch
    {
        GatewayOutcome<T>.Accepted => EffectOutcome.Done,
        GatewayOutcome<T>.Refused { Meaning: Refusal.AlreadyOver or Refusal.NotFound } => EffectOutcome.AlreadyOver,
        GatewayOutcome<T>.Refused { Meaning: Refusal.BadRequest } => EffectOutcome.Refused,
        _ => EffectOutcome.TryLater,
    };

    private static ClientIdentity CallerOf(CallSession session) =>
        session.Caller.Party is Party.Client client ? client.Identity : throw new UnreachableException("A caller is an app user");

    private static partial class Log
    {
        [LoggerMessage(2001, LogLevel.Debug, "Effect {Kind} was run: {Outcome}, attempt {Attempt}")]
        public static partial void Ran(ILogger logger, string kind, string outcome, int attempt);
    }
}
