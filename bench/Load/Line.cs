using System.Xml.Linq;

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

    /// <summary>The name of the conference in the TwiML for the caller.</summary>
    public string Room { get; private set; } = "";

    /// <summary>The status callback of the conference, from the same TwiML.</summary>
    public string ConferenceUrl { get; private set; } = "";

    /// <summary>The action of the caller's <c>&lt;Dial&gt;</c>, from the same TwiML.</summary>
    public string LeftUrl { get; private set; } = "";

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

    /// <summary>Reads the TwiML for the caller.</summary>
    /// <returns>False if it puts no one into a conference.</returns>
    public bool Enter(string twiml)
    {
        if (twiml.Length == 0 || XElement.Parse(twiml).Element("Dial") is not { } dial || dial.Element("Conference") is not { } conference)
            return false;
        (Room, ConferenceUrl, LeftUrl) =
            (conference.Value, Bare((string?)conference.Attribute("statusCallback")), Bare((string?)dial.Attribute("action")));
        return true;
    }

    public void Ring(string leg, string answerUrl, string statusUrl)
    {
        Interlocked.Increment(ref rings);
        (AnswerUrl, StatusUrl) = (Bare(answerUrl), Bare(statusUrl));
        Dialled.Happened(leg);
    }

    /// <summary>A URL without the connection overrides, which Twilio neither sends nor signs.</summary>
    private static string Bare(string? url) => url?.Split('#')[0] ?? "";

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
