using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Mvc;

namespace Calls.Api.Endpoints;

/// <summary>The REST routes of one call: see it, follow it, add a person, mute, hold, remove a participant, end.</summary>
internal static class SessionsApi
{
    private const int MaxLabelLength = 64;
    private const string TutorialPath = "/addUser";

    public static void MapSessionsApi(this IEndpointRouteBuilder app)
    {
        var sessions = app.MapGroup("/v1/sessions/{sessionId}").RequireAuthorization().WithTags("Sessions")
            .WithProblems("no-such-session");
        sessions.MapGet("", GetSessionAsync).WithName("GetSession").WithSummary("Get a call")
            .WithDescription("404 until the service has the first webhook of the call, a moment after the app has connected.");
        sessions.MapPost("/participants", AddParticipantAsync).WithName("AddParticipant")
            .WithSummary("Add a person, or one of several candidates, to a call")
            .WithDescription("201: Twilio has accepted the call. 202: the phone or app will be rung, and Twilio has not answered yet.")
            .WithProblems("invalid-request", "not-on-the-call", "version-mismatch", "call-is-over", "call-is-full", "too-many-guests",
                "already-on-the-call", "adding-oneself", "invalid-number", "country-not-allowed", "number-blocked", "dialing-stopped",
                "refused-by-twilio", "request-in-progress", "idempotency-key-reused", "too-many-adds", "too-many-phones-of-region",
                "too-many-phones");
        sessions.MapPatch("/participants/{participantId}", SetFlagsAsync).WithName("UpdateParticipant")
            .WithSummary("Mute, unmute, hold or resume a participant").WithProblems("invalid-request", "not-on-the-call",
                "version-mismatch", "no-such-participant", "participant-has-left");
        sessions.MapDelete("/participants/{participantId}", RemoveAsync).WithName("RemoveParticipant")
            .WithSummary("Remove a participant from a call")
            .WithProblems("invalid-request", "not-on-the-call", "version-mismatch", "no-such-participant");
        sessions.MapDelete("", EndAsync).WithName("EndSession").WithSummary("End a call for all participants")
            .WithProblems("invalid-request", "not-on-the-call", "version-mismatch");
        sessions.MapDelete("/record", ForgetAsync).WithName("ForgetSession").WithSummary("Forget an ended call, for operators")
            .WithDescription("Needs the scope `calls.operate`. Deletes what is stored about an ended call before the end of the retention. "
                + "Events of the call that were not delivered yet are not sent any more.")
            .WithProblems("operators-only", "call-is-not-over");
        sessions.MapGet("/events", EventsAsync).WithName("FollowSession").WithSummary("Follow a call live")
            .WithDescription("Server-sent events: the session now, then each change, until the call is over. "
                + "A slow reader skips states and gets the newest. After a break, `Last-Event-ID` brings the newest state, if it is newer. "
                + "204: the call is over and there is no newer state.")
            .Produces<SessionEventDocument>(200, SessionEvents.ContentType).Produces(204)
            .DisableRequestTimeout().RequireRateLimiting(RestLimits.Streams);
        app.MapPost(TutorialPath, AddUserAsync).RequireAuthorization().ExcludeFromDescription();
    }

