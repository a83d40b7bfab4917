using Calls.Application.Telemetry;
using Microsoft.Extensions.Time.Testing;

namespace Calls.Integration.Tests.Gateway;

/// <summary>An outage is one line when it begins, and one when it has ended, however many failures it has.</summary>
public sealed class OutageTests
{
    private readonly FakeTimeProvider clock = new();
    private readonly List<string> lines = [];

    [Fact]
    public void Failures_between_successes_are_one_outage_until_there_was_none_for_ten_seconds()
    {
        var outage = Outage();
        for (var i = 0; i < 140; i++)
        {
            outage.Failed(() => lines.Add("began"));
            outage.Worked();
            clock.Advance(TimeSpan.FromSeconds(0.5));
        }

        lines.ShouldBe(["began"]);
        clock.Advance(TimeSpan.FromSeconds(10));
        lines.ShouldBe(["began"], "there was no success yet");
        outage.Worked();
        outage.Worked();
        lines.ShouldBe(["began", "ended: 140 in 69.5 s"]);
    }

    [Fact]
    public void Rare_failures_are_one_outage_and_only_a_success_ends_it()
    {
        var outage = Outage();
        for (var i = 0; i < 10; i++)
        {
            outage.Failed(() => lines.Add("began"));
            clock.Advance(TimeSpan.FromMinutes(1));
        }

        lines.ShouldBe(["began"]);
        outage.Worked();
        lines.ShouldBe(["began", "ended: 10 in 540.0 s"]);
    }

    [Fact]
    public void A_failure_long_after_the_last_one_begins_another_outage()
    {
        var outage = Outage();
        outage.Failed(() => lines.Add("began"));
        clock.Advance(TimeSpan.FromHours(2));
        outage.Failed(() => lines.Add("began again"));
        lines.ShouldBe(["began", "began again"], "no success ended the first one");
    }

    [Fact]
    public void Work_that_never_fails_writes_nothing()
    {
        Outage().Worked();
        lines.ShouldBeEmpty();
    }

    private Outage Outage() => new(
        clock, (count, lasted) => lines.Add(FormattableString.Invariant($"ended: {count} in {lasted.TotalSeconds:0.0} s")));
}
