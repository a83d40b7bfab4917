using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Processes;

/// <summary>The Api as it runs in production: a process of its own, with nothing but the contract's configuration keys.</summary>
public sealed class ApiAloneTests(RedisFixture redis)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task With_the_contracts_keys_alone_it_serves_a_call_and_both_REST_routes()
    {
        var address = FreeAddress();
        await using var twilio = await TwilioEmulator.StartAsync(new TwilioEmulatorOptions { VoiceUrl = new Uri(address, "/twilio/voice") });
        var bearers = new BearerTokens(TimeProvider.System);
        using var api = Start(await KeysAsync(address, twilio, bearers));
        await ReadyAsync(address, api);

        var (alice, bob, lawyer) = (twilio.Client("alice"), twilio.Client("bob"), twilio.Phone("+15550100101"));
        await alice.CallAsync("bob", "alone");
        await bob.RingsAsync();
        await bob.AnswerAsync();
        await bob.TalksAsync();
        await Eventually.TrueAsync(async () => (await RestAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/alone"), bearers.For("alice"))).Body.Contains("\"live\"", StringComparison.Ordinal));
        var (status, body) = await RestAsync(HttpMethod.Post, new Uri(address, "/v1/sessions/alone/participants"), bearers.For("bob"), """{"phoneNumber": "+15550100101", "label": "lawyer"}""");
        status.ShouldBe(HttpStatusCode.Created, body);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        (await RestAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/alone"), bearers.For("carol"))).Status.ShouldBe(HttpStatusCode.NotFound);
        (await RestAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/alone"), null)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        await alice.HangUpAsync();
        await bob.HangUpAsync();
        await lawyer.IsIdleAsync();

        Terminate(api);
        await api.WaitForExitAsync(new CancellationTokenSource(Patience).Token);
        api.ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task With_a_management_port_health_and_metrics_answer_there_alone_whatever_the_Host_header_says()
    {
        var (address, management) = (FreeAddress(), FreeAddress());
        await using var twilio = await TwilioEmulator.StartAsync(new TwilioEmulatorOptions());
        var keys = await KeysAsync(address, twilio, new BearerTokens(TimeProvider.System));
        keys["Management__Port"] = management.Port.ToString(CultureInfo.InvariantCulture);
        using var api = Start(keys);
        await ReadyAsync(management, api);
        foreach (var path in new[] { "/healthz/startup", "/healthz/live", "/healthz/ready", "/healthz/dependencies", "/metrics" })
        {
            (await RestAsync(HttpMethod.Get, new Uri(management, path), null)).Status.ShouldBe(HttpStatusCode.OK, path);
            (await RestAsync(HttpMethod.Get, new Uri(address, path), null)).Status.ShouldBe(HttpStatusCode.NotFound, path);
            (await HostExtensions.SendAsync(HttpMethod.Get, new Uri(address, path), null, host: $"localhost:{management.Port}")).Status.ShouldBe(HttpStatusCode.NotFound, "a Host header is anybody's to write");
        }

        (await RestAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/x"), null)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        (await RestAsync(HttpMethod.Get, new Uri(management, "/v1/sessions/x"), null)).Status.ShouldBe(HttpStatusCode.NotFound);
        Terminate(api);
        await api.WaitForExitAsync(new CancellationTokenSource(Patience).Token);
        api.ExitCode.ShouldBe(0);
    }

    [Theory]
    [InlineData("ConnectionStrings__Redis", "ConnectionStrings:Redis")]
    [InlineData("PublicBaseUrl", "PublicBaseUrl")]
    [InlineData("Twilio__Client__AccountSid", "Twilio:Client:AccountSid")]
    [InlineData("Twilio__AuthToken", "Twilio:Client:AuthToken")]
    [InlineData("Twilio__Voice__CallerId", "Twilio:Voice:CallerId")]
    public async Task With_a_key_missing_it_names_it_and_exits(string missing, string named)
    {
        var address = FreeAddress();
        await using var twilio = await TwilioEmulator.StartAsync(new TwilioEmulatorOptions());
        var keys = await KeysAsync(address, twilio, new BearerTokens(TimeProvider.System));
        keys.Remove(missing).ShouldBeTrue();
        using var api = Start(keys);
        var errors = await api.StandardError.ReadToEndAsync().WaitAsync(Patience);
        await api.WaitForExitAsync(new CancellationTokenSource(Patience).Token);
        api.ExitCode.ShouldNotBe(0);
        errors.ShouldContain(named);
        errors.ShouldNotContain(twilio.Options.AuthToken);
    }

    [Theory]
    [InlineData("PublicBaseUrl", "calls.example.org")]
    [InlineData("Calls__RingTimeout", "30")]
    [InlineData("Calls__MaxParticipants", "251")]
    [InlineData("Calls__ReviewInterval", "soon")]
    [InlineData("OTEL_METRICS_EXPORTER", "zipkin")]
    public async Task With_a_key_malformed_it_names_it_and_exits(string key, string value)
    {
        var address = FreeAddress();
        await using var twilio = await TwilioEmulator.StartAsync(new TwilioEmulatorOptions());
        var keys = await KeysAsync(address, twilio, new BearerTokens(TimeProvider.System));
        keys[key] = value;
        using var api = Start(keys);
        var errors = await api.StandardError.ReadToEndAsync().WaitAsync(Patience);
        await api.WaitForExitAsync(new CancellationTokenSource(Patience).Token);
        api.ExitCode.ShouldNotBe(0);
        errors.ShouldContain(key.Replace("__", ":", StringComparison.Ordinal));
    }

    private async Task<Dictionary<string, string>> KeysAsync(Uri address, TwilioEmulator twilio, BearerTokens bearers)
    {
        var keys = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_URLS"] = address.ToString(),
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["ConnectionStrings__Redis"] = await redis.NewDatabaseAsync(),
            ["PublicBaseUrl"] = address.GetLeftPart(UriPartial.Authority),
            ["Twilio__Client__AccountSid"] = twilio.Options.AccountSid,
            ["Twilio__AuthToken"] = twilio.Options.AuthToken,
            ["Twilio__Client__ApiBaseUrl"] = twilio.ApiBaseUrl.ToString(),
            ["Twilio__Voice__CallerId"] = "+15550100000",
        };
        foreach (var (key, value) in bearers.Configuration)
            keys[key.Replace(":", "__", StringComparison.Ordinal)] = value!;
        return keys;
    }

    private static System.Diagnostics.Process Start(Dictionary<string, string> keys)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = AppContext.BaseDirectory };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Calls.Api.dll"));
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("Twilio", StringComparison.OrdinalIgnoreCase) || name.StartsWith("ASPNETCORE", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        foreach (var (key, value) in keys)
            start.Environment[key] = value;
        var process = System.Diagnostics.Process.Start(start) ?? throw new InvalidOperationException("The Api did not start");
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static async Task ReadyAsync(Uri address, System.Diagnostics.Process api) => await Eventually.TrueAsync(async () =>
    {
        api.HasExited.ShouldBeFalse("the Api ended before it was ready");
        try
        {
            return (await RestAsync(HttpMethod.Get, new Uri(address, "/healthz/ready"), null)).Status == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    });

    private static void Terminate(System.Diagnostics.Process process)
    {
        using var kill = System.Diagnostics.Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static Task<(HttpStatusCode Status, string Body)> RestAsync(HttpMethod method, Uri url, string? bearer, string? json = null) => Rest.SendAsync(method, url, bearer, json);

    private static Uri FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"));
    }
}
