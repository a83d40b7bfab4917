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
/// <remarks>If the session is not stored, the call may be over, or Redis has lost it: Twilio knows. It also knows a leg that a session does
/// not know which was just built again.</remarks>
internal sealed class SessionReportHandler(
    SessionTransaction transaction, SessionRebuilder rebuilder) : IRequestHandler<ISessionReport, Decision>
{
    public async Task<Decision> Handle(ISessionReport request, CancellationToken cancellationToken)
    {
        var happened = request.ToEvent();
        var decision = await RunAsync();
        if (decision.Ignored is not (IgnoreReason.NoSuchSession or IgnoreReason.NotListedYet)
            || LostCall.Of(request.SessionId, happened) is not { } call)
            return decision;
        var isStored = decision.Ignored == IgnoreReason.NoSuchSession
            ? await rebuilder.RebuildAsync(call, cancellationToken)
            : await rebuilder.ReadAgainAsync(call, decision.Session, cancellationToken);
        return isStored ? await RunAsync() : decision;

        Task<Decision> RunAsync() => transaction.RunAsync(
            request.SessionId, LoadOption.Cached, stored => transaction.Decide(stored, happened), cancellationToken);
    }
}
