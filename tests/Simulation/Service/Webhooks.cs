using System.Globalization;
using Calls.Api.Endpoints;
using Calls.Api.Twilio;
using Calls.Domain;
using Calls.Infrastructure.Twilio;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Simulation.Service;

/// <summary>
/// Passes a webhook of the emulated Twilio to the service's endpoint and turns its result into an answer, as routing and Kestrel do in
/// production.
/// </summary>
internal static class Webhooks
{
    public static async Task<WebhookResponse> AnswerAsync(IServiceProvider services, WebhookRequest request)
    {
        var url = new Uri(request.Url);
        var http = new DefaultHttpContext { RequestServices = services };
        http.Request.Method = request.Method;
        http.Request.Path = PathString.FromUriComponent(url);
        http.Request.QueryString = QueryString.FromUriComponent(url);
        http.Request.Query = new QueryCollection(QueryHelpers.ParseQuery(url.Query));
        var encoded = request.Form is { } sent
            ? string.Join('&', sent.Select(pair => Uri.EscapeDataString(pair.Key) + "=" + Uri.EscapeDataString(pair.Value)))
            : url.Query;
        var form = WebhookForm.Parse(encoded) ?? throw new FormatException("A webhook's parameters cannot be read");
        return Read(await RouteAsync(services, url, new TwilioRequest(form, http.Request)));
    }

    private static async Task<IResult> RouteAsync(IServiceProvider services, Uri url, TwilioRequest request)
    {
        var voice = services.GetRequiredService<VoiceWebhooks>();
        var callbacks = services.GetRequiredService<StatusCallbacks>();
        string[] segments = [.. url.AbsolutePath.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString)];
        return segments switch
        {
            ["twilio", "voice"] => (await voice.Voice(request)).Result,
            ["twilio", "sessions", var session, "callees", var callee, "retries", var retry, "voice"] =>
                (await voice.Voice(request, new(Session(session), CallbackUrls.ReadRecipient(callee), Number(retry)))).Result,
            ["twilio", "sessions", var session, "callees", var callee, "languages", _, "retries", var retry, "voice"] =>
                (await voice.Voice(request, new(Session(session), CallbackUrls.ReadRecipient(callee), Number(retry)))).Result,
            ["twilio", "wait"] => TwiML.Ringback(CallsWorldOrigin + "/twilio/wait/ringback.wav"),
            ["twilio", "sessions", var session, var nonce, "participants", var participant, "join"] =>
                (await voice.Join(request, Session(session), Participant(participant), nonce)).Result,
            ["twilio", "sessions", var session, var nonce, "participants", var participant, "retries", var retry, "join"] =>
                (await voice.Join(request, Session(session), Participant(participant), nonce, Number(retry))).Result,
            ["twilio", "sessions", var session, var nonce, "participants", var participant, "questions", var question, "join"] =>
                (await voice.Join(request, Session(session), Participant(participant), nonce, question: Number(question))).Result,
            ["twilio", "sessions", var session, var nonce, "participants", var participant, "questions", var question, var key, "retries",
                var retry, "join"] =>
                (await voice.Join(request, Session(session), Participant(participant), nonce, Number(retry), Number(question),
                    new(AnsweredBy.Unknown, key == CallbackUrls.KeyOne))).Result,
            ["twilio", "sessions", var session, var nonce, "participants", var participant, "answered", var by, "retries", var retry,
                "join"] =>
                (await voice.Join(request, Session(session), Participant(participant), nonce, Number(retry), null,
                    new(Enum.Parse<AnsweredBy>(by), false))).Result,
            ["twilio", "sessions", var session, var nonce, "participants", var participant, "left"] =>
                (await voice.Left(request, Session(session), Participant(participant), nonce)).Result,
            ["twilio", "sessions", var session, var nonce, "participants", var participant, "callees", var callee, "left"] =>
                (await voice.Left(request, Session(session), Participant(participant), nonce, CallbackUrls.ReadCallee(callee))).Result,
            ["twilio", "sessions", var session, var nonce, "conference"] =>
                (await callbacks.Conference(request, Session(session), CallSession.RoomOf(Session(session), nonce))).Result,
            ["twilio", "sessions", var session, var nonce, "participants", var participant, "status"] =>
                (await callbacks.Call(request, Session(session), Participant(participant), nonce)).Result,
            _ => TypedResults.NotFound(),
        };
    }

    private const string CallsWorldOrigin = World.CallsWorld.Origin;

    private static WebhookResponse Read(IResult result) => result switch
    {
        ContentHttpResult twiml => WebhookResponse.Answered(StatusCodes.Status200OK, twiml.ContentType, twiml.ResponseContent ?? ""),
        IStatusCodeHttpResult status => WebhookResponse.Answered(status.StatusCode ?? 200, null, ""),
        _ => throw new NotSupportedException($"No answer from {result.GetType().Name}"),
    };

    private static SessionId Session(string text) =>
        SessionId.TryParse(text, out var id) ? id : throw new FormatException("No session id in a webhook's path");

    private static ParticipantId Participant(string text) =>
        ParticipantId.TryParse(text, out var id) ? id : throw new FormatException("No participant in a webhook's path");

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
