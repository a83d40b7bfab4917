namespace Calls.Sandbox.Twilio;

/// <summary>The active faults. They may be changed from any thread at any time. A change applies from the next request.</summary>
public sealed class Faults
{
    private readonly Lock _gate = new();
    private readonly List<ActiveRule<WebhookFault>> _webhooks = [];
    private readonly List<ActiveRule<RestFault>> _rest = [];

    /// <summary>Whether the REST API is down: it cuts every connection and handles no request.</summary>
    public bool Outage { get; set; }

    /// <summary>How many calls leave Twilio's queue per second. Null: as many as
    /// <see cref="TwilioEmulatorOptions.CallsPerSecond"/> says.</summary>
    public double? CallsPerSecond { get; set; }

    /// <summary>The time between the effect of a REST request and its answer.</summary>
    public TimeSpan RestLatency { get; set; }

    /// <summary>Adds a rule. To dispose of the result removes it.</summary>
    public IDisposable Add(WebhookFault fault) => AddRule(_webhooks, new(fault, fault.Times));

    /// <summary>Adds a rule. To dispose of the result removes it.</summary>
    public IDisposable Add(RestFault fault) => AddRule(_rest, new(fault, fault.Times));

    /// <summary>Removes every fault.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _webhooks.Clear();
            _rest.Clear();
            Outage = false;
            CallsPerSecond = null;
            RestLatency = TimeSpan.Zero;
        }
    }

    internal WebhookPlan PlanWebhook(Webhook hook, Random chance)
    {
        var rules = SelectRules(_webhooks, rule => rule.Fault.Matches(hook), fault => fault.Probability, chance, most: int.MaxValue);
        return rules.Count == 0
            ? WebhookPlan.None
            : new()
            {
                Copies =
                [
                    .. rules.SelectMany(rule => Enumerable.Range(0, rule.Duplicates)
                        .Select(_ => Draw(rule.MinDelay, rule.MaxDelay, chance))),
                ],
                Delay = rules.Aggregate(TimeSpan.Zero, (sum, rule) => sum + Draw(rule.MinDelay, rule.MaxDelay, chance)),
                Drop = rules.Any(rule => rule.Drop),
                HoldBehind = rules.FirstOrDefault(rule => rule.Reorder),
                RefuseConnection = rules.Any(rule => rule.RefuseConnection),
                LoseAnswer = rules.Any(rule => rule.LoseAnswer),
                FailingAttempts = rules.Min(rule => rule.FailingAttempts),
            };
    }

    internal (RestFault? Fault, TimeSpan Latency) PlanRest(
        RestOperation operation, string pathAndParameters, Random chance, DateTimeOffset now)
    {
        if (Outage)
        {
            return (new() { Kind = RestFaultKind.Cut }, TimeSpan.Zero);
        }
        var rules = SelectRules(
            _rest, rule => rule.Fault.Matches(operation, pathAndParameters) && rule.IsBeyond(rule.Fault.BeyondPerSecond, now),
            fault => fault.Probability, chance, most: 1);
        return rules is [var fault] ? (fault, RestLatency + Draw(fault.MinLatency, fault.MaxLatency, chance)) : (null, RestLatency);
    }

    private List<T> SelectRules<T>(
        List<ActiveRule<T>> rules, Func<ActiveRule<T>, bool> matches, Func<T, double> probability, Random chance, int most)
        where T : class
    {
        lock (_gate)
        {
            var selected = rules
                .Where(rule => rule.Remaining is not 0
                    && matches(rule)
                    && (probability(rule.Fault) >= 1 || chance.NextDouble() < probability(rule.Fault)))
                .Take(most).ToList();
            foreach (var rule in selected)
            {
                rule.Remaining--;
            }
            return [.. selected.Select(rule => rule.Fault)];
        }
    }

    private Remover AddRule<T>(List<ActiveRule<T>> rules, ActiveRule<T> active)
    {
        lock (_gate)
        {
            rules.Add(active);
        }
        return new Remover(() =>
        {
            lock (_gate)
            {
                rules.Remove(active);
            }
        });
    }

    private static TimeSpan Draw(TimeSpan least, TimeSpan most, Random chance) =>
        most > least ? least + ((most - least) * chance.NextDouble()) : least;

    private sealed class ActiveRule<T>(T fault, int? remaining)
    {
        public T Fault { get; } = fault;

        public int? Remaining { get; set; } = remaining;

        private readonly Queue<DateTimeOffset> _letPass = new();

        /// <summary>Whether a request is beyond a limit for each second. A request within the limit is counted.</summary>
        public bool IsBeyond(int? perSecond, DateTimeOffset now)
        {
            if (perSecond is not { } most)
            {
                return true;
            }
            while (_letPass.TryPeek(out var first) && now - first >= TimeSpan.FromSeconds(1))
            {
                _letPass.Dequeue();
            }
            if (_letPass.Count >= most)
            {
                return true;
            }
            _letPass.Enqueue(now);
            return false;
        }
    }

    private sealed class Remover(Action remove) : IDisposable
    {
        public void Dispose() => remove();
    }
}
