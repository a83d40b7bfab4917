using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Calls.Infrastructure.Webhooks;

/// <summary>The answer of a receiver to one event.</summary>
/// <param name="IsDelivered">The receiver answered 2xx.</param>
/// <param name="IsGone">The receiver answered 410: it wants no more events.</param>
/// <param name="Cause">Why the event was not delivered: a status, or the kind of failure.</param>
internal sealed record EventAnswer(bool IsDelivered, bool IsGone, string Cause)
{
    public string Outcome => IsDelivered ? EventOutcomes.Delivered : IsGone ? EventOutcomes.Gone : EventOutcomes.Failed;
}

/// <summary>Sends signed events to one receiver, over connections of its own. It follows no redirect, uses no proxy, and reads no body.
/// </summary>
internal sealed class EventClient : IDisposable
{
    private readonly HttpMessageInvoker http;
    private readonly EventReceivers receivers;
    private readonly EventSettings settings;
    private readonly TimeProvider clock;

    public EventClient(string receiver, EventReceivers receivers, EventSettings settings, TimeProvider clock)
    {
        (this.receivers, this.settings, this.clock) = (receivers, settings, clock);
        http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            MaxConnectionsPerServer = EventSettings.Concurrency,
            PooledConnectionLifetime = TimeSpan.FromMinutes(3),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            // In KB. The connection of a longer answer is closed.
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = 16 * 1024,
            ConnectCallback = (context, cancellationToken) => PublicAddresses.ConnectAsync(
                context.DnsEndPoint, this.receivers[receiver].AllowsPrivateAddresses, cancellationToken),
        });
    }

    /// <summary>Sends one event. The signature is new at each attempt, because it has the time.</summary>
    public async Task<EventAnswer> SendAsync(EventReceiver receiver, string id, byte[] body)
    {
        var timestamp = clock.GetUtcNow().ToUnixTimeSeconds();
        using var timeout = new CancellationTokenSource(settings.Timeout, clock);
        using var request = new HttpRequestMessage(HttpMethod.Post, receiver.Url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp.ToString(CultureInfo.InvariantCulture));
        // While a secret is exchanged there are two signatures, with a space between them.
        request.Headers.Add("webhook-signature", string.Join(
            ' ', receiver.Keys.Select(key => StandardWebhookSignature.Sign(key, id, timestamp, body))));
        request.Headers.Add("User-Agent", "Calls");
        try
        {
            using var response = await http.SendAsync(request, timeout.Token);
            return new EventAnswer(
                response.IsSuccessStatusCode, response.StatusCode == HttpStatusCode.Gone,
                ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException or SocketException)
        {
            return new EventAnswer(false, false, CauseOf(e));
        }
    }

    public void Dispose() => http.Dispose();

    private static string CauseOf(Exception e) => e switch
    {
        OperationCanceledException => "time-out",
        { InnerException: AddressRefusedException } or AddressRefusedException => "address not allowed",
        { InnerException: AuthenticationException } => "TLS",
        HttpRequestException { HttpRequestError: var error and not HttpRequestError.Unknown } => error.ToString(),
        _ => (e.InnerException ?? e).GetType().Name,
    };
}
