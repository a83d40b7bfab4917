using System.Globalization;
using System.Text.RegularExpressions;
using Calls.Chart.Tests.Tools;
using k8s;
using k8s.Models;

namespace Calls.Chart.Tests;

/// <summary>Rules that every rendering must keep, for all values. They exclude the common mistakes of charts.</summary>
public sealed partial class PolicyTests
{
    private static readonly string[] TwilioPaths = ["/twilio", "/makeCall", "/joinConf", "/leave", "/completeCall"];
    private static readonly string[] ApiPaths = ["/v1", "/docs", "/openapi", "/addUser"];

    public static TheoryData<string> Values => [.. Helm.Values];

    [Theory, MemberData(nameof(Values))]
    public async Task Pods_may_do_nothing_that_they_need_not(string values)
    {
        foreach (var pod in Pods(await Helm.Four.ObjectsAsync(values)))
        {
            pod.AutomountServiceAccountToken.ShouldBe(false);
            pod.EnableServiceLinks.ShouldBe(false);
            pod.SecurityContext.RunAsNonRoot.ShouldBe(true);
            pod.SecurityContext.RunAsUser.ShouldNotBeNull().ShouldBeGreaterThan(0);
            pod.SecurityContext.SeccompProfile.Type.ShouldBe("RuntimeDefault");
            foreach (var container in pod.Containers)
            {
                container.SecurityContext.AllowPrivilegeEscalation.ShouldBe(false);
                container.SecurityContext.ReadOnlyRootFilesystem.ShouldBe(true);
                container.SecurityContext.RunAsNonRoot.ShouldBe(true);
                container.SecurityContext.Capabilities.Drop.ShouldBe(["ALL"]);
                container.Image.ShouldMatch("@sha256:|:[^:/]+$");
                container.Image.ShouldNotEndWith(":latest");
                container.Resources.Requests.Keys.ShouldBe(["cpu", "memory"], ignoreOrder: true);
                container.Resources.Limits["memory"].ShouldBe(container.Resources.Requests["memory"]);
                container.Resources.Limits.ShouldNotContainKey("cpu");
            }
        }
    }

    [Theory, MemberData(nameof(Values))]
    public async Task The_service_runs_as_its_image_says_and_is_asked_on_the_management_port(string values)
    {
        var objects = await Helm.Four.ObjectsAsync(values);
        var pod = Service(objects).Spec.Template.Spec;
        (pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup, pod.SecurityContext.FsGroup).ShouldBe((1654, 1654, 1654));
        var container = pod.Containers[0];
        container.Name.ShouldBe("calls");
        container.Ports.Select(port => (port.Name, port.ContainerPort)).ShouldBe([("http", 8080), ("management", 8081)]);
        (Path(container.StartupProbe), Path(container.LivenessProbe), Path(container.ReadinessProbe))
            .ShouldBe(("management/healthz/startup", "management/healthz/live", "management/healthz/ready"));
        var settings = objects.OfType<V1ConfigMap>().Single(map => map.Metadata.Name == Service(objects).Metadata.Name).Data;
        settings["ASPNETCORE_HTTP_PORTS"].ShouldBe("8080");
        settings["Management__Port"].ShouldBe("8081");
        settings["Calls__SecretsDirectory"].ShouldBe("/etc/calls/secrets");
        container.VolumeMounts.Single(mount => mount.Name == "secrets").ShouldSatisfyAllConditions(
            mount => mount.MountPath.ShouldBe("/etc/calls/secrets"),
            mount => mount.SubPath.ShouldBeNull("a subPath is never updated"),
            mount => mount.ReadOnlyProperty.ShouldBe(true));

        static string Path(V1Probe probe) => probe.HttpGet.Port.Value + probe.HttpGet.Path;
    }

    [Theory, MemberData(nameof(Values))]
    public async Task A_pod_has_the_time_to_finish(string values)
    {
        var pod = Service(await Helm.Four.ObjectsAsync(values)).Spec.Template.Spec;
        var sleep = pod.Containers[0].Lifecycle.PreStop.Sleep.ShouldNotBeNull("an image without a shell cannot exec one");
        sleep.Seconds.ShouldBe(8);
        pod.TerminationGracePeriodSeconds.ShouldBe(35);
    }

