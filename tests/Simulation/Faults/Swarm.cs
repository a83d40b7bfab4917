using Calls.Sandbox.Twilio;

namespace Calls.Simulation.Faults;

/// <summary>Which faults there are in one world, and how often. Each world has some of them only: together they would hide one another.</summary>
internal sealed record Swarm
{
    public double Duplicate { get; private init; }

    public double Delay { get; private init; }

    public TimeSpan MaxDelay { get; private init; }

    public double Reorder { get; private init; }

    /// <summary>Of status callbacks: Twilio never sends them, and nobody is told.</summary>
    public double Drop { get; private init; }

    /// <summary>Of all webhooks: no connection comes to be, at the first attempts.</summary>
    public double RefuseWebhook { get; private init; }

    /// <summary>Of all webhooks: the service acts, and its answer is lost.</summary>
    public double LoseAnswer { get; private init; }

    /// <summary>Of REST requests, by kind.</summary>
    public IReadOnlyDictionary<RestFaultKind, double> Rest { get; private init; } = new Dictionary<RestFaultKind, double>();

    /// <summary>Of REST requests: no connection comes to be, so that Twilio cannot have acted.</summary>
    public double RefuseRest { get; private init; }

    /// <summary>Of creates: something between us and Twilio sends the request twice.</summary>
    public double Doubled { get; private init; }

    public bool TwilioGoesAway { get; private init; }

    /// <summary>Mean time between two deaths of replicas, at any time; null: none dies so.</summary>
    public TimeSpan? Crash { get; private init; }

    /// <summary>Whether replicas also die at a random step of their code.</summary>
    public bool CrashAtAwait { get; private init; }

    public bool StoreGoesAway { get; private init; }

    /// <summary>Of commands to the store: it is done, and the acknowledgement is lost.</summary>
    public double LoseAcknowledgement { get; private init; }

    /// <summary>How wrong a replica's clock may be, either way.</summary>
    public TimeSpan Skew { get; private init; }

    /// <summary>Nothing but webhooks that come twice, late or in another order: then nobody may be left alone for longer than those can explain.</summary>
    public bool IsOnlyLate { get; private init; }

    public bool IsCalm { get; private init; }

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
            return late with { Delay = 0.3 + (0.5 * chance.NextDouble()), MaxDelay = TimeSpan.FromSeconds(1.5 + (3 * chance.NextDouble())) };
        return late with
        {
            Drop = Sometimes(chance, 0.4, 0.4),
            RefuseWebhook = Sometimes(chance, 0.25, 0.2),
            LoseAnswer = Sometimes(chance, 0.25, 0.2),
            Rest = Enum.GetValues<RestFaultKind>().Where(k => k != RestFaultKind.None).Select(k => (Kind: k, Rate: Sometimes(chance, 0.2, 0.2)))
                .Where(fault => fault.Rate > 0).ToDictionary(fault => fault.Kind, fault => fault.Rate),
            RefuseRest = Sometimes(chance, 0.2, 0.3),
            Doubled = Sometimes(chance, 0.1, 0.1),
            TwilioGoesAway = chance.NextDouble() < 0.15,
            Crash = chance.NextDouble() < 0.4 ? TimeSpan.FromSeconds(2 + (20 * chance.NextDouble())) : null,
            CrashAtAwait = chance.NextDouble() < 0.4,
            StoreGoesAway = chance.NextDouble() < 0.25,
            LoseAcknowledgement = Sometimes(chance, 0.25, 0.1),
            Skew = chance.NextDouble() < 0.3 ? TimeSpan.FromSeconds(5 * chance.NextDouble()) : TimeSpan.Zero,
        };
    }

    /// <summary>Puts the faults that Twilio's side can do in force there.</summary>
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

    private static double Sometimes(Random chance, double share, double most) => chance.NextDouble() < share ? most * chance.NextDouble() : 0;
}
