using System.Diagnostics;
using System.Security.Claims;
using Calls.Api.Auth;
using Calls.Application.UseCases;
using Calls.Domain;
using Calls.Infrastructure.Dialing;
using MediatR;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Calls.Api.Endpoints;

/// <summary>The REST routes of one call: see it, follow it, add a phone, mute, hold, remove a participant, end.</summary>
internal static class SessionsApi
{
    private const int MaxLabelLength = 64;

    /// <summary>How long a request waits for Twilio to accept the call. Then the answer is 202.</summary>
    private static readonly TimeSpan PatienceWithTwilio = TimeSpan.FromSeconds(4);

    public static void MapSessionsApi(this IEndpointRouteBuilder app)
    {
        var sessions = app.MapGroup("/v1/sessions/{sessionId}").RequireAuthorization().WithTags("Sessions");
        sessions.MapGet("", GetSessionAsync).WithName("GetSession").WithSummary("Get a call")
            .ProducesProblem(401).ProducesProblem(404).ProducesProblem(503);
        sessions.MapPost("/participants", AddParticipantAsync).WithName("AddParticipant").WithSummary("Add a phone to a call")
            .ProducesProblem(401).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .ProducesProblem(422).ProducesProblem(503);
        sessions.MapPatch("/participants/{participantId}", SetFlagsAsync).WithName("UpdateParticipant")
            .WithSummary("Mute, unmute, hold or resume a participant")
            .ProducesProblem(401).ProducesProblem(404).ProducesProblem(409).ProducesProblem(412).ProducesProblem(503);
        sessions.MapDelete("/participants/{participantId}", RemoveAsync).WithName("RemoveParticipant")
            .WithSummary("Remove a participant from a call")
            .ProducesProblem(401).ProducesProblem(404).ProducesProblem(412).ProducesProblem(503);
        sessions.MapDelete("", EndAsync).WithName("EndSession").WithSummary("End a call for all participants")
            .ProducesProblem(401).ProducesProblem(404).ProducesProblem(412).ProducesProblem(503);
        sessions.MapGet("/events", EventsAsync).WithName("FollowSession").WithSummary("Follow a call live")
            .WithDescription("Server-sent events: the session now, then each change, until the call is over. "
                + "A slow reader skips states and gets the newest. After a break, `Last-Event-ID` brings the newest state, if it is newer. "
                + "204: the call is over and there is no newer state.")
            .Produces<string>(200, SessionEvents.ContentType).Produces(204).ProducesProblem(401).ProducesProblem(404).ProducesProblem(503)
            .DisableRequestTimeout().RequireRateLimiting(RestLimits.Streams);
        app.MapPost("/addUser", AddUserAsync).RequireAuthorization().ExcludeFromDescription();
    }