    [Theory, MemberData(nameof(Values))]
    public async Task What_selects_selects_the_service_and_holds_no_version(string values)
    {
        var objects = await Helm.Four.ObjectsAsync(values);
        var deployment = Service(objects);
        var selector = deployment.Spec.Selector.MatchLabels;
        selector.Keys.ShouldBe(["app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"], ignoreOrder: true);
        foreach (var (key, value) in selector)
            deployment.Spec.Template.Metadata.Labels[key].ShouldBe(value);
        var autoscaler = objects.OfType<V2HorizontalPodAutoscaler>().SingleOrDefault();
        var keda = (await Helm.Four.RenderAsync(values)).Contains("\nkind: ScaledObject\n", StringComparison.Ordinal);
        (keda && autoscaler is not null).ShouldBeFalse("KEDA makes the autoscaler");
        (deployment.Spec.Replicas is null).ShouldBe(autoscaler is not null || keda, "the autoscaler sets the replicas if there is one");
        autoscaler?.Spec.ScaleTargetRef.Name.ShouldBe(deployment.Metadata.Name);
        var budget = objects.OfType<V1PodDisruptionBudget>().SingleOrDefault();
        (budget is not null).ShouldBe(keda || (autoscaler?.Spec.MinReplicas ?? deployment.Spec.Replicas) > 1);
        if (budget is not null)
        {
            budget.Spec.Selector.MatchLabels.ShouldBe(selector);
            budget.Spec.MaxUnavailable.Value.ShouldBe("1");
            budget.Spec.UnhealthyPodEvictionPolicy.ShouldBe("AlwaysAllow");
        }

        foreach (var spread in deployment.Spec.Template.Spec.TopologySpreadConstraints)
        {
            spread.LabelSelector.MatchLabels.ShouldBe(selector);
            spread.MatchLabelKeys.ShouldBe(["pod-template-hash"]);
            spread.WhenUnsatisfiable.ShouldBe("ScheduleAnyway");
        }

        foreach (var service in objects.OfType<V1Service>()
            .Where(service => !service.Metadata.Name.EndsWith("redis-trial", StringComparison.Ordinal)))
            service.Spec.Selector.ShouldBe(selector);
        deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.Value.ShouldBe("0");
    }

    [Theory]
    [InlineData("external-metrics-values.yaml", "External Resource")]
    [InlineData("full-values.yaml", "External Resource")]
    [InlineData("../examples/values-prod.yaml", "Resource")]
    [InlineData("../examples/values-prod.yaml", "External Resource", "external.metrics.k8s.io/v1beta1")]
    [InlineData("../examples/values-prod.yaml", "Resource", "external.metrics.k8s.io/v1beta1", "keda.sh/v1alpha1")]
    public async Task Live_calls_scale_the_replicas_if_an_adapter_has_them_and_the_CPU_does_otherwise(
        string values, string kinds, params string[] apis)
    {
        var autoscaler = (await Helm.Four.ObjectsAsync(values, apis.SelectMany(api => new[] { "--api-versions", api })))
            .OfType<V2HorizontalPodAutoscaler>().ShouldHaveSingleItem();
        string.Join(' ', autoscaler.Spec.Metrics.Select(metric => metric.Type).Order(StringComparer.Ordinal)).ShouldBe(kinds);
        if (autoscaler.Spec.Metrics.SingleOrDefault(metric => metric.Type == "External")?.External is { } external)
        {
            external.Metric.Name.ShouldBe("calls_live");
            external.Metric.Selector.MatchLabels.ShouldBe(new Dictionary<string, string> { ["namespace"] = "voice" });
            external.Target.Type.ShouldBe("AverageValue", "every replica counts all calls");
        }
    }

    [Theory]
    [InlineData("keda-values.yaml")]
    [InlineData("../examples/values-prod.yaml", "--api-versions", "keda.sh/v1alpha1",
        "--set", "autoscaling.keda.serverAddress=http://prometheus.monitoring:9090")]
    public async Task Keda_scales_by_live_calls_and_by_CPU(string values, params string[] more)
    {
        var rendered = await Helm.Four.RenderAsync(values, more);
        var scaled = Helm.Documents(rendered).Single(document => document.Contains("kind: ScaledObject", StringComparison.Ordinal));
        scaled.ShouldContain("query: \"max(calls_live{namespace=\\\"voice\\\"})\"");
        scaled.ShouldContain("serverAddress: \"http://prometheus.monitoring:9090\"");
        scaled.ShouldContain("type: cpu");
        rendered.ShouldNotContain("kind: HorizontalPodAutoscaler");
    }

    [Theory, MemberData(nameof(Values))]
    public async Task No_way_in_leads_to_the_management_port(string values)
    {
        var rendered = await Helm.Four.RenderAsync(values);
        var objects = await Helm.Four.ObjectsAsync(values);
        var open = objects.OfType<V1Service>()
            .Where(service => service.Spec.Ports.Any(port => port.TargetPort.Value is "management" or "8081")).ToList();
        open.ShouldHaveSingleItem().Spec.Ports.ShouldHaveSingleItem();
        foreach (var path in objects.OfType<V1Ingress>().SelectMany(ingress => ingress.Spec.Rules).SelectMany(rule => rule.Http.Paths))
        {
            path.Backend.Service.Name.ShouldNotBe(open[0].Metadata.Name);
            path.Backend.Service.Port.Name.ShouldBe("http");
        }

        foreach (var route in Helm.Documents(rendered).Where(document => document.Contains("kind: HTTPRoute", StringComparison.Ordinal)))
            route.ShouldNotContain("management");
    }

