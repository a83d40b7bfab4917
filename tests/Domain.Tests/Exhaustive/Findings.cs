namespace Calls.Domain.Tests.Exhaustive;

/// <summary>How much an exploration visited, and the first violation with the path to it.</summary>
/// <param name="States">Visited states.</param>
/// <param name="Sessions">Different stored sessions among them.</param>
/// <param name="Edges">Transitions that were tried.</param>
/// <param name="Quiescent">How often recovery reached a state at rest.</param>
/// <param name="Live">How many of those had a call that had not ended.</param>
/// <param name="Happened">The labels of all transitions that were tried.</param>
/// <param name="Violation">The first rule that did not hold, or null.</param>
internal sealed record Findings(
    int States, int Sessions, long Edges, int Quiescent, int Live, IReadOnlySet<string> Happened, string? Violation);

/// <summary>
/// A rule of the model does not hold. Rules that begin with S hold in every state, rules that begin with Q in every state at rest.
/// </summary>
internal sealed class Violation(string rule, string where) : Exception(rule)
{
    public string Where { get; } = where;

    public static void Unless(bool holds, string rule, World world, SessionEvent? happened = null)
    {
        if (!holds)
            throw new Violation(rule, $"{happened}\non {world.Key()}");
    }
}
