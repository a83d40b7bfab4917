using System.Globalization;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Demo;

/// <summary>Plays every flow against the real service, prints the timeline of each call, and checks the guarantees.</summary>
/// <remarks>The exit code is 0 if every guarantee held, else 1.</remarks>
internal static class Demonstration
{
    /// <param name="guesses">The seed that draws the positions of the emulator's guesses (docs/emulator.md).</param>
    public static async Task<int> RunAsync(int guesses)
    {
        var (twilio, drawn) = new TwilioEmulatorOptions { RingBuffer = TimeSpan.Zero }.Draw(new Random(guesses));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"What is not known of Twilio (demo --guesses {guesses}):"));
        foreach (var position in drawn)
            Console.WriteLine($"    {position}");
        // Twilio adds five seconds to every ring time-out. Here it adds none, so that a phone rings for five seconds in all.
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Twilio = twilio,
            Settings = [new("Calls:RingTimeout", "00:00:05")],
        });
        var failed = 0;
        foreach (var flow in Flows.All)
        {
            var from = host.Twilio.Journal.Entries.Count;
            var session = string.Create(CultureInfo.InvariantCulture, $"demo-{flow.Name.Split(' ')[0]}");
            Console.WriteLine();
            Console.WriteLine($"=== {flow.Name}: {flow.Shows}");
            string? failure = null;
            try
            {
                await flow.PlayAsync(host, session);
                await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended");
            }
            catch (Exception e) when (e is TimeoutException or InvalidOperationException)
            {
                failure = e.Message;
            }

            foreach (var line in Timeline.Lines(host.Twilio.Journal.Entries.Skip(from)))
                Console.WriteLine(line);
            var (_, document) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{session}", host.TokenFor("alice"));
            Console.WriteLine($"    GET /v1/sessions/{session} → {document}");
            var broken = await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud));
            foreach (var guarantee in broken)
                Console.WriteLine($"    BROKEN {guarantee}");
            // A line that this call has left behind is no fault of the next call.
            await host.Twilio.AskAsync(cloud =>
            {
                foreach (var leg in cloud.LiveLegs())
                    cloud.HangUp(leg);
                return true;
            });
            if (failure is not null)
                Console.WriteLine($"    FAILED {failure.Split(Environment.NewLine)[0]}");
            var ok = broken.Count == 0 && failure is null;
            Console.WriteLine(ok
                ? "    ok: no party is alone or on hold for a party that left, no phone rings, no phone rang twice"
                : "    not ok");
            failed += ok ? 0 : 1;
        }

        Console.WriteLine();
        Console.WriteLine(failed == 0
            ? $"All {Flows.All.Count} calls kept every guarantee. To place a call yourself, run: dotnet run --project src/Sandbox"
            : $"{failed} of {Flows.All.Count} calls broke a guarantee or did not go as described.");
        return failed == 0 ? 0 : 1;
    }
}
