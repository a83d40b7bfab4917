using System.Net;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

internal static class HostExtensions
{
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    public static void Faults(this SandboxHost host, WebhookFault fault) => host.Twilio.Faults.Add(fault);

    /// <summary>A POST as Twilio would sign it.</summary>
    public static Task<(HttpStatusCode Status, string Body)> SignedAsync(
        this SandboxHost host, string path, params (string Key, string Value)[] form)
    {
        var url = new Uri(host.Address, path);
        var fields = form.Select(f => KeyValuePair.Create(f.Key, f.Value)).ToList();
        return SendAsync(
            HttpMethod.Post, url, Signer.Sign(host.Twilio.Options.AuthToken, url.AbsoluteUri, fields), new FormUrlEncodedContent(fields));
    }

    public static async Task<(HttpStatusCode Status, string Body)> SendAsync(
        HttpMethod method, Uri url, string? signature, HttpContent? content = null, string? host = null, string? settings = null)
    {
        using var request = new HttpRequestMessage(method, url) { Content = content };
        if (signature is not null)
            request.Headers.TryAddWithoutValidation("X-Twilio-Signature", signature);
        if (settings is not null)
            request.Headers.TryAddWithoutValidation("X-Twilio-Webhooks-Signature-Settings", settings);
        if (host is not null)
            request.Headers.Host = host;
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
