namespace Calls.Application.UseCases;

/// <summary>A request about one session. It says which event happened or was asked for; the decision is the answer.</summary>
public interface ISessionCommand : IRequest<Decision>
{
    SessionId SessionId { get; }

    /// <summary>The event that <see cref="SessionDecider"/> decides on. Message and event have the same name.</summary>
    SessionEvent ToEvent();
}

/// <summary>A report: Twilio's webhook, the outcome of an effect, or a review. Nothing is checked before the decision.</summary>
public interface ISessionReport : ISessionCommand;

/// <summary>The one handler of all reports.</summary>
internal sealed class SessionReportHandler(SessionTransaction transaction) : IRequestHandler<ISessionReport, Decision>
{
    public Task<Decision> Handle(ISessionReport request, CancellationToken cancellationToken)
    {
        var happened = request.ToEvent();
        return transaction.RunAsync(
            request.SessionId, LoadOption.Cached, stored => transaction.Decide(stored, happened), cancellationToken);
    }
}
