using System.Diagnostics.Metrics;
using Calls.Application.Telemetry;
using Calls.Chaos.Tests.Harness;
using Calls.Domain;
using Calls.Sandbox;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Observability.Tests;

/// <summary>Each call is measured once: when the callee's phone rings, or when the caller is told why it does not.</summary>
public sealed class DialMeasurementsTests
{
    private const string Refused = "+15550100199";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_phone_that_rings_and_is_declined_is_one_measurement()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        using var measured = new Measured(host.Services.GetRequiredService<IMeterFactory>());
        await host.Twilio.Client("alice").CallAsync("bob", "s-rings");
        await host.Twilio.Client("bob").RingsAsync();
        await Eventually.TrueAsync(() => Task.FromResult(measured.Of("calls.time_to_ring") == 1), "the ring is measured", Patience);
        await host.Twilio.Client("bob").DeclineAsync();
        await host.Twilio.Client("alice").IsIdleAsync();
        await Eventually.TrueAsync(() => Task.FromResult(measured.Of("calls.line_end.delay") == 1), "the end is measured", Patience);
        measured.Of("calls.time_to_outcome").ShouldBe(1);
        measured.Of("calls.time_to_ring").ShouldBe(1);
        measured.Of("calls.dials", "state=sent cause=").ShouldBe(1);
    }

    [Fact]
    public async Task A_dial_that_Twilio_refuses_is_an_outcome_and_no_ring()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            Twilio = new() { RefusedNumbers = new Dictionary<string, int>(StringComparer.Ordinal) { [Refused] = 21215 } },
        });
        using var measured = new Measured(host.Services.GetRequiredService<IMeterFactory>());
        await host.Twilio.Client("alice").CallAsync(Refused, "s-refused");
        await host.Twilio.Client("alice").IsIdleAsync();
        await Eventually.TrueAsync(() => Task.FromResult(measured.Of("calls.time_to_outcome") == 1), "the outcome is measured", Patience);
        measured.Of("calls.time_to_ring").ShouldBe(0);
        measured.Of("calls.dials", "state=sent cause=").ShouldBe(0);
        measured.Of("calls.dials", "state=refused cause=number").ShouldBe(1);
    }

    [Theory]
    [InlineData(5, 0)]
    [InlineData(20, 1)]
    public void A_caller_who_hangs_up_before_it_rings_counts_only_after_fifteen_seconds(int seconds, int measurements)
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var telemetry = new CallsTelemetry(services.GetRequiredService<IMeterFactory>());
        using var measured = new Measured(services.GetRequiredService<IMeterFactory>());
        var started = Started();
        var end = started.StartedAt + TimeSpan.FromSeconds(seconds);
        var ended = started with
        {
            EndedAt = end,
            TouchedAt = end,
            EndReason = EndReason.CallerHungUpBeforeAnswer,
            Participants = started.Participants.SetItem(0, started.Caller with { Progress = Progress.Gone, Gone = LeaveReason.HungUp }),
        };
        telemetry.Decided(started, new Decision(new SessionEvent.EndCall(), ended, CallReply.Nothing) { Changed = true });
        measured.Of("calls.time_to_outcome").ShouldBe(measurements);
    }

    private static CallSession Started()
    {
        SessionId.TryParse("s-silent", out var id).ShouldBeTrue();
        CallSid.TryParse("CA" + new string('1', 32), out var leg).ShouldBeTrue();
        ClientIdentity.TryParse("alice", out var alice).ShouldBeTrue();
        ClientIdentity.TryParse("bob", out var bob).ShouldBeTrue();
        return SessionDecider.Decide(
            null, new SessionEvent.StartCall(id!, "nonce", leg!, new Party.Client(alice!), new Party.Client(bob!)), new CallPolicy(),
            TimeProvider.System.GetUtcNow()).Session!;
    }

    /// <summary>The measurements of one host. The sum of a counter, and the number of measurements of a histogram.</summary>
    private sealed class Measured : IDisposable
    {
        private readonly Dictionary<string, long> sums = new(StringComparer.Ordinal);
        private readonly MeterListener listener = new();

        public Measured(IMeterFactory meters)
        {
            listener.InstrumentPublished = (instrument, it) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters))
                    it.EnableMeasurementEvents(instrument);
            };
            listener.SetMeasurementEventCallback<double>((instrument, _, _, _) => Add(instrument.Name, 1));
            listener.SetMeasurementEventCallback<long>((instrument, number, tags, _) =>
            {
                List<string> labels = [];
                foreach (var (name, value) in tags)
                    labels.Add($"{name}={value}");
                Add(instrument.Name + " " + string.Join(' ', labels), number);
            });
            listener.Start();
        }

        public long Of(string instrument, string labels = "")
        {
            lock (sums)
                return sums.GetValueOrDefault(labels.Length == 0 ? instrument : $"{instrument} {labels}");
        }

        public void Dispose() => listener.Dispose();

        private void Add(string key, long number)
        {
            lock (sums)
                sums[key] = sums.GetValueOrDefault(key) + number;
        }
    }
}
