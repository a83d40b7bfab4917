using System.Globalization;
using Calls.Chart.Tests.Tools;

namespace Calls.Chart.Tests.Weeks;

/// <summary>promtool plays days and weeks of small, middle and large accounts against the rules of the chart. The samples are a minute
/// apart. The rules are evaluated every five minutes of a day, and every ten minutes of a week.</summary>
public sealed class AccountWeekTests
{
    private const double Small = 1, Middle = 100, Large = 10_000;
    private const int Day = 1440;
    private const int Begin = 8 * 60;

    /// <summary>How many weeks of the small account are played. A year takes most of an hour, so it is not the default.</summary>
    private static readonly int Weeks = int.Parse(
        Environment.GetEnvironmentVariable("CALLS_ALERT_WEEKS") ?? "1", CultureInfo.InvariantCulture);

    public static TheoryData<int> SmallWeeks => [.. Enumerable.Range(1, Weeks)];

    [Theory, MemberData(nameof(SmallWeeks))]
    public Task Nothing_fires_in_a_healthy_week_of_a_small_account(int seed) => IsSilentAsync(Small, seed);

    [Fact]
    public Task Nothing_fires_in_a_healthy_week_of_a_middle_account() => IsSilentAsync(Middle, 1);

    [Fact]
    public Task Nothing_fires_in_a_healthy_week_of_a_large_account() => IsSilentAsync(Large, 1);

    /// <summary>Each fault fires one alert within its time, and no other alert, also not after its end.</summary>
    [Theory]
    [InlineData(FaultKind.CreatesRefused, 720, "CallsDialsRefused", 720)]
    [InlineData(FaultKind.RedisDown, 20, "CallsRedisDown", 10)]
    [InlineData(FaultKind.RedisRefusesWrites, 240, "CallsWebhooksUnavailableFast", 180)]
    [InlineData(FaultKind.RedisSlow, 60, "CallsRedisSlow", 30)]
    [InlineData(FaultKind.RedisLosesSessions, 1, "CallsSessionsLost", 10)]
    [InlineData(FaultKind.ReplicaDown, 60, "CallsReplicaDown", 20)]
    [InlineData(FaultKind.ReplicaMissing, 60, "CallsReplicasMissing", 20)]
    [InlineData(FaultKind.ReplicaWithoutRedis, 60, "CallsReplicaWithoutRedis", 15)]
    [InlineData(FaultKind.AllReplicasDown, 60, "CallsDown", 10)]
    [InlineData(FaultKind.TwilioTimesOut, 300, "CallsCalleesRingLate", 240)]
    [InlineData(FaultKind.TwilioUnreachable, 300, "CallsCalleesRingLate", 240)]
    [InlineData(FaultKind.TwilioSlow, 420, "CallsTwilioSlow", 360)]
    [InlineData(FaultKind.QueueAtTwilio, 300, "CallsCalleesRingLate", 240)]
    [InlineData(FaultKind.BreakerOpen, 300, "CallsCalleesRingLate", 240)]
    [InlineData(FaultKind.LimitReached, 300, "CallsCalleesRingLate", 240)]
    [InlineData(FaultKind.WebhooksLost, 360, "CallsEndsFoundByReview", 300)]
    [InlineData(FaultKind.WebhooksSlow, 120, "CallsWebhooksSlowFast", 120)]
    [InlineData(FaultKind.LinesEndLate, 300, "CallsLinesEndLateFast", 240)]
    [InlineData(FaultKind.TokenWrong, 420, "CallsSignaturesWrong", 360)]
    [InlineData(FaultKind.SessionFails, 60, "CallsSessionOverdue", 20)]
    [InlineData(FaultKind.SessionUnreadable, 60, "CallsSessionsUnreadable", 20)]
    [InlineData(FaultKind.SweeperStopped, 60, "CallsSweeperLags", 15)]
    [InlineData(FaultKind.UnhandledErrors, 300, "CallsUnhandledErrors", 240)]
    [InlineData(FaultKind.FileDescriptorsLeak, 60, "CallsFileDescriptors", 20)]
    public async Task A_fault_of_a_small_account_fires_the_one_right_alert(FaultKind kind, int minutes, string alert, int within)
    {
        const int End = Day;
        var series = new AccountWeek(Small, End, seed: 1, new Fault(kind, Begin, minutes)).Series();
        await PlayAsync($"{kind}", series, Fired(Begin - 5, Begin - 5), Fired(Begin + within, Begin + within, alert),
            Fired(End - 5, End, alert));
    }

    [Fact]
    public Task A_short_gap_in_scraping_fires_nothing() =>
        PlayAsync("a short gap", new AccountWeek(Small, Day, 1).WithGap(Begin, 4).Series(), Fired(Day - 5, Day));

    /// <summary>No replica answers Prometheus for an hour. The rates after it are no fault.</summary>
    [Theory]
    [InlineData(Small)]
    [InlineData(Middle)]
    [InlineData(Large)]
    public Task A_gap_of_an_hour_says_only_that_no_replica_answers(double callsPerHour) =>
        PlayAsync("a gap", new AccountWeek(callsPerHour, Day, 1).WithGap(Begin, 60).Series(), Fired(Day - 5, Day, "CallsDown"));

    private static Task IsSilentAsync(double callsPerHour, int seed) =>
        PlayAsync("a healthy week", 10, new AccountWeek(callsPerHour, 7 * Day, seed).Series(), Fired((7 * Day) - 10, 7 * Day));

    /// <summary>The alerts that have fired until a minute, beside the one that always fires.</summary>
    private static string Fired(int at, int since, params string[] alerts)
    {
        var samples = alerts.Length == 0 ? "[]" : string.Concat(alerts.Select(alert => $"""

                      - labels: '{alert}'
                        value: 1
            """)).Replace("'Calls", "'{alertname=\"Calls", StringComparison.Ordinal).Replace("'\n", "\"}'\n", StringComparison.Ordinal);
        return string.Create(CultureInfo.InvariantCulture, $$"""
                  - expr: 'group by (alertname) (count_over_time(ALERTS{alertstate="firing", alertname!="CallsWatchdog"}[{{since}}m]))'
                    eval_time: {{at}}m
                    exp_samples: {{samples}}
                  - expr: 'count(ALERTS{alertstate="firing", alertname="CallsWatchdog"})'
                    eval_time: {{at}}m
                    exp_samples:
                      - labels: '{}'
                        value: 1

            """);
    }

    private static Task PlayAsync(string name, string series, params string[] expectations) => PlayAsync(name, 5, series, expectations);

    private static async Task PlayAsync(string name, int everyMinutes, string series, params string[] expectations)
    {
        var directory = Directory.CreateTempSubdirectory("calls-week-").FullName;
        try
        {
            var file = Path.Combine(directory, "week_test.yaml");
            await File.WriteAllTextAsync(file, $"""
                rule_files: [{Alerts.Path}]
                evaluation_interval: {everyMinutes.ToString(CultureInfo.InvariantCulture)}m
                tests:
                  - name: "{name}"
                    interval: 1m
                    input_series:

                """ + series + "    promql_expr_test:\n" + string.Concat(expectations));
            var (exitCode, output) = await Tool.RunAsync(Tool.Promtool(), ["test", "rules", file]);
            exitCode.ShouldBe(0, output);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
