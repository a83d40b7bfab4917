namespace Calls.Sandbox.Twilio;

/// <summary>What a phone is doing.</summary>
public enum PhoneState
{
    Idle,

    /// <summary>It has called, and Twilio has not answered yet.</summary>
    Calling,

    /// <summary>It rings.</summary>
    Ringing,

    /// <summary>It is connected to Twilio: talking, waiting or held.</summary>
    InCall,
}

/// <summary>A phone at the far end of Twilio: a Voice SDK client or a telephone. For scripts on the cloud's own thread.</summary>
/// <remarks><see cref="PhoneHandle"/> is the same phone for everybody else.</remarks>
public sealed class Phone
{
    private readonly TwilioCloud _cloud;
    private readonly List<Leg> _legs = [];
    private readonly List<Leg> _live = [];
    private readonly List<Leg> _incoming = [];
    private readonly List<string> _heard = [];

    internal Phone(TwilioCloud cloud, string address) => (_cloud, Address) = (cloud, address);

    /// <summary><c>client:alice</c> or <c>+15551234567</c>.</summary>
    public string Address { get; }

    public bool IsClient => Address.StartsWith("client:", StringComparison.Ordinal);

    public PhoneBehaviour Behaviour { get; set; }

    /// <summary>How long it rings before it does that.</summary>
    public TimeSpan After { get; set; }

    /// <summary>Every leg that it ever had, the newest last.</summary>
    public IReadOnlyList<Leg> Legs => _legs;

    /// <summary>How often it has rung.</summary>
    public int Rings => _incoming.Count;

    public PhoneState State => Current switch
    {
        null => PhoneState.Idle,
        { State: LegState.InProgress } => PhoneState.InCall,
        { Inbound: true } => PhoneState.Calling,
        _ => PhoneState.Ringing,
    };

    /// <summary>The leg that the phone's user is busy with: the one in progress, else the newest.</summary>
    public Leg? Current => _live.Find(leg => leg.State == LegState.InProgress) ?? (_live.Count > 0 ? _live[^1] : null);

    /// <summary>Every call that made this phone ring, oldest first; each rang once.</summary>
    public IReadOnlyList<Leg> Incoming => _incoming;

    /// <summary>Everything that was said or played to it.</summary>
    public IReadOnlyList<string> Heard => _heard;

    /// <summary>The conference that it is in, if it is in one.</summary>
    public Conference? Conference => Current?.Participant is { IsIn: true } part ? part.Conference : null;

    public bool IsMuted => Current?.Participant?.Muted ?? false;

    public bool IsOnHold => Current?.Participant?.Hold ?? false;

    /// <summary>The phones that hear this one: those in a conference that has started, while neither side is on hold and this one is not muted.</summary>
    public IReadOnlyList<string> HeardBy => IsMuted ? [] : [.. Others.Select(other => other.Leg.Phone.Address)];

    /// <summary>The phones that this one hears.</summary>
    public IReadOnlyList<string> HearsPhones => [.. Others.Where(other => !other.Muted).Select(other => other.Leg.Phone.Address)];

    /// <summary>The phones that it can talk with: they hear each other.</summary>
    public IReadOnlyList<string> TalksWith => [.. HeardBy.Intersect(HearsPhones)];

    /// <summary>What comes out of it now, in words: a voice, music, or nothing.</summary>
    public string Hears => Current switch
    {
        { Participant.Playing: { } music } => music,
        _ when HearsPhones is { Count: > 0 } phones => string.Join(", ", phones),
        _ => "silence",
    };

    private IEnumerable<Participant> Others =>
        Current is { Participant: { IsIn: true, Hold: false } part } && part.Conference.State == ConferenceState.InProgress
            ? part.Conference.Connected.Where(other => other != part && !other.Hold && !other.Leg.Vanished)
            : [];

    /// <summary>Calls the TwiML App.</summary>
    /// <param name="to">The custom parameter To of a client, or the number that a telephone dials.</param>
    /// <param name="custom">More custom parameters of the Voice SDK's connect.</param>
    public Leg PlaceCall(string? to, Parameters? custom = null)
    {
        Act($"calls {to}");
        var leg = _cloud.Calls.CallIn(this, to ?? custom?["To"], custom ?? Parameters.None);
        _legs.Add(leg);
        _live.Add(leg);
        return leg;
    }

    public void Answer() => Answer(Oldest(LegState.Ringing));

    public void Answer(Leg leg)
    {
        Act("answers");
        _cloud.Calls.Answer(leg);
    }

    public void Decline() => Decline(Oldest(LegState.Ringing));

    public void Decline(Leg leg)
    {
        Act("declines");
        _cloud.Calls.HangUp(leg, "declined");
    }

    public void HangUp() => HangUp(Current ?? throw new InvalidOperationException($"{Address} has no call to hang up."));

    public void HangUp(Leg leg)
    {
        Act("hangs up");
        _cloud.Calls.HangUp(leg, "hung up");
    }

    /// <summary>Vanishes without a word: no network, no battery. Twilio finds out later, or when it next has TwiML to run.</summary>
    public void Drop()
    {
        Act("vanishes");
        foreach (var leg in _live.ToList())
        {
            leg.Vanished = true;
            _live.Remove(leg);
            if (leg.Inbound || leg.State == LegState.InProgress)
            {
                _cloud.Scheduler.Schedule(_cloud.Options.DropNoticedAfter, () => _cloud.Calls.HangUp(leg, "its phone is gone"));
            }
        }
    }

    internal void Ring(Leg leg)
    {
        if (Behaviour == PhoneBehaviour.Offline)
        {
            return;
        }
        leg.HasRung = true;
        _incoming.Add(leg);
        _legs.Add(leg);
        _live.Add(leg);
        Act("rings");
        if (Behaviour is PhoneBehaviour.Answer or PhoneBehaviour.Decline)
        {
            var answers = Behaviour == PhoneBehaviour.Answer;
            _cloud.Scheduler.Schedule(After, () =>
            {
                if (leg is { State: LegState.Ringing, Vanished: false } && answers)
                {
                    Answer(leg);
                }
                else if (leg is { State: LegState.Ringing, Vanished: false })
                {
                    Decline(leg);
                }
            });
        }
    }

    internal void Hear(Leg leg, string what)
    {
        leg.Sounds.Add(what);
        _heard.Add(what);
        _cloud.Journal.Append(new PhoneHeard(Address, what) { CallSid = leg.Sid });
    }

    internal void Ended(Leg leg)
    {
        _live.Remove(leg);
    }

    private Leg Oldest(LegState state) =>
        _live.Find(leg => !leg.Inbound && leg.State == state) ?? throw new InvalidOperationException($"{Address} is not ringing.");

    private void Act(string action) => _cloud.Journal.Append(new PhoneActed(Address, action) { CallSid = Current?.Sid });
}
