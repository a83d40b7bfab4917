using Calls.Application.Reviews;

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
/// <remarks>If the session is not stored, the call may be over, or Redis has lost it: Twilio knows.</remarks>
internal sealed class SessionReportHandler(
    SessionTransaction transaction, SessionRebuilder rebuilder) : IRequestHandler<ISessionReport, Decision>
{
    public async Task<Decision> Handle(ISessionReport request, CancellationToken cancellationToken)
    {
        var happened = request.ToEvent();
        var decision = await RunAsync();
        return decision.Ignored == IgnoreReason.NoSuchSession && LostCall.Of(request.SessionId, happened) is { } lost
            && await rebuilder.RebuildAsync(lost, cancellationToken)
            ? await RunAsync()
            : decision;

        Task<Decision> RunAsync() => transaction.RunAsync(
            request.SessionId, LoadOption.Cached, stored => transaction.Decide(stored, happened), cancellationToken);
    }
}
