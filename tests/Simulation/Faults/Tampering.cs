using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;

namespace Calls.Simulation.Faults;

/// <summary>Changes the session that a use case reads. This adds a defect to a decision without changing the decision code.</summary>
internal sealed class Tampering
{
    public Func<CallSession, CallSession>? Change { get; set; }
}

/// <summary>The session that the next use case reads, if the world has that <see cref="Bug"/>.</summary>
internal sealed class TamperBefore<TRequest, TResponse>(Tampering tampering, BugSwitch bugs) : IPipelineBehavior<TRequest, TResponse>
    where TRequest : notnull
{
    public Task<TResponse> Handle(TRequest request, RequestHandlerDelegate<TResponse> next, CancellationToken cancellationToken)
    {
        tampering.Change = (bugs.Bug, request) switch
        {
            (Bug.NoSecondSidCheck, LegProgressed progressed) => session => WithLeg(session, progressed.Participant, progressed.Leg),
            (Bug.NoSecondSidCheck, JoinCall join) => session => WithLeg(session, join.Participant, join.Leg),
            (Bug.JoinAfterLeaveCounted, ParticipantJoined joined) => session => BackOnTheLine(session, joined.Leg),
            _ => null,
        };
        return next();
    }

    private static CallSession WithLeg(CallSession session, ParticipantId id, CallSid leg) =>
        session.Find(id) is { Leg: not null } participant && participant.Leg != leg
        ? session with { Participants = session.Participants.Replace(participant, participant with { Leg = leg }) }
        : session;

    private static CallSession BackOnTheLine(CallSession session, CallSid leg) =>
        session.Find(leg) is { Progress: Progress.Gone } participant
        ? session with
        {
            Participants = session.Participants.Replace(participant, participant with { Progress = Progress.Answered, Gone = null }),
        }
        : session;
}

/// <summary>The defect of a replica.</summary>
internal sealed record BugSwitch(Bug Bug);

/// <summary>The store, as a use case with a defect reads it.</summary>
internal sealed class TamperedStore(ISessionStore real, Tampering tampering) : ISessionStore
{
    public async Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken)
    {
        var stored = await real.LoadAsync(id, cancellationToken);
        return stored.Session is { } session && tampering.Change is { } change ? stored with { Session = change(session) } : stored;
    }

    public Task<bool> IsCurrentAsync(StoredSession seen, CancellationToken cancellationToken) =>
        real.IsCurrentAsync(seen, cancellationToken);

    public Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken) =>
        real.SaveAsync(loaded, decision, cancellationToken);
}
