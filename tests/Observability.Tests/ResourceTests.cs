using Calls.Api;
using Calls.Sandbox;
using Calls.Sandbox.Redis;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace Calls.Observability.Tests;

/// <summary>The resource of all signals: the service's own attributes, and those of the environment, which win.</summary>
public sealed class ResourceTests
{
    [Theory]
    [InlineData(null, null, "calls", null)]
    [InlineData("calls-eu", "service.instance.id=pod-7,deployment.environment.name=prod", "calls-eu", "pod-7")]
    public async Task The_attributes_of_the_environment_win(string? serviceName, string? attributes, string name, string? instance)
    {
        await using var redis = await Task.Run(EmbeddedRedis.Start);
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = redis.ConnectionString,
            Settings = [new("OTEL_SERVICE_NAME", serviceName), new("OTEL_RESOURCE_ATTRIBUTES", attributes)],
        });
        var resource = host.Services.GetRequiredService<TracerProvider>().GetResource().Attributes
            .ToDictionary(attribute => attribute.Key, attribute => attribute.Value.ToString(), StringComparer.Ordinal);
        resource["service.name"].ShouldBe(name);
        resource["service.version"].ShouldBe(typeof(CallsService).Assembly.GetName().Version!.ToString(3));
        resource["service.instance.id"].ShouldNotBeNullOrEmpty();
        if (instance is not null)
            resource["service.instance.id"].ShouldBe(instance);
    }
}
