using System.Net;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests;

/// <summary>
/// Redis is killed and restarted, or stopped for a while. The tests check the answers of the replicas and the ends of the calls.
/// </summary>
public sealed class Redis_goes_away
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Redis_is_killed_and_restarted_with_its_append_only_file_under_load()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address);
        var load = Load.Start(deployment, Story.Draw(Sizes.CallsAroundAFault, Sizes.Seed), Sizes.CallsPerSecond);
        await load.BegunAsync(0.3);
        redis.Kill();
        await AnswersWithoutRedisAsync(deployment);
        await redis.StartAgainAsync();
        var back = await IsBackAsync(deployment);
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        Report.Line($"Redis killed and restarted: all replicas reach it again {back.TotalSeconds:0.0} s after its return; {verdict}");
        back.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Redis_stands_still_for_five_seconds_under_load()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address);
        var load = Load.Start(deployment, Story.Draw(Sizes.CallsAroundAFault, Sizes.Seed + 1), Sizes.CallsPerSecond);
        await load.BegunAsync(0.3);
        redis.Pause();
        var stands = Task.Delay(TimeSpan.FromSeconds(5));
        foreach (var replica in deployment.Replicas)
            (await replica.HealthAsync("live")).ShouldBe(HttpStatusCode.OK);
        await stands;
        redis.Resume();
        var back = await IsBackAsync(deployment);
        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        Report.Line($"Redis stopped for 5 s: all replicas reach it again {back.TotalSeconds:0.0} s after; {verdict}");
        back.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    /// <summary>
    /// TwiML routes keep the caller on the line. Status callbacks are answered with 503, so that Twilio repeats them. Probes stay green.
    /// The Redis probe reports the outage.
    /// </summary>
    private static async Task AnswersWithoutRedisAsync(Deployment deployment)
    {
        await Task.WhenAll(deployment.Replicas.Select(replica =>
            Eventually.TrueAsync(async () => await replica.HealthAsync("dependencies") == HttpStatusCode.ServiceUnavailable,
                "it says that Redis is away", TimeSpan.FromSeconds(5))));
        foreach (var replica in deployment.Replicas)
        {
            (await replica.HealthAsync("live")).ShouldBe(HttpStatusCode.OK);
            (await replica.HealthAsync("ready")).ShouldBe(HttpStatusCode.OK);
            var (status, twiml) = await SignedAsync(deployment, replica, "/twilio/voice", ("CallSid", "CA" + new string('0', 32)),
                ("From", "client:eve"), ("To", "client:adam"), ("SessionID", "away"));
            status.ShouldBe(HttpStatusCode.OK);
            twiml.ShouldContain("<Play");
            twiml.ShouldContain("<Redirect");
            (status, twiml) = await SignedAsync(deployment, replica, "/twilio/sessions/away/x/participants/callee/join",
                ("CallSid", "CA" + new string('1', 32)));
            status.ShouldBe(HttpStatusCode.OK);
            twiml.ShouldContain("<Redirect");
            (status, _) = await SignedAsync(deployment, replica, "/twilio/sessions/away/x/participants/callee/status",
                ("CallSid", "CA" + new string('1', 32)), ("CallStatus", "ringing"));
            status.ShouldBe(HttpStatusCode.ServiceUnavailable);
            (status, _) = await Http.SendAsync(HttpMethod.Get, new Uri(replica.Address, "/v1/sessions/away"), deployment.TokenFor("eve"));
            status.ShouldBe(HttpStatusCode.ServiceUnavailable);
        }
    }

    private static Task<TimeSpan> IsBackAsync(Deployment deployment) => Eventually.TrueAsync(
        async () => (await Task.WhenAll(deployment.Replicas.Select(replica => replica.HealthAsync("dependencies"))))
            .All(status => status == HttpStatusCode.OK),
        "every replica reaches Redis again", TimeSpan.FromSeconds(20));

    /// <summary>A signed webhook to one replica, without the load balancer.</summary>
    private static Task<(HttpStatusCode Status, string Body)> SignedAsync(
        Deployment deployment, Replica replica, string path, params (string Key, string Value)[] form)
    {
        var fields = form.Select(f => KeyValuePair.Create(f.Key, f.Value)).ToList();
        var signature = Signer.Sign(deployment.Twilio.Options.AuthToken, new Uri(deployment.Address, path).AbsoluteUri, fields);
        return Http.FormAsync(new Uri(replica.Address, path), fields, signature);
    }
}
