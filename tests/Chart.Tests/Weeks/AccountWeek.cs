using System.Globalization;
using System.Text;

namespace Calls.Chart.Tests.Weeks;

/// <summary>The metrics of one account over some days, minute by minute: calls that come by chance, more of them by day than at night, and
/// the small faults that every healthy account has. The same seed gives the same week.</summary>
/// <param name="callsPerHour">The average.</param>
/// <param name="minutes">How long.</param>
/// <param name="seed">The seed of the chance.</param>
/// <param name="fault">What is wrong, and when. Null: nothing.</param>
internal sealed class AccountWeek(double callsPerHour, int minutes, int seed, Fault? fault = null)
{
    private const int WebhooksOfCall = 8;
    private const int RequestsOfCall = 6;
    private const int LookUpsOfReview = 3;
    private readonly Dictionary<string, double[]> counters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, double[]> gauges = new(StringComparer.Ordinal);
    private readonly HashSet<int> missing = [];
#pragma warning disable CA5394 // The chance must be the same in each run.
    private readonly Random random = new(seed);
#pragma warning restore CA5394
    private int minute;

    /// <summary>The minutes in which Prometheus does not scrape.</summary>
    public AccountWeek WithGap(int from, int length)
    {
        missing.UnionWith(Enumerable.Range(from, length));
        return this;
    }

    /// <summary>The input series of promtool, with one sample a minute.</summary>
    public string Series()
    {
        for (minute = 0; minute < minutes; minute++)
            Live();
        var text = new StringBuilder();
        foreach (var (name, perMinute) in counters)
            Write(text, name, Sums(perMinute));
        foreach (var (name, values) in gauges)
            Write(text, name, values);
        return text.ToString();
    }

    private bool Is(FaultKind kind) => fault is { } its && its.Kind == kind && minute >= its.From && minute < its.From + its.Minutes;

    private void Live()
    {
        // A day begins at midnight. The most calls come at noon.
        var busy = 1 - (0.8 * Math.Cos(2 * Math.PI * minute / 1440));
        Gauges();
        var isDown = Is(FaultKind.AllReplicasDown) || Is(FaultKind.RedisDown);
        Background();
        for (var calls = Chance(callsPerHour / 60 * busy); calls > 0; calls -= Batch(calls))
            Call(Batch(calls), isDown);
    }

    /// <summary>Calls of a large account are counted in batches of ten.</summary>
    private static int Batch(int calls) => calls >= 100 ? 10 : 1;

    private void Call(int n, bool isDown)
    {
        if (Is(FaultKind.AllReplicasDown))
            return;
        if (isDown)
        {
            Add("calls_webhooks_total{kind=\"voice\", outcome=\"unavailable\"}", 8 * n);
            Add("calls_webhooks_held_total", 8 * n);
            return;
        }

        if (Is(FaultKind.TokenWrong))
        {
            Add("calls_webhooks_refused_total{cause=\"wrong signature\"}", n);
            return;
        }

        var unavailable = Is(FaultKind.RedisRefusesWrites) ? WebhooksOfCall * n : Some(WebhooksOfCall * n, 0.0002);
        Add("calls_webhooks_total{kind=\"voice\", outcome=\"accepted\"}", (WebhooksOfCall * n) - unavailable);
        Add("calls_webhooks_total{kind=\"voice\", outcome=\"unavailable\"}", unavailable);
        Histogram("calls_webhook_duration_seconds", "outcome=\"accepted\"", WebhooksOfCall * n,
            Is(FaultKind.WebhooksSlow) ? WebhooksOfCall * n : Some(WebhooksOfCall * n, 0.001), "1");
        if (Is(FaultKind.RedisRefusesWrites))
            return;
        Add("calls_started_total", n);
        Dial(n);
        Add("calls_session_saves_total{outcome=\"written\"}", 10 * n);
        Add("calls_session_conflicts_total", Some(10 * n, 0.2));
        Add("calls_dialed_phones_total{region=\"CH\"}", Some(n, 0.5));
        var found = Is(FaultKind.WebhooksLost) ? n : Some(n, 0.002);
        Add("calls_ended_total{reason=\"OnePersonLeft\", evidence=\"Review\"}", found);
        Add("calls_ended_total{reason=\"OnePersonLeft\", evidence=\"Webhook\"}", n - found);
        Histogram("calls_line_end_delay_seconds", "", n, Is(FaultKind.LinesEndLate) ? n : Some(n, 0.002), "5");
        Histogram("calls_effects_delay_seconds", "", 4 * n, Some(4 * n, 0.005), "5");
        Add("http_server_request_duration_seconds_count{job=\"calls\", http_route=\"/v1/sessions\", http_response_status_code=\"500\"}",
            Is(FaultKind.UnhandledErrors) ? n : 0);
    }