    private static async Task<Results<Ok<SessionDocument>, ProblemHttpResult>> GetSessionAsync(
        string sessionId, ClaimsPrincipal user, ISender mediator, HttpContext http, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var id)
            || await mediator.Send(new GetSession(id, user.Asker()), cancellationToken) is not { Session: { } session } stored)
            return Problems.Of(RefusalReason.NoSuchSession);
        http.Response.Headers.ETag = $"\"{stored.Version}\"";
        return TypedResults.Ok(SessionDocument.Of(stored, session));
    }

    private static Task<IResult> EventsAsync(
        string sessionId,
        [FromHeader(Name = "Last-Event-ID")] string? lastEventId,
        ClaimsPrincipal user,
        SessionEvents events,
        HttpContext http) =>
        SessionId.TryParse(sessionId, out var id)
            ? events.StreamAsync(id, user.Asker(), lastEventId, http)
            : Task.FromResult<IResult>(Problems.Of(RefusalReason.NoSuchSession));

    private static async Task<Results<Created<ParticipantDocument>, Accepted<ParticipantDocument>, ValidationProblem, ProblemHttpResult>>
        AddParticipantAsync(
            string sessionId, PhoneToAdd body, ClaimsPrincipal user, PhoneAdder phones, HttpContext http, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var id))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!PhoneNumbers.TryNormalise(body.PhoneNumber ?? "", out var number, out var why))
            return Problems.Field("phoneNumber", why ?? "The phone number is missing.");
        if (body.Label is { } label && (label.Length > MaxLabelLength || label.Any(char.IsControl)))
            return Problems.Field("label", $"The label must have at most {MaxLabelLength} characters and no control characters.");
        if (!RequestHeaders.TryIdempotencyKey(http, out var key))
            return BadIdempotencyKey;
        if (!RequestHeaders.TryIfMatch(http, out var precondition))
            return BadIfMatch;
        var (asker, text) = (user.Asker(), body.Label is { Length: > 0 } ? body.Label : null);
        var command = new AddPhoneParticipant(id, asker, RequestHeaders.ParticipantFor(asker, key), number, text) { If = precondition };
        var added = await phones.AddAsync(command, PatienceWithTwilio, cancellationToken);
        var location = $"/v1/sessions/{Uri.EscapeDataString(id.Value)}";
        return added switch
        {
            PhoneAdded.Dialed dialed => TypedResults.Created(location, ParticipantDocument.AsAdded(dialed.Participant)),
            PhoneAdded.Pending pending => TypedResults.Accepted(location, ParticipantDocument.AsAdded(pending.Participant)),
            _ => NotAdded(added, http),
        };
    }

    private static async Task<Results<Accepted<ParticipantDocument>, ValidationProblem, ProblemHttpResult>> SetFlagsAsync(
        string sessionId,
        string participantId,
        FlagsToSet body,
        ClaimsPrincipal user,
        ISender mediator,
        HttpContext http,
        CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var session))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!ParticipantId.TryParse(participantId, out var participant))
            return Problems.Of(RefusalReason.NoSuchParticipant);
        if (body is { Muted: null, Hold: null })
            return Problems.Field("muted", "The body must have muted or hold.");
        if (!RequestHeaders.TryIfMatch(http, out var precondition))
            return BadIfMatch;
        var command = new SetParticipantFlags(session, user.Asker(), participant, body.Muted, body.Hold) { If = precondition };
        return await mediator.Send(command, cancellationToken) switch
        {
            CallReply.Refused refused => Problems.Of(refused.Because),
            CallReply.Added { Participant: var known } => TypedResults.Accepted(
                $"/v1/sessions/{Uri.EscapeDataString(session.Value)}",
                ParticipantDocument.Of(known) with { Muted = body.Muted ?? known.Muted, Hold = body.Hold ?? known.Hold }),
            var reply => throw new UnreachableException($"{reply.GetType().Name} is not a reply to SetParticipantFlags"),
        };
    }

    private static async Task<Results<NoContent, ValidationProblem, ProblemHttpResult>> RemoveAsync(
        string sessionId,
        string participantId,
        ClaimsPrincipal user,
        ISender mediator,
        HttpContext http,
        CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var session))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!ParticipantId.TryParse(participantId, out var participant))
            return Problems.Of(RefusalReason.NoSuchParticipant);
        if (!RequestHeaders.TryIfMatch(http, out var precondition))
            return BadIfMatch;
        var command = new RemoveParticipant(session, user.Asker(), participant) { If = precondition };
        return await mediator.Send(command, cancellationToken) is CallReply.Refused refused
            ? Problems.Of(refused.Because)
            : TypedResults.NoContent();
    }

    private static async Task<Results<NoContent, ValidationProblem, ProblemHttpResult>> EndAsync(
        string sessionId, ClaimsPrincipal user, ISender mediator, HttpContext http, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var session))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!RequestHeaders.TryIfMatch(http, out var precondition))
            return BadIfMatch;
        return await mediator.Send(new EndCall(session, user.Asker()) { If = precondition }, cancellationToken) is CallReply.Refused refused
            ? Problems.Of(refused.Because)
            : TypedResults.NoContent();
    }

    /// <summary>The route of the tutorial, with its request and its answer. The rules are those of <see
    /// cref="AddParticipantAsync"/>.</summary>
    private static async Task<IResult> AddUserAsync(
        SeedPhoneToAdd body, ClaimsPrincipal user, PhoneAdder phones, HttpContext http, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(body.SessionID, out var id))
            return Problems.Field("SessionID", $"The id must have 1 to {SessionId.MaxLength} characters of A-Z a-z 0-9 _ . : -");
        if (!PhoneNumbers.TryNormalise(body.PhoneNumber ?? "", out var number, out var why))
            return Problems.Field("PhoneNumber", why ?? "The phone number is missing.");
        if (!RequestHeaders.TryIdempotencyKey(http, out var key))
            return BadIdempotencyKey;
        var asker = user.Asker();
        var command = new AddPhoneParticipant(id, asker, RequestHeaders.ParticipantFor(asker, key), number, null);
        var added = await phones.AddAsync(command, PatienceWithTwilio, cancellationToken);
        return added is PhoneAdded.Dialed or PhoneAdded.Pending ? TypedResults.Json(new SeedAnswer(200)) : NotAdded(added, http);
    }

    private static ProblemHttpResult NotAdded(PhoneAdded added, HttpContext http) => added switch
    {
        PhoneAdded.Refused refused => Problems.Of(refused.Reason, refused.RetryAfter, http),
        PhoneAdded.OtherThanBefore => Problems.Of(
            422, "idempotency-key-reused", "This Idempotency-Key came with another phone number or label before."),
        PhoneAdded.UnderWay => Problems.UnderWay(http),
        PhoneAdded.RefusedByTwilio { Code: var code } => Problems.Of(422, "refused-by-twilio", Explain(code), ("twilioCode", code)),
        _ => throw new UnreachableException($"{added.GetType().Name} is not a refusal"),
    };

    private static ValidationProblem BadIdempotencyKey => Problems.Field(
        RequestHeaders.IdempotencyKey,
        "The key must be one string of 1 to 255 printable ASCII characters, either quoted or without spaces, commas and quotes.");

    private static ValidationProblem BadIfMatch =>
        Problems.Field("If-Match", "The header must be * or a list of entity tags such as \"7\".");

    private static string Explain(int? code) => code is { } known
        ? $"Twilio refused to ring this number with error {known}; see https://www.twilio.com/docs/api/errors/{known}."
        : "Twilio refused to ring this number.";
}

/// <summary>A phone to add to a call.</summary>
/// <param name="PhoneNumber">The number in international form with the leading +. Spaces, dashes and parentheses are allowed.</param>
/// <param name="Label">A name for the participant, such as "doctor". It has at most 64 characters.</param>
public sealed record PhoneToAdd(string? PhoneNumber, string? Label);

/// <summary>The flags of a participant to change. A flag that is not present stays as it is.</summary>
/// <param name="Muted">True mutes the participant, false unmutes.</param>
/// <param name="Hold">True puts the participant on hold, false resumes.</param>
public sealed record FlagsToSet(bool? Muted, bool? Hold);

internal sealed record SeedPhoneToAdd(string? PhoneNumber, string? SessionID);

internal sealed record SeedAnswer([property: System.Text.Json.Serialization.JsonPropertyName("status_code")] int StatusCode);
