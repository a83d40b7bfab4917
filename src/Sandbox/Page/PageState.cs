using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>The current state of everything on the page except the timeline.</summary>
/// <param name="Run">A random id of this start of the sandbox. When it changes, the page reloads.</param>
/// <param name="Phones">The phones.</param>
/// <param name="Sessions">The calls that an app knows by its own parameters, the newest first.</param>
/// <param name="Faults">The names of the fault switches that are on.</param>
/// <param name="Guarantees">The state of the guarantees.</param>
internal sealed record PageState(
    string Run,
    IReadOnlyList<PhoneView> Phones,
    IReadOnlyList<SessionView> Sessions,
    IReadOnlyList<string> Faults,
    GuaranteeView Guarantees)
{
    private const int MaxSessions = 20;

    public static PageState Of(
        TwilioCloud cloud, string run, FaultSwitches faults, GuaranteeWatch watch, IReadOnlyDictionary<string, string> names) => new(
        run,
        [.. PhoneView.All(cloud, names)],
        [.. cloud.Legs
            .Select(leg => (Leg: leg, Session: PhoneView.SessionOf(leg)))
            .Where(part => part.Session is not null)
            .GroupBy(part => part.Session!, part => part.Leg, StringComparer.Ordinal)
            .Select(SessionView.Of)
            .Reverse().Take(MaxSessions)],
        faults.On,
        watch.Check(cloud));
}

/// <summary>A call on the page.</summary>
/// <param name="Id">The session id.</param>
/// <param name="People">The identities of the app users on the call. Their tokens may read the session.</param>
/// <param name="Live">Whether a leg of the call is not over.</param>
internal sealed record SessionView(string Id, IReadOnlyList<string> People, bool Live)
{
    public static SessionView Of(IGrouping<string, Leg> call) => new(
        call.Key,
        [.. call.Where(leg => leg.Phone.IsClient).Select(leg => PhoneView.NameOf(leg.Phone)).Distinct(StringComparer.Ordinal)],
        call.Any(leg => leg.IsLive));
}

/// <summary>A phone on the page: what its user sees and hears.</summary>
/// <param name="Address"><c>client:alice</c> or <c>+15550100101</c>.</param>
/// <param name="Name">The name on the page.</param>
/// <param name="IsApp">Whether it is an app (a Voice SDK client) and not a telephone.</param>
/// <param name="State"><c>idle</c>, <c>calling</c>, <c>ringing</c>, <c>waiting</c> (alone on the line) or <c>talking</c>.</param>
/// <param name="With">The addresses of the other phones in its conference, muted or not.</param>
/// <param name="Asked">Whether the call asks the phone for a key.</param>
/// <param name="Muted">Whether the phone is muted.</param>
/// <param name="Hold">Whether the phone is on hold.</param>
/// <param name="Hears">The addresses of the phones that it hears, the URL of a sound, or <c>silence</c>.</param>
/// <param name="Sound">The last text or sound that was played to it in this call.</param>
/// <param name="Words">The last text that was spoken to it, in quotation marks.</param>
/// <param name="Last">While it is idle: how its last call ended, as a Twilio call status.</param>
/// <param name="Rings">How often it has rung.</param>
/// <param name="Behaviour">What it does by itself when it is called.</param>
/// <param name="Placed">Whether it has placed its call.</param>
/// <param name="Session">The session id of its call, if it is an app: the app's own parameter, or the one that came with the call.</param>
/// <param name="Caller">The caller, if the parameter <c>CallerIdentity</c> came with the call.</param>
/// <param name="Back">While it is idle: the session id of its last call, if that call goes on. The person can call again.</param>
internal sealed record PhoneView(
    string Address,
    string Name,
    bool IsApp,
    string State,
    IReadOnlyList<string> With,
    bool Asked,
    bool Muted,
    bool Hold,
    string Hears,
    string? Sound,
    string? Words,
    string? Last,
    int Rings,
    PhoneBehaviour Behaviour,
    bool Placed,
    string? Session,
    string? Caller,
    string? Back)
{
    public static IEnumerable<PhoneView> All(TwilioCloud cloud, IReadOnlyDictionary<string, string> names)
    {
        var live = cloud.LiveLegs();
        return cloud.Phones.Select(phone => Of(phone, names.GetValueOrDefault(phone.Address), live));
    }

    /// <summary>The session id that an app knows: its own parameter, its CallSid if it gave none, or the parameter that came with the call.
    /// </summary>
    public static string? SessionOf(Leg leg) => !leg.Phone.IsClient ? null
        : leg.Custom["SessionID"] is { Length: > 0 } given ? given
        : leg.Inbound ? leg.Sid : null;

    private static PhoneView Of(Phone phone, string? name, IReadOnlyList<Leg> live)
    {
        var with = phone.Conference?.Connected.Select(part => part.Leg.Phone.Address).Where(other => other != phone.Address).ToList() ?? [];
        var newest = phone.Current ?? (phone.Legs is [.., var left] ? left : null);
        return new PhoneView(
            phone.Address,
            name ?? NameOf(phone),
            phone.IsClient,
            phone.State switch
            {
                PhoneState.Idle => "idle",
                PhoneState.Calling => "calling",
                PhoneState.Ringing => "ringing",
                _ => with.Count > 0 ? "talking" : "waiting",
            },
            with,
            phone.Current?.Question is not null,
            phone.IsMuted,
            phone.IsOnHold,
            phone.Hears,
            phone.Current?.Heard is [.., var played] ? played : null,
            newest?.Heard.LastOrDefault(sound => sound.StartsWith('"')),
            phone.State == PhoneState.Idle ? newest?.CallStatus : null,
            phone.Rings,
            phone.Behaviour,
            phone.Current is { Inbound: true },
            phone.Current is { } now ? SessionOf(now) : null,
            phone.Current is { Inbound: false } rung ? rung.Custom["CallerIdentity"] : null,
            phone.State == PhoneState.Idle && newest is not null && SessionOf(newest) is { } last && live.Any(leg => IsOf(leg, last))
                ? last
                : null);
    }

    /// <summary>Whether a known call goes on. A telephone does not know its call, so the path of its status callback says it.</summary>
    private static bool IsOf(Leg leg, string session) => SessionOf(leg) == session
        || leg.CallbackPath?.StartsWith($"/twilio/sessions/{Uri.EscapeDataString(session)}/", StringComparison.Ordinal) is true;

    public static string NameOf(Phone phone) => phone.IsClient ? phone.Address["client:".Length..] : phone.Address;
}
