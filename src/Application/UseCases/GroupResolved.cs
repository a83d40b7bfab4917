namespace Calls.Application.UseCases;

/// <summary>The group resolver has named the candidates of the group that was called, or has given no usable answer in time.</summary>
/// <remarks>The candidates take the place of the callee and are rung. The service skips numbers that it does not ring, and the limits count
/// candidates. Without a candidate the caller hears so, and the line ends.</remarks>
public sealed record GroupResolved(SessionId SessionId, string Nonce, GroupMembers? Members) : ISessionCommand
{
    public SessionEvent ToEvent() => new SessionEvent.GroupResolved(Nonce, Members);
}

internal sealed class GroupResolvedHandler(SessionTransaction transaction, IDialingRules rules, IQuotas quotas)
    : IRequestHandler<GroupResolved, Decision>
{
    public async Task<Decision> Handle(GroupResolved request, CancellationToken cancellationToken)
    {
        var allowed = request.Members is null ? request : request with { Members = rules.Allowed(request.Members) };
        var decision = await RunAsync(allowed);
        // A limit is reached: no phone of the group is rung, and the caller must hear so.
        return decision.Refused is null ? decision : await RunAsync(request with { Members = null });

        Task<Decision> RunAsync(GroupResolved report) => transaction.RunAsync(
            request.SessionId, LoadOption.Cached, stored => transaction.Decide(stored, report.ToEvent()), cancellationToken,
            new GroupQuota(rules, quotas));
    }

    private sealed class GroupQuota(IDialingRules rules, IQuotas quotas) : Quota
    {
        private CallSession? decided;

        public override Task<CallReply.Refused?> TakeAsync(Decision decided, CancellationToken cancellationToken)
        {
            this.decided ??= decided.Session;
            return base.TakeAsync(decided, cancellationToken);
        }

        protected override Task<Allowance> TakeOnceAsync(CancellationToken cancellationToken) =>
            CalleeQuota.TakeAsync(decided, rules, quotas, cancellationToken);

        /// <summary>Another replica may have taken it for the same candidates.</summary>
        protected override Task GiveBackOnceAsync(Allowance allowance, CallSession? session) =>
            session?.Callees.Any(callee => callee.Id.Group is not null) is true ? Task.CompletedTask : quotas.GiveBackAsync(allowance);
    }
}

/// <summary>What a called group uses up: for each candidate that is a phone, one of the phones of the caller, of the region and of the
/// service.</summary>
internal static class CalleeQuota
{
    public static async Task<Allowance> TakeAsync(
        CallSession? session, IDialingRules rules, IQuotas quotas, CancellationToken cancellationToken)
    {
        if (session?.Caller is not { Leg: { } leg } caller)
            return new Allowance(null, []);
        List<Task<Allowance>> asked = [];
        foreach (var callee in session.Callees)
            if (callee is { Id.Group: not null, Party: Party.Phone phone })
                asked.Add(quotas.TakeCalleeAsync(leg, caller.Party, callee.Id, rules.RegionOf(phone.Number), cancellationToken));
        return await quotas.AllOrNothingAsync(await Task.WhenAll(asked));
    }

    /// <summary>One allowance of several. If one of them was refused, the others are given back.</summary>
    public static async Task<Allowance> AllOrNothingAsync(this IQuotas quotas, params Allowance[] parts)
    {
        var refused = parts.Select(part => part.Refused).FirstOrDefault(reason => reason is not null);
        var all = new Allowance(refused, [.. parts.SelectMany(part => part.Taken)]);
        if (refused is null)
            return all;
        await quotas.GiveBackAsync(all);
        return all with { Taken = [] };
    }

    /// <summary>The members without the phones that the service does not ring.</summary>
    public static GroupMembers Allowed(this IDialingRules rules, GroupMembers members) => members with
    {
        Candidates = members.Candidates.RemoveAll(party => party is Party.Phone phone && rules.WhyNot(phone.Number) is not null),
    };
}
