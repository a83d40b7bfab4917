using System.Net;
using System.Net.Http.Headers;

namespace Calls.Integration.Tests;

/// <summary>One REST request as a frontend would make it.</summary>
internal static class Rest
{
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    public static async Task<(HttpStatusCode Status, string Body)> SendAsync(
        HttpMethod method, Uri url, string? bearer, string? json = null, string? contentType = "application/json")
    {
        using var request = new HttpRequestMessage(method, url);
        if (bearer is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        if (json is not null)
            request.Content =
                new StringContent(json) { Headers = { ContentType = contentType is null ? null : new(contentType, "utf-8") } };
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
