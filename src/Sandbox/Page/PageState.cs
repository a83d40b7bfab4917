using System.Text.RegularExpressions;
using Calls.Domain;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>The current state of everything on the page except the timeline.</summary>
/// <param name="Run">A random id of this start of the sandbox. When it changes, the page reloads.</param>
/// <param name="Phones">The phones.</param>
/// <param name="Sessions">The calls on which a phone is or was, the newest first.</param>
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
            .Select(leg => (Leg: leg, At: SessionParticipant.Of(leg)))
            .Where(part => part.At is not null)
            .GroupBy(part => part.At!.Session, part => part.Leg, StringComparer.Ordinal)
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
/// <param name="Session">The session id of its call.</param>
/// <param name="Participant">The participant id of its call.</param>
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
    string? Session,
    string? Participant,
    string? Back)
{
    public static IEnumerable<PhoneView> All(TwilioCloud cloud, IReadOnlyDictionary<string, string> names)
    {
        var live = cloud.LiveLegs().Select(leg => SessionParticipant.Of(leg)?.Session).ToHashSet(StringComparer.Ordinal);
        return cloud.Phones.Select(phone => Of(phone, names.GetValueOrDefault(phone.Address), live));
    }

    private static PhoneView Of(Phone phone, string? name, HashSet<string?> live)
    {
        var with = phone.Conference?.Connected.Select(part => part.Leg.Phone.Address).Where(other => other != phone.Address).ToList() ?? [];
        var newest = phone.Current ?? (phone.Legs is [.., var left] ? left : null);
        var at = phone.Current is { } leg ? SessionParticipant.Of(leg) : null;
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
            at?.Session,
            at?.Participant,
            phone.State == PhoneState.Idle && newest is not null && SessionParticipant.Of(newest)?.Session is { } last
                && live.Contains(last)
                ? last
                : null);
    }

    public static string NameOf(Phone phone) => phone.IsClient ? phone.Address["client:".Length..] : phone.Address;
}

/// <summary>The session and the participant of a leg.</summary>
/// <remarks>
/// They come from the app's own parameter <c>SessionID</c> and the label, or from the path of the status callback that the service chose.
/// </remarks>
internal sealed partial record SessionParticipant(string Session, string Participant)
{
    public static SessionParticipant? Of(Leg leg)
    {
        if (leg.Inbound)
            return leg.Custom["SessionID"] is { Length: > 0 } given
                ? new SessionParticipant(
                    given, (ParticipantId.TryParseLabel(leg.Participant?.Label, out var id) ? id : ParticipantId.Caller).Value)
                : null;
        return leg.CallbackPath is { } path && Callback().Match(path) is { Success: true } match
            ? new SessionParticipant(
                Uri.UnescapeDataString(match.Groups["session"].Value), Uri.UnescapeDataString(match.Groups["participant"].Value))
            : null;
    }

    [GeneratedRegex(
        "^/twilio/sessions/(?<session>[^/]+)/[^/]+/participants/(?<participant>[^/?]+)",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Callback();
}
