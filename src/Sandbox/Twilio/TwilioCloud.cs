using System.Globalization;

namespace Calls.Sandbox.Twilio;

/// <summary>The emulated Twilio itself: phones, legs, conferences and TwiML, without sockets, threads or a clock of its own. Everything happens on the scheduler's thread.</summary>
public sealed partial class TwilioCloud
{
    private readonly IEmulatorScheduler scheduler;
    private readonly IWebhookTransport transport;
    private readonly Random random;
    private readonly Dictionary<string, Phone> phones = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Leg> legs = new(StringComparer.Ordinal);
    private readonly List<Leg> legsInOrder = [];
    private readonly Dictionary<string, Conference> conferences = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<Conference>> conferencesByName = new(StringComparer.Ordinal);

    public TwilioCloud(TwilioEmulatorOptions options, IEmulatorScheduler scheduler, IWebhookTransport transport)
    {
        (Options, this.scheduler, this.transport) = (options, scheduler, transport);
        random = new Random(options.Seed);
        Journal = new Journal(scheduler, options.JournalCapacity);
    }

    public TwilioEmulatorOptions Options { get; }

    public Journal Journal { get; }

    public Faults Faults { get; } = new();

    public IReadOnlyList<Leg> Legs => legsInOrder;

    public IEnumerable<Conference> Conferences => conferences.Values;

    /// <summary>Legs that are alone in a conference although nobody is being rung into it, or that hang in TwiML with nobody to talk to: limbo, if it lasts.</summary>
    public IEnumerable<Leg> LonelyLegs() => conferences.Values.Where(c => c.Status != "completed" && c.Seats.Count == 1 && c.Connected.Any()).Select(c => c.Seats[0].Leg);

    public IEnumerable<Leg> RingingLegs() => legsInOrder.Where(leg => leg.Direction != "inbound" && leg.Status is "queued" or "ringing");

    public IEnumerable<Leg> LiveLegs() => legsInOrder.Where(leg => leg.IsLive);

    /// <summary>The phone of an address: <c>client:alice</c>, or a number.</summary>
    public Phone Phone(string address)
    {
        if (!phones.TryGetValue(address, out var phone))
            phones[address] = phone = new Phone(address);
        return phone;
    }

    /// <summary>An app user places a call: Twilio asks the TwiML App's Voice URL.</summary>
    public Leg PlaceCall(Phone phone, string to, IEnumerable<KeyValuePair<string, string>> parameters)
    {
        var leg = Add(new Leg(NewSid("CA"), phone, phone.Address, "", "inbound", Now)
        {
            Parameters = [.. parameters.Where(p => p.Key is not ("To" or "From" or "CallSid")), new("To", to)],
        });
        leg.Status = "ringing";
        Journal.Add(JournalKind.Phone, phone.Address, $"calls {to}", leg.Sid);
        var url = Options.VoiceUrl ?? throw new InvalidOperationException("The TwiML App has no Voice URL");
        Fetch(leg, WebhookKind.Voice, url, Options.VoiceMethod, [.. VoiceParameters(leg), .. leg.Parameters.Where(p => p.Key != "To")], () => AnswerInbound(leg), Options.VoiceFallbackUrl);
        return leg;
    }

    public void Answer(Leg leg)
    {
        if (leg.Status != "ringing" || leg.Direction == "inbound")
            return;
        Journal.Add(JournalKind.Phone, leg.Phone.Address, "answers", leg.Sid);
        leg.Status = "in-progress";
        leg.AnsweredAt = Now;
        CallProgress(leg, "answered", "in-progress");
        if (leg.Seat is { } seat)
            Connect(seat);
        else if (leg.AnswerUrl is { } url)
            Fetch(leg, WebhookKind.Answer, url, leg.AnswerMethod, VoiceParameters(leg), then: null);
    }

    public void Decline(Leg leg) => Refuse(leg, "declines", "busy", 486);

    public void BeBusy(Leg leg) => Refuse(leg, "is engaged", "busy", 486);

    public void HangUp(Leg leg)
    {
        if (!leg.IsLive)
            return;
        Journal.Add(JournalKind.Phone, leg.Phone.Address, "hangs up", leg.Sid);
        if (leg.Direction != "inbound" && leg.Status == "ringing")
            Refuse(leg, "declines", "busy", 486);
        else
            End(leg, "completed", "participant_hung_up");
    }

