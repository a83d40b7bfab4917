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
        app.MapWebhook("/twilio/voice", "voice", (http, request) => Voice(http).Voice(http, request));
        app.MapWebhook("/twilio/sessions/{sessionId}/join/{participantId}", "join", (http, request) =>
            SessionOf(http) is { } session && ParticipantOf(http) is { } participant ? Voice(http).Join(http, request, session, participant) : HangUp);
        app.MapWebhook("/twilio/sessions/{sessionId}/left/{participantId}", "left", (http, request) =>
            SessionOf(http) is { } session && ParticipantOf(http) is { } participant ? Voice(http).Left(request, session, participant) : HangUp);
        app.MapWebhook("/twilio/sessions/{sessionId}/conference", "conference", (http, request) =>
            SessionOf(http) is { } session ? Callbacks(http).Conference(request, session) : NothingToDo);
        app.MapWebhook("/twilio/sessions/{sessionId}/calls/{participantId}", "call_status", (http, request) =>
            SessionOf(http) is { } session && ParticipantOf(http) is { } participant ? Callbacks(http).Call(request, session, participant) : NothingToDo);
        app.MapWebhook("/twilio/wait", "wait", (http, request) =>
        {
            http.RequestServices.GetRequiredService<CallTrace>().Begin(request.Trace);
            return Task.FromResult(TwiML.Ringback(http.RequestServices.GetRequiredService<CallbackUrls>().Ringback()));
        });

        // The seed's paths, for an app and a console that were set up for them.
        app.MapWebhook("/makeCall", "voice", (http, request) => Voice(http).Voice(http, request));
        app.MapWebhook("/joinConf/{sessionId}", "join", (http, request) => SessionOf(http) is { } session ? Voice(http).Join(http, request, session, ParticipantId.Callee) : HangUp);
        app.MapWebhook("/leave", "conference", (http, request) =>
            SessionOfRoom(request.FriendlyName) is { } session ? Callbacks(http).Conference(request, session) : NothingToDo);
        app.MapWebhook("/completeCall/{sessionId}", "call_status", (http, request) =>
            SessionOf(http) is { } session ? Callbacks(http).Call(request, session, ParticipantId.Callee) : NothingToDo);

        // The sound itself is nobody's secret, and Twilio's caches may keep it.
        app.MapGet("/twilio/wait/ringback.wav", (HttpContext http) =>
        {
            http.Response.Headers.CacheControl = "public, max-age=86400";
            return TypedResults.Bytes(Ringback.Wav, "audio/wav");
        }).ExcludeFromDescription().AllowAnonymous();
    }

    /// <summary>Whether a path is a webhook's, whoever asks for it.</summary>
    public static bool IsWebhook(PathString path)
    {
        foreach (var start in Paths)
        {
            if (path.StartsWithSegments(start, StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return false;
    }

    private static readonly PathString[] Paths = ["/twilio", "/makeCall", "/joinConf", "/leave", "/completeCall"];

    private static void MapWebhook(this IEndpointRouteBuilder app, string route, string name, Func<HttpContext, TwilioRequest, Task<IResult>> answer)
    {
        var kind = new WebhookKind(name, route);
        app.MapMethods(route, Methods, app.ServiceProvider.GetRequiredService<SignedRequest>().Guard(kind, answer))
            .WithMetadata(kind).ExcludeFromDescription().AllowAnonymous().ShortCircuit();
    }

    private static Task<IResult> NothingToDo => Task.FromResult<IResult>(TypedResults.NoContent());

    private static Task<IResult> HangUp => Task.FromResult(TwiML.HangUp());

    private static VoiceWebhooks Voice(HttpContext http) => http.RequestServices.GetRequiredService<VoiceWebhooks>();

    private static StatusCallbacks Callbacks(HttpContext http) => http.RequestServices.GetRequiredService<StatusCallbacks>();

    private static SessionId? SessionOf(HttpContext http) => SessionId.TryParse(http.GetRouteValue("sessionId") as string, out var session) ? session : null;

    private static ParticipantId? ParticipantOf(HttpContext http) => ParticipantId.TryParse(http.GetRouteValue("participantId") as string, out var participant) ? participant : null;

    /// <summary>A room is named after its session: the id, a dot and the nonce.</summary>
    private static SessionId? SessionOfRoom(string? room) =>
        room is not null && room.LastIndexOf('.') is > 0 and var dot && SessionId.TryParse(room[..dot], out var session) ? session : null;
}
