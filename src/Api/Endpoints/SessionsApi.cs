using System.Security.Claims;
using Calls.Api.Auth;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Infrastructure.Dialing;
using MediatR;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Calls.Api.Endpoints;

/// <summary>The frontend's way in: see a call, add a phone to it, mute, hold, take off, end.</summary>
internal static class SessionsApi
{
    private const int MaxLabelLength = 64;

    /// <summary>How long a request waits for Twilio to say that it has the call; after that the answer is 202.</summary>
    private static readonly TimeSpan PatienceWithTwilio = TimeSpan.FromSeconds(4);

    public static void MapSessionsApi(this IEndpointRouteBuilder app)
    {
        var sessions = app.MapGroup("/v1/sessions/{sessionId}").RequireAuthorization().WithTags("Sessions");
        sessions.MapGet("", GetSessionAsync).WithName("GetSession").WithSummary("How a call stands")
            .ProducesProblem(401).ProducesProblem(404).ProducesProblem(503);
        sessions.MapPost("/participants", AddParticipantAsync).WithName("AddParticipant").WithSummary("Add a phone to a call")
            .ProducesProblem(401).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422).ProducesProblem(412).ProducesProblem(503);
        sessions.MapPatch("/participants/{participantId}", SetFlagsAsync).WithName("UpdateParticipant").WithSummary("Mute, unmute, hold or resume a participant")
            .ProducesProblem(401).ProducesProblem(404).ProducesProblem(409).ProducesProblem(412).ProducesProblem(503);
        sessions.MapDelete("/participants/{participantId}", RemoveAsync).WithName("RemoveParticipant").WithSummary("Take a participant off the line")
            .ProducesProblem(401).ProducesProblem(404).ProducesProblem(412).ProducesProblem(503);
        sessions.MapDelete("", EndAsync).WithName("EndSession").WithSummary("End the call for everyone")
            .ProducesProblem(401).ProducesProblem(404).ProducesProblem(412).ProducesProblem(503);
        sessions.MapGet("/events", EventsAsync).WithName("FollowSession").WithSummary("A call as it happens")
            .WithDescription("Server-sent events: the session as it is, and then each change, until the call is over. A slow reader skips states and gets the newest. After a break, `Last-Event-ID` brings what is newer; 204 where the call is over and nothing is.")
            .Produces<string>(200, SessionEvents.ContentType).Produces(204).ProducesProblem(401).ProducesProblem(404).ProducesProblem(503)
            .DisableRequestTimeout();
        app.MapPost("/addUser", AddUserAsync).RequireAuthorization().ExcludeFromDescription();
    }

    private static async Task<Results<Ok<SessionDocument>, ProblemHttpResult>> GetSessionAsync(
        string sessionId, ClaimsPrincipal user, ISender mediator, HttpContext http, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var id) || await mediator.Send(new GetSession(id, user.Asker()), cancellationToken) is not { Session: { } session } stored)
            return Problems.Of(RefusalReason.NoSuchSession);
        http.Response.Headers.ETag = $"\"{stored.Version}\"";
        return TypedResults.Ok(SessionDocument.Of(stored, session));
    }

    private static Task<IResult> EventsAsync(
        string sessionId, [FromHeader(Name = "Last-Event-ID")] string? lastEventId, ClaimsPrincipal user, SessionEvents events, HttpContext http) =>
        SessionId.TryParse(sessionId, out var id)
            ? events.StreamAsync(id, user.Asker(), lastEventId, http)
            : Task.FromResult<IResult>(Problems.Of(RefusalReason.NoSuchSession));

    private static async Task<Results<Created<ParticipantDocument>, Accepted<ParticipantDocument>, ValidationProblem, ProblemHttpResult>> AddParticipantAsync(
        string sessionId,
        PhoneToAdd body,
        ClaimsPrincipal user,
        PhoneAdder phones,
        HttpContext http,
        CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var id))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!PhoneNumbers.TryNormalise(body.PhoneNumber ?? "", out var number, out var why))
            return Problems.Field("phoneNumber", why ?? "is missing");
        if (body.Label is { } label && (label.Length > MaxLabelLength || label.Any(char.IsControl)))
            return Problems.Field("label", $"is at most {MaxLabelLength} characters, none of them control characters");
        if (!RequestHeaders.TryIdempotencyKey(http, out var key))
            return BadIdempotencyKey;
        if (!RequestHeaders.TryIfMatch(http, out var precondition))
            return BadIfMatch;
        var asker = user.Asker();
        var added = await phones.AddAsync(
            new AddPhoneParticipant(id, asker, RequestHeaders.ParticipantFor(asker, key), number, body.Label is { Length: > 0 } ? body.Label : null) { If = precondition }, PatienceWithTwilio, cancellationToken);
        var location = $"/v1/sessions/{Uri.EscapeDataString(id.Value)}";
        return added switch
        {
            PhoneAdded.No no => Problems.Of(no.Because, no.RetryAfter, http),
            PhoneAdded.OtherThanBefore => KeyReused,
            PhoneAdded.UnderWay => Problems.UnderWay(http),
            PhoneAdded.RefusedByTwilio refused => Problems.Of(422, "refused-by-twilio", Explain(refused.Code), ("twilioCode", refused.Code)),
            PhoneAdded.Dialed dialed => TypedResults.Created(location, ParticipantDocument.AsAdded(dialed.Participant)),
            PhoneAdded.Pending pending => TypedResults.Accepted(location, ParticipantDocument.AsAdded(pending.Participant)),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    private static async Task<Results<Accepted<ParticipantDocument>, ValidationProblem, ProblemHttpResult>> SetFlagsAsync(
        string sessionId, string participantId, FlagsToSet body, ClaimsPrincipal user, ISender mediator, HttpContext http, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var session))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!ParticipantId.TryParse(participantId, out var participant))
            return Problems.Of(RefusalReason.NoSuchParticipant);
        if (body is { Muted: null, Hold: null })
            return Problems.Field("muted", "or hold must be given");
        if (!RequestHeaders.TryIfMatch(http, out var precondition))
            return BadIfMatch;
        return (await mediator.Send(new SetParticipantFlags(session, user.Asker(), participant, body.Muted, body.Hold) { If = precondition }, cancellationToken)).Reply switch
        {
            CallReply.Refused refused => Problems.Of(refused.Reason),
            CallReply.Added { Participant: var known } => TypedResults.Accepted(
                $"/v1/sessions/{Uri.EscapeDataString(session.Value)}", ParticipantDocument.Of(known) with { Muted = body.Muted ?? known.Muted, Hold = body.Hold ?? known.Hold }),
            var reply => throw new System.Diagnostics.UnreachableException($"{reply.GetType().Name} is no answer to a mute"),
        };
    }

    private static async Task<Results<NoContent, ValidationProblem, ProblemHttpResult>> RemoveAsync(
        string sessionId, string participantId, ClaimsPrincipal user, ISender mediator, HttpContext http, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var session))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!ParticipantId.TryParse(participantId, out var participant))
            return Problems.Of(RefusalReason.NoSuchParticipant);
        if (!RequestHeaders.TryIfMatch(http, out var precondition))
            return BadIfMatch;
        return (await mediator.Send(new RemoveParticipant(session, user.Asker(), participant) { If = precondition }, cancellationToken)).Reply is CallReply.Refused refused
            ? Problems.Of(refused.Reason)
            : TypedResults.NoContent();
    }

    private static async Task<Results<NoContent, ValidationProblem, ProblemHttpResult>> EndAsync(
        string sessionId, ClaimsPrincipal user, ISender mediator, HttpContext http, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var session))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!RequestHeaders.TryIfMatch(http, out var precondition))
            return BadIfMatch;
        return (await mediator.Send(new EndCall(session, user.Asker()) { If = precondition }, cancellationToken)).Reply is CallReply.Refused refused
            ? Problems.Of(refused.Reason)
            : TypedResults.NoContent();
    }

    /// <summary>The seed's route: its request, its answer, today's rules.</summary>
    private static async Task<IResult> AddUserAsync(SeedPhoneToAdd body, ClaimsPrincipal user, PhoneAdder phones, HttpContext http, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(body.SessionID, out var id))
            return Problems.Field("SessionID", $"is 1-{SessionId.MaxLength} characters of A-Z a-z 0-9 _ . : -");
        if (!PhoneNumbers.TryNormalise(body.PhoneNumber ?? "", out var number, out var why))
            return Problems.Field("PhoneNumber", why ?? "is missing");
        if (!RequestHeaders.TryIdempotencyKey(http, out var key))
            return BadIdempotencyKey;
        var asker = user.Asker();
        return await phones.AddAsync(new AddPhoneParticipant(id, asker, RequestHeaders.ParticipantFor(asker, key), number, null), PatienceWithTwilio, cancellationToken) switch
        {
            PhoneAdded.No no => Problems.Of(no.Because, no.RetryAfter, http),
            PhoneAdded.OtherThanBefore => KeyReused,
            PhoneAdded.UnderWay => Problems.UnderWay(http),
            PhoneAdded.RefusedByTwilio refused => Problems.Of(422, "refused-by-twilio", Explain(refused.Code), ("twilioCode", refused.Code)),
            _ => TypedResults.Json(new SeedAnswer(200)),
        };
    }

    private static ProblemHttpResult KeyReused => Problems.Of(422, "idempotency-key-reused", "This Idempotency-Key came with another phone number or label before.");

    private static ValidationProblem BadIdempotencyKey =>
        Problems.Field(RequestHeaders.IdempotencyKey, "is one string of 1 to 255 printable ASCII characters, quoted or without spaces, commas and quotes");

    private static ValidationProblem BadIfMatch => Problems.Field("If-Match", "is * or entity tags, such as \"7\"");

    private static string Explain(int? code) => code is { } known
        ? $"Twilio would not ring this number: error {known}, see https://www.twilio.com/docs/api/errors/{known}."
        : "Twilio would not ring this number.";
}

/// <summary>A phone to add to a call.</summary>
/// <param name="PhoneNumber">International form, with the leading +; spaces, dashes and parentheses are allowed.</param>
/// <param name="Label">What the people on the call name it, such as "doctor"; at most 64 characters.</param>
public sealed record PhoneToAdd(string? PhoneNumber, string? Label);

/// <summary>What to change of a participant; what is not given stays as it is.</summary>
/// <param name="Muted">Whether the others cannot hear them.</param>
/// <param name="Hold">Whether they are on hold.</param>
public sealed record FlagsToSet(bool? Muted, bool? Hold);

internal sealed record SeedPhoneToAdd(string? PhoneNumber, string? SessionID);

internal sealed record SeedAnswer([property: System.Text.Json.Serialization.JsonPropertyName("status_code")] int StatusCode);
