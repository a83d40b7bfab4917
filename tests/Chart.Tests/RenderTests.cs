using Calls.Chart.Tests.Tools;

namespace Calls.Chart.Tests;

/// <summary>The chart is rendered by Helm 3 and Helm 4 for every values file in <c>ci/</c>.</summary>
public sealed class RenderTests
{
    public static TheoryData<string> Values => [.. Helm.Values];

    [Theory, MemberData(nameof(Values))]
    public async Task Both_Helms_have_nothing_to_say_against_it(string values)
    {
        foreach (var helm in new[] { Helm.Three, Helm.Four })
        {
            var (exitCode, output) = await helm.LintAsync(values);
            exitCode.ShouldBe(0, output);
            output.ShouldNotContain("[WARNING]");
        }
    }

    [Theory, MemberData(nameof(Values))]
    public async Task Two_renders_and_two_Helms_give_the_same_bytes(string values)
    {
        var once = await Helm.Four.RenderAsync(values);
        (await Helm.Four.RenderAsync(values)).ShouldBe(once);
        (await Helm.Three.RenderAsync(values)).ShouldBe(once);
    }

    [Theory, MemberData(nameof(Values))]
    public async Task Every_object_is_one_that_Kubernetes_takes(string values)
    {
        (await Helm.Four.ObjectsAsync(values)).Count.ShouldBeGreaterThan(4);
        var (exitCode, output) = await Tool.RunAsync("node", ["validate.mjs"], await Helm.Four.RenderAsync(values), Tool.NpmPackages());
        exitCode.ShouldBe(0, output);
        output.ShouldContain("objects are valid");
    }

    [Fact]
    public async Task An_object_that_Kubernetes_would_refuse_is_reported()
    {
        var good = await Helm.Four.RenderAsync("full-values.yaml");
        (await Tool.RunAsync("node", ["validate.mjs"], good.Replace("pathType: Prefix", "pathTipe: Prefix", StringComparison.Ordinal),
            Tool.NpmPackages())).ExitCode.ShouldBe(1);
        Should.Throw<Exception>(
            () => k8s.KubernetesYaml.LoadAllFromString("apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { selektor: {} }\n",
            strict: true));
    }

    [Theory]
    [InlineData("autoscaling.minReplica=3", "minReplica")]
    [InlineData("config.calls.ringTimeOut=00:00:30", "ringTimeOut")]
    [InlineData("config.publicBaseUrl=http://calls.example.org", "publicBaseUrl")]
    [InlineData("config.publicBaseUrl=https://calls.example.org/twilio", "publicBaseUrl")]
    [InlineData("config.twilio.callerId=0445550100", "callerId")]
    [InlineData("config.twilio.accountSid=AC1", "accountSid")]
    [InlineData("config.calls.retention=24h", "retention")]
    [InlineData("config.extra.Twilio__AuthToken=x", "Twilio__AuthToken")]
    [InlineData("redis.connectionString=redis:6379\\,password=x", "connectionString")]
    [InlineData("image.tag=latest", "tag")]
    [InlineData("replicaCount=0", "replicaCount")]
    [InlineData("prometheusRule.alerts.CallsDwon.enabled=false", "CallsDwon")]
    [InlineData("prometheusRule.alerts.CallsRedisSlow.second=1", "second")]
    [InlineData("prometheusRule.alerts.CallsRedisSlow.seconds=fast", "seconds")]
    [InlineData("netwrokPolicy.enabled=true", "netwrokPolicy")]
    [InlineData("otlp.sampler=sometimes", "sampler")]
    [InlineData("autoscaling.source=memory", "source")]
    [InlineData("autoscaling.keda.serverAddress=prometheus:9090", "serverAddress")]
    [InlineData("autoscaling.keda.address=http://prometheus:9090", "address")]
    [InlineData("autoscaling.liveCallsPerReplica=0", "liveCallsPerReplica")]
    [InlineData("extraVolumes[0].name=secrets", "extraVolumes")]
    [InlineData("extraContainers[0].name=calls,extraContainers[0].image=a", "extraContainers")]
    [InlineData("networkPolicy.exceptCIDRs[0]=10.0.0.0", "exceptCIDRs")]
    public async Task A_value_that_cannot_be_is_refused_and_named(string set, string named)
    {
        foreach (var helm in new[] { Helm.Three, Helm.Four })
        {
            var (exitCode, output) = await helm.TemplateAsync("minimal-values.yaml", "--set", set);
            exitCode.ShouldNotBe(0);
            output.ShouldContain(named);
        }
    }

