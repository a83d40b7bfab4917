using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;
using StackExchange.Redis;

namespace Calls.Chaos.Tests;

/// <summary>A customer's system is away during all calls, and replicas are killed in the meantime. Then it gets the end of each call.
/// </summary>
/// <remarks>An hour is scaled down to the time of the calls and half a minute more. The waits between attempts double, so an outage that is
/// longer by a factor has a few more attempts and no other course.</remarks>
public sealed class A_receiver_of_events_is_away
{
    private const int Partitions = 64;
    private const int Turns = 3;
    private const int CallsOfATurn = 100;
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
        var took = TimeProvider.System.GetElapsedTime(back).TotalSeconds;
        Report.Line($"{verdict}\nAll {sessions.Count} ends were delivered {took:0} s after the receiver was back, in "
            + $"{receiver.Events.Count} events; replicas were killed "
            + $"{deployment.Replicas.Sum(replica => replica.Kills)} times");
        receiver.Events.ShouldAllBe(e => e.IsSigned);
        foreach (var call in receiver.Events.GroupBy(e => e.Session, StringComparer.Ordinal))
            call.Select(e => e.Version).ShouldBeInOrder(SortDirection.Ascending, $"versions rise: {call.Key}");
    }

    /// <summary>Calls with a receiver that answers and one that never does, and the same calls without receivers, in turn.</summary>
    [Fact]
    public async Task No_webhook_is_answered_later_by_more_than_a_tenth_than_without_receivers()
    {
        using var redis = await RedisServer.StartAsync();
        await using var receiver = new CustomerSystem();
        await receiver.StartAsync();
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        (string Key, string Value)[] receivers =
        [
            .. receiver.Settings, ("Calls:Webhooks:silent:AllowPrivateAddresses", "true"),
            ("Calls:Webhooks:silent:Url", "http://127.0.0.1:" + Ports.Text(((IPEndPoint)silent.LocalEndpoint).Port) + "/"),
            ("Calls:Webhooks:silent:Secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ];
        List<TimeSpan> without = [], with = [];
        for (var turn = 0; turn < Turns; turn++)
        {
            without.Add(await MedianAsync(redis, turn, []));
            with.Add(await MedianAsync(redis, turn, receivers));
        }

        Report.Line($"Half of the webhooks are answered within {Text(without)} ms without receivers, {Text(with)} ms with two.");
        receiver.Events.ShouldNotBeEmpty();
        with.Min().ShouldBeLessThan(without.Min() * 1.1);
    }

    private static async Task<TimeSpan> MedianAsync(RedisServer redis, int seed, (string Key, string Value)[] settings)
    {
        await using var deployment = await Deployment.StartAsync(
            string.Create(CultureInfo.InvariantCulture, $"{redis.Address},defaultDatabase={(settings.Length > 0 ? 8 : 0) + seed}"),
            settings: settings);
        var load = Load.Start(deployment, Story.DrawPatient(CallsOfATurn, seed), perSecond: 5);
        await load.Told;
        await Judge.AfterQuietAsync(deployment, load.Stories, TimeSpan.FromSeconds(60));
        var journal = deployment.Twilio.Journal.Entries;
        var sent = journal.OfType<WebhookSent>().ToDictionary(webhook => webhook.Number, webhook => webhook.At);
        var took = journal.OfType<WebhookAnswered>().Where(answer => answer.Failure == WebhookFailure.None && answer.Status is 200 or 204)
            .Select(answer => answer.At - sent[answer.Request]).Order().ToList();
        return took[took.Count / 2];
    }

    private static string Text(IEnumerable<TimeSpan> medians) =>
        string.Join(", ", medians.Select(median => median.TotalMilliseconds.ToString("0.00", CultureInfo.InvariantCulture)));

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
