using System.Collections.Immutable;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;

namespace Calls.Application;

/// <summary>Looks at one session that is due: runs the effects that nobody has finished, and asks Twilio what became of the call where it is time to.</summary>
public sealed class SessionReviewer(
    ISender mediator, ISessionStore sessions, IDueSessions due, IVoiceGateway gateway, EffectExecutor executor, CallPolicy policy, TimeProvider clock)
{
    public async Task LookAtAsync(SessionId id, CancellationToken cancellationToken)
    {
        var stored = await sessions.LoadAsync(id, cancellationToken);
        var (session, now) = (stored.Session, clock.GetUtcNow());
        var effects = session is null ? [] : Deadlines.DueEffects(session, policy, now).ToList();
        foreach (var effect in effects)
            await executor.RunAsync(session!, effect, cancellationToken);
        var observation = session is not null && Deadlines.ReviewIsDue(session, policy, now) ? await ObserveAsync(session, cancellationToken) : null;
        if (observation is not null)
            await mediator.Send(new SessionObserved(id, observation), cancellationToken);
        else if (effects.Count == 0)
            await due.RescheduleAsync(stored, cancellationToken);
    }

    /// <summary>Null where Twilio did not answer everything that was asked: half a picture ends no call.</summary>
    private async Task<Observation?> ObserveAsync(CallSession session, CancellationToken cancellationToken)
    {
        if (await gateway.ListConferencesAsync(session.Room, cancellationToken) is not GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted { Value: var conferences })
            return null;
        var conference = conferences.FirstOrDefault(c => !c.Completed)?.Sid;
        var inTheRoom = ImmutableArray<CallSid>.Empty;
        if (conference is not null)
        {
            switch (await gateway.ListParticipantsAsync(conference, cancellationToken))
            {
                case GatewayOutcome<IReadOnlyList<ParticipantView>>.Accepted { Value: var participants }:
                    inTheRoom = [.. participants.Where(p => p.Connected).Select(p => p.CallSid)];
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
                legs.Add(new ObservedLeg(leg, Progress.Answered, null));
            else if (await FetchAsync(leg, cancellationToken) is { } seen)
                legs.Add(seen);
            else
                return null;
        }

        return new Observation(session.Room, conference, inTheRoom, legs.ToImmutable());
    }

    private async Task<ObservedLeg?> FetchAsync(CallSid leg, CancellationToken cancellationToken) => await gateway.FetchCallAsync(leg, cancellationToken) switch
    {
        GatewayOutcome<CallView>.Accepted { Value: var call } => LegStatuses.Seen(call),
        GatewayOutcome<CallView>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver } => new ObservedLeg(leg, Progress.Gone, GoneBecause.Unreachable),
        _ => null,
    };
}
