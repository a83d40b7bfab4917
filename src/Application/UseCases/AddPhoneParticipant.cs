namespace Calls.Application.UseCases;

/// <summary>A person on the call, or an operator, adds a phone or an app user to it.</summary>
/// <remarks>The phone or app is rung after the commit, as soon as the room is open. A request for a participant id that exists already is
/// the same request again.</remarks>
public sealed record AddPhoneParticipant(
    SessionId SessionId, Asker Asker, ParticipantId Participant, Party Party, string? Label) : IBearerCommand
{
    /// <summary>A repeated request has changed the version itself, so its version is not checked.</summary>
    public Precondition? If { get; init; }
    /// <summary>How the phone is screened. Null: as the configuration says. An app user is not screened.</summary>
    public Screening? Screen { get; init; }

    public SessionEvent ToEvent() => new SessionEvent.AddPhoneParticipant(Participant, Party, Label, Asker.Identity)
    {
        Screen = Screen,
    };
}

internal sealed class AddPhoneParticipantHandler(SessionTransaction transaction, IDialingRules rules, IQuotas quotas)
    : IRequestHandler<AddPhoneParticipant, Decision>
{
    public Task<Decision> Handle(AddPhoneParticipant request, CancellationToken cancellationToken)
    {
        var asked = request.ToEvent();
        return transaction.RunAsync(
            request.SessionId, LoadOption.Stored, DecideOn, cancellationToken, new AddedPhone(request, rules, quotas));

        Decision DecideOn(StoredSession stored)
        {
            var isRepeat = stored.Session?.Find(request.Participant) is not null;
            if (BearerCommandHandler.WhyNot(isRepeat ? request with { If = null } : request, stored) is { } refused)
                return Decision.Refuse(asked, stored.Session, refused);
            // A repeated request gets the answer of the first one, also if the rules have changed since.
            var decision = transaction.Decide(stored, asked);
            if (decision.Changed && request.Party is Party.Phone phone && rules.WhyNot(phone.Number) is { } reason)
                return Decision.Refuse(asked, stored.Session, reason);
            return isRepeat && decision.Reply is CallReply.Added added
                ? decision with { Reply = added with { IsRepeat = true } }
                : decision;
        }
    }

    /// <summary>One of the guests of the person of this hour, and for a phone one of the phones of the region and of the service.
    /// </summary>
    private sealed class AddedPhone(AddPhoneParticipant request, IDialingRules rules, IQuotas quotas) : Quota
    {
        protected override Task<Allowance> TakeOnceAsync(CancellationToken cancellationToken) =>
            quotas.TakeAddAsync(
                request, request.Party is Party.Phone phone ? rules.RegionOf(phone.Number) : null, cancellationToken);

        /// <summary>A repeated request may have taken what belongs to the participant that the first request added.</summary>
        protected override Task GiveBackOnceAsync(Allowance allowance, CallSession? session) =>
            session?.Find(request.Participant) is not null ? Task.CompletedTask : quotas.GiveBackAsync(allowance);
    }
}
