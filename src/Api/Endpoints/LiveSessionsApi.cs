using System.Buffers.Text;
using System.ComponentModel;
using System.Globalization;
using System.Security.Claims;
using System.Text;
using Calls.Api.Auth;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Calls.Api.Endpoints;

/// <summary>What operators see of the whole: the calls that go on now.</summary>
internal static class LiveSessionsApi
{
    private const int DefaultLimit = 50;
    private const int MaxLimit = 200;

    public static void MapLiveSessionsApi(this IEndpointRouteBuilder app) =>
        app.MapGet("/v1/sessions", ListAsync).RequireAuthorization().WithTags("Sessions").WithName("ListLiveSessions").WithSummary("The calls that go on now, for operators")
            .WithDescription("Needs the scope `calls.operate`. What goes on while all pages are read is on exactly one of them; a page may have fewer sessions than asked for and still a next one.")
            .ProducesProblem(401).ProducesProblem(403).ProducesProblem(503);

    private static async Task<Results<Ok<LiveSessionsDocument>, ValidationProblem, ProblemHttpResult>> ListAsync(
        [Description("`live`, the only state that can be listed.")] string? state,
        [Description("The `next` of the page before.")] string? cursor,
        [Description("Sessions on a page: 1 to 200, 50 where it is not given.")] string? limit,
        ClaimsPrincipal user,
        ISender mediator,
        CancellationToken cancellationToken)
    {
        var asker = user.Asker();
        if (!asker.IsOperator)
            return Problems.Of(403, "operators-only", $"This needs the scope {BearerAuthentication.OperatorScope}.");
        if (state is not "live")
            return Problems.Field("state", "must be live");
        if (Parse(cursor) is not { } after)
            return Problems.Field("cursor", "is not one that was given out");
        var most = DefaultLimit;
        if (limit is not null && (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out most) || most is < 1 or > MaxLimit))
            return Problems.Field("limit", $"is a number from 1 to {MaxLimit}");
        if (await mediator.Send(new ListLiveSessions(asker, after, most), cancellationToken) is not { } page)
            return Problems.Of(403, "operators-only", $"This needs the scope {BearerAuthentication.OperatorScope}.");
        return TypedResults.Ok(new LiveSessionsDocument([.. page.Sessions.Select(Document)], page.Next is { } next ? Write(next) : null));
    }

    private static SessionDocument Document(StoredSession stored) => SessionDocument.Of(stored, stored.Session ?? throw new System.Diagnostics.UnreachableException("What is live is stored"));

    private static string Write(LiveCursor cursor) =>
        Base64Url.EncodeToString(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{cursor.Partition} {cursor.After?.Value}")));

    private static LiveCursor? Parse(string? text)
    {
        if (text is null)
            return LiveCursor.Beginning;
        if (text.Length > 2 * SessionId.MaxLength || !Base64Url.IsValid(text))
            return null;
        var parts = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(text)).Split(' ');
        return parts is [var number, var id] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var partition) && SessionId.TryParse(id, out var after)
            ? new LiveCursor(partition, after)
            : null;
    }
}

/// <summary>One page of live calls.</summary>
/// <param name="Sessions">The calls.</param>
/// <param name="Next">The <c>cursor</c> of the next page; null after the last.</param>
public sealed record LiveSessionsDocument(IReadOnlyList<SessionDocument> Sessions, string? Next);
