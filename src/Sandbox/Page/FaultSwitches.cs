using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>The faults that the page can switch on and off.</summary>
internal sealed class FaultSwitches(Faults faults, Func<Task> flushRedis)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Action> active = new(StringComparer.Ordinal);

    /// <summary>All switches, in the order in which the page shows them.</summary>
    public static IReadOnlyList<FaultSwitch> All { get; } =
    [
        new(
            "lose-some",
            "Lose some callbacks",
            "A third of the status callbacks do not arrive.",
            faults => AddRules(faults, Callbacks(new() { Drop = true, Probability = 1.0 / 3 }))),
        new(
            "lose-all",
            "Lose all callbacks",
            "No status callback arrives. The service reads the state from Twilio instead.",
            faults => AddRules(faults, Callbacks(new() { Drop = true }))),
        new(
            "duplicate",
            "Duplicate webhooks",
            "Every webhook arrives twice.",
            faults => AddRules(faults, [new() { Duplicates = 1 }])),
        new(
            "delay",
            "Delay callbacks",
            "Status callbacks arrive up to two seconds late, and in another order.",
            faults => AddRules(faults, Callbacks(new() { MaxDelay = TimeSpan.FromSeconds(2) }))),
        new("queue", "Twilio queues calls", "Twilio starts one call every five seconds. The others wait in its queue.", faults =>
        {
            faults.CallsPerSecond = 0.2;
            return () => faults.CallsPerSecond = null;
        }),
        new("outage", "Twilio is down", "Twilio's REST API closes every connection without an answer.", faults =>
        {
            faults.Outage = true;
            return () => faults.Outage = false;
        }),
        new(
            "flush",
            "Redis loses every call",
            "Redis is flushed once, at this moment. The next webhook of a call builds its session again from Twilio.",
            TurnOn: null,
            Done: "Redis was flushed. It has lost every call."),
    ];

    /// <summary>The names of the switches that are on.</summary>
    public IReadOnlyList<string> On
    {
        get
        {
            lock (gate)
                return [.. active.Keys];
        }
    }

    /// <summary>Sets a switch. The switch of the flush stays off, because the flush is over when this returns. False if no switch has that
    /// name.</summary>
    public async Task<bool> SetAsync(string name, bool on)
    {
        if (All.FirstOrDefault(known => known.Name == name) is not { } found)
            return false;
        if (found.TurnOn is null)
        {
            if (on)
                await flushRedis();
            return true;
        }

        lock (gate)
        {
            if (on && !active.ContainsKey(name))
                active[name] = found.TurnOn(faults);
            else if (!on && active.Remove(name, out var undo))
                undo();
        }

        return true;
    }

    private static IEnumerable<WebhookFault> Callbacks(WebhookFault fault) =>
        [fault with { Kind = WebhookKind.CallStatus }, fault with { Kind = WebhookKind.Conference }];

    private static Action AddRules(Faults faults, IEnumerable<WebhookFault> rules)
    {
        var added = rules.Select(faults.Add).ToList();
        return () => added.ForEach(rule => rule.Dispose());
    }
}

/// <summary>One switch.</summary>
/// <param name="Name">The name in the URL.</param>
/// <param name="Title">The label on the page.</param>
/// <param name="Description">What the switch does, in a sentence for the page.</param>
/// <param name="TurnOn">Adds the fault and returns an action that removes it. Null: the flush of Redis.</param>
/// <param name="Done">What the page says after a fault that happens once. Null: the fault lasts until the switch is off.</param>
internal sealed record FaultSwitch(
    string Name,
    string Title,
    string Description,
    [property: System.Text.Json.Serialization.JsonIgnore] Func<Faults, Action>? TurnOn,
    string? Done = null);
