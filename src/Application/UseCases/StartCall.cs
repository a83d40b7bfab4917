using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>An app user places a call: Twilio asks the TwiML App's Voice URL what to do with the caller's leg.</summary>
/// <remarks>The callee is rung after the commit; the answer does not wait for it. The same leg asking again gets the same answer and rings nobody.</remarks>
public sealed record StartCall(SessionId SessionId, CallSid CallerLeg, ClientIdentity Caller, Party Callee) : IRequest<CallReply>, ISessionCommand;

internal sealed class StartCallHandler(ISessionStore sessions, IDialingRules rules, IQuotas quotas, CallTrace trace, CallPolicy policy, TimeProvider clock) : IRequestHandler<StartCall, CallReply>
{
    public async Task<CallReply> Handle(StartCall command, CancellationToken cancellationToken)
    {
        if (command.Callee is Party.Phone phone && rules.WhyNot(phone.Number) is { } because)
            return new CallReply.Refused(because);
        var place = await quotas.TakePlaceAsync(command.Caller, command.SessionId, cancellationToken);
        // Who had no place for it has no such call, and nobody else has, most likely: that is not looked up, since the save compares.
        var loaded = place == Place.Taken && !trace.Keeps(command.SessionId) ? new StoredSession(command.SessionId, null, 0, "") : await sessions.LoadAsync(command.SessionId, cancellationToken);
        var started = new SessionEvent.StartCall(
            command.SessionId, Nonces.Next(), command.CallerLeg, command.Caller, command.Callee, trace.Span?.Id ?? CallsTelemetry.CurrentTraceParent);
        var decision = SessionDecider.Decide(loaded.Session, started, policy, clock.GetUtcNow());
        if (decision.Changed && place == Place.NoneLeft)
            return new CallReply.Refused(RefusalReason.TooManyCalls);
        if (!decision.Changed && !IsLiveAndTheirs(loaded.Session, command.Caller))
            quotas.GivePlaceBack(command.Caller, command.SessionId);
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }

    private static bool IsLiveAndTheirs(CallSession? session, ClientIdentity caller) =>
        session is { IsEnded: false, Caller.Party: Party.Client client } && client.Identity == caller;
}
