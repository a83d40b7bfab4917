using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Calls.Api.Endpoints;

/// <summary>An app user lists the own calls.</summary>
internal static class OwnSessionsApi
{
    public static void MapOwnSessionsApi(this IEndpointRouteBuilder app) =>
        app.MapGet("/v1/me/sessions", ListAsync).RequireAuthorization().WithTags("Sessions").WithName("ListOwnSessions")
            .WithSummary("List your own calls, the newest first")
            .WithDescription("The calls that you placed or were rung for. A call that you declined or were removed from has only your own "
                + "part: your role, your state and the reason; its version is 0. "
                + "A page can have fewer sessions than `limit` although there is a next page.")
            .WithProblems("invalid-request", "no-identity");

    private static async Task<Results<Ok<OwnSessionsDocument>, ValidationProblem, ProblemHttpResult>> ListAsync(
        [Description("`live` or `ended`."), AllowedValues("live", "ended"), Required] string? state,
        [Description(Paging.CursorMeaning)] string? cursor,
        [Description(Paging.LimitMeaning), Range(1, Paging.MaxLimit)] string? limit,
        ClaimsPrincipal user, ISender mediator, CancellationToken cancellationToken)
    {
        var asker = user.Asker();
        if (state is not ("live" or "ended"))
            return Problems.Field("state", "The state must be live or ended.");
        OwnCursor? after = null;
        if (cursor is not null && (after = Paging.Parse(cursor) is var (at, id) ? new OwnCursor(at, id) : null) is null)
            return Paging.BadCursor;
        if (!Paging.TryLimit(limit, out var most))
            return Paging.BadLimit;
        if (await mediator.Send(new ListOwnSessions(asker, state == "ended", after, most), cancellationToken) is not { } page)
            return user.NoIdentity();
        var next = page.Next is { } end ? Paging.Write(end.StartedAt, end.Id) : null;
        return TypedResults.Ok(new OwnSessionsDocument([.. page.Sessions.Select(stored => Document(stored, asker))], next));
    }

    private static SessionDocument Document(StoredSession stored, Asker asker)
    {
        var session = stored.Session ?? throw new UnreachableException("A listed session is stored");
        return asker.MaySee(session) ? SessionDocument.Of(stored, session) : SessionDocument.OwnPart(session, asker.Identity);
    }
}

/// <summary>One page of the bearer's own calls.</summary>
/// <param name="Sessions">The calls, the newest first.</param>
/// <param name="Next">The <c>cursor</c> of the next page. Null on the last page.</param>
public sealed record OwnSessionsDocument(IReadOnlyList<SessionDocument> Sessions, string? Next);
