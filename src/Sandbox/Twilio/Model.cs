using System.Xml.Linq;

namespace Calls.Sandbox.Twilio;

/// <summary>One end of a line: an app user (<c>client:alice</c>) or a telephone (<c>+41…</c>), and what the person does when it rings.</summary>
public sealed class Phone
{
    internal Phone(string address) => Address = address;

    public string Address { get; }

    public bool IsClient => Address.StartsWith("client:", StringComparison.Ordinal);

    /// <summary>What happens when it rings, unless somebody does something else first.</summary>
    public PhoneBehaviour Behaviour { get; set; } = PhoneBehaviour.LetRing;

    /// <summary>How long it takes to.</summary>
    public TimeSpan After { get; set; }

    /// <summary>Every leg that this phone ever had, the newest last.</summary>
    public IReadOnlyList<Leg> Legs => Had;

    internal List<Leg> Had { get; } = [];

    /// <summary>The leg that rings, or is on; null while the phone is idle.</summary>
    public Leg? Current => Had.LastOrDefault(leg => leg.IsLive);

    /// <summary>How often it has rung.</summary>
    public int Rings => Had.Count(leg => leg.HasRung);
}

/// <summary>What a person does when the phone rings.</summary>
public enum PhoneBehaviour
{
    LetRing,
    Answer,
    Decline,
    Busy,

    /// <summary>An app that is not registered, a number without a route: Twilio says <c>failed</c>.</summary>
    Unreachable,
}

/// <summary>One leg: a Call resource, and what its TwiML is doing.</summary>
public sealed class Leg
{
    internal Leg(string sid, Phone phone, string from, string to, string direction, DateTimeOffset created) =>
        (Sid, Phone, From, To, Direction, Created) = (sid, phone, from, to, direction, created);

    public string Sid { get; }

    public Phone Phone { get; }

    public string From { get; }

    public string To { get; }

    public string Direction { get; }

    public DateTimeOffset Created { get; }

    /// <summary><c>queued ringing in-progress completed busy failed no-answer canceled</c>.</summary>
    public string Status { get; internal set; } = "queued";

    public DateTimeOffset? AnsweredAt { get; internal set; }

    public DateTimeOffset? EndedAt { get; internal set; }

    public bool HasRung { get; internal set; }

    public bool IsLive => Status is "queued" or "ringing" or "in-progress";

    /// <summary>The conference that the leg is in.</summary>
    public Conference? Conference { get; internal set; }

    /// <summary>What the person at this end has heard so far: <c>Say</c> texts, and the URLs of <c>Play</c>.</summary>
    public IReadOnlyList<string> Heard => Sounds;

    internal List<string> Sounds { get; } = [];

    internal IReadOnlyList<KeyValuePair<string, string>> Parameters { get; init; } = [];

    internal Uri? AnswerUrl { get; init; }

    internal string AnswerMethod { get; init; } = "POST";

    internal Uri? StatusCallback { get; init; }

    /// <summary>Where the leg reports to, without the overrides: names the request that it was created for.</summary>
    public string? CallbackPath => StatusCallback?.PathAndQuery;

    internal string StatusCallbackMethod { get; init; } = "POST";

    internal IReadOnlyCollection<string> StatusCallbackEvents { get; init; } = ["completed"];

    internal TimeSpan RingTimeout { get; init; }

    internal int CallbacksSent { get; set; }

    internal int? SipResponseCode { get; set; }

    /// <summary>Set for a leg that was added to a conference over REST.</summary>
    internal Seat? Seat { get; set; }

    internal List<XElement> Document { get; set; } = [];

    internal int Verb { get; set; }

    internal Uri? DocumentUrl { get; set; }

    internal XElement? Dial { get; set; }

    /// <summary>Counts the documents: what a late timer or answer belongs to.</summary>
    internal int Run { get; set; }
}

/// <summary>A conference: its people, in the order in which they came, and whom it tells.</summary>
public sealed class Conference
{
    internal Conference(string sid, string friendlyName, DateTimeOffset created, int firstSequenceNumber) =>
        (Sid, FriendlyName, Created, Updated, SequenceNumber) = (sid, friendlyName, created, created, firstSequenceNumber);

    public string Sid { get; }

    public string FriendlyName { get; }

    public DateTimeOffset Created { get; }

    public DateTimeOffset Updated { get; internal set; }

    /// <summary><c>init in-progress completed</c>.</summary>
    public string Status { get; internal set; } = "init";

    public IReadOnlyList<Seat> Seats => Taken;

    internal List<Seat> Taken { get; } = [];

    /// <summary>The people who hear each other.</summary>
    public IEnumerable<Seat> Connected => Taken.Where(seat => seat.Connected);

    internal string? ReasonEnded { get; set; }

    internal string? CallSidEnding { get; set; }

    internal Uri? StatusCallback { get; set; }

    internal string StatusCallbackMethod { get; set; } = "POST";

    internal HashSet<string>? Events { get; set; }

    internal int SequenceNumber { get; set; }

    internal int MaxParticipants { get; set; }
}

/// <summary>A leg's place in a conference: connected, or still being rung for it.</summary>
public sealed class Seat
{
    internal Seat(Conference conference, Leg leg, string? label, DateTimeOffset created) => (Conference, Leg, Label, Created) = (conference, leg, label, created);

    public Conference Conference { get; }

    public Leg Leg { get; }

    public string? Label { get; }

    public DateTimeOffset Created { get; }

    public bool Connected { get; internal set; }

    public bool Muted { get; internal set; }

    public bool Hold { get; internal set; }

    internal bool StartOnEnter { get; init; } = true;

    internal bool EndOnExit { get; set; }

    internal bool EarlyMedia { get; init; }

    internal string? WaitUrl { get; init; }

    internal string WaitMethod { get; init; } = "POST";
}
