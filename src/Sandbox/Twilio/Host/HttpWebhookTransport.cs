using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Calls.Sandbox.Twilio;

/// <summary>Sends webhooks over real HTTP.</summary>
/// <remarks>
/// Every request has its own connection. On a reused connection .NET repeats a request when the service dies after reading it; Twilio
/// does not repeat it. A request carries no trace context, because Twilio sends none.
/// </remarks>
internal sealed class HttpWebhookTransport : IWebhookTransport, IDisposable
{
    private static readonly HttpRequestOptionsKey<TimeSpan> ConnectTimeout = new("connect-timeout");
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _http;

    public HttpWebhookTransport(TimeProvider time)
    {
        _time = time;
        _http = new(new SocketsHttpHandler
        {
            ActivityHeadersPropagator = null,
            AllowAutoRedirect = false,
            ConnectCallback = ConnectAsync,
            PooledConnectionLifetime = TimeSpan.Zero,
            UseCookies = false,
            UseProxy = false,
        });
    }

    public async Task<WebhookResponse> SendAsync(WebhookRequest request, CancellationToken cancellationToken)
    {
        // The path and query must be sent exactly as configured, because the signature covers them.
        var url = new Uri(request.Url, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), url);
        message.Options.Set(ConnectTimeout, request.ConnectTimeout);
        foreach (var (name, value) in request.Headers)
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }
        if (request.Form is { } form)
        {
            var type = new MediaTypeHeaderValue("application/x-www-form-urlencoded", "utf-8");
            message.Content = new StringContent(form.ToForm(), Encoding.UTF8, type);
        }
        try
        {
            using var response = await _http.SendAsync(message, cancellationToken);
            var body = await response.Content.ReadAsStringAsync(cancellationToken);
            return WebhookResponse.Answered((int)response.StatusCode, response.Content.Headers.ContentType?.ToString(), body) with
            {
                Location = response.Headers.Location?.OriginalString,
            };
        }
        catch (HttpRequestException failure) when (failure.HttpRequestError
            is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError)
        {
            return WebhookResponse.Failed(WebhookFailure.Connect);
        }
        // A SocketException without a wrapper: the connection was reset right after it was opened.
        catch (Exception failure) when (failure is HttpRequestException or IOException or SocketException or OperationCanceledException)
        {
            return WebhookResponse.Failed(WebhookFailure.Read);
        }
    }

    public void Dispose() => _http.Dispose();

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        context.InitialRequestMessage.Options.TryGetValue(ConnectTimeout, out var timeout);
        using var tooLong = new CancellationTokenSource(timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(tooLong.Token, cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, either.Token);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (OperationCanceledException) when (tooLong.IsCancellationRequested)
        {
            socket.Dispose();
            throw new SocketException((int)SocketError.TimedOut);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