    /// <summary>The tutorial's frontend sends its JSON under any content type. Runs before the routing, which looks at the type.</summary>
    public static void UseTutorialJson(this WebApplication app) => app.Use((http, next) =>
    {
        if (http.Request.Path.StartsWithSegments(TutorialPath, StringComparison.OrdinalIgnoreCase))
            http.Request.ContentType = "application/json";
        return next(http);
    });

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
        string sessionId, [FromHeader(Name = "Last-Event-ID"), Description("The `id` of the last event that the client has.")] string? last,
        ClaimsPrincipal user, SessionEvents feed, HttpContext http) =>
        SessionId.TryParse(sessionId, out var id)
            ? feed.StreamAsync(id, user.Asker(), last, http)
            : Task.FromResult<IResult>(Problems.Of(RefusalReason.NoSuchSession));

    private static async Task<Results<Created<ParticipantDocument>, Accepted<ParticipantDocument>, ValidationProblem, ProblemHttpResult>>
        AddParticipantAsync(
            string sessionId, ParticipantToAdd body,
            [FromHeader(Name = RequestHeaders.IdempotencyKey), Description(RequestHeaders.IdempotencyKeyMeaning)] string? key,
            [FromHeader(Name = RequestHeaders.IfMatch), Description(RequestHeaders.IfMatchMeaning)] string? ifMatch,
            ClaimsPrincipal user, PhoneAdder phones, OneOfAdder groups, HttpContext http, CancellationToken cancellationToken)
    {
        var asker = user.Asker();
        if (!SessionId.TryParse(sessionId, out var id))
            return Problems.Of(RefusalReason.NoSuchSession);
        Party? party = null;
        if (body.OneOf is null && (party = PartyOf(body, out var field, out var why)) is null)
            return Problems.Field(field, why);
        if (body.Label is { } text && (text.Length > MaxLabelLength || text.Any(char.IsControl)))
            return Problems.Field("label", $"The label must have at most {MaxLabelLength} characters and no control characters.");
        Screening? screen = ScreenNames.TryParse(body.Screen, out var named) ? named : null;
        if (body.Screen is not null && screen is null)
            return Problems.Field("screen", "It must be none, machine or press-1.");
        if (screen is not (null or Screening.None) && party is Party.Client)
            return Problems.Field("screen", "Only a phone can be screened.");
        if (RequestHeaders.ParticipantFor(key, asker) is not { } participant)
            return RequestHeaders.BadIdempotencyKey;
        if (!RequestHeaders.TryIfMatch(ifMatch, out var precondition))
            return RequestHeaders.BadIfMatch;
        var label = body.Label is { Length: > 0 } ? body.Label : null;
        if (party is null)
        {
            var one = new AddOneOf(id, asker, participant, [], Strategy.All, label) { If = precondition, Screen = screen };
            return OneOfAdder.Parse(body, one, out var problem) is { } parsed
                ? await groups.AddAsync(parsed, Location(id), http, cancellationToken)
                : problem ?? throw new UnreachableException("A request that cannot be used has a problem");
        }

        var command = new AddPhoneParticipant(id, asker, participant, party, label) { If = precondition, Screen = screen };
        return await phones.AddAsync(command, http, cancellationToken) switch
        {
            { Problem: { } problem } => problem,
            { Participant: { } added, IsDialed: true } => TypedResults.Created(Location(id), ParticipantDocument.AsAdded(added)),
            { Participant: { } added } => TypedResults.Accepted(Location(id), ParticipantDocument.AsAdded(added)),
            _ => throw new UnreachableException("A person is added or refused"),
        };
    }

    private static async Task<Results<Accepted<ParticipantDocument>, ValidationProblem, ProblemHttpResult>> SetFlagsAsync(
        string sessionId, string participantId, FlagsToSet body,
        [FromHeader(Name = RequestHeaders.IfMatch), Description(RequestHeaders.IfMatchMeaning)] string? ifMatch,
        ClaimsPrincipal user, ISender mediator, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var session))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!ParticipantId.TryParse(participantId, out var participant))
            return Problems.Of(RefusalReason.NoSuchParticipant);
        if (body is { Muted: null, Hold: null })
            return Problems.Field("muted", "The body must have muted or hold.");
        if (!RequestHeaders.TryIfMatch(ifMatch, out var precondition))
            return RequestHeaders.BadIfMatch;
        var command = new SetParticipantFlags(session, user.Asker(), participant, body.Muted, body.Hold) { If = precondition };
        return await mediator.Send(command, cancellationToken) switch
        {
            { Reply: CallReply.Refused refused } => Problems.Of(refused.Reason),
            { Reply: CallReply.Added { Participant: var now }, Session: { } changed } => TypedResults.Accepted(
                Location(session), ParticipantDocument.AsWanted(changed, now, body.Muted, body.Hold)),
            var decision => throw new UnreachableException($"{decision.Reply.GetType().Name} is not a reply to SetParticipantFlags"),
        };
    }

    private static async Task<Results<NoContent, ValidationProblem, ProblemHttpResult>> RemoveAsync(
        string sessionId, string participantId,
        [FromHeader(Name = RequestHeaders.IfMatch), Description(RequestHeaders.IfMatchMeaning)] string? ifMatch,
        ClaimsPrincipal user, ISender mediator, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var session))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!ParticipantId.TryParse(participantId, out var person))
            return Problems.Of(RefusalReason.NoSuchParticipant);
        if (!RequestHeaders.TryIfMatch(ifMatch, out var precondition))
            return RequestHeaders.BadIfMatch;
        return Done(await mediator.Send(new RemoveParticipant(session, user.Asker(), person) { If = precondition }, cancellationToken));
    }

    private static async Task<Results<NoContent, ValidationProblem, ProblemHttpResult>> EndAsync(
        string sessionId,
        [FromHeader(Name = RequestHeaders.IfMatch), Description(RequestHeaders.IfMatchMeaning)] string? ifMatch,
        ClaimsPrincipal user, ISender mediator, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(sessionId, out var session))
            return Problems.Of(RefusalReason.NoSuchSession);
        if (!RequestHeaders.TryIfMatch(ifMatch, out var precondition))
            return RequestHeaders.BadIfMatch;
        return Done(await mediator.Send(new EndCall(session, user.Asker()) { If = precondition }, cancellationToken));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> ForgetAsync(
        string sessionId, ClaimsPrincipal user, ISender mediator, CancellationToken cancellationToken) =>
        !SessionId.TryParse(sessionId, out var session)
            ? user.Asker().IsOperator ? Problems.Of(RefusalReason.NoSuchSession) : LiveSessionsApi.OperatorsOnly
            : await mediator.Send(new ForgetRecord(session, user.Asker()), cancellationToken) switch
            {
                Forgetting.Forgotten => TypedResults.NoContent(),
                Forgetting.OperatorsOnly => LiveSessionsApi.OperatorsOnly,
                Forgetting.NotOverYet =>
                    Problems.Of(409, "call-is-not-over", "The call goes on, or one of its lines is still being ended."),
                _ => Problems.Of(RefusalReason.NoSuchSession),
            };

    /// <summary>The route of the tutorial, with its request and its answer. The rules are those of <c>POST …/participants</c>.</summary>
    private static async Task<IResult> AddUserAsync(
        SeedPhoneToAdd body, [FromHeader(Name = RequestHeaders.IdempotencyKey)] string? key,
        ClaimsPrincipal user, PhoneAdder phones, HttpContext http, CancellationToken cancellationToken)
    {
        var asker = user.Asker();
        if (!SessionId.TryParse(body.SessionID, out var id))
            return Problems.Field("SessionID", $"The id must have 1 to {SessionId.MaxLength} characters of A-Z a-z 0-9 _ . : -");
        if (!PhoneNumbers.TryNormalise(body.PhoneNumber, out var number, out var why))
            return Problems.Field("PhoneNumber", why);
        if (RequestHeaders.ParticipantFor(key, asker) is not { } participant)
            return RequestHeaders.BadIdempotencyKey;
        var added = await phones.AddAsync(new(id, asker, participant, new Party.Phone(number), null), http, cancellationToken);
        return added.Problem ?? (IResult)TypedResults.Json(new { status_code = 200 });
    }

    /// <summary>The phone or the app user of a request, which names one of the two. Null, with the field and the reason, if it does not.
    /// </summary>
    private static Party? PartyOf(ParticipantToAdd body, out string field, out string why)
    {
        (field, why) = ("phoneNumber", "The body must have phoneNumber or identity, and not both.");
        if (body.Identity is not null && body.PhoneNumber is not null)
            return null;
        if (body.Identity is null)
        {
            if (PhoneNumbers.TryNormalise(body.PhoneNumber, out var number, out var malformed))
                return new Party.Phone(number);
            why = malformed;
            return null;
        }

        (field, why) = ("identity", "It must be a client identity, to the letter.");
        return ClientIdentity.TryParse(body.Identity, out var identity) ? new Party.Client(identity) : null;
    }

    private static Results<NoContent, ValidationProblem, ProblemHttpResult> Done(Decision decision) =>
        decision.Reply is CallReply.Refused refused ? Problems.Of(refused.Reason) : TypedResults.NoContent();
    private static string Location(SessionId id) => $"/v1/sessions/{Uri.EscapeDataString(id.Value)}";
}

