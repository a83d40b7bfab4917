namespace Calls.Sandbox.Twilio;

/// <summary>Everything that went over the wire, and everything that changed in the emulated Twilio, in order. The judge of every test: what the outside saw.</summary>
public sealed class Journal(IEmulatorScheduler scheduler, int capacity)
{
    private readonly Lock gate = new();
    private readonly Queue<JournalEntry> entries = new();
    private long count;

    /// <summary>Raised for each new entry, on the emulator's thread.</summary>
    public event Action<JournalEntry>? Added;

    public IReadOnlyList<JournalEntry> Entries
    {
        get
        {
            lock (gate)
                return [.. entries];
        }
    }

    internal JournalEntry Add(JournalKind kind, string who, string what, string? callSid = null, IReadOnlyList<KeyValuePair<string, string>>? details = null)
    {
        JournalEntry entry;
        lock (gate)
        {
            entry = new JournalEntry(++count, scheduler.Now, kind, who, what, callSid, details ?? []);
            entries.Enqueue(entry);
            if (entries.Count > capacity)
                entries.Dequeue();
        }

        Added?.Invoke(entry);
        return entry;
    }

    /// <summary>The last entries, for a message that has to say what happened.</summary>
    public string Tail(int lines = 40) => string.Join(Environment.NewLine, Entries.TakeLast(lines));
}

/// <summary>One line of the journal.</summary>
public sealed record JournalEntry(
    long Number, DateTimeOffset At, JournalKind Kind, string Who, string What, string? CallSid, IReadOnlyList<KeyValuePair<string, string>> Details)
{
    public override string ToString() => $"{At:HH:mm:ss.fff} {Kind,-8} {Who,-18} {What}";
}

public enum JournalKind
{
    /// <summary>A person did something with a phone.</summary>
    Phone,

    /// <summary>A leg changed.</summary>
    Leg,

    /// <summary>A conference changed.</summary>
    Room,

    /// <summary>A webhook was sent.</summary>
    Webhook,

    /// <summary>A webhook was answered, or was not.</summary>
    Answer,

    /// <summary>A REST request came in, and what it was answered.</summary>
    Rest,

    /// <summary>A fault was put in.</summary>
    Fault,

    /// <summary>Twilio would show this in its debugger.</summary>
    Error,
}
