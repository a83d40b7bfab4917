using System.Globalization;
using Calls.Domain;
using Calls.Load;
using Calls.Sandbox.Twilio;

namespace Calls.Scale;

/// <summary>
/// Webhooks that mute and unmute the callee of a stored call. Each loads a session, changes it and saves it, and has no effects.
/// </summary>
internal sealed class Mutes : IDisposable
{
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler
    {
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null,
    });

    /// <summary>The first sequence number, above those of the stored calls.</summary>
    private int sequence = 1_000;

    /// <param name="origin">The URL of the service.</param>
    /// <param name="webhooks">The number of webhooks.</param>
    /// <param name="concurrency">The number of webhooks at once.</param>
    /// <param name="of">The call of each webhook.</param>
    public async Task<Tally> SendAsync(Uri origin, int webhooks, int concurrency, Func<int, CallSession> of)
    {
        var tally = new Tally();
        await Parallel.ForEachAsync(Enumerable.Range(0, webhooks), new ParallelOptions { MaxDegreeOfParallelism = concurrency },
            async (number, _) => await SendAsync(tally, origin, of(number)));
        return tally;
    }

    public void Dispose() => http.Dispose();

    private async Task SendAsync(Tally tally, Uri origin, CallSession call)
    {
        var url = $"{origin.GetLeftPart(UriPartial.Authority)}/twilio/sessions/{call.Id.Value}/{call.Nonce}/conference";
        var form = Form(call, Interlocked.Increment(ref sequence));
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent(form) };
        request.Headers.TryAddWithoutValidation("X-Twilio-Signature", Signer.Sign(QuickTwilio.Token, url, form));
        var from = TimeProvider.System.GetTimestamp();
        using var response = await http.SendAsync(request, CancellationToken.None);
        tally.Answered(Webhook.Conference, TimeProvider.System.GetElapsedTime(from), response.IsSuccessStatusCode);
    }

    private static List<KeyValuePair<string, string>> Form(CallSession call, int number)
    {
        if (call is not { Conference: { } conference } || call.Find(ParticipantId.Callee) is not { Leg: { } leg })
            throw new InvalidOperationException("The call has no participant on the line");
        var muted = number % 2 == 0;
        return
        [
            new("AccountSid", QuickTwilio.Account), new("CallSid", leg.Value), new("Coaching", "false"),
            new("ConferenceSid", conference.Value), new("EndConferenceOnExit", "false"),
            new("FriendlyName", call.Room), new("Hold", "false"), new("Muted", muted ? "true" : "false"),
            new("ParticipantLabel", ParticipantId.Callee.Value),
            new("SequenceNumber", number.ToString(CultureInfo.InvariantCulture)), new("StartConferenceOnEnter", "true"),
            new("StatusCallbackEvent", muted ? "participant-mute" : "participant-unmute"),
            new("Timestamp", "Mon, 01 Jan 2024 00:00:00 +0000"),
        ];
    }
}
