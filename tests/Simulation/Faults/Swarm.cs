using Calls.Sandbox.Twilio;

namespace Calls.Simulation.Faults;

/// <summary>
/// The faults of one world and their rates. Each world has only some faults, since all of them together would hide one another.
/// </summary>
internal sealed record Swarm
{
    public double Duplicate { get; private init; }

    public double Delay { get; private init; }

    public TimeSpan MaxDelay { get; private init; }

    public double Reorder { get; private init; }

    /// <summary>Share of status callbacks that Twilio never sends.</summary>
    public double Drop { get; private init; }

    /// <summary>Share of webhooks whose first attempts cannot connect.</summary>
    public double RefuseWebhook { get; private init; }

    /// <summary>Share of webhooks that the service handles and whose answer is lost.</summary>
    public double LoseAnswer { get; private init; }

    /// <summary>Share of REST requests that fail, by kind of fault.</summary>
    public IReadOnlyDictionary<RestFaultKind, double> Rest { get; private init; } = new Dictionary<RestFaultKind, double>();

    /// <summary>Share of REST requests that cannot connect, so that Twilio has not acted.</summary>
    public double RefuseRest { get; private init; }

    /// <summary>Share of creates that an intermediary sends twice.</summary>
    public double Doubled { get; private init; }

    public bool TwilioGoesAway { get; private init; }

    /// <summary>Mean time between two kills of replicas at random times. Null: no such kills.</summary>
    public TimeSpan? Crash { get; private init; }

    /// <summary>Whether replicas are also killed at a random step of their code.</summary>
    public bool CrashAtAwait { get; private init; }

    public bool StoreGoesAway { get; private init; }

    /// <summary>The store loses everything, once.</summary>
    public bool StoreForgets { get; private init; }

    /// <summary>Share of commands to the store that are done and whose acknowledgement is lost.</summary>
    public double LoseAcknowledgement { get; private init; }

    /// <summary>The largest error of a replica's clock, in both directions.</summary>
    public TimeSpan Skew { get; private init; }

    /// <summary>
    /// The only faults are webhooks that are repeated, late or in another order. Then a person may be alone only for as long as these
    /// faults explain.
    /// </summary>
    public bool IsOnlyLate { get; private init; }

    public bool IsCalm { get; private init; }

    /// <summary>Webhooks are repeated and in another order, and a fifth of the status callbacks is lost. Replicas are killed.</summary>
    public static Swarm Crossing => new()
    {
        Duplicate = 0.3,
        Delay = 0.3,
        MaxDelay = TimeSpan.FromSeconds(2),
        Reorder = 0.3,
        Drop = 0.2,
        Crash = TimeSpan.FromSeconds(6),
    };

    public static Swarm Draw(Random chance)
    {
        var kind = chance.NextDouble();
        if (kind < 0.08)
            return new Swarm { IsCalm = true, IsOnlyLate = true };
        var late = new Swarm
        {
            Duplicate = Sometimes(chance, 0.5, 0.3),
            Delay = Sometimes(chance, 0.6, 0.7),
            MaxDelay = TimeSpan.FromSeconds(0.5 + (4 * chance.NextDouble())),
            Reorder = Sometimes(chance, 0.4, 0.3),
            IsOnlyLate = kind < 0.3,
        };
        if (late.IsOnlyLate)
            return late with
            {
                Delay = 0.3 + (0.5 * chance.NextDouble()),
                MaxDelay = TimeSpan.FromSeconds(1.5 + (3 * chance.NextDouble())),
            };
        return late with
        {
            Drop = Sometimes(chance, 0.4, 0.4),
            RefuseWebhook = Sometimes(chance, 0.25, 0.2),
            LoseAnswer = Sometimes(chance, 0.25, 0.2),
            Rest = Enum.GetValues<RestFaultKind>().Where(k => k != RestFaultKind.None)
                .Select(k => (Kind: k, Rate: Sometimes(chance, 0.2, 0.2)))
                .Where(fault => fault.Rate > 0).ToDictionary(fault => fault.Kind, fault => fault.Rate),
            RefuseRest = Sometimes(chance, 0.2, 0.3),
            Doubled = Sometimes(chance, 0.1, 0.1),
            TwilioGoesAway = chance.NextDouble() < 0.15,
            Crash = chance.NextDouble() < 0.4 ? TimeSpan.FromSeconds(2 + (20 * chance.NextDouble())) : null,
            CrashAtAwait = chance.NextDouble() < 0.4,
            StoreGoesAway = chance.NextDouble() < 0.25,
            LoseAcknowledgement = Sometimes(chance, 0.25, 0.1),
            StoreForgets = chance.NextDouble() < 0.25,
            Skew = chance.NextDouble() < 0.3 ? TimeSpan.FromSeconds(5 * chance.NextDouble()) : TimeSpan.Zero,
        };
    }

    /// <summary>Activates the faults of Twilio's side in the emulator.</summary>
    public void ArmAt(TwilioCloud cloud)
    {
        var faults = cloud.Faults;
        if (Duplicate > 0)
            faults.Add(new WebhookFault { Probability = Duplicate, Duplicates = 1, MaxDelay = MaxDelay });
        foreach (var status in new[] { WebhookKind.CallStatus, WebhookKind.Conference })
        {
            if (Delay > 0)
                faults.Add(new WebhookFault { Kind = status, Probability = Delay, MaxDelay = MaxDelay });
            if (Reorder > 0)
                faults.Add(new WebhookFault { Kind = status, Probability = Reorder, Reorder = true });
            if (Drop > 0)
                faults.Add(new WebhookFault { Kind = status, Probability = Drop, Drop = true });
        }

        if (RefuseWebhook > 0)
            faults.Add(new WebhookFault { Probability = RefuseWebhook, RefuseConnection = true, FailingAttempts = 2 });
        if (LoseAnswer > 0)
            faults.Add(new WebhookFault { Probability = LoseAnswer, LoseAnswer = true, FailingAttempts = 2 });
        foreach (var (kind, rate) in Rest.OrderBy(fault => fault.Key))
            faults.Add(new RestFault { Kind = kind, Probability = rate });
    }

    private static double Sometimes(Random chance, double share, double most) =>
        chance.NextDouble() < share ? most * chance.NextDouble() : 0;
}
