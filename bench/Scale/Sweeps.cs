using Calls.Infrastructure.Redis;
using Calls.Load;
using StackExchange.Redis;

namespace Calls.Scale;

/// <summary>The duration of the sweeper's claim of the due sessions of one partition, in microseconds.</summary>
internal static class Sweeps
{
    /// <summary>The number of due sessions, if there are any.</summary>
    public const int Due = 10;

    private const int Rounds = 60;

    /// <summary>The medians of two stores, measured in turns.</summary>
    public static async Task<(double One, double Other)> NoneDueAsync(Storage one, Storage other)
    {
        List<double> ofOne = [], ofOther = [];
        for (var claim = 0; claim < Rounds * RedisKeys.Partitions; claim++)
        {
            ofOne.Add((await ClaimAsync(one, claim % RedisKeys.Partitions)).Microseconds);
            ofOther.Add((await ClaimAsync(other, claim % RedisKeys.Partitions)).Microseconds);
        }

        return (ofOne.Median(), ofOther.Median());
    }

    /// <inheritdoc cref="NoneDueAsync" />
    public static async Task<(double One, double Other)> SomeDueAsync(Storage one, Storage other)
    {
        List<double> ofOne = [], ofOther = [];
        for (var partition = 0; partition < RedisKeys.Partitions; partition++)
        {
            ofOne.AddRange(await ClaimDueAsync(one, partition));
            ofOther.AddRange(await ClaimDueAsync(other, partition));
        }

        return (ofOne.Median(), ofOther.Median());
    }

    /// <returns>Null if the partition has too few due sessions, or if the service's own sweeper was faster.</returns>
    private static async Task<double[]> ClaimDueAsync(Storage storage, int partition)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var first = await storage.Database.SortedSetRangeByRankAsync(RedisKeys.Due(partition), 0, Due - 1);
        await storage.Database.SortedSetAddAsync(RedisKeys.Due(partition), [.. first.Select(id => new SortedSetEntry(id, now))]);
        return await ClaimAsync(storage, partition) is (Due, var microseconds) ? [microseconds] : [];
    }

    private static async Task<(int Claimed, double Microseconds)> ClaimAsync(Storage storage, int partition)
    {
        var from = TimeProvider.System.GetTimestamp();
        var claimed = await storage.Due.ClaimAsync(partition, Due, Storage.ReviewInterval, CancellationToken.None);
        return (claimed.Count, TimeProvider.System.GetElapsedTime(from).TotalMicroseconds);
    }
}