    /// <summary>The dial of the callee, and how long the caller waits for its outcome.</summary>
    private void Dial(int n)
    {
        var isSilent = Is(FaultKind.TwilioTimesOut) || Is(FaultKind.TwilioUnreachable);
        var refused = Is(FaultKind.CreatesRefused) ? n : isSilent ? 0 : Some(n, 0.01);
        var unknown = Is(FaultKind.TwilioTimesOut) ? n : isSilent ? 0 : Some(n - refused, 0.001);
        var unsent = Is(FaultKind.TwilioUnreachable) ? 6 * n : 0;
        var held = Is(FaultKind.BreakerOpen) ? ("breaker", n) : Is(FaultKind.LimitReached) ? ("pace", n) : ("limiter", 0);
        var sent = unsent > 0 ? 0 : n - refused - unknown;
        Add("calls_dials_total{state=\"sent\", cause=\"\"}", sent);
        Add("calls_dials_total{state=\"queued\", cause=\"\"}", sent);
        Add("calls_dials_total{state=\"refused\", cause=\"permission\"}", refused);
        Add("calls_dials_total{state=\"unknown\", cause=\"\"}", unknown);
        Add("calls_dials_total{state=\"not_sent\", cause=\"connection\"}", unsent);
        Add($"calls_dials_total{{state=\"not_sent\", cause=\"{held.Item1}\"}}", held.Item2);
        Add("calls_ended_total{reason=\"CalleeRefusedByTwilio\", evidence=\"Gateway\"}", Is(FaultKind.CreatesRefused) ? refused : 0);
        Requests("Calls.create", sent, refused, unknown, unsent);
        Requests("Calls.fetch", Is(FaultKind.TwilioUnreachable) ? 0 : RequestsOfCall * n, 0,
            Is(FaultKind.TwilioTimesOut) ? LookUpsOfReview * n : Some(RequestsOfCall * n, 0.0005), unsent);
        var isQueued = Is(FaultKind.QueueAtTwilio);
        Histogram("calls_twilio_queue_duration_seconds", "end=\"dialed\"", sent, isQueued ? sent : Some(sent, 0.002), "10");
        var isLate = isQueued || Is(FaultKind.BreakerOpen) || Is(FaultKind.LimitReached) || unsent > 0 || Is(FaultKind.TwilioTimesOut);
        var (late, tooLate) = isLate ? (n, n) : (Some(n, 0.005), Some(n, 0.002));
        Histogram("calls_time_to_outcome_seconds", "", n, Math.Max(late, tooLate), "10");
        Add("calls_time_to_outcome_seconds_bucket{le=\"15\"}", n - tooLate);
    }

    private void Requests(string operation, int accepted, int refused, int unknown, int unsent)
    {
        Add($"calls_twilio_requests_total{{operation=\"{operation}\", outcome=\"accepted\"}}", accepted);
        Add($"calls_twilio_requests_total{{operation=\"{operation}\", outcome=\"refused\"}}", refused);
        Add($"calls_twilio_requests_total{{operation=\"{operation}\", outcome=\"unknown\"}}", unknown);
        Add($"calls_twilio_requests_total{{operation=\"{operation}\", outcome=\"not_sent\", cause=\"connection\"}}", unsent);
        Histogram("calls_twilio_request_duration_seconds", "", accepted + refused + unknown,
            Is(FaultKind.TwilioSlow) ? accepted : Some(accepted, 0.01), "3");
    }

    /// <summary>What happens without calls.</summary>
    private void Background()
    {
        Add("calls_webhooks_refused_total{cause=\"no signature\"}", Chance(0.05));
        Add("calls_webhooks_refused_total{cause=\"wrong signature\"}", Chance(0.0005));
        Add("calls_limits_refused_total{rule=\"requests\"}", Chance(0.01));
        Add("calls_effects_dropped_total", 0);
        Add("calls_sessions_unreadable_total", Is(FaultKind.SessionUnreadable) ? 5 : 0);
        Add("calls_rebuilds_total{outcome=\"rebuilt\"}", Is(FaultKind.RedisLosesSessions) && minute == fault!.From ? 4 : 0);
        Add("calls_rebuilds_total{outcome=\"nothing_left\"}", Chance(0.01));
        // Each replica asks Redis for its deadlines all the time.
        const int Operations = 1600;
        Histogram("db_client_operation_duration_seconds", "db_system_name=\"redis\"", Operations,
            Is(FaultKind.RedisSlow) ? Operations / 10 : Some(Operations, 0.0005), "0.25");
        Add("dotnet_gc_pause_time_seconds_total{job=\"calls\", instance=\"a\"}", 0.2);
    }

