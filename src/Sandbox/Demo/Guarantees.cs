using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Demo;

/// <summary>What must hold when everything has come to rest, judged by what the emulated Twilio saw and by nothing that the service says of itself.</summary>
public static class Guarantees
{
    /// <summary>What is broken now; nothing, if all is well. To be asked when the calls are over.</summary>
    public static IReadOnlyList<string> Broken(TwilioCloud cloud, bool everybodyIsGone = true)
    {
        List<string> broken = [];
        broken.AddRange(cloud.LonelyLegs().Select(leg => $"G1 no limbo: {leg.Phone.Address} ({leg.Sid}) is alone on the line"));
        broken.AddRange(cloud.RingingLegs().Where(leg => everybodyIsGone).Select(leg => $"G2 no ghost ringing: {leg.Phone.Address} ({leg.Sid}) rings for nobody"));
        broken.AddRange(RungTwice(cloud).Select(what => $"G3 no double ring: {what}"));
        if (everybodyIsGone)
            broken.AddRange(cloud.LiveLegs().Where(leg => leg.Direction == "inbound").Select(leg => $"G4 no silence: {leg.Phone.Address} ({leg.Sid}) still holds the line"));
        return broken;
    }

    /// <summary>One request, one ring: legs that announce themselves to the same callback were created for the same request.</summary>
    public static IEnumerable<string> RungTwice(TwilioCloud cloud) => cloud.Legs
        .Where(leg => leg is { HasRung: true, CallbackPath: not null })
        .GroupBy(leg => leg.CallbackPath, StringComparer.Ordinal)
        .Where(group => group.Count() > 1)
        .Select(group => $"{group.First().Phone.Address} rang {group.Count()} times for {group.Key}");
}
