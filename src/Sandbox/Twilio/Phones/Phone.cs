namespace Calls.Sandbox.Twilio;

/// <summary>The state of a phone.</summary>
public enum PhoneState
{
    Idle,

    /// <summary>It calls, and Twilio has not answered yet.</summary>
    Calling,

    /// <summary>It rings.</summary>
    Ringing,

    /// <summary>It is connected to Twilio: it talks, waits or is on hold.</summary>
    InCall,
}

/// <summary>A phone that Twilio can call: a Voice SDK client or a telephone. It may only be used on the loop of the emulator.</summary>
/// <remarks><see cref="PhoneHandle"/> is the same phone for other threads.</remarks>
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

    /// <summary>What the phone does by itself when it is called.</summary>
    public PhoneBehaviour Behaviour { get; set; }

    /// <summary>How long the phone rings before it answers or declines by itself.</summary>
    public TimeSpan After { get; set; }

    /// <summary>The key that a person presses when the call asks for one, if the phone answers by itself; null: the person presses
    /// none.</summary>
    public string? Key { get; set; } = "1";

    /// <summary>The length of a voicemail's greeting, from the answer to the beep.</summary>
    public TimeSpan BeepAfter { get; set; } = TimeSpan.FromMilliseconds(500);

    public bool IsMachine => Behaviour is PhoneBehaviour.Voicemail or PhoneBehaviour.Fax;

    /// <summary>What Twilio says of the number when the phone calls, such as <c>anonymous</c>; null: the number.</summary>
    public string? ShownAs { get; set; }

    /// <summary>All legs of the phone, including those that are over, oldest first.</summary>
    public IReadOnlyList<Leg> Legs => _legs;

    /// <summary>How often the phone has rung.</summary>
    public int Rings => _incoming.Count;

    public PhoneState State => Current switch
    {
        null => PhoneState.Idle,
        { State: LegState.InProgress } => PhoneState.InCall,
        { Inbound: true } => PhoneState.Calling,
        _ => PhoneState.Ringing,
    };

    /// <summary>The leg in progress, else the newest live leg; null while the phone is idle.</summary>
    public Leg? Current => _live.Find(leg => leg.State == LegState.InProgress) ?? (_live.Count > 0 ? _live[^1] : null);

    /// <summary>The legs for which the phone has rung, oldest first.</summary>
    public IReadOnlyList<Leg> Incoming => _incoming;

    /// <summary>The texts (in quotation marks) and the URLs of sounds that were played to the phone, oldest first.</summary>
    public IReadOnlyList<string> Heard => _heard;

    /// <summary>The conference that the phone is in; null if there is none.</summary>
    public Conference? Conference => Current?.Participant is { IsIn: true } part ? part.Conference : null;

    public bool IsMuted => Current?.Participant?.Muted ?? false;

    public bool IsOnHold => Current?.Participant?.Hold ?? false;

    /// <summary>The phones that hear this phone.</summary>
    /// <remarks>They are in the same started conference, no side is on hold, and this phone is not muted.</remarks>
    public IReadOnlyList<string> HeardBy => IsMuted ? [] : [.. Others.Select(other => other.Leg.Phone.Address)];

    /// <summary>The phones that this phone hears.</summary>
    public IReadOnlyList<string> HearsPhones => [.. Others.Where(other => !other.Muted).Select(other => other.Leg.Phone.Address)];

    /// <summary>The phones that hear this phone and that it hears.</summary>
    public IReadOnlyList<string> TalksWith => [.. HeardBy.Intersect(HearsPhones)];

    /// <summary>What the phone plays now: the addresses of other phones, the name or URL of music, or <c>silence</c>.</summary>
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
    /// <param name="to">For a client the custom parameter To, for a telephone the dialled number.</param>
    /// <param name="custom">Further custom parameters of the Voice SDK's connect.</param>
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

    /// <summary>The person presses a key, while the call asks for one.</summary>
    public void Press(string key)
    {
        Act($"presses {key}");
        if (Current?.Question is not { } question)
        {
            throw new InvalidOperationException($"{Address} is not asked for a key.");
        }
        _cloud.Post(() => question.TrySetResult(key));
    }

    /// <summary>The call asks for a key.</summary>
    internal void Asked(Leg leg)
    {
        if (Behaviour is PhoneBehaviour.Answer or PhoneBehaviour.Unrecognised && Key is { } key)
        {
            _cloud.Scheduler.Schedule(_cloud.Options.SpeechTime, () =>
            {
                if (Current == leg && leg.Question is not null)
                {
                    Press(key);
                }
            });
        }
    }

    /// <summary>The phone loses its connection.</summary>
    /// <remarks>Twilio notices it after <see cref="TwilioEmulatorOptions.DropNoticedAfter"/>, or at its next TwiML.</remarks>
    public void Drop()
    {
        Act("loses its connection");
        foreach (var leg in _live.ToList())
        {
            leg.Vanished = true;
            _live.Remove(leg);
            if (leg.Inbound || leg.State == LegState.InProgress)
            {
                _cloud.Scheduler.Schedule(_cloud.Options.DropNoticedAfter, () => _cloud.Calls.HangUp(leg, "the phone lost its connection"));
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
        if (Behaviour is not PhoneBehaviour.LetRing)
        {
            var answers = Behaviour is not PhoneBehaviour.Decline;
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
