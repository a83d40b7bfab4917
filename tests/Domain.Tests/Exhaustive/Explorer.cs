namespace Calls.Domain.Tests.Exhaustive;

/// <summary>
/// Visits every state that the domain can reach together with a model of Twilio and a hostile network, and checks each state.
/// </summary>
/// <remarks>
/// <para>Time: every deadline may pass at any moment. After each decision all stored instants are set to
/// <see cref="CheckedDecisions.Now"/>. If a decision reads the clock, its event is tried at that time and, as another transition, an hour
/// later. This allows more than real time does, so it misses nothing. Real time excludes one case, which is excluded here too: see
/// <see cref="Scenario.Orphans"/>.</para>
/// <para>Crashes: before a save, the event is lost (it is delivered again later, or never). Between the save and the effect, any replica
/// runs the effect at any later moment. Between a grant and its request, the grant is lost. Between the request and the save of its answer,
/// the answer is never saved.</para>
/// <para>Rest: from every state, and not only at the end of a path, <see cref="Recovery"/> must reach a good end.</para>
/// </remarks>
internal sealed class Explorer
{
    private readonly World start;
    private readonly CheckedDecisions decisions;
    private readonly Transitions transitions;
    private readonly Recovery recovery;
    private readonly Dictionary<string, int> seen = new(StringComparer.Ordinal);
    private readonly List<(int Parent, string Label)> steps = [];
    private readonly Queue<(World World, int Number)> pending = new();
    private readonly HashSet<string> happened = [];

    public Explorer(Scenario scenario, Decide decide)
    {
        // The start is shared between explorations, and the decisions on it are not.
        start = scenario.Start with
        {
            Stored = new StoredSession(scenario.Start.Session, scenario.Start.Stored.Key),
            Empty = new StoredSession(null, "~"),
        };
        decisions = new CheckedDecisions(scenario, decide);
        var effects = new EffectRuns(scenario, decisions);
        var webhooks = new Webhooks(scenario);
        transitions = new Transitions(scenario, decisions, effects, webhooks);
        recovery = new Recovery(scenario, decisions, effects, webhooks);
    }

    /// <summary>Visits all states, in the order of their distance from the start.</summary>
    public Findings Run(int mostStates = int.MaxValue)
    {
        long edges = 0;
        Visit(start, -1, "start");
        while (pending.TryDequeue(out var here))
        {
            try
            {
                recovery.Check(here.World);
                foreach (var (world, label) in transitions.From(here.World))
                {
                    edges++;
                    happened.Add(label);
                    if (!ReferenceEquals(world, here.World))
                        Visit(world, here.Number, label);
                }
            }
            catch (Violation violation)
            {
                return Found(edges, $"{Describe(violation, PathTo(here.Number))}\nin: {here.World.Key()}");
            }

            if (seen.Count > mostStates)
                return Found(edges, $"more than {mostStates} states");
        }

        return Found(edges, null);
    }

    /// <summary>Follows one path that the choices determine. Transitions that change nothing are left out.</summary>
    public Findings Walk(IEnumerable<int> choices)
    {
        var here = start;
        List<string> path = [];
        try
        {
            foreach (var choice in choices)
            {
                recovery.Check(here);
                var next = transitions.From(here).Where(n => !ReferenceEquals(n.World, here)).ToList();
                if (next.Count == 0)
                    break;
                // Most transitions end the call. Therefore 99 of 100 choices take a transition after which it goes on, if there is one.
                var calm = choice % 100 == 0 ? [] : next.Where(n => GoesOn(here, n.World)).ToList();
                var from = calm.Count > 0 ? calm : next;
                (here, var label) = from[(int)((uint)choice / 100 % from.Count)];
                path.Add(label);
            }
        }
        catch (Violation violation)
        {
            return Found(path.Count, Describe(violation, path));
        }

        return Found(path.Count, null);
    }

    private static bool GoesOn(World before, World after) =>
        after.Legs.Count(l => l.IsAlive) >= before.Legs.Count(l => l.IsAlive)
        && (after.Session?.IsEnded ?? false) == (before.Session?.IsEnded ?? false);

    private void Visit(World world, int parent, string label)
    {
        if (!seen.TryAdd(world.Key(), seen.Count))
            return;
        steps.Add((parent, label));
        pending.Enqueue((world, steps.Count - 1));
    }

    private List<string> PathTo(int number)
    {
        List<string> path = [];
        for (; number > 0; number = steps[number].Parent)
            path.Add(steps[number].Label);
        path.Reverse();
        return path;
    }

    private static string Describe(Violation violation, List<string> path) =>
        $"{violation.Message}\n{violation.Where}\nafter: {string.Join("\n   ", path)}";

    private Findings Found(long edges, string? violation) =>
        new(seen.Count, decisions.Sessions, edges, recovery.Quiescent, recovery.Live, happened, violation);
}
