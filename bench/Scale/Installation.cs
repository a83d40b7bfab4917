using Calls.Application.Transactions;
using Calls.Domain;
using Calls.Load;

namespace Calls.Scale;

/// <summary>One Redis with sessions, and one process of the service on it.</summary>
internal sealed class Installation(Storage storage, Replica service) : IDisposable
{
    private int[] order = [];
    private int asked;

    public Storage Storage => storage;

    public static async Task<Installation> StartAsync(Children children, QuickTwilio twilio)
    {
        var storage = await Storage.StartAsync(children);
        return new Installation(storage, await Replica.StartAsync(children, twilio, storage.Address));
    }

    public async Task GrowAsync(int sessions)
    {
        await storage.GrowAsync(sessions);
        order = Forgotten(sessions);
    }

    public async Task WarmUpAsync(QuickTwilio twilio, Mutes mutes, Options options)
    {
        await ClosedLoop.RunAsync(twilio, service.Origin, options.WarmUp, concurrency: 8);
        await mutes.SendAsync(service.Origin, options.WarmUp, concurrency: 8, Next);
    }

    /// <summary>A low and steady load: whole calls, and then webhooks of stored calls. None of these is in the replica's memory.</summary>
    public async Task<Turn> MeasureAsync(QuickTwilio twilio, Mutes mutes, int calls, int webhooks)
    {
        var played = await ClosedLoop.RunAsync(twilio, service.Origin, calls, Turn.Concurrency);
        return new Turn(played.Tally, await mutes.SendAsync(service.Origin, webhooks, Turn.Concurrency, Next));
    }

    /// <summary>The processor share of Redis and of the service at rest.</summary>
    public async Task<Idle> RestAsync(TimeSpan rest)
    {
        var from = TimeProvider.System.GetTimestamp();
        var (redis, calls) = (await storage.ProcessorAsync(), service.Processor);
        await Task.Delay(rest);
        var took = TimeProvider.System.GetElapsedTime(from);
        return new Idle((await storage.ProcessorAsync() - redis) / took, (service.Processor - calls) / took);
    }

    public void Dispose()
    {
        service.Dispose();
        storage.Dispose();
    }

    private CallSession Next(int number) =>
        Storage.Call(order[(int)(unchecked((uint)Interlocked.Increment(ref asked)) % (uint)order.Length)]);

    /// <summary>The stored calls one after another, without the calls that alone use a slot of the replica's memory. Each other call has
    /// been overwritten when its turn comes again, so the replica must load each of them, at any number of calls.</summary>
    private static int[] Forgotten(int sessions)
    {
        int[] forgotten = [.. Enumerable.Range(0, sessions).GroupBy(number => RecentSessions.SlotOf(Storage.Id(number)))
            .Where(place => place.Count() > 1).SelectMany(place => place)];
        new Random(sessions).Shuffle(forgotten);
        return forgotten;
    }
}

/// <summary>One measurement of an installation.</summary>
/// <param name="Calls">Whole calls.</param>
/// <param name="Stored">Conference webhooks of stored calls.</param>
internal sealed record Turn(Tally Calls, Tally Stored)
{
    public const int Concurrency = 2;

    public static Turn Sum(IReadOnlyCollection<Turn> turns) =>
        new(Tally.Sum(turns.Select(turn => turn.Calls)), Tally.Sum(turns.Select(turn => turn.Stored)));

    /// <summary>Medians in milliseconds.</summary>
    public double Voice => Calls.Percentile(Webhook.Voice, 50);

    /// <inheritdoc cref="Voice" />
    public double Conference => Calls.Percentile(Webhook.Conference, 50);

    /// <inheritdoc cref="Voice" />
    public double OfStored => Stored.Percentile(Webhook.Conference, 50);
}

/// <summary>The processor shares at rest.</summary>
internal sealed record Idle(double Redis, double Service);
