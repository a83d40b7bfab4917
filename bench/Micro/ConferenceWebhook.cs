using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Calls.Api.Observability;
using Calls.Api.Twilio;
using Calls.Domain;
using Calls.Sandbox.Twilio;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Micro;

/// <summary>
/// Twilio's <c>participant-join</c>, as it arrives: headers, body, signature. Only this class knows how the service reads a webhook.
/// </summary>
internal sealed class ConferenceWebhook
{
    private const string Route = "/twilio/sessions/{sessionId}/{nonce}/conference";
    private const string FormType = "application/x-www-form-urlencoded; charset=UTF-8";

    private readonly string path;
    private readonly string signature;
    private readonly byte[] body;
    private readonly byte[] arrived;
    private readonly WebhookForm form;
    private readonly RequestDelegate gate;
    private readonly RequestSignature twoTokens = new(["0123456789abcdef0123456789abcdef", Service.Token], []);
    private readonly RequestSignature oneToken = new([Service.Token], []);

    public ConferenceWebhook(IServiceProvider services, MadeCall call, string room)
    {
        var fields = Fields(call, room);
        path = $"/twilio/sessions/{call.Id.Value}/c1-abcdefghijklmnop/conference";
        signature = Signer.Sign(Service.Token, Service.Origin + path, fields);
        body = Encoding.ASCII.GetBytes(
            string.Join('&', fields.Select(field => $"{Uri.EscapeDataString(field.Key)}={Uri.EscapeDataString(field.Value)}")));
        arrived = new byte[body.Length];
        form = WebhookForm.Parse(body) ?? throw new InvalidOperationException("The webhook's body is refused.");
        gate = services.GetRequiredService<SignedRequest>().Guard(new WebhookKind("conference", Route), (_, request) =>
            Task.FromResult(new WebhookAnswer(
                Bind(request) is not null ? TypedResults.NoContent() : TypedResults.BadRequest(), WebhookOutcomes.Accepted)));
    }

    /// <summary>The signature check alone, with the second of two tokens.</summary>
    public bool IsSigned() => twoTokens.RefusalOf([Service.Origin + path], form, signature, null) is null;

    /// <summary>Reads the form, checks the signature and makes the command.</summary>
    public async Task<object?> ReadAsync(IServiceProvider services)
    {
        var http = Arrive(services);
        var (read, _) = await WebhookForm.ReadAsync(http.Request.BodyReader, http.Request.ContentType);
        return read is not null && oneToken.RefusalOf([Service.Origin + path], read, signature, null) is null
            ? Bind(new TwilioRequest(read, http.Request))
            : null;
    }

    /// <summary>All steps before the use case: the form, the signature, the span and the metrics.</summary>
    /// <returns>The status: 204 if the webhook was accepted.</returns>
    public async Task<int> EnterAsync(IServiceProvider services)
    {
        var http = Arrive(services);
        await gate(http);
        return http.Response.StatusCode;
    }

    private static SessionEvent.ParticipantJoined? Bind(TwilioRequest request) =>
        (request.Event, request.ConferenceSid, request.CallSid) is ("participant-join", { } conference, { } leg)
            ? new SessionEvent.ParticipantJoined(conference, request.FriendlyName, leg, request.Label, request.Flags)
            : null;

    private HttpContext Arrive(IServiceProvider services)
    {
        var http = new DefaultHttpContext { RequestServices = services };
        // ASP.NET Core decodes a form in place.
        body.CopyTo(arrived, 0);
        http.Features.Set<IRequestBodyPipeFeature>(new Body(arrived));
        var request = http.Request;
        (request.Method, request.Scheme, request.Path) = (HttpMethods.Post, "https", path);
        (request.ContentType, request.ContentLength) = (FormType, body.Length);
        request.Headers[SignedRequest.Header] = signature;
        return http;
    }

    /// <summary>The parameters that Twilio sends (twilio.com/docs/voice/twiml/conference, "statusCallback").</summary>
    private static KeyValuePair<string, string>[] Fields(MadeCall call, string room) =>
    [
        new("AccountSid", "AC0123456789abcdef0123456789abcdef"), new("CallSid", call.Leg(1).Value), new("CallSidEndingConference", ""),
        new("Coaching", "false"),
        new("ConferenceSid", call.Conference.Value), new("EndConferenceOnExit", "false"), new("FriendlyName", room), new("Hold", "false"),
        new("Muted", "false"),
        new("ParticipantCallStatus", "in-progress"), new("ParticipantLabel", "callee"), new("SequenceNumber", "3"),
        new("StartConferenceOnEnter", "true"),
        new("StatusCallbackEvent", "participant-join"), new("Timestamp", "Mon, 05 Jan 2026 10:00:00 +0000"),
    ];

    /// <summary>The whole body has arrived with the headers, as in most requests.</summary>
    private sealed class Body(byte[] bytes) : IRequestBodyPipeFeature
    {
        public PipeReader Reader { get; } = PipeReader.Create(new ReadOnlySequence<byte>(bytes));
    }
}
