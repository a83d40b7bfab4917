namespace Calls.Sandbox.Twilio;

/// <summary>The faults in force. Safe to change from any thread at any time; a change holds from the next request on.</summary>
public sealed class FaultSwitches
{
    private readonly Lock _gate = new();
    private readonly List<Armed<WebhookFault>> _webhooks = [];
    private readonly List<Armed<RestFault>> _rest = [];

    /// <summary>Twilio's REST API is gone: every connection is cut before anything is done.</summary>
    public bool Outage { get; set; }

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
        }
    }

    internal WebhookPlan PlanWebhook(Webhook hook, Random chance)
    {
        var rule = Take(_webhooks, armed => armed.Matches(hook), fault => fault.Probability, chance);
        return rule is null
            ? WebhookPlan.None
            : new()
            {
                Copies = [.. Enumerable.Range(0, rule.Duplicates).Select(_ => Draw(rule.CopyDelay, chance))],
                Delay = Draw(rule.Delay, chance),
                Drop = rule.Drop,
                HoldBehind = rule.Reorder ? rule : null,
                RefuseConnection = rule.RefuseConnection,
                LoseAnswer = rule.LoseAnswer,
                FailingAttempts = rule.FailingAttempts,
            };
    }

    internal (RestFault? Fault, TimeSpan Latency) PlanRest(RestOperation operation, string pathAndParameters, Random chance)
    {
        if (Outage)
        {
            return (new() { Kind = RestFaultKind.CutBefore }, TimeSpan.Zero);
        }
        var fault = Take(_rest, armed => armed.Matches(operation, pathAndParameters), armed => armed.Probability, chance);
        return (fault, fault is null ? TimeSpan.Zero : Draw(fault.Latency, chance));
    }

    private T? Take<T>(List<Armed<T>> rules, Func<T, bool> matches, Func<T, double> probability, Random chance) where T : class
    {
        lock (_gate)
        {
            var armed = rules.Find(rule => rule.Left is not 0 && matches(rule.Fault) && (probability(rule.Fault) >= 1 || chance.NextDouble() < probability(rule.Fault)));
            if (armed?.Left is { } left)
            {
                armed.Left = left - 1;
            }
            return armed?.Fault;
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

    private static TimeSpan Draw((TimeSpan Least, TimeSpan Most) range, Random chance) =>
        range.Most > range.Least ? range.Least + ((range.Most - range.Least) * chance.NextDouble()) : range.Least;

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
