using Calls.Chart.Tests.Tools;
using YamlDotNet.RepresentationModel;

namespace Calls.Chart.Tests;

/// <summary>The compose file is not started here, since that needs a container engine. The test checks that its references exist.</summary>
public sealed class ComposeTests
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
        services.Keys.ShouldBe(["calls", "redis", "collector", "jaeger", "prometheus", "grafana"]);
        foreach (var (name, service) in services)
        {
            if (name != "calls")
                service["image"].ToString().ShouldMatch(@":[v0-9][\w.-]+$");
            foreach (var dependency in service.Children.TryGetValue("depends_on", out var on)
                ? on is YamlMappingNode map ? map.Children.Keys : ((YamlSequenceNode)on).Children : [])
                services.Keys.ShouldContain(dependency.ToString());
            Items(service, "ports").ShouldAllBe(port => port.StartsWith("127.0.0.1:", StringComparison.Ordinal));
        }
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
