using System.Net;
using System.Text;
using Twilio.Http;
using HttpClient = System.Net.Http.HttpClient;
using HttpMethod = System.Net.Http.HttpMethod;

namespace Calls.Infrastructure.Twilio;

/// <summary>Sends one attempt of a request that the Twilio library has built. The simulation replaces it.</summary>
internal interface ITwilioTransport
{
    Task<TwilioAnswer> SendAsync(Request request, CancellationToken cancellationToken);
}

/// <summary>Sends the library's requests with the service's own <see cref="HttpClient"/>.</summary>
/// <remarks>
/// The library's transport takes no cancellation token, and it loses <c>Retry-After</c> and the status of an answer that is not JSON.
/// This transport takes the host and the credentials from the settings of the moment, and only the path and the query from the request.
/// Every POST has form content: .NET may send a POST without content a second time when the connection breaks, but never one with content.
/// </remarks>
internal sealed class TwilioTransport(HttpClient http, IOptionsMonitor<TwilioOptions> options, TimeProvider clock) : ITwilioTransport
{
    public async Task<TwilioAnswer> SendAsync(Request request, CancellationToken cancellationToken)
    {
        var client = options.CurrentValue.Client;
        var (user, password) = client.Credentials;
        var method = HttpMethod.Parse(request.Method.ToString());
        using var message = new HttpRequestMessage(method, client.BaseUrl + request.ConstructUrl().PathAndQuery);
        message.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
        if (method == HttpMethod.Post)
            message.Content = new FormUrlEncodedContent(request.PostParams);
        using var response = await http.SendAsync(message, cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        return new TwilioAnswer(response.StatusCode, body, RetryAfterOf(response), ConcurrentRequestsOf(response));
    }

    private TimeSpan? RetryAfterOf(HttpResponseMessage response)
    {
        var wait = response.Headers.RetryAfter is { } header ? header.Delta ?? (header.Date - clock.GetUtcNow()) : null;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private static int? ConcurrentRequestsOf(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Twilio-Concurrent-Requests", out var values)
        && int.TryParse(values.First(), CultureInfo.InvariantCulture, out var concurrent) ? concurrent : null;
}

/// <summary>Twilio's answer to one attempt. It has no <c>ToString</c> that shows the body, because the body holds phone numbers.</summary>
internal sealed class TwilioAnswer(HttpStatusCode status, string body, TimeSpan? retryAfter, int? concurrentRequests)
{
    public HttpStatusCode Status => status;
    public bool IsSuccess => (int)status is >= 200 and < 300;
    public string Body => body;
    /// <summary>The wait that the header <c>Retry-After</c> asks for.</summary>
    public TimeSpan? RetryAfter => retryAfter;
    /// <summary>The account's concurrent requests, as Twilio counted them for this answer.</summary>
    public int? ConcurrentRequests => concurrentRequests;
}
