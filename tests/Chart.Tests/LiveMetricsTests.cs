using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Calls.Chart.Tests.Tools;
using Calls.Domain;
using Calls.Sandbox;

namespace Calls.Chart.Tests;

/// <summary>
/// The service takes calls and a real Prometheus scrapes it. Every query of the alerts and dashboards is run, so that a wrong metric name
/// is found.
/// </summary>
public sealed partial class LiveMetricsTests : IDisposable
{
    private readonly HashSet<string> instruments = new(StringComparer.Ordinal);
    private readonly MeterListener listener = new();

    /// <summary>Metrics that are written only in trouble. The instrument must exist, and its series may be missing.</summary>
    private static readonly string[] OnlyInTrouble =
    [
        "calls_webhooks_unusable_total", "calls_review_findings_total", "calls_twilio_queue_duration_seconds_count",
        "calls_twilio_queue_duration_seconds_bucket",
    ];

    /// <summary>This series exists when Prometheus has known the service for a day.</summary>
    private const string OnlyAfterADay = "calls:monitored:since1d";

    /// <summary>Only a request to Twilio that was not sent has this label.</summary>
    private const string OnlyIfNotSent = "cause";

    public LiveMetricsTests()
    {
        listener.InstrumentPublished = (instrument, _) =>
        {
            lock (instruments)
                instruments.Add(instrument.Name.Replace('.', '_'));
        };
        listener.Start();
    }

    public void Dispose() => listener.Dispose();

