namespace Calls.Sandbox.Twilio;

/// <summary>Webhooks over real HTTP.</summary>
internal sealed class HttpWebhookTransport(ActorLoop loop, TimeProvider clock) : IWebhookTransport, IDisposable
{
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(1),
    });

    public void Send(WebhookRequest request, TimeSpan connectTimeout, TimeSpan readTimeout, Action<WebhookResult> done) => _ = SendAsync(request, readTimeout, done);

    public void Dispose() => http.Dispose();

    private async Task SendAsync(WebhookRequest request, TimeSpan readTimeout, Action<WebhookResult> done)
    {
        using var timeout = new CancellationTokenSource(readTimeout, clock);
        WebhookResult result;
        try
        {
            using var message = new HttpRequestMessage(new HttpMethod(request.Method), request.Url);
            if (request.Method == "POST")
                message.Content = new FormUrlEncodedContent(request.Form);
            message.Headers.TryAddWithoutValidation("X-Twilio-Signature", request.Signature);
            message.Headers.TryAddWithoutValidation("I-Twilio-Idempotency-Token", request.IdempotencyToken);
            message.Headers.TryAddWithoutValidation("User-Agent", "TwilioProxy/1.1");
            using var response = await http.SendAsync(message, timeout.Token);
            var body = await response.Content.ReadAsStringAsync(timeout.Token);
            result = new WebhookResult((int)response.StatusCode, body, response.Content.Headers.ContentType?.ToString());
        }
        catch (HttpRequestException e)
        {
            result = new WebhookResult(0, "", null, e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError
                ? WebhookFailure.Connect : WebhookFailure.Read);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            result = new WebhookResult(0, "", null, WebhookFailure.Read);
        }

        loop.Post(() => done(result));
    }
}
