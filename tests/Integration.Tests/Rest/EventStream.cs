using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Calls.Sandbox;

namespace Calls.Integration.Tests.RestApi;

/// <summary>Reads server-sent events as a browser does, one stream a connection.</summary>
internal sealed class EventStream : IDisposable
{
    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 1000, UseCookies = false });

    private readonly HttpResponseMessage response;
    private readonly StreamReader lines;

    private EventStream(HttpResponseMessage response, Stream body) =>
        (this.response, lines) = (response, new StreamReader(body, Encoding.UTF8));

    public HttpStatusCode Status => response.StatusCode;

    public string? ContentType => response.Content.Headers.ContentType?.MediaType;

    public string? Header(string name) => response.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    public static async Task<EventStream> OpenAsync(SandboxHost host, string session, string? bearer, string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(host.Address, $"/v1/sessions/{session}/events"));
        if (bearer is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        if (lastEventId is not null)
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return new EventStream(response, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>The next event; null at the end of the stream.</summary>
    public async Task<(long Id, JsonElement Session)?> NextAsync(TimeSpan? patience = null)
    {
        using var enough = new CancellationTokenSource(patience ?? TimeSpan.FromSeconds(60));
        var (id, name, data) = (-1L, "", "");
        while (await lines.ReadLineAsync(enough.Token) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal))
                id = long.Parse(line.AsSpan(4), CultureInfo.InvariantCulture);
            else if (line.StartsWith("event: ", StringComparison.Ordinal))
                name = line[7..];
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
                data = line[6..];
            else if (line.Length == 0 && data.Length > 0)
            {
                name.ShouldBe("session");
                var session = JsonDocument.Parse(data).RootElement;
                session.GetProperty("version").GetInt64().ShouldBe(id);
                return (id, session);
            }
        }

        return null;
    }

    /// <summary>The next line as it comes, comments too; null at the end of the stream.</summary>
    public async Task<string?> NextLineAsync()
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await lines.ReadLineAsync(enough.Token);
    }

    /// <summary>Every version from here to the end of the stream, and the last state.</summary>
    public async Task<(List<long> Versions, JsonElement? Last)> ReadToEndAsync()
    {
        List<long> versions = [];
        JsonElement? last = null;
        while (await NextAsync() is var (id, session))
        {
            versions.Add(id);
            last = session;
        }

        return (versions, last);
    }

    public void Dispose()
    {
        lines.Dispose();
        response.Dispose();
    }
}
