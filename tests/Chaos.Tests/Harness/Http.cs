using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Calls.Chaos.Tests.Harness;

/// <summary>One request on its own connection, so that the HTTP library never repeats it.</summary>
internal static class Http
{
    private static readonly HttpMessageInvoker Invoker = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        PooledConnectionLifetime = TimeSpan.Zero,
    });

    public static Task<(HttpStatusCode Status, string Body)> SendAsync(
        HttpMethod method, Uri url, string? bearer = null, string? json = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, url);
        if (bearer is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (json is not null)
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        return SendAsync(request);
    }

    /// <summary>A form, signed as Twilio signs it.</summary>
    public static Task<(HttpStatusCode Status, string Body)> FormAsync(
        Uri url, IEnumerable<KeyValuePair<string, string>> form, string signature)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent(form) };
        request.Headers.TryAddWithoutValidation("X-Twilio-Signature", signature);
        return SendAsync(request);
    }

    private static async Task<(HttpStatusCode Status, string Body)> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(15));
            try
            {
                using var response = await Invoker.SendAsync(request, patience.Token);
                return (response.StatusCode, await response.Content.ReadAsStringAsync(patience.Token));
            }
            catch (SocketException e)
            {
                // The HTTP client reports a connection that the peer closed at once in this type.
                throw new HttpRequestException(HttpRequestError.ConnectionError, null, e);
            }
        }
    }
}
