namespace Calls.Sandbox.Twilio;

/// <summary>The faults in force. Safe to change from any thread at any time; a change holds from the next request on.</summary>
public sealed class Faults
{
    private readonly Lock _gate = new();
    private readonly List<Armed<WebhookFault>> _webhooks = [];
    private readonly List<Armed<RestFault>> _rest = [];

    /// <summary>Twilio's REST API is gone: every connection is cut before anything is done.</summary>
    public bool Outage { get; set; }

    /// <summary>Every REST answer comes this much later than its effect.</summary>
    public TimeSpan RestLatency { get; set; }

    /// <summary>Puts a rule in force, until disposed of.</summary>
    public IDisposable Add(WebhookFault fault) => Arm(_webhooks, new(fault, fault.Times));

    /// <summary>Puts a rule in force, until disposed of.</summary>
    public IDisposable Add(RestFault fault) => Arm(_rest, new(fault, fault.Times));

    /// <summary>Ends every fault.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _webhooks.Clear();
            _rest.Clear();
            Outage = false;
            RestLatency = TimeSpan.Zero;
        }
    }

    internal WebhookPlan PlanWebhook(Webhook hook, Random chance)
    {
        var rules = Take(_webhooks, fault => fault.Matches(hook), fault => fault.Probability, chance, most: int.MaxValue);
        return rules.Count == 0
            ? WebhookPlan.None
            : new()
            {
                Copies = [.. rules.SelectMany(rule => Enumerable.Range(0, rule.Duplicates).Select(_ => Draw(rule.MinDelay, rule.MaxDelay, chance)))],
                Delay = rules.Aggregate(TimeSpan.Zero, (sum, rule) => sum + Draw(rule.MinDelay, rule.MaxDelay, chance)),
                Drop = rules.Any(rule => rule.Drop),
                HoldBehind = rules.FirstOrDefault(rule => rule.Reorder),
                RefuseConnection = rules.Any(rule => rule.RefuseConnection),
                LoseAnswer = rules.Any(rule => rule.LoseAnswer),
                FailingAttempts = rules.Min(rule => rule.FailingAttempts),
            };
    }

    internal (RestFault? Fault, TimeSpan Latency) PlanRest(RestOperation operation, string pathAndParameters, Random chance)
    {
        if (Outage)
        {
            return (new() { Kind = RestFaultKind.Cut }, TimeSpan.Zero);
        }
        var rules = Take(_rest, fault => fault.Matches(operation, pathAndParameters), fault => fault.Probability, chance, most: 1);
        return rules is [var fault] ? (fault, RestLatency + Draw(fault.MinLatency, fault.MaxLatency, chance)) : (null, RestLatency);
    }

    private List<T> Take<T>(List<Armed<T>> rules, Func<T, bool> matches, Func<T, double> probability, Random chance, int most) where T : class
    {
        lock (_gate)
        {
            var taken = rules
                .Where(rule => rule.Left is not 0 && matches(rule.Fault) && (probability(rule.Fault) >= 1 || chance.NextDouble() < probability(rule.Fault)))
                .Take(most).ToList();
            foreach (var rule in taken)
            {
                rule.Left--;
            }
            return [.. taken.Select(rule => rule.Fault)];
        }
    }

    private Remover Arm<T>(List<Armed<T>> rules, Armed<T> armed)
    {
        lock (_gate)
        {
            rules.Add(armed);
        }
        return new Remover(() =>
        {
            lock (_gate)
            {
                rules.Remove(armed);
            }
        });
    }

    private static TimeSpan Draw(TimeSpan least, TimeSpan most, Random chance) => most > least ? least + ((most - least) * chance.NextDouble()) : least;

    private sealed class Armed<T>(T fault, int? left)
    {
        public T Fault { get; } = fault;

        public int? Left { get; set; } = left;
    }

    private sealed class Remover(Action remove) : IDisposable
    {
        public void Dispose() => remove();
    }
}
