using System.Globalization;
using System.Text;

namespace Calls.Simulation.World;

/// <summary>The events of a world, for the analysis of a violation.</summary>
internal static class Timeline
{
    /// <summary>All events of one call and the faults of the service in that time. Without a call: the events of all calls.</summary>
    public static string Of(CallsWorld world, int? story)
    {
        var of = story is { } number ? world.Stories[number] : null;
        var own = of is null ? null : new[] { of.Caller, of.Callee }.Concat(of.Guests.Select(guest => guest.Phone))
            .SelectMany(phone => phone.Legs).Select(leg => leg.Sid)
            .Concat(world.Cloud.Legs.Where(leg => leg.CallbackPath?.Contains($"/{of.Session.Value}/", StringComparison.Ordinal) == true)
                .Select(leg => leg.Sid)).ToHashSet(StringComparer.Ordinal);
        var lines = world.Cloud.Journal.Entries
            .Where(entry => own is null || (entry.CallSid is { } sid && own.Contains(sid)) || entry.What.Contains($"/{of!.Session.Value}/",
                StringComparison.Ordinal)
                || entry.What.Contains($"{of.Session.Value}.", StringComparison.Ordinal)
                    || entry.Who.StartsWith($"{of.Session.Value}.", StringComparison.Ordinal)
                || entry.Details.Any(detail => detail.Value.Contains($"/{of.Session.Value}/", StringComparison.Ordinal)))
            .Select(entry => string.Create(CultureInfo.InvariantCulture,
                $"{entry.At:HH:mm:ss.fff} {entry.Kind,-10} {entry.Who} {entry.What}"))
            .Concat(world.Notes);
        var text = new StringBuilder();
        foreach (var line in lines.Order(StringComparer.Ordinal))
            text.AppendLine(line);
        foreach (var session in world.Redis.Sessions.Where(session => of is null || session.Id == of.Session))
            text.AppendLine().AppendLine(session.ToString()).AppendJoin('\n', session.Participants).AppendLine()
                .AppendJoin('\n', session.Effects);
        return text.ToString();
    }

    /// <summary>A hash of all messages and their times. Two runs of one seed must have the same hash.</summary>
    public static ulong Fingerprint(CallsWorld world)
    {
        var hash = 14695981039346656037UL;
        foreach (var entry in world.Cloud.Journal.Entries)
            foreach (var c in string.Create(CultureInfo.InvariantCulture, $"{entry.At.UtcTicks} {entry.Kind} {entry.Who} {entry.What}"))
                hash = unchecked((hash ^ c) * 1099511628211UL);
        return hash;
    }
}