    /// <summary>The app or phone vanishes without a word; Twilio notices after a while.</summary>
    public void Drop(Leg leg)
    {
        Journal.Add(JournalKind.Phone, leg.Phone.Address, "vanishes without a word", leg.Sid);
        leg.Run++;
        scheduler.Schedule(Options.DropNoticedAfter, () => End(leg, leg.AnsweredAt is null && leg.Direction != "inbound" ? "no-answer" : "completed", "participant_hung_up"));
    }

    internal DateTimeOffset Now => scheduler.Now;

    internal Random Random => random;

    internal string NewSid(string prefix)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return prefix + Convert.ToHexStringLower(bytes);
    }

    internal static string Rfc2822(DateTimeOffset at) => at.UtcDateTime.ToString("ddd, dd MMM yyyy HH:mm:ss '+0000'", CultureInfo.InvariantCulture);

    private Leg Add(Leg leg)
    {
        legs.Add(leg.Sid, leg);
        legsInOrder.Add(leg);
        leg.Phone.Had.Add(leg);
        return leg;
    }

    private void AnswerInbound(Leg leg)
    {
        if (leg.Status != "ringing")
            return;
        leg.Status = "in-progress";
        leg.AnsweredAt = Now;
    }

    private void Refuse(Leg leg, string what, string status, int sip)
    {
        if (leg.Status != "ringing" || leg.Direction == "inbound")
            return;
        Journal.Add(JournalKind.Phone, leg.Phone.Address, what, leg.Sid);
        leg.SipResponseCode = sip;
        End(leg, status, "participant_add_failed");
    }

    /// <summary>A leg that was created over REST: out of the queue, dialled, ringing, until somebody answers or the time is out.</summary>
    private void StartDialing(Leg leg)
    {
        scheduler.Schedule(Options.SetUpTime, () =>
        {
            if (leg.Status != "queued")
                return;
            CallProgress(leg, "initiated", "initiated");
            scheduler.Schedule(Options.SetUpTime, () => Ring(leg));
        });
    }

    private void Ring(Leg leg)
    {
        if (leg.Status != "queued")
            return;
        if (leg.Phone.Behaviour == PhoneBehaviour.Unreachable)
        {
            leg.SipResponseCode = 404;
            End(leg, "failed", "participant_add_failed");
            return;
        }

        leg.Status = "ringing";
        leg.HasRung = true;
        Journal.Add(JournalKind.Leg, leg.Phone.Address, "rings", leg.Sid);
        CallProgress(leg, "ringing", "ringing");
        if (leg.Seat is { EarlyMedia: true } early)
            Connect(early);
        scheduler.Schedule(leg.RingTimeout + Options.RingBuffer, () =>
        {
            leg.SipResponseCode ??= leg.Status == "ringing" ? 487 : null;
            if (leg.Status == "ringing")
                End(leg, "no-answer", "participant_add_failed");
        });
        scheduler.Schedule(leg.Phone.After, () =>
        {
            switch (leg.Phone.Behaviour)
            {
                case PhoneBehaviour.Answer:
                    Answer(leg);
                    break;
                case PhoneBehaviour.Decline:
                    Decline(leg);
                    break;
                case PhoneBehaviour.Busy:
                    BeBusy(leg);
                    break;
                default:
                    break;
            }
        });
    }

    /// <summary>The end of a leg, from wherever it comes.</summary>
    private void End(Leg leg, string status, string reasonLeft)
    {
        if (!leg.IsLive)
            return;
        var wasQueued = leg.Status == "queued" && leg.CallbacksSent == 0 && status == "canceled";
        leg.Status = status;
        leg.EndedAt = Now;
        leg.Run++;
        Journal.Add(JournalKind.Leg, leg.Phone.Address, status, leg.Sid);
        var dial = leg.Dial;
        leg.Dial = null;
        if (leg.Seat is { } seat)
            Leave(seat, seat.Connected ? reasonLeft : "participant_add_failed");
        if (dial is not null)
            RequestDialAction(leg, dial);
        if (!wasQueued)
            CallProgress(leg, "completed", status);
        if (leg.Direction == "inbound" && Options.AppStatusCallback is { } app)
            Send(WebhookKind.AppStatus, app, "POST", [.. VoiceParameters(leg), .. ProgressParameters(leg, sequence: 0)], leg.Sid);
    }
}
