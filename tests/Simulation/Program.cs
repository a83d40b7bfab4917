using System.Globalization;
using Calls.Simulation;
using Calls.Simulation.Faults;
using Calls.Simulation.World;
using Xunit.Runner.InProc.SystemConsole;

const string Help = """
    dotnet run --project tests/Simulation -c Release -- [options]

      --seeds N       as many worlds, of some dozen calls each (10,000 are more than 100,000 calls)
      --first N       the first seed; 1 if it is not given
      --seed N        one world, with the timeline of the call that went wrong
      --timeline N    with --seed: the timeline of call N, also without a violation; "all" for all calls
      --crossing 1    each call adds one of ten candidates, of whom three answer at the same time
      --bug NAME      put a mistake into the service, and see whether it is found; a wrong name lists all names
    """;

// dotnet test starts the same program with the runner's own arguments.
if (args is not [.. var _] || !args.Any(arg => arg is "--seeds" or "--seed" or "--help"))
    return await ConsoleRunner.Run(args);

var options = new Dictionary<string, string>(StringComparer.Ordinal);
for (var i = 0; i + 1 < args.Length; i += 2)
    options[args[i]] = args[i + 1];
if (args.Contains("--help") || args.Length % 2 != 0 || options.Keys
    .Except(["--seeds", "--first", "--seed", "--timeline", "--crossing", "--bug"]).FirstOrDefault() is { } unknown)
{
    Console.WriteLine(Help);
    return args.Contains("--help") ? 0 : 2;
}

if (!Enum.TryParse<Bug>(options.GetValueOrDefault("--bug", nameof(Bug.None)), out var bug))
{
    Console.Error.WriteLine($"--bug: there is no {options["--bug"]}; there are {string.Join(", ", Enum.GetNames<Bug>())}");
    return 2;
}

if (options.ContainsKey("--seed"))
    return Number("--seed", 1) is { } one ? Show(one, bug) : 2;
return Number("--first", 1) is { } first && Number("--seeds", 1000) is { } seeds ? Many(first, seeds, bug) : 2;

int? Number(string option, int otherwise)
{
    if (!options.TryGetValue(option, out var text))
        return otherwise;
    if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        return number;
    Console.Error.WriteLine($"{option}: \"{text}\" is no number");
    return null;
}

int Show(int seed, Bug bug)
{
    using var world = new CallsWorld(seed, bug, options.ContainsKey("--crossing"));
    var verdict = world.Run();
    Console.WriteLine(world.Swarm);
    Console.WriteLine("Twilio: " + string.Join(", ", world.Guessed));
    int? story = options.GetValueOrDefault("--timeline") == "all" ? null
        : Number("--timeline", -1) is >= 0 and var chosen ? chosen : verdict.Violations is [var first, ..] ? first.Story : null;
    if (verdict.Violations.Count > 0 || options.ContainsKey("--timeline"))
        Console.WriteLine(Timeline.Of(world, story));
    foreach (var violation in verdict.Violations)
        Console.WriteLine($"{violation.At:HH:mm:ss.fff} VIOLATION, call {violation.Story}: {violation.What}");
    Console.WriteLine(
        $"seed {seed}: {verdict.Calls} calls, {verdict.Events} events in {verdict.Took.TotalSeconds:0} virtual seconds, fingerprint "
        + $"{Timeline.Fingerprint(world):x16}, {verdict.Violations.Count} violations");
    return verdict.Violations.Count == 0 ? 0 : 1;
}

int Many(int first, int seeds, Bug bug)
{
    using var enough = new CancellationTokenSource();
    Console.CancelKeyPress += (_, e) =>
    {
        e.Cancel = true;
        enough.Cancel();
    };
    var said = TimeSpan.Zero;
    var failed = 0;
    var summary = Simulator.Run(first, seeds, bug, bug == Bug.None ? 20 : 1, now =>
    {
        for (; failed < now.Failed.Count; failed++)
            Console.WriteLine(Line(now.Failed[failed]));
        if (now.Took - said < TimeSpan.FromSeconds(2) && now.Worlds < seeds)
            return;
        said = now.Took;
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{now.Worlds,7:N0} of {seeds:N0} worlds, {now.Calls,9:N0} calls, {now.Calls / now.Took.TotalSeconds,6:N0} calls/s, "
                + $"{now.Failed.Count} gone wrong"));
    }, enough.Token, options.ContainsKey("--crossing"));
    Console.WriteLine("Faults done:");
    foreach (var fault in Tally.All)
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"  {fault,-44} {summary.Faults.Counts.GetValueOrDefault(fault),12:N0}"));
    foreach (var verdict in summary.Failed)
        Console.WriteLine(Line(verdict));
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{summary.Calls:N0} calls in {summary.Worlds:N0} worlds, {summary.Events:N0} events, {summary.Virtual.TotalHours:N0} virtual "
            + $"hours in {summary.Took.TotalSeconds:N0} s: {summary.Failed.Count} worlds gone wrong"));
    return summary.Failed.Count == 0 ? 0 : 1;

    string Line(Verdict verdict) => $"seed {verdict.Seed}: {verdict.Violations[0].What} (dotnet run --project tests/Simulation -- --seed "
        + $"{verdict.Seed}{(bug == Bug.None ? "" : $" --bug {bug}")})";
}
