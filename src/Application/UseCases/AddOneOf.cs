using System.Collections.Immutable;

namespace Calls.Application.UseCases;

/// <summary>A person on the call, or an operator, adds one participant with several candidates. The first answer gets the call.</summary>
/// <remarks>The candidates are rung after the commit, all at once or in order. A request for a participant id that exists already is the
/// same request again. The limits count candidates.</remarks>
public sealed record AddOneOf(
    SessionId SessionId, Asker Asker, ParticipantId Participant, ImmutableArray<Party> Candidates, Strategy Strategy, string? Label)
    : IBearerCommand
{
    /// <summary>A repeated request has changed the version itself, so its version is not checked.</summary>
    public Precondition? If { get; init; }
    /// <summary>How the phones are screened. Null: as the configuration says.</summary>
    public Screening? Screen { get; init; }
    /// <summary>How long each candidate rings. Null: as the configuration says.</summary>
    public TimeSpan? RingTime { get; init; }

    public SessionEvent ToEvent() =>
        new SessionEvent.AddOneOf(Participant, Candidates, Strategy, Label, Asker.Identity) { Screen = Screen, RingTime = RingTime };
}

internal sealed class AddOneOfHandler(SessionTransaction transaction, IDialingRules rules, IQuotas quotas)
    : IRequestHandler<AddOneOf, Decision>
{
    public Task<Decision> Handle(AddOneOf request, CancellationToken cancellationToken)
    {
        var asked = request.ToEvent();
        return transaction.RunAsync(
            request.SessionId, LoadOption.Stored, DecideOn, cancellationToken, new AddedCandidates(request, rules, quotas));

        Decision DecideOn(StoredSession stored)
        {
            var isRepeat = stored.Session is { } session
                && (session.Find(request.Participant) is not null || session.CandidatesOf(request.Participant).Any());
            if (BearerCommandHandler.WhyNot(isRepeat ? request with { If = null } : request, stored) is { } refused)
                return Decision.Refuse(asked, stored.Session, refused);
            // A repeated request gets the answer of the first one, also if the rules have changed since.
            var decision = transaction.Decide(stored, asked);
            if (decision.Changed && Forbidden(request) is [var (_, reason), ..] forbidden)
                return new Decision(asked, stored.Session, new CallReply.Refused(reason) { Candidates = forbidden });
            return isRepeat && decision.Reply is CallReply.Added added
                ? decision with { Reply = added with { IsRepeat = true } }
                : decision;
        }
    }

    /// <summary>The candidates that the service does not ring. One of them is enough to refuse the request.</summary>
    private ImmutableArray<(int Index, RefusalReason Reason)> Forbidden(AddOneOf request) =>
    [
        .. request.Candidates.Select((party, i) => (i, Reason: party is Party.Phone phone ? rules.WhyNot(phone.Number) : null))
            .Where(candidate => candidate.Reason is not null).Select(candidate => (candidate.i, candidate.Reason!.Value)),
    ];

    /// <summary>For each candidate, one of the phones of this hour. Who is skipped takes nothing.</summary>
    private sealed class AddedCandidates(AddOneOf request, IDialingRules rules, IQuotas quotas) : Quota
    {
        private IReadOnlyList<Participant> candidates = [];

        public override Task<CallReply.Refused?> TakeAsync(Decision decided, CancellationToken cancellationToken)
        {
            candidates = [.. decided.Session?.CandidatesOf(request.Participant) ?? []];
            return base.TakeAsync(decided, cancellationToken);
        }

        protected override async Task<Allowance> TakeOnceAsync(CancellationToken cancellationToken)
        {
            var parts = await Task.WhenAll(candidates.Select(candidate => quotas.TakeAddAsync(
                request, candidate.Id, candidate.Party is Party.Phone phone ? rules.RegionOf(phone.Number) : null, cancellationToken)));
            return await quotas.AllOrNothingAsync(parts);
        }

        /// <summary>A repeated request may have taken what belongs to the candidates that the first request added.</summary>
        protected override Task GiveBackOnceAsync(Allowance allowance, CallSession? session) =>
            session?.CandidatesOf(request.Participant).Any() is true ? Task.CompletedTask : quotas.GiveBackAsync(allowance);
    }
}
