using Calls.Chaos.Tests.Harness;

namespace Calls.Chaos.Tests;

/// <summary><c>kill -9</c> at a random instruction.</summary>
public sealed class Replicas_are_killed
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task A_thousand_calls_over_two_replicas_of_which_one_is_killed_and_restarted_every_three_seconds()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address, settings: ("Calls:RingTimeout", "00:00:15"));
        var load = Load.Start(deployment, Story.Draw(Sizes.KilledReplicaCalls, Sizes.Seed), Sizes.CallsPerSecond);
        for (var turn = 0; !load.Told.IsCompleted; turn++)
        {
            var turnOver = Task.Delay(Every);
            var victim = deployment.Replicas[turn % deployment.Replicas.Count];
            victim.Kill();
            Report.Line($"{load.Started} calls started; replica {turn % deployment.Replicas.Count + 1} killed, time {victim.Kills}");
            await victim.StartAsync();
            await Task.WhenAny(load.Told, turnOver);
        }

        await load.Told;
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, TimeSpan.FromSeconds(60));
        Report.Line($"Replicas killed {deployment.Replicas.Sum(replica => replica.Kills)} times: {verdict}");
        verdict.Settled.ShouldBeLessThan(TimeSpan.FromSeconds(30));
    }
}
