using System.Globalization;
using Calls.Chaos.Tests.Harness;
using StackExchange.Redis;

namespace Calls.Chaos.Tests;

/// <summary>A customer's system is away during all calls, and replicas are killed in the meantime. Then it gets the end of each call.
/// </summary>
/// <remarks>An hour is scaled down to the time of the calls and half a minute more. The waits between attempts double, so an outage that is
/// longer by a factor has a few more attempts and no other course.</remarks>
public sealed class A_receiver_of_events_is_away
{
    private const int Partitions = 64;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AwayAfterTheCalls = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task The_end_of_each_of_500_calls_is_delivered_in_rising_versions_although_replicas_are_killed()
    {
        using var redis = await RedisServer.StartAsync();
        await using var receiver = new CustomerSystem();
        await using var deployment = await Deployment.StartAsync(
            redis.Address, settings: [("Calls:RingTimeout", "00:00:15"), .. receiver.Settings]);
        var load = Load.Start(deployment, Story.Draw(Sizes.CallsWhileAReceiverIsAway, Sizes.Seed), Sizes.CallsPerSecond);
        await KillUntilAsync(deployment, load.Told);
        await KillUntilAsync(deployment, Task.Delay(AwayAfterTheCalls));
        var verdict = await Judge.AfterQuietAsync(deployment, load.Stories, TimeSpan.FromSeconds(60));
        await receiver.StartAsync();
        var back = TimeProvider.System.GetTimestamp();
        // It is killed while it delivers, too.
        await Eventually.TrueAsync(() => Task.FromResult(receiver.Events.Count > 20), "events arrive", TimeSpan.FromMinutes(3));
        deployment.Replicas[0].Kill();
        await deployment.Replicas[0].StartAsync();

        await using var client = await ConnectionMultiplexer.ConnectAsync(redis.Address);
        var sessions = client.GetServers()[0].Keys(pattern: "calls:{*}:session:*", pageSize: 1000)
            .Select(key => key.ToString()).Select(key => key[(key.LastIndexOf(':') + 1)..]).ToHashSet(StringComparer.Ordinal);
        sessions.Count.ShouldBeGreaterThan(load.Stories.Count * 9 / 10);
        await Eventually.TrueAsync(
            async () => sessions.IsSubsetOf(receiver.Events.Where(e => e.IsWholeEnd).Select(e => e.Session))
                && await PendingAsync(client) == 0,
            $"the end of each of {sessions.Count} calls is delivered", TimeSpan.FromMinutes(4));
        Report.Line($"{verdict}\nAll {sessions.Count} ends were delivered {TimeProvider.System.GetElapsedTime(back).TotalSeconds:0} s after "
            + $"the receiver was back, in {receiver.Events.Count} events; replicas were killed "
            + $"{deployment.Replicas.Sum(replica => replica.Kills)} times");
        receiver.Events.ShouldAllBe(e => e.IsSigned);
        foreach (var call in receiver.Events.GroupBy(e => e.Session, StringComparer.Ordinal))
            call.Select(e => e.Version).ShouldBeInOrder(SortDirection.Ascending, $"versions rise: {call.Key}");
    }

    /// <summary>Kills and starts one replica after the other.</summary>
    private static async Task KillUntilAsync(Deployment deployment, Task over)
    {
        for (var turn = 0; !over.IsCompleted; turn++)
        {
            var turnOver = Task.Delay(Every);
            var victim = deployment.Replicas[turn % deployment.Replicas.Count];
            victim.Kill();
            await victim.StartAsync();
            await Task.WhenAny(over, turnOver);
        }

        await over;
    }

    private static async Task<long> PendingAsync(ConnectionMultiplexer redis)
    {
        var lengths = await Task.WhenAll(Enumerable.Range(0, Partitions).Select(partition => redis.GetDatabase().SortedSetLengthAsync(
            string.Create(CultureInfo.InvariantCulture, $"calls:{{{partition}}}:events:crm"))));
        return lengths.Sum();
    }
}
