using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Page;

/// <summary>The faults that a person can switch on and off.</summary>
internal sealed class FaultSwitches(Faults faults)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Action> off = new(StringComparer.Ordinal);

    /// <summary>All switches: their names, what they are called, and what they do.</summary>
    public static IReadOnlyList<FaultSwitch> All { get; } =
    [
        new("lose-some", "Lose some callbacks", "A third of the status callbacks never arrive.", faults => Arm(faults, Callbacks(new() { Drop = true, Probability = 1.0 / 3 }))),
        new("lose-all", "Lose all callbacks", "No status callback arrives; the service finds out by asking.", faults => Arm(faults, Callbacks(new() { Drop = true }))),
        new("duplicate", "Duplicate webhooks", "Every webhook arrives twice.", faults => Arm(faults, [new() { Duplicates = 1 }])),
        new("delay", "Delay callbacks", "Status callbacks are up to two seconds late, and overtake each other.", faults => Arm(faults, Callbacks(new() { MaxDelay = TimeSpan.FromSeconds(2) }))),
        new("outage", "Twilio is down", "Every request to Twilio's REST API is cut off.", faults =>
        {
            faults.Outage = true;
            return () => faults.Outage = false;
        }),
    ];

    public IReadOnlyList<string> On
    {
        get
        {
            lock (gate)
                return [.. off.Keys];
        }
    }

    /// <summary>False where there is no such switch.</summary>
    public bool Set(string name, bool on)
    {
        if (All.FirstOrDefault(known => known.Name == name) is not { } wanted)
            return false;
        lock (gate)
        {
            if (on && !off.ContainsKey(name))
                off[name] = wanted.Do(faults);
            else if (!on && off.Remove(name, out var undo))
                undo();
        }

        return true;
    }

    private static IEnumerable<WebhookFault> Callbacks(WebhookFault fault) => [fault with { Kind = WebhookKind.CallStatus }, fault with { Kind = WebhookKind.Conference }];

    private static Action Arm(Faults faults, IEnumerable<WebhookFault> rules)
    {
        var armed = rules.Select(faults.Add).ToList();
        return () => armed.ForEach(rule => rule.Dispose());
    }
}

/// <summary>One switch.</summary>
internal sealed record FaultSwitch(string Name, string Title, string Says, [property: System.Text.Json.Serialization.JsonIgnore] Func<Faults, Action> Do);
