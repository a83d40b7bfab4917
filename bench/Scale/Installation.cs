using Calls.Domain;
using Calls.Load;

namespace Calls.Scale;

/// <summary>One Redis with sessions, and one process of the service on it.</summary>
internal sealed class Installation(Storage storage, Replica service) : IDisposable
{
    private int asked;

    public Storage Storage => storage;

    public static async Task<Installation> StartAsync(Children children, QuickTwilio twilio)
    {
        var storage = await Storage.StartAsync(children);
        return new Installation(storage, await Replica.StartAsync(children, twilio, storage.Address));
    }

    public async Task WarmUpAsync(QuickTwilio twilio, Mutes mutes, Options options)
    {
        await ClosedLoop.RunAsync(twilio, service.Origin, options.WarmUp, concurrency: 8);
        await mutes.SendAsync(service.Origin, options.WarmUp, concurrency: 8, Anyone);
    }

    /// <summary>A low and steady load: whole calls, and then webhooks about calls all over the store.</summary>
    public async Task<Turn> MeasureAsync(QuickTwilio twilio, Mutes mutes, int calls, int webhooks)
    {
        var played = await ClosedLoop.RunAsync(twilio, service.Origin, calls, Turn.Concurrency);
        return new Turn(played.Tally, await mutes.SendAsync(service.Origin, webhooks, Turn.Concurrency, Anyone));
    }

    /// <summary>What the two take of a processor while nothing happens, as a share of it.</summary>
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

    /// <summary>Knuth's multiplicative hash of how many have been asked for: another call each time, and no order among them.</summary>
    private CallSession Anyone(int number) => Storage.Call((int)(unchecked((uint)Interlocked.Increment(ref asked) * 2_654_435_769) % (uint)storage.Sessions));
}

/// <summary>One measurement of an installation.</summary>
/// <param name="Calls">Whole calls.</param>
/// <param name="Stored">Conference webhooks about calls that were there before.</param>
internal sealed record Turn(Tally Calls, Tally Stored)
{
    public const int Concurrency = 2;

    public static Turn Sum(IReadOnlyCollection<Turn> turns) => new(Tally.Sum(turns.Select(turn => turn.Calls)), Tally.Sum(turns.Select(turn => turn.Stored)));

    /// <summary>Medians in milliseconds.</summary>
    public double Voice => Calls.Percentile(Webhook.Voice, 50);

    /// <inheritdoc cref="Voice" />
    public double Conference => Calls.Percentile(Webhook.Conference, 50);

    /// <inheritdoc cref="Voice" />
    public double OfStored => Stored.Percentile(Webhook.Conference, 50);
}

/// <summary>Shares of a processor.</summary>
internal sealed record Idle(double Redis, double Service);