    [Fact]
    public async Task Twilio_comes_in_by_one_way_and_the_frontend_by_another()
    {
        var ingresses = (await Helm.Four.ObjectsAsync("full-values.yaml")).OfType<V1Ingress>()
            .ToDictionary(ingress => ingress.Metadata.Name);
        ingresses.Count.ShouldBe(2);
        var (webhooks, api) = (ingresses["calls-ci-webhooks"], ingresses["calls-ci-api"]);
        Paths(webhooks).ShouldBe(TwilioPaths);
        Paths(api).ShouldBe(ApiPaths);
        webhooks.Spec.IngressClassName.ShouldNotBe(api.Spec.IngressClassName);
        webhooks.Spec.Rules[0].Host.ShouldBe("calls.example.org", "the host of publicBaseUrl");
        api.Spec.Rules[0].Host.ShouldBe("calls-api.example.org");

        var minimal = (await Helm.Four.ObjectsAsync("minimal-values.yaml", "--set", "webhooks.ingress.enabled=true")).OfType<V1Ingress>()
            .ShouldHaveSingleItem();
        Paths(minimal).ShouldBe(["/twilio"]);

        static IEnumerable<string> Paths(V1Ingress ingress) =>
            ingress.Spec.Rules.ShouldHaveSingleItem().Http.Paths.Select(path => path.Path);
    }

    [Fact]
    public async Task Every_webhook_of_the_service_has_a_way_in()
    {
        var routes = await File.ReadAllTextAsync(Path.Combine(Tool.Root, "src/Api/Endpoints/WebhookRoutes.cs"));
        var mapped = MappedPath().Matches(routes).Select(match => match.Groups["first"].Value).Distinct(StringComparer.Ordinal).ToList();
        mapped.ShouldBe(TwilioPaths, ignoreOrder: true);
    }

