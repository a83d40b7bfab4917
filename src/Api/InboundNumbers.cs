namespace Calls.Api;

/// <summary>Who is rung when a person calls a number of the account from a phone (<c>Calls:Inbound</c>), and who may not call
/// (<c>Calls:BlockedCallers</c>).</summary>
internal sealed class InboundNumbers
{
    private const string Section = CallsOptions.Section + ":Inbound";
    private readonly Dictionary<PhoneNumber, Recipient> callees = [];
    private readonly HashSet<PhoneNumber> blocked = [];

    public InboundNumbers(CallsOptions options)
    {
        foreach (var (called, target) in options.Inbound)
            if (NumberOf(called) is { } number && Recipient.Parse(target, out _) is { } callee)
                callees[number] = callee;
        foreach (var caller in options.BlockedCallers)
            if (NumberOf(caller) is { } number)
                blocked.Add(number);
    }

    /// <summary>Who is rung; null where the number is not configured.</summary>
    public Recipient? CalleeOf(string? called) => PhoneNumber.TryParse(called, out var number) ? callees.GetValueOrDefault(number) : null;

    public bool IsBlocked(Party caller) => caller is Party.Phone phone && blocked.Contains(phone.Number);

    /// <summary>One sentence for each key that cannot be used. It quotes no number, because numbers are personal.</summary>
    public static IEnumerable<string> Failures(CallsOptions options)
    {
        const string Number = "no number: the country code and the number, with or without +.";
        var (own, groups) = (options.Inbound.Keys.Select(NumberOf).ToHashSet(), new CalledGroups(options));
        foreach (var (number, target) in options.Inbound)
            if (NumberOf(number) is null)
                yield return $"{Section} has a key that is {Number}";
            else if (Recipient.Parse(target, out _) is not { } callee)
                yield return $"{Section} has a value that is no identity, no number with + and no group such as group:name.";
            else if (callee.Group is { } group && groups.Find(group) is null)
                yield return $"{Section} has the group \"{group}\". It is not in {CalledGroups.Section}, and there is no group resolver.";
            else if (callee.Party is Party.Phone phone && own.Contains(phone.Number))
                yield return $"{Section} has a number as a value that is also a key: the call would ring itself.";
            else if (callee.Group is { } called && groups.Find(called)?.Members?.Candidates.Any(IsOwn) is true)
                yield return $"{CalledGroups.Section}:{called} has a number that is a key of {Section}: the call would ring itself.";
        if (options.BlockedCallers.Any(caller => NumberOf(caller) is null))
            yield return $"{CallsOptions.Section}:BlockedCallers has an entry that is {Number}";

        bool IsOwn(Party member) => member is Party.Phone phone && own.Contains(phone.Number);
    }

    /// <summary>Some platforms take no <c>+</c> in the name of a variable.</summary>
    private static PhoneNumber? NumberOf(string text) =>
        PhoneNumber.TryParse(text.Trim() is ['+', ..] given ? given : "+" + text.Trim(), out var number) ? number : null;
}