    [Fact]
    public async Task Alerts_and_dashboards_ask_for_what_the_service_says()
    {
        var program = Tool.Prometheus();
        await using var sandbox = await SandboxHost.StartAsync(new SandboxOptions
        {
            Twilio = new() { RingBuffer = TimeSpan.Zero },
            Settings =
            [
                new("Calls:RingTimeout", "00:00:05"),
                // Nothing listens there. The metrics of a receiver exist from the start.
                new("Calls:Webhooks:crm:Url", "http://127.0.0.1:9/"),
                new("Calls:Webhooks:crm:Secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                new("Calls:Webhooks:crm:AllowPrivateAddresses", "true"),
            ],
        });
        await using var prometheus = await Prometheus.StartAsync(program, sandbox.Address);
        await EachCounterIsThereAsync(prometheus);
        await CallAsync(sandbox, "first");
        await prometheus.WaitForAsync("calls_ended_total > 0");
        // A second time, so that rates have two points.
        await CallAsync(sandbox, "second");
        await sandbox.RestAsync(HttpMethod.Post, "/twilio/voice", bearer: null);
        await prometheus.WaitForAsync("rate(calls_ended_total[1m]) > 0");
        await prometheus.WaitForAsync("calls_webhooks_refused_total");
        foreach (var (recorded, _) in Alerts.Expressions.Where(one => one.Name.Contains(':', StringComparison.Ordinal)
            && one.Name != OnlyAfterADay))
            await prometheus.WaitForAsync(recorded);

        var expressions = Alerts.Expressions.Concat(Dashboards.Paths.SelectMany(path => Dashboards.Expressions(path, "1m", "5m"))).ToList();
        expressions.Count.ShouldBeGreaterThan(100);
        List<string> wrong = [];
        foreach (var (name, expression) in expressions)
        {
            await prometheus.SeriesAsync(expression); // throws if it cannot be evaluated
            foreach (var (metric, selector) in Selectors(expression))
                if (await WhatIsWrongAsync(prometheus, metric, selector) is { } complaint)
                    wrong.Add($"{name}: {complaint}");
        }

        wrong.ShouldBeEmpty();
    }

    [Fact]
    public void Reasons_and_evidence_that_alerts_ask_for_exist()
    {
        var matchers = Alerts.Expressions.SelectMany(one => Label().Matches(one.Expression))
            .Select(match => (Label: match.Groups["label"].Value, Value: match.Groups["matcher"].Value.TrimStart('=').Trim('"'))).ToList();
        matchers.Where(matcher => matcher.Label == "reason").ShouldAllBe(matcher => Enum.IsDefined(Enum.Parse<EndReason>(matcher.Value)));
        matchers.Where(matcher => matcher.Label == "evidence").ShouldAllBe(matcher => Enum.IsDefined(Enum.Parse<Evidence>(matcher.Value)));
        matchers.Select(matcher => matcher.Label).ShouldContain("reason");
    }

    [Fact]
    public void Selectors_are_found_in_expressions() =>
        Selectors(
            "sum by (http_route) (rate(calls_ended_total{reason=\"x\"}[5m])) / on (http_route) calls:webhooks:increase1h > 5 and up == 1")
            .Select(one => one.Selector)
            .ShouldBe(["calls_ended_total{reason=\"x\"}", "calls:webhooks:increase1h", "up"]);

    /// <summary>Before the first call, each counter of the service that an alert asks for has the value 0. The regions of phones are known
    /// only when a phone is dialled.</summary>
    private static async Task EachCounterIsThereAsync(Prometheus prometheus)
    {
        var counters = Alerts.Expressions.SelectMany(one => Selectors(one.Expression)).Where(one => one.Metric.StartsWith("calls_",
            StringComparison.Ordinal) && one.Metric.EndsWith("_total", StringComparison.Ordinal)).Select(one => one.Selector)
            .Where(selector => selector != "calls_dialed_phones_total").Distinct(StringComparer.Ordinal).ToList();
        counters.Count.ShouldBeGreaterThan(20);
        List<string> missing = [];
        foreach (var selector in counters)
            if ((await prometheus.SeriesAsync(selector)).Count == 0)
                missing.Add(selector);
        missing.ShouldBeEmpty();
    }

    /// <summary>
    /// A selector must find a series. If there is no such trouble now, its metric must have all the labels of the selector.
    /// </summary>
    private async Task<string?> WhatIsWrongAsync(Prometheus prometheus, string metric, string selector)
    {
        if ((await prometheus.SeriesAsync(selector)).Count > 0)
            return null;
        if (metric == OnlyAfterADay)
            return null;
        if (metric.Length == 0)
            return $"no series matches {selector}";
        var series = await prometheus.SeriesAsync(metric);
        if (series.Count == 0)
            return IsPublished(metric) && (OnlyInTrouble.Contains(metric, StringComparer.Ordinal) || IsKestrels(metric))
                ? null : $"no metric has the name {metric}";
        var bound = Label().Matches(selector).FirstOrDefault(match => match.Groups["label"].Value == "le");
        if (bound is not null && (await prometheus.SeriesAsync($"{metric}{{{bound.Value}}}")).Count == 0)
            return $"{metric} has no such bound: {bound.Value}";
        var missing = Label().Matches(selector).Select(match => match.Groups["label"].Value)
            .Where(label => label != OnlyIfNotSent && !series.Any(one => one.ContainsKey(label))).ToList();
        return missing.Count == 0 ? null : $"{metric} has no label {string.Join(", ", missing)}";
    }

    /// <summary>Kestrel counts a connection only if a listener was there when it opened. A test has few and long connections.</summary>
    private static bool IsKestrels(string metric) => metric.StartsWith("kestrel_", StringComparison.Ordinal);

    private bool IsPublished(string metric)
    {
        lock (instruments)
            return instruments.Any(instrument => metric.StartsWith(instrument, StringComparison.Ordinal));
    }

    private static async Task CallAsync(SandboxHost sandbox, string session)
    {
        const string Lawyer = "+15550100101";
        // Other people in each call: after a start the service looks for a call of the same two people before it dials.
        var (caller, callee) = ("alice-" + session, "bob-" + session);
        var (alice, bob, lawyer) = (sandbox.Twilio.Client(caller), sandbox.Twilio.Client(callee), sandbox.Twilio.Phone(Lawyer));
        await alice.CallAsync(callee, session);
        await bob.RingsAsync();
        await bob.AnswerAsync();
        await bob.TalksAsync();
        await sandbox.AddPhoneAsync(session, caller, Lawyer);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        await alice.HangUpAsync();
        await bob.HangUpAsync();
        await lawyer.IsIdleAsync();
    }

    private static IEnumerable<(string Metric, string Selector)> Selectors(string expression) =>
        Selector().Matches(Grouping().Replace(expression, "")).Select(match => (match.Groups["metric"].Value, match.Value));

    [GeneratedRegex(@"\b(by|on|ignoring|without) \([^)]*\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\b(?<metric>(calls[_:]|dotnet_|http_|kestrel_|resilience_)[\w:]+|target_info|up)\b(\{[^}]*\})?|\{__name__[^}]*\}",
        RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Selector();

    [GeneratedRegex(@"(?<label>\w+) *(?<matcher>(=~|!~|!=|=) *""[^""]*"")", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Label();
}