    [Fact]
    public async Task The_network_policy_lets_out_what_is_needed_and_not_into_private_ranges()
    {
        var policy = (await Helm.Four.ObjectsAsync("full-values.yaml")).OfType<V1NetworkPolicy>().ShouldHaveSingleItem();
        policy.Spec.PolicyTypes.ShouldBe(["Ingress", "Egress"]);
        Ports(policy.Spec.Egress.SelectMany(rule => rule.Ports)).ShouldBe(["53", "53", "6379", "26379", "4317", "443"]);
        var internet = policy.Spec.Egress.Single(rule => rule.To[0].IpBlock is not null);
        var blocks = internet.To.ToDictionary(peer => peer.IpBlock.Cidr, peer => peer.IpBlock.Except);
        blocks.Keys.ShouldBe(["0.0.0.0/0", "::/0"]);
        blocks["0.0.0.0/0"].ShouldBe(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"]);
        blocks["::/0"].ShouldBe(["fc00::/7", "fe80::/10"], "Kubernetes refuses an exception that is not inside of its block");
        Ports(internet.Ports).ShouldBe(["443"]);
        var dns = (await Helm.Four.ObjectsAsync("full-values.yaml", "--set",
            "networkPolicy.dns.to[0].ipBlock.cidr=169.254.20.10/32,networkPolicy.dns.ports[0]=5353"))
            .OfType<V1NetworkPolicy>().Single().Spec.Egress[0];
        (dns.To.ShouldHaveSingleItem().IpBlock.Cidr, string.Join(' ', dns.Ports.Select(port => $"{port.Port.Value}/{port.Protocol}")))
            .ShouldBe(("169.254.20.10/32", "5353/UDP 5353/TCP"));
        foreach (var rule in policy.Spec.Ingress)
            rule.FromProperty.ShouldNotBeEmpty("a rule without peers admits all traffic");
        policy.Spec.Ingress.Single(rule => Ports(rule.Ports).SequenceEqual(["8081"])).FromProperty.ShouldHaveSingleItem();

        static IEnumerable<string> Ports(IEnumerable<V1NetworkPolicyPort> ports) => ports.Select(port => port.Port.Value);
    }

    [Theory, MemberData(nameof(Values))]
    public async Task No_secret_is_made_and_none_is_in_the_environment(string values)
    {
        var objects = await Helm.Four.ObjectsAsync(values);
        objects.ShouldNotContain(thing => thing is V1Secret);
        Service(objects).Spec.Template.Spec.Containers[0]
            .Env.ShouldAllBe(variable => variable.ValueFrom == null || variable.ValueFrom.SecretKeyRef == null);
        foreach (var map in objects.OfType<V1ConfigMap>())
            map.Data.Keys.ShouldAllBe(key => !key.EndsWith("Token", StringComparison.OrdinalIgnoreCase)
                && !key.EndsWith("Secret", StringComparison.OrdinalIgnoreCase));
    }

    [Theory, MemberData(nameof(Values))]
    public async Task A_setting_is_there_once_in_any_spelling(string values)
    {
        foreach (var document in Helm.Documents(await Helm.Four.RenderAsync(values))
            .Where(document => document.Contains("\nkind: ConfigMap\n", StringComparison.Ordinal)))
        {
            var keys = document[document.IndexOf("\ndata:\n", StringComparison.Ordinal)..].Split('\n')
                .Select(line => SettingKey().Match(line)).Where(match => match.Success).Select(match => match.Groups["key"].Value).ToList();
            keys.ShouldNotBeEmpty();
            keys.Count.ShouldBe(keys.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        }
    }

    [Fact]
    public async Task Volumes_containers_and_annotations_of_the_values_are_in_the_deployment()
    {
        var deployment = Service(await Helm.Four.ObjectsAsync("full-values.yaml"));
        deployment.Metadata.Annotations["example.org/runbook"].ShouldBe("calls");
        deployment.Spec.ProgressDeadlineSeconds.ShouldBe(600);
        var pod = deployment.Spec.Template.Spec;
        pod.Containers.Select(container => container.Name).ShouldBe(["calls", "proxy"]);
        pod.Volumes.Select(volume => volume.Name).ShouldBe(["secrets", "tmp", "redis-ca"]);
        var mount = pod.Containers[0].VolumeMounts.Single(mount => mount.Name == "redis-ca").MountPath;
        pod.Containers[0].Env.Single(variable => variable.Name == "SSL_CERT_DIR").Value.Split(':').ShouldBe(["/etc/ssl/certs", mount]);
    }

    [Fact]
    public async Task Every_alert_of_the_production_values_links_to_a_runbook_of_the_installation()
    {
        var rendered = await Helm.Four.RenderAsync("../examples/values-prod.yaml");
        var links = rendered.Split('\n').Where(line => line.Contains("runbook_url:", StringComparison.Ordinal)).ToList();
        links.ShouldNotBeEmpty();
        links.ShouldAllBe(link => link.Contains("https://wiki.example.org/calls/runbook.md#", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_public_paths_of_the_wiring_page_have_a_route()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Tool.Root, "docs/wiring-twilio.md"));
        var paths = PublicPath().Matches(page).Select(match => match.Groups["path"].Value).Distinct(StringComparer.Ordinal).ToList();
        paths.ShouldContain("/twilio/voice");
        paths.ShouldAllBe(path => path.StartsWith("/twilio/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_changed_setting_makes_new_pods()
    {
        (await ChecksumAsync()).ShouldNotBe(await ChecksumAsync("--set", "config.calls.maxParticipants=5"));
        (await ChecksumAsync()).ShouldBe(await ChecksumAsync("--set", "revisionHistoryLimit=2"));

        static async Task<string> ChecksumAsync(params string[] more) =>
            Service(await Helm.Four.ObjectsAsync("minimal-values.yaml", more)).Spec.Template.Metadata.Annotations["checksum/config"];
    }

    [Fact]
    public async Task The_heap_is_limited_in_the_runtimes_own_notation()
    {
        var map = (await Helm.Four.ObjectsAsync("minimal-values.yaml")).OfType<V1ConfigMap>().First();
        int.Parse(map.Data["DOTNET_GCHeapHardLimitPercent"].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture).ShouldBe(75);
    }

    [Fact]
    public async Task The_trial_redis_is_off_unless_asked_for()
    {
        (await Helm.Four.RenderAsync("gateway-values.yaml")).ShouldNotContain("redis-trial");
        (await Helm.Four.RenderAsync("minimal-values.yaml")).ShouldContain("NOT FOR PRODUCTION");
    }

    [GeneratedRegex("Map(Webhook|Get)\\(\"(?<first>/[^/\"]+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex MappedPath();

    [GeneratedRegex("^  (?<key>[^#: ]+): ", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex SettingKey();

    [GeneratedRegex("https://calls\\.example\\.org(?<path>/[a-z0-9/-]+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PublicPath();

    private static V1Deployment Service(IEnumerable<IKubernetesObject> objects) =>
        objects.OfType<V1Deployment>().Single(deployment => !deployment.Metadata.Name.EndsWith("redis-trial", StringComparison.Ordinal));

    private static IEnumerable<V1PodSpec> Pods(IEnumerable<IKubernetesObject> objects) => objects.Select(thing => thing switch
    {
        V1Deployment deployment => deployment.Spec.Template.Spec,
        V1Pod pod => pod.Spec,
        _ => null,
    }).OfType<V1PodSpec>();
}
