using System.Buffers.Text;
using System.ComponentModel;

namespace Calls.Api.Endpoints;

/// <summary>Operators list the live calls of all people.</summary>
internal static class LiveSessionsApi
{
    private const int DefaultLimit = 50, MaxLimit = 200;
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    public static void MapLiveSessionsApi(this IEndpointRouteBuilder app) =>
        app.MapGet("/v1/sessions", ListAsync).RequireAuthorization().WithTags("Sessions").WithName("ListLiveSessions")
            .WithSummary("List the live calls, for operators")
            .WithDescription("Needs the scope `calls.operate`. A call that is live while all pages are read is on exactly one page. "
                + "A page can have fewer sessions than `limit` although there is a next page.")
            .ProducesProblem(401).ProducesProblem(403).ProducesProblem(503);

    private static async Task<Results<Ok<LiveSessionsDocument>, ValidationProblem, ProblemHttpResult>> ListAsync(
        [Description("`live`. Other states cannot be listed.")] string? state,
        [Description("The `next` of the previous page.")] string? cursor,
        [Description("The maximum number of sessions on a page: 1 to 200. The default is 50.")] string? limit,
        ClaimsPrincipal user, ISender mediator, CancellationToken cancellationToken)
    {
        if (user.Asker() is not { IsOperator: true } asker)
            return OperatorsOnly;
        if (state is not "live")
            return Problems.Field("state", "The state must be live.");
        if (Parse(cursor) is not { } after)
            return Problems.Field("cursor", "The cursor must be the next of a previous page.");
        var most = DefaultLimit;
        if ((limit is not null && !int.TryParse(limit, NumberStyles.None, Invariant, out most)) || most is < 1 or > MaxLimit)
            return Problems.Field("limit", $"The limit must be a number from 1 to {MaxLimit}.");
        if (await mediator.Send(new ListLiveSessions(asker, after, most), cancellationToken) is not { } page)
            return OperatorsOnly;
        return TypedResults.Ok(new LiveSessionsDocument([.. page.Sessions.Select(Document)], page.Next is { } next ? Write(next) : null));
    }

    private static ProblemHttpResult OperatorsOnly =>
        Problems.Of(403, "operators-only", $"This request needs the scope {BearerAuthentication.OperatorScope}.");

    private static SessionDocument Document(StoredSession stored) =>
        SessionDocument.Of(stored, stored.Session ?? throw new UnreachableException("A live session is stored"));

    private static string Write(LiveCursor cursor) =>
        Base64Url.EncodeToString(Encoding.ASCII.GetBytes(FormattableString.Invariant($"{cursor.Partition} {cursor.After?.Value}")));

    private static LiveCursor? Parse(string? text)
    {
        if (text is null)
            return LiveCursor.Beginning;
        if (text.Length > 2 * SessionId.MaxLength || !Base64Url.IsValid(text))
            return null;
        var parts = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(text)).Split(' ');
        return parts is [var number, var id] && SessionId.TryParse(id, out var after)
            && int.TryParse(number, NumberStyles.None, Invariant, out var partition)
            ? new LiveCursor(partition, after) : null;
    }
}

/// <summary>One page of live calls.</summary>
/// <param name="Sessions">The calls.</param>
/// <param name="Next">The <c>cursor</c> of the next page. Null on the last page.</param>
public sealed record LiveSessionsDocument(IReadOnlyList<SessionDocument> Sessions, string? Next);
