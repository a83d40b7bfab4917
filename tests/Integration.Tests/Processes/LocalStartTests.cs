using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Processes;

/// <summary>A developer makes a bearer with <c>dotnet user-jwts</c>, and starts the service beside the sandbox (docs/api.md).</summary>
public sealed partial class LocalStartTests(RedisFixture redis)
{
    private static readonly string Project = Path.Combine(Repository.Root, "src", "Api");

    [Fact]
    public async Task A_bearer_of_user_jwts_opens_a_call_of_the_sandbox()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        await host.Twilio.Client("alice").CallAsync("bob", "s-42");
        await host.Twilio.Client("bob").RingsAsync();

        using var secrets = new TemporaryFolder();
        var settings = Path.Combine(Project, "appsettings.Development.json");
        var committed = await File.ReadAllTextAsync(settings, TestContext.Current.CancellationToken);
        var (alice, operators) = (await BearerAsync(secrets, "alice"), await BearerAsync(secrets, "olga", "--scope", "calls.operate"));
        (await File.ReadAllTextAsync(settings, TestContext.Current.CancellationToken)).ShouldBe(
            committed, "the tool finds the file as it would write it, so the repository stays clean");

        var address = FreeAddress();
        using var api = await StartAsync(secrets, "sandbox", ("ASPNETCORE_URLS", address.ToString()),
            ("PublicBaseUrl", address.GetLeftPart(UriPartial.Authority)), ("ConnectionStrings__Redis", host.RedisConnectionString),
            ("Twilio__Client__ApiBaseUrl", host.Twilio.ApiBaseUrl.ToString()));
        try
        {
            await Eventually.TrueAsync(async () => await AnswersAsync(address, api));
            var (status, body) = await Rest.SendAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/s-42"), alice);
            status.ShouldBe(HttpStatusCode.OK, body);
            JsonDocument.Parse(body).RootElement.GetProperty("participants")[0].GetProperty("identity").GetString().ShouldBe("alice");
            (await Rest.SendAsync(HttpMethod.Get, new Uri(address, "/v1/sessions?state=live"), operators)).Status
                .ShouldBe(HttpStatusCode.OK);
            (await Rest.SendAsync(HttpMethod.Get, new Uri(address, "/v1/sessions/s-42"), host.TokenFor("alice"))).Status
                .ShouldBe(HttpStatusCode.Unauthorized, "the service has bearers of its own");
            (await Rest.SendAsync(HttpMethod.Post, new Uri(address, "/v1/tokens"), alice)).Status.ShouldBe(HttpStatusCode.OK);
            (await Rest.SendAsync(HttpMethod.Get, new Uri(address, "/openapi/v1.json"), null)).Status.ShouldBe(HttpStatusCode.OK);
            (await Rest.SendAsync(HttpMethod.Delete, new Uri(address, "/v1/sessions/s-42"), alice)).Status
                .ShouldBe(HttpStatusCode.NoContent);
            await host.Twilio.Client("alice").IsIdleAsync();
        }
        finally
        {
            api.Kill();
        }
    }

    [Fact]
    public async Task The_profile_has_the_addresses_and_the_account_of_the_sandbox()
    {
        var profile = await ProfileAsync("sandbox");
        var twilio = new TwilioEmulatorOptions();
        profile["ConnectionStrings__Redis"].ShouldBe($"127.0.0.1:{LiveSandbox.DefaultPort + 2}");
        profile["Twilio__Client__ApiBaseUrl"].ShouldBe($"http://127.0.0.1:{LiveSandbox.DefaultPort + 3}");
        profile["Twilio__Client__AccountSid"].ShouldBe(twilio.AccountSid);
        profile["Twilio__AuthToken"].ShouldBe(twilio.AuthToken);
        profile["Twilio__Client__ApiKeySid"].ShouldBe(twilio.ApiKeySid);
        profile["Twilio__Client__ApiKeySecret"].ShouldBe(twilio.ApiKeySecret);
        profile["Twilio__Voice__ApplicationSid"].ShouldBe(twilio.ApplicationSid);
    }

    [Fact]
    public async Task With_an_account_of_ones_own_the_service_names_the_keys_that_are_missing()
    {
        using var secrets = new TemporaryFolder();
        using var api = await StartAsync(secrets, "account");
        var errors = await api.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await api.WaitForExitAsync(TestContext.Current.CancellationToken);
        api.ExitCode.ShouldBe(2, errors);
        errors.ShouldContain("Twilio:Client:AccountSid");
        errors.ShouldContain("docs/configuration.md");
    }

    /// <summary>The service as <c>dotnet run</c> starts it: in the folder of the project, with the variables of a launch profile.</summary>
    private static async Task<System.Diagnostics.Process> StartAsync(
        TemporaryFolder secrets, string profile, params (string Key, string Value)[] settings)
    {
        var start = Start(secrets, "dotnet", Path.Combine(AppContext.BaseDirectory, "Calls.Api.dll"));
        start.WorkingDirectory = Project;
        foreach (var (key, value) in await ProfileAsync(profile))
            start.Environment[key] = value;
        foreach (var (key, value) in settings)
            start.Environment[key] = value;
        var api = System.Diagnostics.Process.Start(start) ?? throw new InvalidOperationException("The process did not start");
        api.OutputDataReceived += (_, _) => { };
        api.BeginOutputReadLine();
        return api;
    }

    private static async Task<string> BearerAsync(TemporaryFolder secrets, string name, params string[] options)
    {
        using var tool = System.Diagnostics.Process.Start(
            Start(secrets, "dotnet", ["user-jwts", "create", "--project", Project, "--name", name, .. options]))
            ?? throw new InvalidOperationException("The process did not start");
        var errors = tool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await tool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await tool.WaitForExitAsync(TestContext.Current.CancellationToken);
        tool.ExitCode.ShouldBe(0, output + await errors);
        return Token().Match(output).Groups["token"].Value;
    }

    /// <summary>On Linux and Windows, the tool and the service keep their secrets below <c>APPDATA</c> if it is set.</summary>
    private static ProcessStartInfo Start(TemporaryFolder secrets, string program, params string[] args)
    {
        var start = new ProcessStartInfo(program, args)
        {
            UseShellExecute = false,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("Twilio", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("ASPNETCORE", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment["APPDATA"] = secrets.Path;
        return start;
    }

    private static async Task<Dictionary<string, string>> ProfileAsync(string name)
    {
        var text = await File.ReadAllTextAsync(
            Path.Combine(Project, "Properties", "launchSettings.json"), TestContext.Current.CancellationToken);
        return JsonDocument.Parse(text).RootElement.GetProperty("profiles").GetProperty(name).GetProperty("environmentVariables")
            .Deserialize<Dictionary<string, string>>()!;
    }

    private static async Task<bool> AnswersAsync(Uri address, System.Diagnostics.Process api)
    {
        api.HasExited.ShouldBeFalse("the Api ended before it was ready");
        try
        {
            return (await Rest.SendAsync(HttpMethod.Get, new Uri(address, "/healthz/ready"), null)).Status == HttpStatusCode.OK;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            return false;
        }
    }

    private static Uri FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
    }

    [GeneratedRegex(@"Token: (?<token>\S+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Token();

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("calls-secrets").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
