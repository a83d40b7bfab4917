using System.Net;
using System.Net.Http.Headers;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Lifecycle.Tests;

/// <summary>SIGTERM, as every rollout sends it to every replica. No person on a call may notice it.</summary>
public sealed class A_replica_is_told_to_end
{
    private const int Calls = 100;

    private static readonly TimeSpan DrainDelay = TimeSpan.FromSeconds(2);

    /// <summary>Kubernetes' default grace period, less the delay before the end.</summary>
    private static readonly TimeSpan GracePeriod = TimeSpan.FromSeconds(28);

    [Fact]
    public async Task Under_a_hundred_calls_no_webhook_fails_no_call_breaks_and_it_exits_with_zero()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(
            redis.Address, settings: [("Calls:Shutdown:DrainDelay", DrainDelay.ToString("c")), ("Calls:RingTimeout", "00:00:15")]);
        var going = deployment.Replicas[0];
        var load = Load.Start(deployment,
            [.. Story.Draw(Calls, 7).Select(story => story with { Lasts = story.Lasts + TimeSpan.FromSeconds(4) })], perSecond: 50);
        await load.BegunAsync(1);
        (await deployment.Twilio.AskAsync(cloud => cloud.LiveLegs().Count)).ShouldBeGreaterThan(Calls / 2, "there must be calls to break");

        var (exitCode, outOfRotation, ended) = await going.TerminateAsync(GracePeriod);
        exitCode.ShouldBe(0, going.Tail);
        ended.ShouldBeGreaterThan(DrainDelay, "it serves on until the load balancer has noticed");
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, TimeSpan.FromSeconds(30));
        Report.Line($"Out of rotation after {outOfRotation.TotalSeconds:0.00} s, ended after {ended.TotalSeconds:0.00} s: {verdict}");
        deployment.Twilio.Journal.Entries.OfType<WebhookAnswered>()
            .Where(answer => answer.Failure != WebhookFailure.None || answer.Status is < 200 or > 299)
            .Select(answer => answer.What).ShouldBeEmpty();
        verdict.Calls.ShouldBe(Calls);
        verdict.Talked.ShouldBeGreaterThan(Calls / 4);
    }

    [Fact]
    public async Task From_the_signal_on_it_is_not_ready_serves_for_the_delay_ends_event_streams_and_closes_what_is_kept_alive()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address, replicas: 1,
            settings: ("Calls:Shutdown:DrainDelay", "00:00:05"));
        var (replica, alice) = (deployment.Replicas[0], deployment.Twilio.Client("alice"));
        await deployment.Twilio.Client("bob").BehaveAsync(PhoneBehaviour.Answer);
        await alice.CallAsync("bob", "s-1");
        await deployment.Twilio.Client("bob").TalksAsync();
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });
        using var follow = new HttpRequestMessage(HttpMethod.Get, new Uri(replica.Address, "/v1/sessions/s-1/events"));
        follow.Headers.Authorization = new AuthenticationHeaderValue("Bearer", deployment.TokenFor("alice"));
        using var events = await http.SendAsync(follow, TestContext.Current.CancellationToken);
        events.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var told = new StreamReader(await events.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        (await told.ReadLineAsync().WaitAsync(GracePeriod)).ShouldBe("event: session");

        var ending = replica.TerminateAsync(GracePeriod);
        // The stream ends regularly. A cut connection would throw.
        (await told.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(4))).ShouldContain("id: ");
        ending.IsCompleted.ShouldBeFalse();
        (await replica.HealthAsync("ready")).ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await replica.HealthAsync("live")).ShouldBe(HttpStatusCode.OK, "a kubelet must not kill what is just ending");
        using var late = new HttpRequestMessage(HttpMethod.Get, new Uri(replica.Address, "/v1/sessions/s-1"));
        late.Headers.Authorization = new AuthenticationHeaderValue("Bearer", deployment.TokenFor("alice"));
        using var answer = await http.SendAsync(late, TestContext.Current.CancellationToken);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.ConnectionClose.ShouldBe(true);
        (await ending).ExitCode.ShouldBe(0, replica.Tail);
    }
}
