namespace Calls.Application.UseCases;

/// <summary>A person on the call, or an operator, adds a phone to it.</summary>
/// <remarks>The phone is rung after the commit, as soon as the room is open. A request for a participant id that exists already is the same
/// request again.</remarks>
public sealed record AddPhoneParticipant(
    SessionId SessionId, Asker Asker, ParticipantId Participant, PhoneNumber Number, string? Label) : IBearerCommand
{
    /// <summary>A repeated request has changed the version itself, so its version is not checked.</summary>
    public Precondition? If { get; init; }

    public SessionEvent ToEvent() => new SessionEvent.AddPhoneParticipant(Participant, Number, Label);
}

internal sealed class AddPhoneParticipantHandler(SessionTransaction transaction, IDialingRules rules, IQuotas quotas)
    : IRequestHandler<AddPhoneParticipant, Decision>
{
    public Task<Decision> Handle(AddPhoneParticipant request, CancellationToken cancellationToken)
    {
        var asked = request.ToEvent();
        return transaction.RunAsync(
            request.SessionId, LoadOption.Stored, DecideOn, cancellationToken, new AddOfPerson(request.Asker, quotas));

        Decision DecideOn(StoredSession stored)
        {
            var isRepeat = stored.Session?.Find(request.Participant) is not null;
            if (BearerCommandHandler.WhyNot(isRepeat ? request with { If = null } : request, stored) is { } refused)
                return Decision.Refuse(asked, stored.Session, refused);
            if (rules.WhyNot(request.Number) is { } reason)
                return Decision.Refuse(asked, stored.Session, reason);
            var decision = transaction.Decide(stored, asked);
            return isRepeat && decision.Reply is CallReply.Added added
                ? decision with { Reply = added with { IsRepeat = true } }
                : decision;
        }
    }

    /// <summary>One of the phones that a person may add within an hour.</summary>
    private sealed class AddOfPerson(Asker asker, IQuotas quotas) : Quota
    {
        protected override async Task<CallReply.Refused?> TakeOnceAsync(CancellationToken cancellationToken) =>
            await quotas.TakeAddAsync(asker, cancellationToken) is { } wait
                ? new CallReply.Refused(RefusalReason.TooManyAdds) { RetryAfter = wait }
                : null;

        protected override Task GiveBackOnceAsync(CallSession? session) => quotas.GiveAddBackAsync(asker);
    }
}
