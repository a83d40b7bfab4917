using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Calls.Api;
using Calls.Chart.Tests.Tools;
using Calls.Infrastructure.Twilio;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using YamlDotNet.RepresentationModel;

namespace Calls.Chart.Tests;

/// <summary>The compose file is not started here, since that needs a container engine. The test checks that its references exist.</summary>
public sealed partial class ComposeTests
{
    private static readonly string Directory = Path.Combine(Tool.Root, "deploy/compose");

    [Fact]
    public void Every_file_that_is_mounted_exists()
    {
        var mounts = Services().SelectMany(service => Items(service.Value, "volumes")).Select(volume => volume.Split(':')[0])
            .Where(source => source.StartsWith('.')).ToList();
        mounts.Count.ShouldBeGreaterThan(5);
        foreach (var mount in mounts)
            Path.Exists(Path.GetFullPath(mount, Directory)).ShouldBeTrue(mount);
        mounts.ShouldContain("../helm/calls/files/dashboards", "the dashboards are those of the chart");
        mounts.ShouldContain("../helm/calls/files/alerts.yaml", "and so are the alerts");
    }

    [Fact]
    public void Images_have_versions_services_exist_and_ports_are_loopbacks()
    {
        var services = Services();
        services.Keys.ShouldBe(["calls", "redis", "sandbox", "load", "collector", "jaeger", "prometheus", "grafana"]);
        foreach (var service in services.Values)
        {
            if (!service.Children.ContainsKey("build"))
                service["image"].ToString().ShouldMatch(@":[v0-9][\w.-]+$");
            foreach (var dependency in service.Children.TryGetValue("depends_on", out var on)
                ? on is YamlMappingNode map ? map.Children.Keys : ((YamlSequenceNode)on).Children : [])
                services.Keys.ShouldContain(dependency.ToString());
            Items(service, "ports").ShouldAllBe(port => port.StartsWith("127.0.0.1:", StringComparison.Ordinal));
        }
    }

    /// <summary>The schema of the Compose specification, and the rules of dclint about which dclint reports an error.</summary>
    [Fact]
    public async Task The_compose_file_is_one_that_the_specification_allows()
    {
        var (exitCode, output) = await LintAsync(await File.ReadAllTextAsync(Path.Combine(Directory, "compose.yaml")));
        exitCode.ShouldBe(0, output);
    }

