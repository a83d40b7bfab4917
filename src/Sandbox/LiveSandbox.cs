using System.Globalization;
using Calls.Api.Lifecycle;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Page;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox;

/// <summary>Runs the service with an emulated Twilio, and a page with phones to use.</summary>
/// <remarks>The phones can also be used with curl. It runs until Ctrl+C.</remarks>
internal static class LiveSandbox
{
    /// <summary>The port of the service. The page, Redis and Twilio's REST API have the next ports. The launch profile <c>sandbox</c> of
    /// the Api names them.</summary>
    public const int DefaultPort = 5080;

    public static Task<int> RunAsync(LiveOptions options) => StartErrors.ReportAsync(
        () => ServeAsync(options),
        _ => "start the sandbox with -- --port and another number; it takes the three ports after it too");

    private static async Task ServeAsync(LiveOptions options)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Port = options.Port,
            RedisPort = options.Port + 2,
            Twilio = options.Twilio with
            {
                Port = options.Port + 3,
                JournalCapacity = 20_000,
                InlinePlayTime = TimeSpan.FromSeconds(3),
            },
            Settings =
            [
                // Shorter than in production, so that a person sees soon how the service recovers from lost webhooks.
                new("Calls:ReviewInterval", "00:00:10"), new("Calls:JoinGrace", "00:00:05"),
                new("Calls:RejoinGrace", options.RejoinGrace.ToString()),
                .. PageOptions.Group,
            ],
        });
        var defaults = new PageOptions();
        await using var page = await SandboxPage.StartAsync(
            host, defaults with { Port = options.Port + 1, BrokenAfter = defaults.BrokenAfter + options.RejoinGrace });
        Print(host, page);
        host.Twilio.Journal.Added += entry =>
        {
            foreach (var line in Timeline.Lines([entry]))
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{entry.At:HH:mm:ss.fff}{line[9..]}"));
        };
        await page.WaitForShutdownAsync();
    }

    private static void Print(SandboxHost host, SandboxPage page)
    {
        var phones = $"{page.Address}phones";
        Console.WriteLine($"""

            Calls is running, with an embedded Redis and an emulated Twilio.

              the page            {page.Address}    open it: phones to use, the call, every request and answer
              the Api             {host.Address}docs
              Twilio's REST API   {host.Twilio.ApiBaseUrl}
              Redis               {host.RedisConnectionString}

            You can also place a call with curl, in another terminal:

              curl -X POST '{phones}/client:alice/call?to=bob&session=s-42'
              curl -X POST '{phones}/client:bob/answer'
              curl {host.Address}v1/sessions/s-42 -H "Authorization: Bearer $ALICE"
              curl -X POST {host.Address}v1/sessions/s-42/participants -H "Authorization: Bearer $ALICE" \
                   -H 'Content-Type: application/json' -d '{"{"}"phoneNumber": "+15550100101", "label": "lawyer"{"}"}'
              curl -X POST '{phones}/+15550100101/answer'
              curl -X POST '{phones}/client:alice/hang-up'

            where ALICE={host.TokenFor("alice")}

            A phone can call, answer, decline, hang-up and drop. Every request and answer is shown below. Press Ctrl+C to stop.

            """);
    }
}

/// <summary>The options of the command line: <c>--port</c>, <c>--rejoin-grace</c> in seconds, and <c>--guess</c> any number of times.
/// </summary>
internal sealed record LiveOptions(int Port, TwilioEmulatorOptions Twilio)
{
    /// <summary><c>Calls:RejoinGrace</c>.</summary>
    public TimeSpan RejoinGrace { get; init; }

    /// <summary>Null if an option is unknown, or has no usable value.</summary>
    public static LiveOptions? Read(ReadOnlySpan<string> args)
    {
        var options = new LiveOptions(LiveSandbox.DefaultPort, new TwilioEmulatorOptions());
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            if (args[i] == "--guess" && options.Twilio.With(value) is { } guessed)
                options = options with { Twilio = guessed };
            else if (args[i] == "--rejoin-grace" && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                && seconds <= 300)
                options = options with { RejoinGrace = TimeSpan.FromSeconds(seconds) };
            else if (args[i] == "--port" && ushort.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
                && port is > 0 and < ushort.MaxValue - 2)
                options = options with { Port = port };
            else
                return null;
        }

        return options;
    }
}
