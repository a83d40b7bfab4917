namespace Calls.Sandbox.Twilio;

/// <summary>
/// Emulates the part of Twilio Voice that conference calls need: calls, conferences, TwiML, webhooks and REST, for one account.
/// </summary>
/// <remarks>
/// The core is deterministic: it has no thread, socket or clock of its own, and everything runs on the scheduler. The same seed, actions
/// and transport give the same result. <see cref="TwilioEmulator"/> hosts it behind real HTTP.
/// </remarks>
public sealed partial class TwilioCloud
{
    private readonly Dictionary<string, Leg> _legs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Conference> _conferences = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Conference> _newest = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Phone> _phones = new(StringComparer.Ordinal);
    private readonly List<Leg> _legsInOrder = [];
    private readonly List<Conference> _conferencesInOrder = [];

    public TwilioCloud(IEmulatorScheduler scheduler, IWebhookTransport transport, TwilioEmulatorOptions options)
    {
        Scheduler = scheduler;
        Options = options;
        Journal = new Journal(options.JournalCapacity, () => scheduler.Now);
        Sids = new SidSource(options.Seed);
        Chance = new Random(options.Seed ^ 0x5EED);
        Webhooks = new WebhookSender(this, transport);
        Callbacks = new Callbacks(this);
        Calls = new CallFlow(this);
        Rooms = new ConferenceFlow(this);
        Twiml = new TwimlRunner(this);
        Sound = new ConferenceSound(this);
        Rest = new RestApi(this);
    }

    public TwilioEmulatorOptions Options { get; }

    public Journal Journal { get; }

    public Faults Faults { get; } = new();

    /// <summary>All legs, including those that are over, oldest first.</summary>
    public IReadOnlyList<Leg> Legs => _legsInOrder;

    /// <summary>All conferences, including those that are over, oldest first.</summary>
    public IReadOnlyList<Conference> Conferences => _conferencesInOrder;

    public IReadOnlyCollection<Phone> Phones => _phones.Values;

    /// <summary>The exceptions of the emulator itself. If there is one, the emulator has a defect.</summary>
    public IReadOnlyList<Exception> Defects => [.. Journal.OfType<EmulatorDefect>().Select(entry => entry.Exception)];

    internal IEmulatorScheduler Scheduler { get; }

    internal SidSource Sids { get; }

    internal Random Chance { get; }

    internal WebhookSender Webhooks { get; }

    internal Callbacks Callbacks { get; }

    internal CallFlow Calls { get; }

    internal ConferenceFlow Rooms { get; }

    internal TwimlRunner Twiml { get; }

    internal ConferenceSound Sound { get; }

    private RestApi Rest { get; }

    /// <summary>Handles one REST request. The answer may take time of the scheduler, and a fault may suppress it.</summary>
    public Task<RestResponse> SendAsync(RestRequest request)
    {
        var answer = new TaskCompletionSource<RestResponse>();
        Launch(async () =>
        {
            try
            {
                answer.SetResult(await Rest.SendAsync(request));
            }
            catch (Exception defect)
            {
                answer.SetException(defect);
                throw;
            }
        });
        return answer.Task;
    }

    /// <summary>The phone of an address: <c>client:alice</c> or <c>+15551234567</c>. A phone is created at its first use.</summary>
    public Phone Phone(string address)
    {
        if (!_phones.TryGetValue(address, out var phone))
        {
            phone = new Phone(this, address);
            _phones.Add(address, phone);
        }
        return phone;
    }

    /// <summary>The phone of a leg hangs up. If it rings, it declines.</summary>
    public void HangUp(Leg leg) => leg.Phone.HangUp(leg);

    public Leg? FindLeg(string callSid) => _legs.GetValueOrDefault(callSid);

    public Conference? FindConference(string conferenceSid) => _conferences.GetValueOrDefault(conferenceSid);

    /// <summary>The active conference of that name; null if there is none.</summary>
    public Conference? ActiveConference(string friendlyName) =>
        _newest.GetValueOrDefault(friendlyName) is { State: not ConferenceState.Completed } room ? room : null;

    internal void Register(Leg leg)
    {
        _legs.Add(leg.Sid, leg);
        _legsInOrder.Add(leg);
    }

    internal void Register(Conference conference)
    {
        _conferences.Add(conference.Sid, conference);
        _conferencesInOrder.Add(conference);
        _newest[conference.FriendlyName] = conference;
    }

    /// <summary>Runs an action after the current action.</summary>
    internal void Post(Action action) => Scheduler.Schedule(TimeSpan.Zero, action);

    internal Task DelayAsync(TimeSpan time)
    {
        var passed = new TaskCompletionSource();
        Scheduler.Schedule(time, passed.SetResult);
        return passed.Task;
    }

    /// <summary>Starts work without waiting for it. If it fails, the journal records a defect of the emulator.</summary>
    /// <remarks>The work never continues in the caller's synchronization context, only on the scheduler.</remarks>
    internal void Launch(Func<Task> work)
    {
        var ambient = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            _ = WatchAsync(work);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(ambient);
        }
    }

    internal void LogError(int code, string message, string? url, string? callSid) =>
        Journal.Append(new TwilioErrorLogged(code, message, url) { CallSid = callSid });

    private async Task WatchAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception defect)
        {
            Journal.Append(new EmulatorDefect(defect));
        }
    }
}