    [Theory]
    [InlineData("read_only: true", "read_onyl: true")]
    [InlineData("condition: service_healthy", "condition: healthy")]
    [InlineData("127.0.0.1:3000:3000", "127.0.0.1:9090:9090")]
    public async Task A_mistake_in_the_compose_file_is_reported(string good, string bad)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Directory, "compose.yaml"));
        (await LintAsync(text.Replace(good, bad, StringComparison.Ordinal))).ExitCode.ShouldNotBe(0);
    }

    [Fact]
    public void Each_profile_has_the_service_once_and_Prometheus_finds_it_by_one_name()
    {
        var services = Services();
        string[] With(string profile) => [.. services
            .Where(service => !service.Value.Children.ContainsKey("profiles") || Items(service.Value, "profiles").Contains(profile))
            .Select(service => service.Key)];
        With("account").ShouldBe(["calls", "redis", "collector", "jaeger", "prometheus", "grafana"]);
        With("demo").ShouldBe(["sandbox", "load", "collector", "jaeger", "prometheus", "grafana"]);
        Items((YamlMappingNode)services["sandbox"]["networks"]["default"], "aliases").ShouldBe(["calls"]);
        Load("prometheus.yaml")["scrape_configs"][0]["static_configs"][0]["targets"][0].ToString().ShouldBe("calls:8081");
    }

    [Fact]
    public void The_collector_prints_the_logs_as_its_comment_says()
    {
        var collector = Load("collector.yaml");
        ((YamlSequenceNode)collector["service"]["pipelines"]["logs"]["exporters"]).Select(name => name.ToString()).ShouldContain("debug");
        // With basic verbosity, the default, the collector prints only the number of the records.
        collector["exporters"]["debug"]["verbosity"].ToString().ShouldBeOneOf("normal", "detailed");
    }

    [Fact]
    public async Task The_example_of_the_settings_has_every_variable_of_the_compose_file()
    {
        var used = Variable().Matches(await File.ReadAllTextAsync(Path.Combine(Directory, "compose.yaml")))
            .Select(match => match.Groups["name"].Value);
        var named = (await File.ReadAllLinesAsync(Path.Combine(Directory, ".env.example")))
            .Where(line => line.Contains('=', StringComparison.Ordinal) && !line.StartsWith('#')).Select(line => line.Split('=')[0]);
        named.Where(name => name != "COMPOSE_PROFILES").ShouldBe(used, ignoreOrder: true);
    }

    [Fact]
    public async Task Without_settings_the_service_names_what_is_missing()
    {
        await using var app = Account([]);
        var missing = Should.Throw<OptionsValidationException>(() => app.MapCalls()).Message;
        foreach (var key in new[]
            {
                "PublicBaseUrl", "Twilio:Client:AccountSid", "Twilio:RequestValidation:AuthToken", "Twilio:Voice:CallerId",
                "SigningKeys:0:Value",
            })
            missing.ShouldContain(key);
    }

    [Fact]
    public async Task With_the_settings_of_the_example_bearers_and_tokens_can_be_used_from_the_start()
    {
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        await using var app = Account(new(StringComparer.Ordinal)
        {
            ["MY_URL"] = "https://calls.example.org",
            ["TWILIO_ACCOUNT_SID"] = "AC" + new string('0', 32),
            ["TWILIO_AUTH_TOKEN"] = "token",
            ["MY_TWILIO_PHONE_NUMBER"] = "+15550100000",
            ["TWILIO_API_KEY_SID"] = "SK" + new string('0', 32),
            ["TWILIO_API_KEY_SECRET"] = new string('s', 32),
            ["TWILIO_APPLICATION_SID"] = "AP" + new string('0', 32),
            ["CALLS_BEARER_KEY"] = key,
        });
        app.Services.GetRequiredService<IStartupValidator>().Validate();
        var bearer = await BearerAsync(key, "alice", "calls.operate");
        var accepts = app.Services.GetRequiredService<IOptionsMonitor<JwtBearerOptions>>().Get("Bearer").TokenValidationParameters;
        var identity = (await new JsonWebTokenHandler().ValidateTokenAsync(bearer, accepts)).ClaimsIdentity;
        (identity.FindFirst("sub")?.Value, identity.FindFirst("scope")?.Value).ShouldBe(("alice", "calls.operate"));
        app.Services.GetRequiredService<AccessTokens>().MissingKeys(Platform.Any).ShouldBeEmpty();

        var stranger = await BearerAsync(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), "alice", "");
        (await new JsonWebTokenHandler().ValidateTokenAsync(stranger, accepts)).IsValid.ShouldBeFalse();
    }

    /// <summary>The sandbox of the profile demo as a process, with the environment of the compose file, and its load.</summary>
    [Fact]
    public async Task The_demo_places_calls_and_shows_them()
    {
        var ports = Enumerable.Range(0, 2).Select(_ => Prometheus.FreePort()).ToList();
        var start = new ProcessStartInfo("dotnet",
            [Path.Combine(AppContext.BaseDirectory, "Calls.Sandbox.dll"), "--port", Text(ports[0])])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in VariablesOf("sandbox"))
            start.Environment[name] = name switch
            {
                "Management__Port" => Text(ports[1]),
                // No collector listens here. Exports fail, as they do while the collector starts.
                "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://127.0.0.1:9",
                _ => value,
            };
        using var sandbox = Process.Start(start).ShouldNotBeNull();
        sandbox.OutputDataReceived += (_, _) => { };
        sandbox.BeginOutputReadLine();
        try
        {
            var (exitCode, output) = await Tool.RunAsync("env",
                [$"SANDBOX=http://127.0.0.1:{Text(ports[0] + 1)}", "ROUNDS=3", "PAUSE=2", "sh", Path.Combine(Directory, "load.sh")]);
            exitCode.ShouldBe(0, output);
            using var http = new HttpClient(new SocketsHttpHandler());
            var metrics = await http.GetStringAsync(new Uri($"http://127.0.0.1:{Text(ports[1])}/metrics"));
            var ended = metrics.Split('\n').Where(line => line.StartsWith("calls_ended_total{", StringComparison.Ordinal)).ToList();
            ended.Sum(line => double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).ShouldBe(3, metrics);
            ended.Count.ShouldBeGreaterThan(1, "calls end in more than one way");
        }
        finally
        {
            sandbox.Kill();
            await sandbox.WaitForExitAsync();
        }

        static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
    }

    [Fact]
    public void The_configuration_of_everything_can_be_read()
    {
        foreach (var file in new[] { "collector.yaml", "prometheus.yaml", "grafana/datasources.yaml", "grafana/dashboards.yaml" })
            Load(file).Children.ShouldNotBeEmpty();
        var pipelines = (YamlMappingNode)Load("collector.yaml")["service"]["pipelines"];
        foreach (var pipeline in pipelines.Children.Values.Cast<YamlMappingNode>())
            foreach (var (kind, names) in pipeline.Children)
                foreach (var name in (YamlSequenceNode)names)
                    ((YamlMappingNode)Load("collector.yaml")[kind]).Children.Keys.ShouldContain(name);
    }

    [Fact]
    public async Task Prometheus_takes_its_configuration_with_the_rules()
    {
        var config = Path.Combine(Path.GetTempPath(), $"calls-prometheus-{Environment.ProcessId}.yaml");
        var text = await File.ReadAllTextAsync(Path.Combine(Directory, "prometheus.yaml"));
        await File.WriteAllTextAsync(config, text.Replace("/etc/prometheus/alerts.yaml", Alerts.Path, StringComparison.Ordinal));
        try
        {
            var (exitCode, output) = await Tool.RunAsync(Tool.Promtool(), ["check", "config", config]);
            exitCode.ShouldBe(0, output);
        }
        finally
        {
            File.Delete(config);
        }
    }

    private static async Task<(int ExitCode, string Output)> LintAsync(string compose)
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("calls-compose-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "compose.yaml"), compose);
            return await Tool.RunAsync(Path.Combine(Tool.NpmPackages(), "node_modules/.bin/dclint"),
                ["--quiet", Path.Combine(folder.FullName, "compose.yaml")]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The service as the profile account configures it. It is built and not started.</summary>
    private static WebApplication Account(Dictionary<string, string> variables)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(VariablesOf("calls").Select(pair => KeyValuePair.Create(
            pair.Name.Replace("__", ":", StringComparison.Ordinal),
            (string?)Variable().Replace(pair.Value, match => variables.GetValueOrDefault(match.Groups["name"].Value, "")))));
        return builder.AddCalls().Build();
    }

    private static async Task<string> BearerAsync(string key, params string[] arguments)
    {
        var (exitCode, output) = await Tool.RunAsync("env", [$"CALLS_BEARER_KEY={key}", Path.Combine(Directory, "bearer"), .. arguments]);
        exitCode.ShouldBe(0, output);
        return output.Trim();
    }

    private static IEnumerable<(string Name, string Value)> VariablesOf(string service) =>
        ((YamlMappingNode)Services()[service]["environment"]).Children.Select(pair => (pair.Key.ToString(), pair.Value.ToString()));

    [GeneratedRegex("\\$\\{(?<name>[A-Z_]+):-\\}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Variable();

    private static Dictionary<string, YamlMappingNode> Services() =>
        ((YamlMappingNode)Load("compose.yaml")["services"])
            .Children.ToDictionary(pair => pair.Key.ToString(), pair => (YamlMappingNode)pair.Value, StringComparer.Ordinal);

    private static IEnumerable<string> Items(YamlMappingNode service, string key) =>
        service.Children.TryGetValue(key, out var items) ? ((YamlSequenceNode)items).Children.Select(item => item.ToString()) : [];

    private static YamlMappingNode Load(string file)
    {
        var stream = new YamlStream();
        using var reader = File.OpenText(Path.Combine(Directory, file));
        stream.Load(reader);
        return (YamlMappingNode)stream.Documents[0].RootNode;
    }
}
