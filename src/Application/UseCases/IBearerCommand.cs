namespace Calls.Application.UseCases;

/// <summary>A request of a person on the call, or of an operator, over REST. Rights and version are checked on the stored session, on every
/// attempt.</summary>
public interface IBearerCommand : ISessionCommand
{
    Asker Asker { get; }

    /// <summary>The version that the bearer expects; null where any version will do.</summary>
    Precondition? If { get; }
}

/// <summary>The one handler of the requests that check the bearer's rights and nothing else.</summary>
internal sealed class BearerCommandHandler(SessionTransaction transaction) : IRequestHandler<IBearerCommand, Decision>
{
    public Task<Decision> Handle(IBearerCommand request, CancellationToken cancellationToken)
    {
        var asked = request.ToEvent();
        return transaction.RunAsync(
            request.SessionId,
            LoadOption.Stored,
            stored =>
                WhyNot(request, stored) is { } reason ? Decision.Refuse(asked, stored.Session, reason) : transaction.Decide(stored, asked),
            cancellationToken);
    }

    /// <summary>Why the bearer may not change this session; null where the bearer may.</summary>
    internal static RefusalReason? WhyNot(IBearerCommand request, StoredSession stored) =>
        stored.Session is null || !request.Asker.MaySee(stored.Session) ? RefusalReason.NoSuchSession
        : request.Asker.RightTo(stored.Session) < Right.Change ? RefusalReason.NotOnTheCall
        : request.If?.Holds(stored) == false ? RefusalReason.OtherVersion
        : null;
}
