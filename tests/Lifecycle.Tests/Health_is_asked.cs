using System.Net;
using Calls.Chaos.Tests.Harness;
using Calls.Infrastructure.Outbox;
using Calls.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Calls.Lifecycle.Tests;

/// <summary>The answers of the health routes, as a kubelet gets them.</summary>
public sealed class Health_is_asked
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Live_means_that_the_loop_comes_round()
    {
        var clock = new FakeTimeProvider();
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Configure = builder => builder.Services.Replace(ServiceDescriptor.Singleton(new Heartbeat(clock))),
        });
        clock.Advance(TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(async () => await AskAsync(host.Address, "live") == HttpStatusCode.OK, "the loop comes round", Patience);
        // A loop that hangs has no heartbeat.
        await host.Services.GetServices<IHostedService>().OfType<Sweeper>().Single().StopAsync(TestContext.Current.CancellationToken);
        clock.Advance(TimeSpan.FromSeconds(29));
        (await AskAsync(host.Address, "live")).ShouldBe(HttpStatusCode.OK);
        clock.Advance(TimeSpan.FromSeconds(2));
        (await AskAsync(host.Address, "live")).ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await AskAsync(host.Address, "ready")).ShouldBe(HttpStatusCode.OK, "it can answer TwiML all the same");
    }

    [Fact]
    public async Task Without_Redis_it_starts_is_ready_and_live_and_says_so_of_its_dependencies_alone()
    {
        await using var deployment = await Deployment.StartAsync("127.0.0.1:" + Ports.Text(Ports.Free()), replicas: 1);
        var replica = deployment.Replicas[0];
        foreach (var route in new[] { "startup", "live", "ready" })
            (await replica.HealthAsync(route)).ShouldBe(HttpStatusCode.OK, route);
        (await replica.HealthAsync("dependencies")).ShouldBe(HttpStatusCode.ServiceUnavailable);
    }

    private static async Task<HttpStatusCode> AskAsync(Uri address, string route) =>
        (await Http.SendAsync(HttpMethod.Get, new Uri(address, "/healthz/" + route))).Status;
}
