using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>Judges the guarantees while calls go on. What is wrong for a moment is on its way to being put right; what stays wrong is broken.</summary>
/// <remarks>Patience is longer than the service needs to compare a silent call with Twilio.</remarks>
internal sealed class GuaranteeWatch(TimeProvider clock, TimeSpan patience)
{
    private readonly Dictionary<string, DateTimeOffset> since = new(StringComparer.Ordinal);
    private int healed;

    /// <summary>Looks at what the emulated Twilio sees. To be called on its loop.</summary>
    public GuaranteeView Look(TwilioCloud cloud)
    {
        var now = clock.GetUtcNow();
        var nobodyIsOn = !cloud.LiveLegs().Any(leg => leg.Inbound || leg.State == LegState.InProgress);
        var wrong = Guarantees.Broken(cloud, nobodyIsOn);
        foreach (var over in since.Keys.Except(wrong, StringComparer.Ordinal).ToList())
        {
            healed += now - since[over] >= patience ? 1 : 0;
            since.Remove(over);
        }

        foreach (var what in wrong)
            since.TryAdd(what, now);
        // Nothing mends a phone that has rung twice.
        var broken = wrong.Where(what => now - since[what] >= patience || what.StartsWith("G3", StringComparison.Ordinal)).ToList();
        return new GuaranteeView(broken.Count > 0 ? "broken" : wrong.Count > 0 ? "settling" : "hold", broken.Count > 0 ? broken : wrong, healed);
    }
}

/// <summary>How the guarantees stand.</summary>
/// <param name="State"><c>hold</c>, <c>settling</c> (something is wrong, and not for long) or <c>broken</c>.</param>
/// <param name="What">What is wrong, a sentence each.</param>
/// <param name="Healed">How many were broken earlier, and are not now.</param>
internal sealed record GuaranteeView(string State, IReadOnlyList<string> What, int Healed);
