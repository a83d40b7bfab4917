using Calls.Application.Ports;
using Calls.Domain;
using MediatR;

namespace Calls.Application.UseCases;

/// <summary>Somebody on the call, or an operator, adds a phone to it.</summary>
/// <remarks>The phone is rung after the commit, as soon as the room is open. The same <paramref name="Participant"/> asked for again is the same participant.</remarks>
public sealed record AddPhoneParticipant(SessionId SessionId, Asker Asker, ParticipantId Participant, PhoneNumber Number, string? Label) : IRequest<CallReply>, ISessionCommand
{
    /// <summary>Which version the asker means; null: whichever it is. A repeated request has made the version another one itself, and is not held to it.</summary>
    public Precondition? If { get; init; }
}

internal sealed class AddPhoneParticipantHandler(ISessionStore sessions, IDialingRules rules, IQuotas quotas, CallPolicy policy, TimeProvider clock)
    : IRequestHandler<AddPhoneParticipant, CallReply>
{
    public async Task<CallReply> Handle(AddPhoneParticipant command, CancellationToken cancellationToken)
    {
        var loaded = await sessions.LoadAsync(command.SessionId, cancellationToken);
        if (loaded.Session is null || !command.Asker.MaySee(loaded.Session))
            return new CallReply.Refused(RefusalReason.NoSuchSession);
        if (loaded.Session.Find(command.Participant) is null && command.If?.Holds(loaded) == false)
            return new CallReply.Refused(RefusalReason.OtherVersion);
        if (rules.WhyNot(command.Number) is { } because)
            return new CallReply.Refused(because);
        var requested = new SessionEvent.AddPhoneParticipant(command.Participant, command.Number, command.Label);
        var decision = SessionDecider.Decide(loaded.Session, requested, policy, clock.GetUtcNow());
        if (decision.Changed && await quotas.TakeAddAsync(command.Asker, cancellationToken) is { } wait)
            return new CallReply.Refused(RefusalReason.TooManyAdds) { RetryAfter = wait };
        try
        {
            await sessions.SaveAsync(loaded, decision, cancellationToken);
        }
        catch (SessionConflictException)
        {
            // Not added after all. Where nobody knows whether it was, it stays counted.
            await quotas.GiveAddBackAsync(command.Asker);
            throw;
        }

        return decision.Reply is CallReply.Added added && loaded.Session.Find(command.Participant) is not null ? added with { IsRepeat = true } : decision.Reply;
    }
}
