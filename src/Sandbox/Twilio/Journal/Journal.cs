using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Calls.Sandbox.Twilio;

/// <summary>The ordered list of all requests, answers and changes in the emulator. Tests check it, and timelines show it.</summary>
/// <remarks>It is append-only, and it drops the oldest entries above its capacity. It may be read from any thread.</remarks>
public sealed class Journal(int capacity, Func<DateTimeOffset> now)
{
    private readonly Lock _gate = new();
    private readonly Queue<JournalEntry> _entries = new();
    private readonly List<ChannelWriter<JournalEntry>> _followers = [];

    /// <summary>The number of the newest entry. The first entry has the number 1.</summary>
    public long Last { get; private set; }

    /// <summary>How many entries were dropped.</summary>
    public long Dropped { get; private set; }

    /// <summary>Raised for every entry, on the thread that appended it. A handler must be fast.</summary>
    public event Action<JournalEntry>? Added;

    /// <summary>A copy of the current entries, oldest first.</summary>
    public IReadOnlyList<JournalEntry> Entries
    {
        get
        {
            lock (_gate)
            {
                return [.. _entries];
            }
        }
    }

    /// <summary>The entries of one kind, oldest first.</summary>
    public IReadOnlyList<T> OfType<T>() where T : JournalEntry
    {
        lock (_gate)
        {
            return [.. _entries.OfType<T>()];
        }
    }

    /// <summary>Whether an entry of one kind matches.</summary>
    public bool Has<T>(Func<T, bool> matches) where T : JournalEntry
    {
        lock (_gate)
        {
            return _entries.OfType<T>().Any(matches);
        }
    }

    /// <summary>The entries after number <paramref name="after"/>, and then each new entry, until it is cancelled.</summary>
    public async IAsyncEnumerable<JournalEntry> FollowAsync(long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var channel = Channel.CreateUnbounded<JournalEntry>();
        lock (_gate)
        {
            foreach (var entry in _entries.Where(entry => entry.Number > after))
            {
                channel.Writer.TryWrite(entry);
            }
            _followers.Add(channel.Writer);
        }
        try
        {
            await foreach (var entry in channel.Reader.ReadAllAsync(cancellationToken))
            {
                yield return entry;
            }
        }
        finally
        {
            lock (_gate)
            {
                _followers.Remove(channel.Writer);
            }
        }
    }

    /// <summary>All entries as lines of text.</summary>
    public string Timeline() => string.Join('\n', Entries);

    /// <summary>The newest entries as lines of text, for error messages.</summary>
    public string Tail(int newest = 60) => string.Join('\n', Entries.TakeLast(newest));

    internal long Append(JournalEntry entry)
    {
        lock (_gate)
        {
            entry.Number = ++Last;
            entry.At = now();
            _entries.Enqueue(entry);
            if (_entries.Count > capacity)
            {
                _entries.Dequeue();
                Dropped++;
            }
            foreach (var follower in _followers)
            {
                follower.TryWrite(entry);
            }
        }
        Added?.Invoke(entry);
        return entry.Number;
    }
}
