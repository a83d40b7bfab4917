namespace Calls.Domain.Tests;

internal static class Permutations
{
    /// <summary>Every order of the items (Heap's algorithm). The returned array is reused.</summary>
    public static IEnumerable<T[]> Of<T>(IEnumerable<T> items)
    {
        T[] order = [.. items];
        var counters = new int[order.Length];
        yield return order;
        for (var i = 0; i < order.Length;)
        {
            if (counters[i] >= i)
            {
                counters[i++] = 0;
                continue;
            }

            var other = i % 2 == 0 ? 0 : counters[i];
            (order[other], order[i]) = (order[i], order[other]);
            yield return order;
            counters[i]++;
            i = 0;
        }
    }
}
