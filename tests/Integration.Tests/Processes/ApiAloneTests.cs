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
        await using var twilio = await TwilioEmulator.StartAsync(
            new TwilioEmulatorOptions { VoiceUrl = new Uri(address, "/twilio/voice") });
        var bearers = new BearerTokens(TimeProvider.System);
        var keys = await KeysAsync(address, twilio, bearers);
        // An empty value counts as absent.
        string[] empty =
            ["Calls:RingTimeout", "Calls:Retention", "Calls:Limits:Connections", "Calls:Shutdown:DrainDelay", "Management:Port"];
        foreach (var key in empty)
            keys[key.Replace(":", "__", StringComparison.Ordinal)] = "";
        using var api = Serve(keys);
        await ReadyAsync(address, api);

        var (alice, bob, lawyer) = (twilio.Client("alice"), twilio.Client("bob"), twilio.Phone("+12025550101"));
        await alice.CallAsync("bob", "alone");
        await bob.RingsAsync();
        await bob.AnswerAsync();
        await bob.TalksAsync();
        await Eventually.TrueAsync(async () =>
            (await RestAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/alone"), bearers.For("alice"))).Body.Contains("\"live\"",
            StringComparison.Ordinal));
        var (status, body) = await RestAsync(HttpMethod.Post, new Uri(address, "/v1/sessions/alone/participants"), bearers.For("bob"),
            """{"phoneNumber": "+12025550101", "label": "lawyer"}""");
        status.ShouldBe(HttpStatusCode.Created, body);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        (await RestAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/alone"), bearers.For("carol"))).Status
            .ShouldBe(HttpStatusCode.NotFound);
        (await RestAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/alone"), null)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        foreach (var path in new[] { "/docs", "/docs/", "/Docs/scalar.js", "/openapi/v1.json" })
            (await RestAsync(HttpMethod.Get, new Uri(address, path), null)).Status.ShouldBe(HttpStatusCode.NotFound, path);
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
        using var api = Serve(keys);
        await ReadyAsync(management, api);
        string[] paths =
        [
            "/healthz/startup", "/healthz/live", "/healthz/ready", "/healthz/dependencies", "/metrics", "/Metrics", "/metrics/",
            "/%4Detrics", "/HEALTHZ/dependencies", "/health%7A/live", "/healthz/live/",
        ];
        foreach (var path in paths)
        {
            (await RestAsync(HttpMethod.Get, new Uri(management, path), null)).Status.ShouldBe(HttpStatusCode.OK, path);
            (await RestAsync(HttpMethod.Get, new Uri(address, path), null)).Status.ShouldBe(HttpStatusCode.NotFound, path);
            (await HostExtensions.SendAsync(HttpMethod.Get, new Uri(address, path), null, host: $"localhost:{management.Port}")).Status
                .ShouldBe(HttpStatusCode.NotFound, "a Host header is anybody's to write");
        }

        (await RestAsync(HttpMethod.Post, new Uri(address, "/metrics"), null)).Status.ShouldBe(HttpStatusCode.NotFound);
        (await RestAsync(HttpMethod.Post, new Uri(address, "/healthz/live"), null)).Status.ShouldBe(HttpStatusCode.NotFound);
        (await RestAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/x"), null)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        foreach (var path in new[] { "/v1/sessions/x", "/V1/sessions/x", "/twilio/voice", "/twilio/wait/ringback.wav", "/addUser" })
            (await RestAsync(HttpMethod.Get, new Uri(management, path), null)).Status.ShouldBe(HttpStatusCode.NotFound, path);
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
        var (code, errors, _) = await EndAsync(Start(keys));
        code.ShouldBe(2, errors);
        errors.ShouldContain(named);
        errors.ShouldNotContain(twilio.Options.AuthToken);
    }

    [Theory]
    [InlineData("PublicBaseUrl", "calls.example.org")]
    [InlineData("Calls__RingTimeout", "30")]
    [InlineData("Calls__MaxParticipants", "251")]
    [InlineData("Calls__ReviewInterval", "soon")]
    [InlineData("Calls__Dialing", "none")]
    [InlineData("Calls__ForwardedHeaders__KnownProxies", "10.0.0.1")]
    [InlineData("Management__Port", "0")]
    [InlineData("OTEL_METRICS_EXPORTER", "zipkin")]
    [InlineData("OTEL_TRACES_SAMPLER", "sometimes")]
    [InlineData("OTEL_TRACES_SAMPLER_ARG", "10%")]
    [InlineData("OTEL_TRACES_SAMPLER_ARG", "1.1")]
    [InlineData("ASPNETCORE_URLS", "http://127.0.0.1:80a")]
    [InlineData("ASPNETCORE_URLS", "http://127.0.0.1:-1")]
    [InlineData("ASPNETCORE_HTTPS_PORTS", "x")]
    [InlineData("Kestrel__Endpoints__Http__Url", "http://*:x")]
    [InlineData("Authentication__Schemes__Bearer__SigningKeys__0__Value", "")]
    [InlineData("Authentication__Schemes__Bearer__SigningKeys__0__Value", "bm90IGEga2V5")]
    [InlineData("Authentication__Schemes__Bearer__SigningKeys__1__Value", "not base64")]
    [InlineData("Logging__Console__LogLevel__Default", "loud")]
    [InlineData("Logging__Console__FormatterOptions__IncludeScopes", "perhaps")]
    [InlineData("Calls__Docs__Enabled", "perhaps")]
    [InlineData("Calls__Dialing__CallsPerSecond", "fast")]
    [InlineData("Calls__Tones__Region", "XX")]
    [InlineData("Calls__Tones__Region", "Schweiz")]
    [InlineData("Calls__Prompts__busy__english", "The person is busy.")]
    public async Task With_a_key_malformed_it_names_it_and_exits(string key, string value)
    {
        var address = FreeAddress();
        await using var twilio = await TwilioEmulator.StartAsync(new TwilioEmulatorOptions());
        var keys = await KeysAsync(address, twilio, new BearerTokens(TimeProvider.System));
        keys[key] = value;
        var (code, errors, _) = await EndAsync(Start(keys));
        code.ShouldBe(2, errors);
        Failures(errors).ShouldHaveSingleItem().ShouldContain(key.Replace("__", ":", StringComparison.Ordinal));
    }

    [Fact]
    public async Task With_an_empty_configuration_it_names_every_required_key_at_once()
    {
        var (code, errors, _) = await EndAsync(Start([]));
        code.ShouldBe(2, errors);
        string[] required =
        [
            "PublicBaseUrl", "ConnectionStrings:Redis", "Twilio:Client:AccountSid", "Twilio:Client:AuthToken",
            "Twilio:RequestValidation:AuthToken", "Twilio:Voice:CallerId",
        ];
        Failures(errors).Select(line => line.Split(' ')[0]).ShouldBe(required, ignoreOrder: true);
        errors.ShouldContain("docs/configuration.md");
    }

    [Fact]
    public async Task With_every_key_malformed_it_names_them_all_at_once_and_prints_no_secret()
    {
        const string secret = "s3cret!";
        Dictionary<string, string> malformed = new(StringComparer.Ordinal)
        {
            ["ConnectionStrings:Redis"] = "localhost:6379,nonsense=1,password=" + secret,
            ["PublicBaseUrl"] = "calls.example.org",
            ["Management:Port"] = "x",
            ["Authentication:Schemes:Bearer:Authority"] = "issuer",
            ["Authentication:Schemes:Bearer:RequireHttpsMetadata"] = "perhaps",
            ["Authentication:Schemes:Bearer:BackchannelTimeout"] = "long",
            ["Authentication:Schemes:Bearer:SigningKeys:0:Value"] = secret,
            ["Twilio:Client:AccountSid"] = "AC1",
            ["Twilio:Client:ApiKeySid"] = "SK1",
            ["Twilio:Client:ApiBaseUrl"] = "nowhere",
            ["Twilio:Client:Region"] = "no region",
            ["Twilio:Client:Edge"] = "no edge",
            ["Twilio:Voice:ApplicationSid"] = "AP1",
            ["Twilio:Voice:CallerId"] = "5550100000",
            ["Twilio:Voice:TokenTtl"] = "long",
            ["Twilio:Voice:PushCredentialSids:ios"] = "CR1",
            ["Twilio:Voice:PushCredentialSids:android"] = "AP5eed0000000000000000000000000004",
            ["Calls:RingTimeout"] = "abc",
            ["Calls:JoinGrace"] = "1 minute",
            ["Calls:ReviewInterval"] = "soon",
            ["Calls:Retention"] = "for ever",
            ["Calls:MaxParticipants"] = "many",
            ["Calls:MaxSessionsPerIdentity"] = "0",
            ["Calls:Dialing:AllowedCountries"] = "Nowhere",
            ["Calls:Dialing:BlockedPrefixes"] = "x",
            ["Calls:Dialing:PerSession"] = "-1",
            ["Calls:Dialing:PerIdentityPerHour"] = "1e3",
            ["Calls:Limits:RequestsPerSecond"] = "0x10",
            ["Calls:Limits:Burst"] = "2.5",
            ["Calls:Limits:StreamsPerBearer"] = "-",
            ["Calls:Limits:UnsignedPerMinute"] = "99999999999",
            ["Calls:Limits:Connections"] = "x",
            ["Calls:Limits:ConnectionsPerAddress"] = "x",
            ["Calls:Docs:Enabled"] = "x",
            ["Calls:Cors:AllowedOrigins:0"] = "https://app.example.com/",
            ["Calls:Cors:AllowedOrigins:1"] = "*",
            ["Calls:Shutdown:DrainDelay"] = "x",
            ["Calls:ForwardedHeaders:KnownProxies:0"] = "proxy.example.org",
            ["Calls:ForwardedHeaders:KnownNetworks:0"] = "10.0.0.0",
            ["Calls:SecretsDirectory"] = "relative",
            ["Calls:Webhooks:crm:Url"] = "http://example.com/" + secret,
            ["Calls:Webhooks:crm:Secret"] = "whsec_" + secret,
            ["Calls:Webhooks:crm:PreviousSecret"] = secret,
            ["Calls:Webhooks:crm:Events"] = "session.over",
            ["Calls:Webhooks:crm:AllowPrivateAddresses"] = "perhaps",
            ["Logging:LogLevel:Default"] = "loud",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "collector",
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "smoke",
            ["OTEL_METRICS_EXPORTER"] = "zipkin",
            ["OTEL_TRACES_SAMPLER"] = "sometimes",
            ["OTEL_TRACES_SAMPLER_ARG"] = "-1",
            ["ASPNETCORE_URLS"] = "nowhere",
            ["ASPNETCORE_HTTP_PORTS"] = "99999",
            ["ASPNETCORE_HTTPS_PORTS"] = "-1",
        };
        var keys = malformed.ToDictionary(
            key => key.Key.Replace(":", "__", StringComparison.Ordinal), key => key.Value, StringComparer.Ordinal);
        keys["Twilio__Client__ApiKeySecret"] = keys["Twilio__AuthToken"] = secret;
        var (code, errors, output) = await EndAsync(Start(keys));
        code.ShouldBe(2, errors);
        var failures = Failures(errors);
        var named = malformed.Keys.Select(key => key[^2..] is ":0" or ":1" ? key[..^2] : key);
        named.Where(key => !failures.Any(line => line.Contains(key, StringComparison.Ordinal))).ShouldBeEmpty(errors);
        (errors + output).ShouldNotContain(secret);
        (errors + output).ShouldNotContain("   at ");
    }

    [Theory]
    [InlineData("ASPNETCORE_URLS")]
    [InlineData("Management:Port")]
    public async Task With_its_port_taken_it_names_the_port_and_the_setting_and_exits(string setting)
    {
        using var listener = new TcpListener(IPAddress.Any, 0);
        listener.Start();
        var taken = ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        await using var twilio = await TwilioEmulator.StartAsync(new TwilioEmulatorOptions());
        var keys = await KeysAsync(FreeAddress(), twilio, new BearerTokens(TimeProvider.System));
        keys[setting.Replace(":", "__", StringComparison.Ordinal)] = setting == "Management:Port" ? taken : "http://127.0.0.1:" + taken;
        var (code, errors, output) = await EndAsync(Start(keys));
        code.ShouldBe(1, errors);
        errors.Trim().Split('\n').ShouldHaveSingleItem().ShouldStartWith($"Port {taken} is already in use: set {setting} ");
        output.ShouldNotContain("   at ");
    }

    [Fact]
    public async Task The_sandbox_with_its_port_taken_names_the_port_and_its_option_and_exits()
    {
        using var listener = TakePort();
        var taken = ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        var (code, errors, output) = await EndAsync(Start([], "Calls.Sandbox.dll", "--port", taken));
        code.ShouldBe(1, errors);
        errors.Trim().Split('\n').ShouldHaveSingleItem()
            .ShouldStartWith($"Port {taken} is already in use: start the sandbox with -- --port ");
        output.ShouldNotContain("   at ");
    }

    /// <summary>Takes a port. The three ports after it are free: the sandbox needs them too.</summary>
    private static TcpListener TakePort()
    {
        while (true)
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var port = ((IPEndPoint)listener.LocalEndpoint).Port;
            if (port + 3 <= IPEndPoint.MaxPort && Enumerable.Range(port + 1, 3).All(IsFree))
                return listener;
            listener.Dispose();
        }
    }

    private static bool IsFree(int port)
    {
        using var probe = new TcpListener(IPAddress.Loopback, port);
        try
        {
            probe.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static IReadOnlyList<string> Failures(string errors) =>
        [.. errors.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal)).Select(line => line.Trim())];

    /// <summary>Waits for the end of a process that cannot start.</summary>
    private static async Task<(int Code, string Errors, string Output)> EndAsync(System.Diagnostics.Process process)
    {
        using (process)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            try
            {
                var errors = process.StandardError.ReadToEndAsync(patience.Token);
                var output = process.StandardOutput.ReadToEndAsync(patience.Token);
                await process.WaitForExitAsync(patience.Token);
                return (process.ExitCode, await errors, await output);
            }
            finally
            {
                process.Kill(entireProcessTree: true);
            }
        }
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

    private static System.Diagnostics.Process Start(Dictionary<string, string> keys, string program = "Calls.Api.dll", params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. args])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("Twilio", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("ASPNETCORE", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        foreach (var (key, value) in keys)
            start.Environment[key] = value;
        return System.Diagnostics.Process.Start(start) ?? throw new InvalidOperationException("The process did not start");
    }

    /// <summary>A process that serves. Its output is read, so that it can go on writing.</summary>
    private static System.Diagnostics.Process Serve(Dictionary<string, string> keys)
    {
        var process = Start(keys);
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
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            return false;
        }
    });

    private static void Terminate(System.Diagnostics.Process process)
    {
        using var kill = System.Diagnostics.Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static Task<(HttpStatusCode Status, string Body)> RestAsync(HttpMethod method, Uri url, string? bearer, string? json = null) =>
        Rest.SendAsync(method, url, bearer, json);

    private static Uri FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"));
    }
}
