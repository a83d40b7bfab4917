namespace Calls.Api.Endpoints;

/// <summary>The routes of Twilio's webhooks. Values from the path are trusted, because Twilio signs the URL.</summary>
internal static class WebhookRoutes
{
    private const string OfCall = "/twilio/sessions/{sessionId}/{nonce}";
    private const string OfParticipant = OfCall + "/participants/{participantId}";
    private const string OfHeldCall = "/twilio/sessions/{sessionId}/callees/{callee}";
    private static readonly string[] Methods = ["GET", "POST"];
    /// <summary>The beginnings of all paths of webhooks.</summary>
    private static readonly string[] Beginnings = ["/twilio/", "/makeCall", "/joinConf/", "/leave", "/completeCall/"];

    /// <summary>Drops the second slash of <c>//twilio/voice</c>: Twilio requests this path if the console has a slash at the end of the
    /// base. The signature is checked on the path as it was sent.</summary>
    public static void UseSingleSlash(this WebApplication app) => app.Use((http, next) =>
    {
        if (http.Request.Path.Value is ['/', '/', ..] sent
            && Beginnings.Any(beginning => sent.AsSpan(1).StartsWith(beginning, StringComparison.OrdinalIgnoreCase)))
            http.Request.Path = sent[1..];
        return next(http);
    });

    public static void MapWebhooks(this IEndpointRouteBuilder app)
    {
        app.MapWebhook("/twilio/voice", "voice", (http, request) => Voice(http).Voice(request));
        // The callee is personal, so traces have the template of the route in place of the path.
        app.MapWebhook(OfHeldCall + "/retries/{retry:int}/voice", "voice", VoiceAgain, isPersonal: true);
        app.MapWebhook(OfHeldCall + "/languages/{language}/retries/{retry:int}/voice", "voice", VoiceAgain, isPersonal: true);
        app.MapWebhook("/twilio/number", "number", (http, request) => Voice(http).Number(request));
        app.MapWebhook(OfHeldCall + "/retries/{retry:int}/number", "number", NumberAgain, isPersonal: true);
        // The number's own status callback: a second report that the caller has left.
        app.MapWebhook("/twilio/number/status", "number_status", (http, request) => Callbacks(http).Number(request));
        // For callers that the version before this one holds.
        app.MapWebhook("/twilio/sessions/{sessionId}/retries/{retry:int}/voice", "voice", (http, request) =>
            SessionOf(http) is { } session ? Voice(http).Voice(request, new(session, null, RetryOf(http))) : HangUp);
        app.MapWebhook(OfParticipant + "/join", "join", Join);
        app.MapWebhook(OfParticipant + "/retries/{retry:int}/join", "join", Join);
        app.MapWebhook(OfParticipant + "/answered/{by}/retries/{retry:int}/join", "join", Join);
        app.MapWebhook(OfParticipant + "/questions/{question:int}/join", "join", Join);
        app.MapWebhook(OfParticipant + "/questions/{question:int}/{key}/retries/{retry:int}/join", "join", Join);
        app.MapWebhook(OfParticipant + "/left", "left", Left);
        app.MapWebhook(OfParticipant + "/callees/{callee}/left", "left", Left, isPersonal: true);
        app.MapWebhook(OfParticipant + "/status", "call_status", (http, request) =>
            SessionOf(http) is { } session && ParticipantOf(http) is { } participant
                ? Callbacks(http).Call(request, session, participant, NonceOf(http)) : Nothing);
        app.MapWebhook(OfCall + "/conference", "conference", (http, request) =>
            SessionOf(http) is { } session
                ? Callbacks(http).Conference(request, session, CallSession.RoomOf(session, NonceOf(http)))
                : Nothing);
        app.MapWebhook("/twilio/wait", "wait", (http, _) =>
            Task.FromResult(new WebhookAnswer(TwiML.Ringback(Service<CallbackUrls>(http).Ringback()), WebhookOutcomes.Accepted)));
        // The paths of the tutorial, over the same handlers. They have no nonce, so only a leg that the session knows counts.
        app.MapWebhook("/makeCall", "voice", (http, request) => Voice(http).Voice(request));
        app.MapWebhook("/joinConf/{sessionId}", "join", (http, request) =>
            SessionOf(http) is { } session ? Voice(http).Join(request, session, ParticipantId.Callee, null) : HangUp);
        app.MapWebhook("/leave", "conference", (http, request) =>
            CallSession.TryParseRoom(request.FriendlyName, out var session, out _)
                ? Callbacks(http).Conference(request, session, request.FriendlyName) : Nothing);
        app.MapWebhook("/completeCall/{sessionId}", "call_status", (http, request) =>
            SessionOf(http) is { } session ? Callbacks(http).Call(request, session, ParticipantId.Callee, null) : Nothing);

        // The audio is public, and Twilio's caches may keep it.
        app.MapTone(CallbackUrls.RingbackPath, tones => tones.Ringback);
        app.MapTone(CallbackUrls.BusyTonePath, tones => tones.Busy);
        app.MapTone(CallbackUrls.ReorderTonePath, tones => tones.Reorder);
    }

