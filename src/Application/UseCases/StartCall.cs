namespace Calls.Application.UseCases;

/// <summary>An app user places a call: Twilio asks the Voice URL of the TwiML App what to do with the caller's leg.</summary>
/// <remarks>The callee is rung after the commit; the answer does not wait for it. The same leg asking again gets the same answer, and no
/// phone rings.</remarks>
/// <param name="SessionId">The app's id of the call.</param>
/// <param name="CallerLeg">The caller's leg.</param>
/// <param name="Caller">From Twilio's <c>From</c>, which the access token vouches for.</param>
/// <param name="Callee">The app user or phone to ring.</param>
/// <param name="TraceParent">W3C trace context of the request: the whole call becomes part of this trace. Null where nothing is
/// traced.</param>
public sealed record StartCall(
    SessionId SessionId, CallSid CallerLeg, ClientIdentity Caller, Party Callee, string? TraceParent) : ISessionCommand
{
    public SessionEvent ToEvent() => new SessionEvent.StartCall(SessionId, Nonces.Next(), CallerLeg, Caller, Callee, TraceParent);
}

internal sealed class StartCallHandler(
    SessionTransaction transaction, IDialingRules rules, IQuotas quotas) : IRequestHandler<StartCall, Decision>
{
    public Task<Decision> Handle(StartCall request, CancellationToken cancellationToken)
    {
        var asked = request.ToEvent();
        return request.Callee is Party.Phone phone && rules.WhyNot(phone.Number) is { } reason
            ? Task.FromResult(Decision.Refuse(asked, null, reason))
            : transaction.RunAsync(
                request.SessionId, LoadOption.AssumeNew, stored => transaction.Decide(stored, asked), cancellationToken,
                new PlaceOfCaller(request, quotas));
    }

    /// <summary>One of the calls that a person may have placed at once.</summary>
    private sealed class PlaceOfCaller(StartCall request, IQuotas quotas) : Quota
    {
        protected override async Task<CallReply.Refused?> TakeOnceAsync(CancellationToken cancellationToken) =>
            await quotas.TakePlaceAsync(request.Caller, request.SessionId, cancellationToken)
                ? null
                : new CallReply.Refused(RefusalReason.TooManyCalls);

        /// <summary>A repeated webhook keeps the place of its call while that call goes on.</summary>
        protected override Task GiveBackOnceAsync(CallSession? session)
        {
            if (session is not { IsEnded: false, Caller.Party: Party.Client caller } || caller.Identity != request.Caller)
                quotas.GivePlaceBack(request.Caller, request.SessionId);
            return Task.CompletedTask;
        }
    }
}