    [Theory]
    [InlineData("secrets.existingSecret=", "secrets.existingSecret is empty")]
    [InlineData("redis.trial.enabled=false", "says where Redis is")]
    [InlineData("redis.connectionString=redis:6379", "says where Redis is")]
    [InlineData("autoscaling.enabled=true,autoscaling.minReplicas=11", "more than autoscaling.maxReplicas")]
    [InlineData("autoscaling.enabled=true,autoscaling.targetCPUUtilizationPercentage=0", "without a metric")]
    [InlineData("autoscaling.enabled=true,autoscaling.source=keda", "autoscaling.keda.serverAddress is empty")]
    [InlineData("shutdown.preStopSleepSeconds=15", "terminationGracePeriodSeconds is too short")]
    [InlineData("api.ingress.enabled=true", "api.host is empty")]
    [InlineData("webhooks.httpRoute.enabled=true", "webhooks.httpRoute.parentRefs is empty")]
    [InlineData("networkPolicy.enabled=true", "networkPolicy.ingressFrom is empty")]
    [InlineData("networkPolicy.enabled=true,networkPolicy.ingressFrom[0].ipBlock.cidr=::/0", "networkPolicy.monitoringFrom is empty")]
    [InlineData("image.repository=", "image.repository is empty. Build the image and push it")]
    [InlineData("config.extra.Calls__RingTimeout=00:00:10", "The setting Calls__RingTimeout is given twice")]
    [InlineData("config.extra.calls__ringtimeout=00:00:10", "The setting calls__ringtimeout is given twice")]
    [InlineData("config.calls.inbound.4144555010=bob,config.calls.inbound.\\+4144555010=al", "Calls__Inbound__4144555010 is given twice")]
    [InlineData("secrets.externalSecret.enabled=true", "exclude one another")]
    [InlineData("secrets.existingSecret=,secrets.externalSecret.enabled=true", "storeRef.name is empty")]
    public async Task Values_that_do_not_fit_one_another_are_refused_with_a_sentence(string set, string sentence)
    {
        var (exitCode, output) = await Helm.Four.TemplateAsync("minimal-values.yaml", "--set", set);
        exitCode.ShouldNotBe(0);
        output.ShouldContain(sentence);
    }

    [Fact]
    public async Task A_required_value_has_no_default()
    {
        var (exitCode, output) = await Helm.Four.TemplateAsync(null);
        exitCode.ShouldNotBe(0);
        output.ShouldContain("publicBaseUrl");
        output.ShouldContain("callerId");
    }

    [Fact]
    public async Task The_table_of_values_in_the_readme_is_that_of_the_values()
    {
        var readme = Path.Combine(Tool.Chart, "README.md");
        var copy = Path.Combine(Path.GetTempPath(), $"calls-chart-readme-{Environment.ProcessId}.md");
        File.Copy(readme, copy, overwrite: true);
        try
        {
            var (exitCode, output) = await Tool.RunAsync(
                Path.Combine(Tool.NpmPackages(), "node_modules/.bin/readme-generator"),
                    ["--values", Path.Combine(Tool.Chart, "values.yaml"), "--readme", copy]);
            exitCode.ShouldBe(0, output);
            (await File.ReadAllTextAsync(copy)).ShouldBe(await File.ReadAllTextAsync(readme),
                "deploy/helm/tools/node_modules/.bin/readme-generator --values deploy/helm/calls/values.yaml"
                + " --readme deploy/helm/calls/README.md");
        }
        finally
        {
            File.Delete(copy);
        }
    }
}
