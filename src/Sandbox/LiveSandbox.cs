using System.Globalization;
using Calls.Api.Lifecycle;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Page;

namespace Calls.Sandbox;

/// <summary>The sandbox that a person plays with: the service, its emulated Twilio, and a page (and a small API for curl) on which phones are used. Runs until Ctrl+C.</summary>
internal static class LiveSandbox
{
    /// <summary>The port of the service. The page has the next port.</summary>
    public const int DefaultPort = 5080;

    public static Task<int> RunAsync(int port) => StartErrors.ReportAsync(
        () => ServeAsync(port), _ => "start the sandbox with -- --port and another number; the page gets the port after it");

    private static async Task ServeAsync(int port)
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Port = port,
            Twilio = new() { JournalCapacity = 20_000 },
            // Shorter than in production, so that a person sees what is put right after a loss.
            Settings = [new("Calls:ReviewInterval", "00:00:10"), new("Calls:JoinGrace", "00:00:05")],
        });
        await using var page = await SandboxPage.StartAsync(host, new PageOptions { Port = port + 1 });
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

              the page            {page.Address}    open it: phones to use, the call, everything that goes over the wire
              the Api             {host.Address}docs
              Twilio's REST API   {host.Twilio.ApiBaseUrl}

            Or place a call with curl, in another terminal:

              curl -X POST '{phones}/client:alice/call?to=bob&session=s-42'
              curl -X POST '{phones}/client:bob/answer'
              curl {host.Address}v1/sessions/s-42 -H "Authorization: Bearer $ALICE"
              curl -X POST {host.Address}v1/sessions/s-42/participants -H "Authorization: Bearer $ALICE" \
                   -H 'Content-Type: application/json' -d '{"{"}"phoneNumber": "+15550100101", "label": "lawyer"{"}"}'
              curl -X POST '{phones}/+15550100101/answer'
              curl -X POST '{phones}/client:alice/hang-up'

            where ALICE={host.TokenFor("alice")}

            A phone can call, answer, decline, hang-up and drop. Everything that goes over the wire is shown below. Ctrl+C ends it.

            """);
    }
}
