namespace Calls.Application.UseCases;

/// <summary>An app user places a call, or a person calls a number of the account from a phone: Twilio asks the Voice URL of the TwiML App
/// or of the number what to do with the caller's leg.</summary>
/// <remarks>The callee is rung after the commit; the answer does not wait for it. The same leg asking again gets the same answer, and no
/// phone rings. A person who is or was on the live call of this id comes back to it instead, and rings no phone.</remarks>
/// <param name="SessionId">The app's id of the call.</param>
/// <param name="CallerLeg">The caller's leg.</param>
/// <param name="Caller">From Twilio's <c>From</c>. The access token vouches for an app user. Unknown: a phone that withholds its
/// number.</param>
/// <param name="Callee">The app user or phone to ring. Unknown: a group is called.</param>
/// <param name="TraceParent">W3C trace context of the request: the whole call becomes part of this trace. Null where nothing is
/// traced.</param>
public sealed record StartCall(
    SessionId SessionId, CallSid CallerLeg, Party Caller, Party Callee, string? TraceParent) : ISessionCommand
{
    /// <summary>The language of the words that the people of this call hear. Null: the configured language.</summary>
    public Language? Language { get; init; }

    /// <summary>The group that is called. The callee is then <see cref="Party.Unknown"/>.</summary>
    public CalledGroup? Group { get; init; }

    /// <summary>Whose quota a call uses: the identity or the number of the caller. No identity begins with <c>+</c>. Null for a withheld
    /// number: many people share it, so that no limit of one person fits.</summary>
    public static string? OwnerOf(Party caller) => caller switch
    {
        Party.Client client => client.Identity.Value,
        Party.Phone phone => phone.Number.Value,
        _ => null,
    };

    public SessionEvent ToEvent() =>
        new SessionEvent.StartCall(SessionId, Nonces.Next(), CallerLeg, Caller, Callee, TraceParent)
        {
            Language = Language,
            Group = Group,
        };
}

internal sealed class StartCallHandler(
    SessionTransaction transaction, IDialingRules rules, IQuotas quotas) : IRequestHandler<StartCall, Decision>
{
    public Task<Decision> Handle(StartCall request, CancellationToken cancellationToken)
    {
        var members = request.Group?.Members;
        var allowed = members is null ? null : rules.Allowed(members);
        var ringsNone = members?.Candidates.IsEmpty is false && allowed!.Candidates.IsEmpty;
        var asked = (ringsNone || allowed is null ? request : request with { Group = request.Group! with { Members = allowed } }).ToEvent();
        return transaction.RunAsync(
            request.SessionId, LoadOption.AssumeNew, DecideOn, cancellationToken, new PlacedCall(request, rules, quotas));

        // A repeated webhook gets the answer of its call, also if the rules have changed since. A person who comes back rings no phone.
        Decision DecideOn(StoredSession stored)
        {
            var decision = transaction.Decide(stored, asked);
            // If none of the members of a group can be rung, the caller hears the reason of the first one.
            var called = ringsNone ? members!.Candidates[0] : request.Callee;
            return IsNewCall(decision) && called is Party.Phone phone && rules.WhyNot(phone.Number) is { } reason
                ? Decision.Refuse(asked, stored.Session, reason)
                : decision;
        }
    }

    /// <summary>Whether the decision places a call. Otherwise the person comes back, or nothing changes.</summary>
    private static bool IsNewCall(Decision decision) => decision.Changed
        && decision.Session?.Nonce == (decision.Happened as SessionEvent.StartCall)?.Nonce;

    /// <summary>One of the calls that a person may have placed at once and within this hour, and for a phone one of its phones.</summary>
    private sealed class PlacedCall(StartCall request, IDialingRules rules, IQuotas quotas) : Quota
    {
        private CallSession? placed;

        /// <summary>A person who comes back takes nothing. The leg belongs to this session from now on.</summary>
        public override async Task<CallReply.Refused?> TakeAsync(Decision decided, CancellationToken cancellationToken)
        {
            if (!IsNewCall(decided))
                return await quotas.TakeLegAsync(request, cancellationToken)
                    ? null : new CallReply.Refused(RefusalReason.LegHasPlacedCall);
            placed ??= decided.Session;
            return await base.TakeAsync(decided, cancellationToken);
        }

        public override bool IsUsedBy(Decision decided) => IsNewCall(decided);

        protected override async Task<Allowance> TakeOnceAsync(CancellationToken cancellationToken)
        {
            var start = await quotas.TakeStartAsync(
                request, request.Callee is Party.Phone phone ? rules.RegionOf(phone.Number) : null, cancellationToken);
            return request.Group is null || start.Refused is not null ? start
                : await quotas.AllOrNothingAsync(start, await CalleeQuota.TakeAsync(placed, rules, quotas, cancellationToken));
        }

        /// <summary>A repeated webhook may have taken what belongs to its live call.</summary>
        protected override Task GiveBackOnceAsync(Allowance allowance, CallSession? session) =>
            session is { IsEnded: false } && session.Caller.Leg == request.CallerLeg
                ? Task.CompletedTask
                : quotas.GiveBackAsync(allowance);
    }
}