/// <summary>A person to add to a call: a phone (<c>phoneNumber</c>), an app user (<c>identity</c>), or the candidates for one participant
/// (<c>oneOf</c>). The first candidate to answer gets the call. Exactly one of the three is needed.</summary>
/// <param name="PhoneNumber">The number in international form with the leading +. Spaces, dashes and parentheses are allowed.</param>
/// <param name="Label">A name for the participant, such as "doctor". It has at most 64 characters.</param>
/// <param name="Screen">How the phone is screened before it enters the call. <c>none</c>: not at all. <c>machine</c>: Twilio detects
/// answering machines; a machine is hung up, and a person who is not recognised must press 1. <c>press-1</c>: the person must press 1.
/// Without it, the configuration of the service decides.</param>
/// <param name="Identity">The client identity of an app user, such as "carol". An app user is not screened.</param>
/// <param name="OneOf">1 to 20 candidates. Candidates who are on the call already are skipped.</param>
/// <param name="Strategy">How the candidates are rung. <c>all</c> (the default): all at once. <c>in-order</c>: one after another.</param>
/// <param name="RingSeconds">How long each candidate rings: 5 to 60. Without it, <c>Calls:RingTimeout</c>.</param>
public sealed record ParticipantToAdd(
    string? PhoneNumber = null,
    string? Label = null,
    [property: AllowedValues("none", "machine", "press-1")] string? Screen = null,
    string? Identity = null,
    IReadOnlyList<CandidateToAdd>? OneOf = null,
    [property: AllowedValues("all", "in-order")] string? Strategy = null,
    int? RingSeconds = null);

/// <summary>The flags of a participant to change. A flag that is not present stays as it is.</summary>
/// <param name="Muted">True mutes the participant, false unmutes.</param>
/// <param name="Hold">True puts the participant on hold, false resumes.</param>
public sealed record FlagsToSet(bool? Muted = null, bool? Hold = null);

internal sealed record SeedPhoneToAdd(string? PhoneNumber, string? SessionID);
