namespace Calls.Application.UseCases;

/// <summary>An app user asks for the own calls, newest first: those that are live, or those that have ended within the retention.</summary>
/// <remarks>The answer is null where the bearer has no client identity. Of a call that the person declined or was removed from, the reader
/// shows only the own part (<see cref="Right.OwnPart"/>).</remarks>
public sealed record ListOwnSessions(Asker Asker, bool Ended, OwnCursor? After, int Most) : IRequest<OwnPage?>;

internal sealed class ListOwnSessionsHandler(IOwnSessions own) : IRequestHandler<ListOwnSessions, OwnPage?>
{
    public async Task<OwnPage?> Handle(ListOwnSessions request, CancellationToken cancellationToken) =>
        request.Asker.Identity is { } person
            ? await own.ReadAsync(person, request.Ended, request.After, request.Most, cancellationToken)
            : null;
}
