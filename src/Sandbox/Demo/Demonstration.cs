using System.Globalization;

namespace Calls.Sandbox.Demo;

/// <summary>Plays every flow against the real service, prints each call's timeline, and judges it. The exit code says whether a guarantee broke.</summary>
internal static class Demonstration
{
    public static async Task<int> RunAsync()
    {
        // Twilio rings for five seconds more than it is told; here it is told five, and adds none.
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Twilio = new() { RingBuffer = TimeSpan.Zero },
            Settings = [new("Calls:RingTimeout", "00:00:05")],
        });
        var failed = 0;
        foreach (var flow in Flows.All)
        {
            var from = host.Twilio.Journal.Entries.Count;
            var session = string.Create(CultureInfo.InvariantCulture, $"demo-{flow.Name.Split(' ')[0]}");
            Console.WriteLine();
            Console.WriteLine($"=== {flow.Name}: {flow.Shows}");
            string? story = null;
            try
            {
                await flow.PlayAsync(host, session);
                await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended");
            }
            catch (Exception e) when (e is TimeoutException or InvalidOperationException)
            {
                story = e.Message;
            }

            foreach (var line in Timeline.Lines(host.Twilio.Journal.Entries.Skip(from)))
                Console.WriteLine(line);
            var (_, document) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{session}", host.TokenFor("alice"));
            Console.WriteLine($"    GET /v1/sessions/{session} → {document}");
            var broken = await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud));
            foreach (var what in broken)
                Console.WriteLine($"    BROKEN {what}");
            if (story is not null)
                Console.WriteLine($"    FAILED {story.Split(Environment.NewLine)[0]}");
            var ok = broken.Count == 0 && story is null;
            Console.WriteLine(ok ? "    ok: nobody alone, nothing ringing, nobody rung twice" : "    not ok");
            failed += ok ? 0 : 1;
        }

        Console.WriteLine();
        Console.WriteLine(failed == 0
            ? $"All {Flows.All.Count} calls went as they should. Next: dotnet run --project src/Sandbox, and place one yourself."
            : $"{failed} of {Flows.All.Count} calls broke a guarantee.");
        return failed == 0 ? 0 : 1;
    }
}
