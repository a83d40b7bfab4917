using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>Checks the guarantees while calls go on. A problem counts as broken when it has lasted for the whole limit.</summary>
/// <remarks>The limit is longer than the service needs to compare a call with Twilio after a lost webhook.</remarks>
internal sealed class GuaranteeWatch(TimeProvider clock, TimeSpan limit)
{
    private readonly Dictionary<string, DateTimeOffset> since = new(StringComparer.Ordinal);
    private int resolved;

    /// <summary>Checks the state of the emulated Twilio. It must be called on the loop of the emulator.</summary>
    public GuaranteeView Check(TwilioCloud cloud)
    {
        var now = clock.GetUtcNow();
        var allCallsOver = !cloud.LiveLegs().Any(leg => leg.Inbound || leg.State == LegState.InProgress);
        var problems = Guarantees.Broken(cloud, allCallsOver);
        foreach (var gone in since.Keys.Except(problems, StringComparer.Ordinal).ToList())
        {
            resolved += now - since[gone] >= limit ? 1 : 0;
            since.Remove(gone);
        }

        foreach (var problem in problems)
            since.TryAdd(problem, now);
        // A second ring cannot be undone, so it counts as broken at once.
        var broken = problems
            .Where(problem => now - since[problem] >= limit || problem.StartsWith("G3", StringComparison.Ordinal)).ToList();
        var status = broken.Count > 0 ? "broken" : problems.Count > 0 ? "settling" : "hold";
        return new GuaranteeView(status, broken.Count > 0 ? broken : problems, resolved);
    }
}

/// <summary>The state of the guarantees.</summary>
/// <param name="State"><c>hold</c>, <c>settling</c> (there is a problem, but not for long) or <c>broken</c>.</param>
/// <param name="What">The problems, one sentence each.</param>
/// <param name="Healed">How many problems counted as broken earlier and are over now.</param>
internal sealed record GuaranteeView(string State, IReadOnlyList<string> What, int Healed);
