namespace Calls.Infrastructure.Outbox;

/// <summary>The due sessions that this replica could not look at, each time that it claimed them.</summary>
/// <remarks>A claim moves the deadline forward, so the index does not show a session that fails each time. An entry is forgotten if it
/// was not repeated for five minutes: then another replica, or a webhook, has succeeded.</remarks>
internal sealed class FailingSessions(TimeProvider clock)
{
    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(5);
    private readonly Dictionary<SessionId, (DateTimeOffset First, DateTimeOffset Last, int Count)> failures = [];

    /// <summary>How long ago the first failure was, of the session that has failed for the longest time. One failure does not count: it can
    /// be an outage.</summary>
    public TimeSpan Oldest
    {
        get
        {
            lock (failures)
            {
                var now = clock.GetUtcNow();
                foreach (var id in failures.Where(one => now - one.Value.Last > Forgotten).Select(one => one.Key).ToList())
                    failures.Remove(id);
                return failures.Values.Where(one => one.Count > 1).Select(one => now - one.First).DefaultIfEmpty().Max();
            }
        }
    }

    public void Failed(SessionId id)
    {
        lock (failures)
        {
            var now = clock.GetUtcNow();
            failures[id] = failures.TryGetValue(id, out var known) && now - known.Last <= Forgotten
                ? (known.First, now, known.Count + 1) : (now, now, 1);
        }
    }

    public void Worked(SessionId id)
    {
        lock (failures)
            failures.Remove(id);
    }
}
