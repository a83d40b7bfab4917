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
        var loading = sessions.LoadAsync(command.SessionId, cancellationToken);
        var placing = quotas.TakePlaceAsync(command.Caller, command.SessionId, cancellationToken);
        await Task.WhenAll(loading, placing);
        var (loaded, place) = (await loading, await placing);
        var started = new SessionEvent.CallStarted(
            command.SessionId, Nonces.Next(), command.CallerLeg, command.Caller, command.Callee, trace.Span?.Id ?? CallsTelemetry.CurrentTraceParent);
        var decision = SessionDecider.Decide(loaded.Session, started, policy, clock.GetUtcNow());
        if (decision.Changed && place == Place.NoneLeft)
            return new CallReply.Refused(RefusedBecause.TooManyCalls);
        if (!decision.Changed && place == Place.Taken)
            quotas.GivePlaceBack(command.Caller, command.SessionId);
        await sessions.SaveAsync(loaded, decision, cancellationToken);
        return decision.Reply;
    }
}
