using Calls.Api.Twilio;
using Calls.Application;
using Calls.Domain;
using Calls.Infrastructure.Twilio;

namespace Calls.Api.Endpoints;

/// <summary>Twilio's way in: the contract's routes, and the seed's five paths over the same handlers. Signed, small, and always answered.</summary>
internal static class WebhookRoutes
{
    private static readonly string[] Methods = ["GET", "POST"];

    public static void MapWebhooks(this IEndpointRouteBuilder app)
    {
        var twilio = app.MapGroup("").AddEndpointFilter<SignedRequest>().ExcludeFromDescription().AllowAnonymous().DisableAntiforgery()
            .WithMetadata(new Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute(Hardening.MaxBody));

        twilio.MapMethods("/twilio/voice", Methods, (HttpContext http, VoiceWebhooks voice) => voice.Voice(http, Signed(http))).WithMetadata(new WebhookKind("voice"));
        twilio.MapMethods("/twilio/sessions/{sessionId}/join/{participantId}", Methods, (HttpContext http, VoiceWebhooks voice, string sessionId, string participantId) =>
            Parse(sessionId, participantId) is var (session, participant) ? voice.Join(http, Signed(http), session, participant) : Task.FromResult(TwiML.HangUp())).WithMetadata(new WebhookKind("join"));
        twilio.MapMethods("/twilio/sessions/{sessionId}/left/{participantId}", Methods, (HttpContext http, VoiceWebhooks voice, string sessionId, string participantId) =>
            Parse(sessionId, participantId) is var (session, participant) ? voice.Left(Signed(http), session, participant, http.RequestAborted) : Task.FromResult(TwiML.HangUp())).WithMetadata(new WebhookKind("left"));
        twilio.MapMethods("/twilio/sessions/{sessionId}/conference", Methods, (HttpContext http, StatusCallbacks callbacks, string sessionId) =>
            SessionId.TryParse(sessionId, out var session) ? callbacks.Conference(Signed(http), session, http.RequestAborted) : NothingToDo).WithMetadata(new WebhookKind("conference"));
        twilio.MapMethods("/twilio/sessions/{sessionId}/calls/{participantId}", Methods, (HttpContext http, StatusCallbacks callbacks, string sessionId, string participantId) =>
            Parse(sessionId, participantId) is var (session, participant) ? callbacks.Call(Signed(http), session, participant, http.RequestAborted) : NothingToDo).WithMetadata(new WebhookKind("call_status"));
        twilio.MapMethods("/twilio/wait", Methods, (HttpContext http, CallbackUrls urls, CallTrace trace) =>
        {
            trace.Begin(Signed(http).Trace);
            return TwiML.Ringback(urls.Ringback().ToString());
        }).WithMetadata(new WebhookKind("wait"));

        // The seed's paths, for an app and a console that were set up for them.
        twilio.MapMethods("/makeCall", Methods, (HttpContext http, VoiceWebhooks voice) => voice.Voice(http, Signed(http))).WithMetadata(new WebhookKind("voice"));
        twilio.MapMethods("/joinConf/{id}", Methods, (HttpContext http, VoiceWebhooks voice, string id) =>
            SessionId.TryParse(id, out var session) ? voice.Join(http, Signed(http), session, ParticipantId.Callee) : Task.FromResult(TwiML.HangUp())).WithMetadata(new WebhookKind("join"));
        twilio.MapMethods("/leave", Methods, (HttpContext http, StatusCallbacks callbacks) =>
            SessionOf(Signed(http).FriendlyName) is { } session ? callbacks.Conference(Signed(http), session, http.RequestAborted) : NothingToDo).WithMetadata(new WebhookKind("conference"));
        twilio.MapMethods("/completeCall/{id}", Methods, (HttpContext http, StatusCallbacks callbacks, string id) =>
            SessionId.TryParse(id, out var session) ? callbacks.Call(Signed(http), session, ParticipantId.Callee, http.RequestAborted) : NothingToDo).WithMetadata(new WebhookKind("call_status"));

        // The sound itself is nobody's secret, and Twilio's caches may keep it.
        app.MapGet("/twilio/wait/ringback.wav", (HttpContext http) =>
        {
            http.Response.Headers.CacheControl = "public, max-age=86400";
            return TypedResults.Bytes(Ringback.Wav, "audio/wav");
        }).ExcludeFromDescription().AllowAnonymous();
    }

    /// <summary>Whether a path is a webhook's, whoever asks for it.</summary>
    public static bool IsWebhook(PathString path) => Paths.Any(start => path.StartsWithSegments(start, StringComparison.OrdinalIgnoreCase));

    private static readonly string[] Paths = ["/twilio", "/makeCall", "/joinConf", "/leave", "/completeCall"];

    private static Task<IResult> NothingToDo => Task.FromResult<IResult>(TypedResults.NoContent());

    private static TwilioRequest Signed(HttpContext http) => http.Features.Get<TwilioRequest>() ?? throw new System.Diagnostics.UnreachableException("The signature filter comes first");

    private static (SessionId Session, ParticipantId Participant)? Parse(string sessionId, string participantId) =>
        SessionId.TryParse(sessionId, out var session) && ParticipantId.TryParse(participantId, out var participant) ? (session, participant) : null;

    /// <summary>A room is named after its session: the id, a dot and the nonce.</summary>
    private static SessionId? SessionOf(string? room) =>
        room is not null && room.LastIndexOf('.') is > 0 and var dot && SessionId.TryParse(room[..dot], out var session) ? session : null;
}
