using System.Globalization;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;
using StackExchange.Redis;

namespace Calls.Chaos.Tests.Harness;

/// <summary>Many calls of two people who talk for as long as the test lasts, and the lag of the sweeper in the meantime.</summary>
internal sealed class LiveCalls(Deployment deployment, int count) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan SampleInterval = TimeSpan.FromSeconds(0.5);

    private readonly CancellationTokenSource ended = new();
    private readonly List<(long At, TimeSpan Lag)> lags = [];
    private Task sampling = Task.CompletedTask;

    private TwilioEmulator Twilio => deployment.Twilio;

    /// <summary>Places the calls, and waits until the two people of each call talk.</summary>
    public async Task PlaceAsync(int perSecond)
    {
        var from = TimeProvider.System.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 100 }, async (number, _) =>
        {
            if (TimeSpan.FromSeconds((double)number / perSecond) - TimeProvider.System.GetElapsedTime(from) is var wait
                && wait > TimeSpan.Zero)
                await Task.Delay(wait, CancellationToken.None);
            var callee = Twilio.Client(Name("callee", number));
            await callee.BehaveAsync(PhoneBehaviour.Answer);
            await Twilio.Client(Name("caller", number)).CallAsync(Name("callee", number), Name("live", number));
            await callee.TalksAsync(Patience);
        });
        sampling = SampleAsync();
    }

    /// <summary>The longest lag of the samples since a moment.</summary>
    public TimeSpan LongestLagSince(long timestamp)
    {
        lock (lags)
            return lags.Where(sample => sample.At >= timestamp).Select(sample => sample.Lag).DefaultIfEmpty().Max();
    }

    /// <summary>When the lag was last above a limit. Null if it never was.</summary>
    public long? LastAbove(TimeSpan limit)
    {
        lock (lags)
            return lags.Where(sample => sample.Lag > limit).Select(sample => (long?)sample.At).LastOrDefault();
    }

    /// <summary>How many calls have two people who talk.</summary>
    public Task<int> TalkingAsync() => Twilio.AskAsync(cloud => Enumerable.Range(0, count).Count(number =>
        cloud.Phone("client:" + Name("caller", number)).TalksWith.Count == 1
        && cloud.Phone("client:" + Name("callee", number)).TalksWith.Count == 1));

    /// <summary>Each caller hangs up. Waits until every leg has ended, and checks the guarantees.</summary>
    public async Task EndAsync(int perSecond)
    {
        foreach (var some in Enumerable.Range(0, count).Chunk(perSecond / 4))
        {
            await Twilio.AskAsync(cloud =>
            {
                foreach (var number in some)
                    if (cloud.Phone("client:" + Name("caller", number)).Current is { } leg)
                        cloud.HangUp(leg);
                return true;
            });
            await Task.Delay(TimeSpan.FromSeconds(0.25));
        }

        await Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every leg has ended", Patience);
        (await Twilio.AskAsync(cloud => Guarantees.Broken(cloud))).ShouldBeEmpty(deployment.Said());
    }

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await sampling;
        ended.Dispose();
    }

    private async Task SampleAsync()
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(deployment.Redis);
        while (!ended.IsCancellationRequested)
        {
            var lag = await Judge.LagAsync(redis);
            lock (lags)
                lags.Add((TimeProvider.System.GetTimestamp(), lag));
            await Task.Delay(SampleInterval, CancellationToken.None);
        }
    }

    private static string Name(string what, int number) => string.Create(CultureInfo.InvariantCulture, $"{what}-{number}");
}
