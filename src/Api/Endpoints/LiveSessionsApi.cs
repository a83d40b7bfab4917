using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Calls.Api.Endpoints;

/// <summary>Operators list the live calls of all people.</summary>
internal static class LiveSessionsApi
{
    public static void MapLiveSessionsApi(this IEndpointRouteBuilder app) =>
        app.MapGet("/v1/sessions", ListAsync).RequireAuthorization().WithTags("Sessions").WithName("ListLiveSessions")
            .WithSummary("List the live calls, for operators")
            .WithDescription("Needs the scope `calls.operate`. A call that is live while all pages are read is on exactly one page. "
                + "A page can have fewer sessions than `limit` although there is a next page.")
            .WithProblems("invalid-request", "operators-only");

    private static async Task<Results<Ok<LiveSessionsDocument>, ValidationProblem, ProblemHttpResult>> ListAsync(
        [Description("`live`. Other states cannot be listed."), AllowedValues("live"), Required] string? state,
        [Description(Paging.CursorMeaning)] string? cursor,
        [Description(Paging.LimitMeaning), Range(1, Paging.MaxLimit)] string? limit,
        ClaimsPrincipal user, ISender mediator, CancellationToken cancellationToken)
    {
        if (user.Asker() is not { IsOperator: true } asker)
            return OperatorsOnly;
        if (state is not "live")
            return Problems.Field("state", "The state must be live.");
        if (Parse(cursor) is not { } after)
            return Paging.BadCursor;
        if (!Paging.TryLimit(limit, out var most))
            return Paging.BadLimit;
        if (await mediator.Send(new ListLiveSessions(asker, after, most), cancellationToken) is not { } page)
            return OperatorsOnly;
        var next = page.Next is { } end ? Paging.Write(end.Partition, end.After) : null;
        return TypedResults.Ok(new LiveSessionsDocument([.. page.Sessions.Select(Document)], next));
    }

    internal static ProblemHttpResult OperatorsOnly =>
        Problems.Of(403, "operators-only", $"This request needs the scope {BearerAuthentication.OperatorScope}.");

    private static SessionDocument Document(StoredSession stored) =>
        SessionDocument.Of(stored, stored.Session ?? throw new UnreachableException("A live session is stored"));

    private static LiveCursor? Parse(string? text) => text is null ? LiveCursor.Beginning
        : Paging.Parse(text) is ({ } partition and <= int.MaxValue, { } id) ? new LiveCursor((int)partition, id)
        : null;
}

/// <summary>One page of live calls.</summary>
/// <param name="Sessions">The calls.</param>
/// <param name="Next">The <c>cursor</c> of the next page. Null on the last page.</param>
public sealed record LiveSessionsDocument(IReadOnlyList<SessionDocument> Sessions, string? Next);