    private void Gauges()
    {
        foreach (var instance in new[] { "a", "b" })
        {
            var isAway = instance == "b" && Is(FaultKind.ReplicaMissing);
            var isDown = Is(FaultKind.AllReplicasDown) || (instance == "b" && Is(FaultKind.ReplicaDown));
            Set($"up{{job=\"calls\", instance=\"{instance}\"}}", isAway ? double.NaN : isDown ? 0 : 1);
            Of("calls_redis_connected", Is(FaultKind.RedisDown) || (instance == "b" && Is(FaultKind.ReplicaWithoutRedis)) ? 0 : 1);
            Of("calls_file_descriptors_open", Is(FaultKind.FileDescriptorsLeak) ? 950 : 200);
            Of("calls_file_descriptors_limit", 1024);
            Of("calls_sweeper_lag_seconds", Is(FaultKind.SweeperStopped) ? 60 * (minute - fault!.From) : 0, "cause=\"waiting\"");
            var isPoisoned = Is(FaultKind.SessionFails) || Is(FaultKind.SessionUnreadable);
            Of("calls_sweeper_lag_seconds", isPoisoned ? 60 * (minute - fault!.From) : 0, "cause=\"failing\"");
            Of("calls_effects_queued", Chance(0.1));
            Of("dotnet_thread_pool_queue_length_total", Chance(0.1), "job=\"calls\"");
            Of("calls_twilio_circuit", 0, "pipeline=\"Create\"");
            Of("calls_twilio_concurrent_requests", 1 + Chance(callsPerHour / 1000));

            void Of(string name, double value, string labels = "") => Set(
                $"{name}{{{(labels.Length > 0 ? labels + ", " : "")}instance=\"{instance}\"}}", isAway || isDown ? double.NaN : value);
        }
    }

    private void Histogram(string name, string labels, int count, int slow, string bound)
    {
        var before = labels.Length > 0 ? labels + ", " : "";
        Add($"{name}_count{{{labels}}}", count);
        Add($"{name}_bucket{{{before}le=\"{bound}\"}}", count - slow);
        Add($"{name}_bucket{{{before}le=\"60\"}}", count);
        Add($"{name}_bucket{{{before}le=\"+Inf\"}}", count);
    }

    private void Add(string series, double number)
    {
        if (!counters.TryGetValue(series, out var perMinute))
            counters[series] = perMinute = new double[minutes];
        perMinute[minute] += number;
    }

    private void Set(string series, double value)
    {
        if (!gauges.TryGetValue(series, out var values))
            gauges[series] = values = new double[minutes];
        values[minute] = value;
    }

    /// <summary>How many of <paramref name="n"/> have a property that each has with this probability.</summary>
    private int Some(int n, double probability)
    {
        var count = 0;
#pragma warning disable CA5394 // The chance must be the same in each run.
        for (var i = 0; i < n; i++)
            if (random.NextDouble() < probability)
                count++;
        return count;
    }

    /// <summary>The number of events of a minute with this average (Poisson).</summary>
    private int Chance(double average)
    {
        if (average > 30)
        {
            var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            return (int)Math.Round(Math.Max(0, average + (Math.Sqrt(average) * normal)));
        }

        var (count, product, limit) = (0, random.NextDouble(), Math.Exp(-average));
        for (; product > limit; product *= random.NextDouble())
            count++;
#pragma warning restore CA5394
        return count;
    }

    /// <summary>A counter begins at 0. In the middle of the time all replicas are replaced, and the counters begin again.</summary>
    private double[] Sums(double[] perMinute)
    {
        var sums = new double[minutes];
        for (var (i, sum) = (0, 0.0); i < minutes; i++)
        {
            sum = i == minutes / 2 ? 0 : sum + perMinute[i];
            sums[i] = sum;
        }

        return sums;
    }

    private void Write(StringBuilder text, string name, double[] values)
    {
        var labelled = name.Contains('{', StringComparison.Ordinal)
            ? name.Replace("{", "{namespace=\"calls\", ", StringComparison.Ordinal).Replace(", }", "}", StringComparison.Ordinal)
            : name + "{namespace=\"calls\"}";
        text.Append("      - series: '").Append(labelled).Append("'\n        values: '");
        for (var i = 0; i < values.Length;)
        {
            var value = TextOf(values, i);
            var times = 1;
            while (i + times < values.Length && TextOf(values, i + times) == value)
                times++;
            // "5x3" is the value 5 four times, and "_x4" is four missing values.
            text.Append(value);
            if (times > 1)
                text.Append(CultureInfo.InvariantCulture, $"x{(value == "_" ? times : times - 1)}");
            text.Append(' ');
            i += times;
        }

        text.Append("'\n");
    }

    private string TextOf(double[] values, int i) =>
        missing.Contains(i) || double.IsNaN(values[i]) ? "_" : values[i].ToString("0.###", CultureInfo.InvariantCulture);
}

/// <summary>A fault that begins at a minute and lasts for some minutes.</summary>
internal sealed record Fault(FaultKind Kind, int From, int Minutes);

/// <summary>What can be wrong.</summary>
public enum FaultKind
{
    CreatesRefused,
    RedisDown,
    RedisRefusesWrites,
    RedisSlow,
    RedisLosesSessions,
    ReplicaDown,
    ReplicaMissing,
    ReplicaWithoutRedis,
    AllReplicasDown,
    TwilioTimesOut,
    TwilioUnreachable,
    TwilioSlow,
    QueueAtTwilio,
    BreakerOpen,
    LimitReached,
    WebhooksLost,
    WebhooksSlow,
    LinesEndLate,
    TokenWrong,
    SessionFails,
    SessionUnreadable,
    SweeperStopped,
    UnhandledErrors,
    FileDescriptorsLeak,
}
