using Calls.Chaos.Tests.Harness;

namespace Calls.Chaos.Tests;

/// <summary>The connections of the Api to Redis and to Twilio are cut, stopped and delayed.</summary>
public sealed class Lines_are_cut
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_lines_to_Redis_and_to_Twilio_are_cut_stopped_and_slowed_down_under_load()
    {
        using var redis = await RedisServer.StartAsync();
        await using var toRedis = TcpProxy.To(redis.Port);
        await using var deployment = await Deployment.StartAsync(redis.Address, "127.0.0.1:" + Ports.Text(toRedis.Port));
        var load = Load.Start(deployment, Story.Draw(2 * Sizes.CallsAroundAFault, Sizes.Seed + 4), Sizes.CallsPerSecond);
        var lines = new[] { toRedis, deployment.ToTwilio };
        for (var turn = 0; !load.Told.IsCompleted; turn++)
        {
            await Task.WhenAny(load.Told, Task.Delay(TimeSpan.FromMilliseconds(400)));
            var line = lines[turn / 4 % 2];
            switch (turn % 4)
            {
                case 0 or 1:
                    line.Cut();
                    break;
                case 2:
                    line.Blackhole();
                    break;
                default:
                    line.Restore();
                    line.Latency = TimeSpan.FromMilliseconds(line.Latency > TimeSpan.Zero ? 0 : 50);
                    break;
            }
        }

        foreach (var line in lines)
            line.Restore();
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, Patience);
        Report.Line($"Lines cut: {toRedis.Cuts} connections to Redis and {deployment.ToTwilio.Cuts} to Twilio; {verdict}");
        toRedis.Cuts.ShouldBePositive();
        deployment.ToTwilio.Cuts.ShouldBePositive();
    }
}
