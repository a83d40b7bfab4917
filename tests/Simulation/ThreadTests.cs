using Calls.Sandbox.Twilio;
using Calls.Simulation.Service;
using Calls.Simulation.World;

namespace Calls.Simulation;

/// <summary>A world stays on one thread.</summary>
public sealed class ThreadTests
{
    /// <summary>The total time-out of a request to Twilio ends a wait between two attempts.</summary>
    [Fact]
    public void A_wait_that_is_canceled_goes_on_on_the_thread_of_the_world()
    {
        var scheduler = new VirtualScheduler();
        var clock = new VirtualClock(scheduler, TimeSpan.Zero);
        var process = new Process(scheduler);
        List<(string What, int Thread)> seen = [];
        process.Start(async () =>
        {
            await Process.Outside(WaitAsync);
            seen.Add(("answered", Environment.CurrentManagedThreadId));
        });
        scheduler.RunFor(TimeSpan.FromSeconds(10));
        var own = Environment.CurrentManagedThreadId;
        seen.ShouldBe([("canceled", own), ("answered", own)]);

        async Task<bool> WaitAsync()
        {
            using var total = new CancellationTokenSource(TimeSpan.FromSeconds(1), clock);
            try
            {
                await Task.Delay(TimeSpan.FromSeconds(5), clock, total.Token);
            }
            catch (OperationCanceledException)
            {
                seen.Add(("canceled", Environment.CurrentManagedThreadId));
            }

            return true;
        }
    }

    [Fact]
    public void A_scheduler_says_who_uses_it_from_another_thread()
    {
        var scheduler = new VirtualScheduler();
        Exception? there = null;
        scheduler.Schedule(TimeSpan.Zero, () =>
        {
            var intruder = new Thread(() => there = Record.Exception(() => scheduler.Schedule(TimeSpan.Zero, () => { })));
            intruder.Start();
            intruder.Join();
        });
        scheduler.Schedule(TimeSpan.FromSeconds(1), () => { });
        var here = Should.Throw<InvalidOperationException>(() => scheduler.RunFor(TimeSpan.FromSeconds(2)));
        there.ShouldBeOfType<InvalidOperationException>().Message.ShouldBe(here.Message);
        here.Message.ShouldContain(nameof(A_scheduler_says_who_uses_it_from_another_thread));
    }

    [Fact]
    public void Actions_may_be_scheduled_from_any_thread_while_the_scheduler_does_not_run()
    {
        var scheduler = new VirtualScheduler();
        var ran = 0;
        var other = new Thread(() => scheduler.Schedule(TimeSpan.Zero, () => ran++));
        other.Start();
        other.Join();
        scheduler.RunUntilIdle(TimeSpan.FromSeconds(1)).ShouldBeTrue();
        ran.ShouldBe(1);
    }
}
