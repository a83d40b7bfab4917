using Calls.Api.Endpoints;
using Calls.Api.Twilio;
using Calls.Application;
using Calls.Domain;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Primitives;

namespace Calls.Simulation.Service;

/// <summary>From a webhook of the emulated Twilio to the service's own endpoint, and from its result to an answer: what routing and Kestrel do otherwise.</summary>
internal static class Webhooks
{
    public static async Task<WebhookResponse> AnswerAsync(IServiceProvider services, WebhookRequest request)
    {
        var url = new Uri(request.Url);
        var http = new DefaultHttpContext { RequestServices = services };
        http.Request.Method = request.Method;
        http.Request.Path = PathString.FromUriComponent(url);
        http.Request.QueryString = QueryString.FromUriComponent(url);
        var query = new QueryCollection(QueryHelpers.ParseQuery(url.Query));
        http.Request.Query = query;
        var form = request.Form is { } sent
            ? new FormCollection(sent.GroupBy(pair => pair.Key, StringComparer.Ordinal).ToDictionary(group => group.Key, group => new StringValues([.. group.Select(pair => pair.Value)]), StringComparer.Ordinal))
            : null;
        // As behind the signature: the session is read ahead, for the trace's sake.
        services.GetRequiredService<CallTrace>().Await(url.AbsolutePath, DateTimeOffset.UnixEpoch);
        return Read(await RouteAsync(services, http, url, new TwilioRequest(form is null ? null : new DecodedForm(form), http.Request)));
    }

    private static Task<IResult> RouteAsync(IServiceProvider services, HttpContext http, Uri url, TwilioRequest request)
    {
        var voice = services.GetRequiredService<VoiceWebhooks>();
        var callbacks = services.GetRequiredService<StatusCallbacks>();
        return url.AbsolutePath.Split('/', StringSplitOptions.RemoveEmptyEntries) switch
        {
            ["twilio", "voice"] => voice.Voice(http, request),
            ["twilio", "wait"] => Task.FromResult<IResult>(TwiML.Ringback(CallsWorldOrigin + "/twilio/wait/ringback.wav")),
            ["twilio", "sessions", var session, "join", var participant] => voice.Join(http, request, Session(session), Participant(participant)),
            ["twilio", "sessions", var session, "left", var participant] => voice.Left(request, Session(session), Participant(participant)),
            ["twilio", "sessions", var session, "conference"] => callbacks.Conference(request, Session(session)),
            ["twilio", "sessions", var session, "calls", var participant] => callbacks.Call(request, Session(session), Participant(participant)),
            _ => Task.FromResult<IResult>(TypedResults.NotFound()),
        };
    }

    private const string CallsWorldOrigin = World.CallsWorld.Origin;

    private static WebhookResponse Read(IResult result) => result switch
    {
        ContentHttpResult twiml => WebhookResponse.Answered(StatusCodes.Status200OK, twiml.ContentType, twiml.ResponseContent ?? ""),
        IStatusCodeHttpResult status => WebhookResponse.Answered(status.StatusCode ?? 200, null, ""),
        _ => throw new NotSupportedException($"No answer from {result.GetType().Name}"),
    };

    private static SessionId Session(string text) => SessionId.TryParse(Uri.UnescapeDataString(text), out var id) ? id : throw new FormatException("No session id in a webhook's path");

    private static ParticipantId Participant(string text) => ParticipantId.TryParse(Uri.UnescapeDataString(text), out var id) ? id : throw new FormatException("No participant in a webhook's path");
}
