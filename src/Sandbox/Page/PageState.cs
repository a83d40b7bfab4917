using System.Text.RegularExpressions;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>Everything that the page shows but the timeline, as it is now.</summary>
/// <remarks>A new run is a sandbox started anew: what the page has seen before is gone then. Sessions are those of which a phone knows, the newest first; faults are the switches that are on.</remarks>
internal sealed record PageState(string Run, IReadOnlyList<PhoneView> Phones, IReadOnlyList<SessionView> Sessions, IReadOnlyList<string> Faults, GuaranteeView Guarantees)
{
    private const int MostSessions = 20;

    public static PageState Of(TwilioCloud cloud, string run, FaultSwitches faults, GuaranteeWatch watch, IReadOnlyDictionary<string, string> names) => new(
        run,
        [.. cloud.Phones.Select(phone => PhoneView.Of(phone, names.GetValueOrDefault(phone.Address)))],
        [.. cloud.Legs
            .Select(leg => (Leg: leg, Place: Place.Of(leg)))
            .Where(at => at.Place is not null)
            .GroupBy(at => at.Place!.Session, at => at.Leg, StringComparer.Ordinal)
            .Select(call => new SessionView(call.Key, [.. call.Where(leg => leg.Phone.IsClient).Select(leg => PhoneView.NameOf(leg.Phone)).Distinct(StringComparer.Ordinal)], call.Any(leg => leg.IsLive)))
            .Reverse().Take(MostSessions)],
        faults.On,
        watch.Look(cloud));
}

/// <summary>A call of which a phone knows, and the app users on it: their bearers may see it.</summary>
internal sealed record SessionView(string Id, IReadOnlyList<string> People, bool Live);

/// <summary>A phone as somebody who stands before it sees and hears it.</summary>
/// <remarks>
/// The state is <c>idle</c>, <c>calling</c>, <c>ringing</c>, <c>waiting</c> (on the line with nobody) or <c>talking</c>, with everybody who is on the line, muted or not.
/// It hears others' addresses, a sound's URL, or <c>silence</c>; sound is what was played last in this call (what one who waits hears over and over), words are what it was told last, and last is how its last call ended.
/// </remarks>
internal sealed record PhoneView(
    string Address, string Name, bool IsApp, string State, IReadOnlyList<string> With, bool Muted, bool Hold, string Hears, string? Sound, string? Words,
    string? Last, int Rings, PhoneBehaviour Behaviour, string? Session, string? Participant)
{
    public static PhoneView Of(Phone phone, string? name)
    {
        var with = phone.Conference?.Connected.Select(part => part.Leg.Phone.Address).Where(address => address != phone.Address).ToList() ?? [];
        var newest = phone.Current ?? (phone.Legs is [.., var last] ? last : null);
        var at = phone.Current is { } leg ? Place.Of(leg) : null;
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
            phone.IsMuted,
            phone.IsOnHold,
            phone.Hears,
            phone.Current?.Heard is [.., var played] ? played : null,
            newest?.Heard.LastOrDefault(sound => sound.StartsWith('"')),
            phone.State == PhoneState.Idle ? newest?.CallStatus : null,
            phone.Rings,
            phone.Behaviour,
            at?.Session,
            at?.Participant);
    }

    public static string NameOf(Phone phone) => phone.IsClient ? phone.Address["client:".Length..] : phone.Address;
}

/// <summary>Which call a leg belongs to, and as whom: the app's own parameter, or the callback that the service asked for.</summary>
internal sealed partial record Place(string Session, string Participant)
{
    public static Place? Of(Leg leg)
    {
        if (leg.Inbound)
            return leg.Custom["SessionID"] is { Length: > 0 } given ? new Place(given, "caller") : null;
        return leg.CallbackPath is { } path && Callback().Match(path) is { Success: true } match
            ? new Place(Uri.UnescapeDataString(match.Groups["session"].Value), Uri.UnescapeDataString(match.Groups["participant"].Value))
            : null;
    }

    [GeneratedRegex("^/twilio/sessions/(?<session>[^/]+)/[^/]+/participants/(?<participant>[^/?]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Callback();
}
