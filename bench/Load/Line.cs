namespace Calls.Load;

/// <summary>The state of one call: Alice has called Bob.</summary>
internal sealed class Line(string name, string caller, string conference, long due)
{
    private int rings;
    private int sequence;

    /// <summary>The session's id.</summary>
    public string Name { get; } = name;

    public string Alice { get; } = "client:alice-" + name;

    /// <summary>The destination that Alice's app dials: an identity, not an address.</summary>
    public string Dials { get; } = "bob-" + name;

    public string Bob { get; } = "client:bob-" + name;

    public string Caller { get; } = caller;

    public string Conference { get; } = conference;

    public string AnswerUrl { get; private set; } = "";

    public string StatusUrl { get; private set; } = "";

    public int Rings => rings;

    /// <summary>Bob's leg, once the service has dialled him.</summary>
    public Awaited<string> Dialled { get; } = new();

    /// <summary>Whether the service has ended Bob's leg.</summary>
    public Awaited<bool> HungUp { get; } = new();

    /// <summary>The time of the next webhook, as a timestamp of the system's clock.</summary>
    public long Due { get; set; } = due;

    public int NextSequence() => sequence++;

    public void Ring(string leg, string answerUrl, string statusUrl)
    {
        Interlocked.Increment(ref rings);
        (AnswerUrl, StatusUrl) = (answerUrl, statusUrl);
        Dialled.Happened(leg);
    }

    /// <summary>Continues after the service's request. The next webhook is due at that time at the earliest.</summary>
    public async Task<T> WaitForAsync<T>(Awaited<T> request, TimeSpan patience)
    {
        var (value, at) = await request.Task.WaitAsync(patience);
        Due = Math.Max(Due, at);
        return value;
    }

    /// <summary>An act of the service that happens once, and its time.</summary>
    internal sealed class Awaited<T>
    {
        private readonly TaskCompletionSource<(T Value, long At)> source = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<(T Value, long At)> Task => source.Task;

        public void Happened(T value) => source.TrySetResult((value, TimeProvider.System.GetTimestamp()));
    }
}