    private static void MapTone(this IEndpointRouteBuilder app, string route, Func<CallTones, byte[]> wav) =>
        app.MapGet(route, (HttpContext http) =>
        {
            http.Response.Headers.CacheControl = "public, max-age=86400";
            return TypedResults.Bytes(wav(Service<CallTones>(http)), "audio/wav");
        }).ExcludeFromDescription().AllowAnonymous();

    private static Task<WebhookAnswer> VoiceAgain(HttpContext http, TwilioRequest request) =>
        SessionOf(http) is { } session && CallbackUrls.ReadRecipient(ValueOf(http, "callee")) is { } callee
            ? Voice(http).Voice(request, new(session, callee, RetryOf(http), LanguageOf(http)))
            : HangUp;

    private static Task<WebhookAnswer> NumberAgain(HttpContext http, TwilioRequest request) =>
        SessionOf(http) is { } session && CallbackUrls.ReadRecipient(ValueOf(http, "callee")) is { } callee
            ? Voice(http).Number(request, new(session, callee, RetryOf(http)))
            : HangUp;

    private static Task<WebhookAnswer> Join(HttpContext http, TwilioRequest request) =>
        SessionOf(http) is { } session && ParticipantOf(http) is { } participant
            ? Voice(http).Join(request, session, participant, NonceOf(http), RetryOf(http), QuestionOf(http), HeldAnswerOf(http))
            : HangUp;

    private static Task<WebhookAnswer> Left(HttpContext http, TwilioRequest request) =>
        SessionOf(http) is { } session && ParticipantOf(http) is { } participant
            ? Voice(http).Left(request, session, participant, NonceOf(http), CallbackUrls.ReadCallee(ValueOf(http, "callee")))
            : HangUp;

    private static void MapWebhook(
        this IEndpointRouteBuilder app, string route, string name, Func<HttpContext, TwilioRequest, Task<WebhookAnswer>> answer,
        bool isPersonal = false)
    {
        var kind = new WebhookKind(name, route, isPersonal);
        app.MapMethods(route, Methods, app.ServiceProvider.GetRequiredService<SignedRequest>().Guard(kind, answer))
            .WithMetadata(kind).ExcludeFromDescription().AllowAnonymous().ShortCircuit();
    }

    private static Task<WebhookAnswer> Nothing => Task.FromResult(StatusCallbacks.Nothing);
    private static Task<WebhookAnswer> HangUp => Task.FromResult(VoiceWebhooks.HangUp);
    private static VoiceWebhooks Voice(HttpContext http) => Service<VoiceWebhooks>(http);
    private static StatusCallbacks Callbacks(HttpContext http) => Service<StatusCallbacks>(http);
    private static T Service<T>(HttpContext http) where T : notnull => http.RequestServices.GetRequiredService<T>();
    private static SessionId? SessionOf(HttpContext http) => SessionId.TryParse(ValueOf(http, "sessionId"), out var id) ? id : null;
    private static ParticipantId? ParticipantOf(HttpContext http) =>
        ParticipantId.TryParse(ValueOf(http, "participantId"), out var id) ? id : null;
    private static Language? LanguageOf(HttpContext http) =>
        Language.TryParse(ValueOf(http, "language"), out var language) ? language : null;
    private static string NonceOf(HttpContext http) => ValueOf(http, "nonce") ?? "";
    private static int RetryOf(HttpContext http) => int.TryParse(ValueOf(http, "retry"), CultureInfo.InvariantCulture, out var n) ? n : 0;
    private static int? QuestionOf(HttpContext http) =>
        int.TryParse(ValueOf(http, "question"), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : null;

    /// <summary>Null on the first request, which says by itself who has answered and which key was pressed.</summary>
    private static HeldAnswer? HeldAnswerOf(HttpContext http) => (ValueOf(http, "by"), ValueOf(http, "key")) switch
    {
        (null, null) => null,
        var (by, key) => new(
            Enum.TryParse<AnsweredBy>(by, ignoreCase: true, out var known) ? known : AnsweredBy.Unknown, key == CallbackUrls.KeyOne),
    };

    private static string? ValueOf(HttpContext http, string key) => http.GetRouteValue(key) as string;
}
