using System.Globalization;

namespace Calls.Scale;

/// <summary>The options of the command line.</summary>
internal sealed record Options
{
    public const string Usage = """
        dotnet run --project bench/Scale -c Release -- [options]

        What the work costs as it grows: more sessions, more participants, more replicas.
          --capacity      only how many live calls one replica compares with Twilio in time; two minutes
          --sizing        only the constants of docs/sizing.md, and its worked sizes; three minutes
          --quick         5000 sessions and short runs, which show that it works and no more: no bound is judged
          --sessions N    the most sessions in one Redis, 2000 or more (1000000)
          --pairs N       paired measurements of each size (5)
        """;

    /// <summary>The smallest number of sessions. All other numbers are compared with it.</summary>
    public const int FewestSessions = 1_000;

    /// <summary>The numbers of participants. The bound is checked for the largest, which is Twilio's maximum.</summary>
    public const int MostParticipants = 250;

    /// <summary>The command that was given.</summary>
    public string Command { get; private init; } = "";

    public bool Quick { get; private init; }

    /// <summary>Measures the reviews and nothing else.</summary>
    public bool Capacity { get; private init; }

    /// <summary>Measures the constants of docs/sizing.md and nothing else.</summary>
    public bool Sizing { get; private init; }

    public int Sessions { get; private init; } = 1_000_000;

    public int Pairs { get; private init; } = 5;

    /// <summary>Whole calls of one measurement. Each has 13 webhooks.</summary>
    public int Calls { get; private init; } = 400;

    /// <summary>Conference webhooks of one measurement.</summary>
    public int Webhooks { get; private init; } = 6_000;

    /// <summary>Calls before the measurement of each process, so that the JIT has compiled its code.</summary>
    public int WarmUp { get; private init; } = 3_000;

    /// <summary>The duration of the measurement at rest. Each replica counts the live sessions every 10 seconds.</summary>
    public TimeSpan Rest { get; private init; } = TimeSpan.FromSeconds(10);

    public IReadOnlyList<int> SessionSizes { get; private init; } = [];

    public IReadOnlyList<int> ParticipantSizes { get; private init; } = [2, 10, 50, 100, MostParticipants];

    public IReadOnlyList<int> ReplicaSizes { get; } = [1, 2, 3];

    /// <summary>The number of steps for <see cref="Load.Progress"/>.</summary>
    public int Steps => 1 + (SessionSizes.Count * (2 + Pairs)) + 1 + Pairs + 1 + Pairs;

    /// <exception cref="FormatException">Names the option that cannot be used, with the reason.</exception>
    public static Options Parse(string[] args)
    {
        var options = args.Contains("--quick")
            ? new Options
            {
                Quick = true,
                Sessions = 5_000,
                Pairs = 1,
                Calls = 60,
                Webhooks = 300,
                WarmUp = 200,
                Rest = TimeSpan.FromSeconds(2),
                ParticipantSizes = [2, 50, MostParticipants],
            }
            : new Options();
        for (var at = 0; at < args.Length; at++)
        {
            var name = args[at];
            options = name switch
            {
                "--quick" => options,
                "--capacity" => options with { Capacity = true },
                "--sizing" => options with { Sizing = true },
                "--sessions" => options with { Sessions = Whole(least: 2 * FewestSessions) },
                "--pairs" => options with { Pairs = Whole(least: 1) },
                _ => throw new FormatException($"{name} is not an option."),
            };

            int Whole(int least) => ++at >= args.Length ? throw new FormatException($"{name} needs a value.")
                : int.TryParse(args[at], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least ? number
                : throw new FormatException($"{name} must be a whole number of at least {least}, and {args[at]} is not.");
        }

        return options with
        {
            Command = string.Join(' ', ["dotnet run --project bench/Scale -c Release", .. args.Length > 0 ? ["--", .. args] : args]),
            SessionSizes = [.. Sizes(options.Sessions)],
        };
    }

    private static IEnumerable<int> Sizes(int most)
    {
        for (var size = FewestSessions; size < most; size *= 10)
            yield return size;
        yield return most;
    }
}
