using Calls.Domain;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Demo;

/// <summary>Checks the guarantees of the service on the state of the emulated Twilio.</summary>
/// <remarks>What the service says about itself does not count.</remarks>
public static class Guarantees
{
    /// <summary>The guarantees that are broken now, one sentence each; empty if all hold.</summary>
    /// <param name="cloud">The emulated Twilio.</param>
    /// <param name="allCallsOver">
    /// Whether every call should be over. If not, a leg that rings or holds the line breaks no guarantee.
    /// </param>
    public static IReadOnlyList<string> Broken(TwilioCloud cloud, bool allCallsOver = true)
    {
        List<string> broken = [];
        broken.AddRange(cloud.LonelyLegs()
            .Select(leg => $"G1 no limbo: {leg.Phone.Address} ({leg.Sid}) hears no person, and no person on the line can change that"));
        if (allCallsOver)
        {
            broken.AddRange(cloud.RingingLegs()
                .Select(leg => $"G2 no ghost ringing: {leg.Phone.Address} ({leg.Sid}) rings, but no party is on the call"));
        }

        broken.AddRange(RungTwice(cloud).Select(phone => $"G3 no double ring: {phone}"));
        if (allCallsOver)
        {
            broken.AddRange(cloud.LiveLegs().Where(leg => leg.Direction == "inbound")
                .Select(leg => $"G4 no silence: {leg.Phone.Address} ({leg.Sid}) is still connected"));
        }

        broken.AddRange(cloud.Legs.Where(IsBlind)
            .Select(leg => $"G8 no blind ring: {leg.Phone.Address} ({leg.Sid}) rang, and its app cannot name the call"));
        broken.AddRange(cloud.Conferences.SelectMany(Winners).Select(group => $"G7 one answer: {group}"));
        return broken;
    }

    /// <summary>An app rang for a call of the service, and the parameters that came with it do not name the session.</summary>
    public static bool IsBlind(Leg leg) => leg is { HasRung: true, Phone.IsClient: true, CallbackPath: { } path }
        && path.StartsWith("/twilio/sessions/", StringComparison.Ordinal)
        && Uri.UnescapeDataString(path.Split('/')[3]) != leg.Custom["SessionID"];

    /// <summary>The participants with two candidates in the conference, one sentence each.</summary>
    private static IEnumerable<string> Winners(Conference conference) => conference.Connected
        .Select(part => ParticipantId.TryParseLabel(part.Label, out var id) ? id.Group : null).OfType<ParticipantId>()
        .GroupBy(group => group).Where(group => group.Count() > 1)
        .Select(group => $"{group.Count()} candidates for {group.Key.Value} are in the room");

    /// <summary>The phones that rang more than once for one request, one sentence each.</summary>
    /// <remarks>Legs with the same path and query in their status callback were created for the same request.</remarks>
    public static IEnumerable<string> RungTwice(TwilioCloud cloud) => cloud.Legs
        .Where(leg => leg is { HasRung: true, CallbackPath: not null })
        .GroupBy(leg => leg.CallbackPath, StringComparer.Ordinal)
        .Where(group => group.Count() > 1)
        .Select(group => $"{group.First().Phone.Address} rang {group.Count()} times for {group.Key}");
}
