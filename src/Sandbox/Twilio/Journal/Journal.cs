using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Calls.Sandbox.Twilio;

/// <summary>Everything that went over the wire or changed, in order: the judge of fault tests and the source of every timeline.</summary>
/// <remarks>Append-only and bounded. Safe to read and to follow from any thread.</remarks>
public sealed class Journal(int capacity, Func<DateTimeOffset> now)
{
    private readonly Lock _gate = new();
    private readonly Queue<JournalEntry> _entries = new();
    private readonly List<ChannelWriter<JournalEntry>> _followers = [];

    /// <summary>The number of the newest entry; the first is 1.</summary>
    public long Last { get; private set; }

    /// <summary>How many entries were dropped to stay within the capacity.</summary>
    public long Dropped { get; private set; }

    /// <summary>Raised for every entry, on the thread that appended it: be brief.</summary>
    public event Action<JournalEntry>? Added;

    /// <summary>A copy of what is there now.</summary>
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

    /// <summary>Whether an entry of that kind is there.</summary>
    public bool Has<T>(Func<T, bool> matches) where T : JournalEntry
    {
        lock (_gate)
        {
            return _entries.OfType<T>().Any(matches);
        }
    }

    /// <summary>What is there after entry <paramref name="after"/>, then what comes, until cancelled.</summary>
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

    /// <summary>The newest entries as lines of text, for a message that has to say what happened.</summary>
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
