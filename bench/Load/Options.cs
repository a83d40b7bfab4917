using System.Globalization;

namespace Calls.Load;

/// <summary>The options of the command line.</summary>
internal sealed record Options
{
    public const string Usage = """
        dotnet run --project bench/Load -c Release -- [options]

        The service against the floor, in pairs:
          --quick            one short pair, as a test of the benchmark
          --pairs N          pairs (5)
          --live N           live sessions of the memory measurement (10000)
          --pin              the service on one processor, Redis and the load on another

        Any running service that uses this process as its Twilio:
          --url URL          the URL of the service
          --port N           the port of its Twilio (18080)
          --latency MS       the latency of that Twilio (0)
          --rate N           calls per second, at any speed of the service; without it --concurrency calls at once

        Both:
          --calls N          calls of a run (8000)
          --warm-up N        calls before them, not measured (12000); the JIT compiles during the first 10000
          --concurrency N    calls at once (8)
        """;

    private static readonly string[] OfComparisons = ["--quick", "--pairs", "--live", "--pin"];
    private static readonly string[] OfUrls = ["--port", "--latency", "--rate"];

    /// <summary>The command that was given.</summary>
    public string Command { get; private init; } = "";

    public Uri? Url { get; private init; }

    public bool Quick { get; private init; }

    public bool Pin { get; private init; }

    public int Pairs { get; private init; } = 5;

    public int Live { get; private init; } = 10_000;

    public int Port { get; private init; } = 18_080;

    public TimeSpan Latency { get; private init; }

    /// <summary>Calls per second. Null: a closed loop.</summary>
    public double? Rate { get; private init; }

    public int Calls { get; private init; } = 8_000;

    public int WarmUp { get; private init; } = 12_000;

    public int Concurrency { get; private init; } = 8;

    /// <exception cref="FormatException">Names the option that cannot be used, with the reason.</exception>
    public static Options Parse(string[] args)
    {
        var options = args.Contains("--quick")
            ? new Options { Quick = true, Pairs = 1, Live = 300, Calls = 200, WarmUp = 200 }
            : new Options();
        options = options with
        {
            Command = string.Join(' ', ["dotnet run --project bench/Load -c Release", .. args.Length > 0 ? ["--", .. args] : args]),
        };
        for (var at = 0; at < args.Length; at++)
        {
            var name = args[at];
            options = name switch
            {
                "--quick" => options,
                "--pin" => options with { Pin = true },
                "--pairs" => options with { Pairs = Whole(least: 1) },
                "--live" => options with { Live = Whole(least: 1) },
                "--url" => options with { Url = Address() },
                "--port" => options with { Port = Whole(least: 1) },
                "--latency" => options with { Latency = TimeSpan.FromMilliseconds(Whole(least: 0)) },
                "--rate" => options with { Rate = Whole(least: 1) },
                "--calls" => options with { Calls = Whole(least: 1) },
                "--warm-up" => options with { WarmUp = Whole(least: 0) },
                "--concurrency" => options with { Concurrency = Whole(least: 1) },
                _ => throw new FormatException($"{name} is not an option."),
            };

            string Value() => ++at < args.Length ? args[at] : throw new FormatException($"{name} needs a value.");

            int Whole(int least) =>
                Value() is var text && int.TryParse(text, CultureInfo.InvariantCulture, out var number) && number >= least
                ? number
                : throw new FormatException($"{name} must be a whole number of at least {least}, and {text} is not.");

            Uri Address() => Value() is var text && Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
                ? url
                : throw new FormatException($"{name} must be an http or https URL, and {text} is not.");
        }

        if (args.Intersect(options.Url is null ? OfUrls : OfComparisons).FirstOrDefault() is { } stray)
            throw new FormatException(options.Url is null ? $"{stray} needs --url." : $"{stray} cannot be combined with --url.");
        if (options.Pin && Environment.ProcessorCount < 2)
            throw new FormatException("--pin needs two processors.");
        return options;
    }
}
