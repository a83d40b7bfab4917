using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.RegularExpressions;
using Calls.Sandbox;
using Microsoft.Extensions.Logging;

namespace Calls.Observability.Tests;

/// <summary>docs/telemetry.md lists exactly the metrics and log events of the code.</summary>
public sealed partial class TelemetryDocumentTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(Root(), "docs", "telemetry.md"));

    [Fact]
    public async Task Each_metric_is_listed_with_its_unit_and_each_that_is_listed_is_there()
    {
        Dictionary<string, string> published = new(StringComparer.Ordinal);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == "Calls" || instrument.Meter.Name.StartsWith("Calls.", StringComparison.Ordinal))
                    lock (published)
                        published[instrument.Name] = instrument.Unit ?? "";
            },
        };
        listener.Start();
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        await host.Twilio.Client("alice").CallAsync("bob", "s-1");
        await host.Twilio.Client("bob").RingsAsync();
        await host.Twilio.Client("alice").HangUpAsync();
        await host.Twilio.Client("bob").IsIdleAsync();
        var listed = MetricRow().Matches(Document).ToDictionary(row => row.Groups["name"].Value, row => row.Groups["unit"].Value,
            StringComparer.Ordinal);
        lock (published)
            published.Select(one => $"{one.Key} {one.Value}").Order(StringComparer.Ordinal)
                .ShouldBe(listed.Select(one => $"{one.Key} {one.Value}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Each_event_id_is_listed_with_its_level_none_is_given_twice_and_each_that_is_listed_is_there()
    {
        var events = new[]
        {
            typeof(Domain.CallSession),
            typeof(Application.Telemetry.CallsTelemetry),
            typeof(Infrastructure.Twilio.TwilioOptions),
            typeof(Api.CallsService),
        }
            .SelectMany(type => type.Assembly.GetTypes())
                .SelectMany(type =>
                type.GetMethods(
                BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>().ToList();
        events.Select(one => one.EventId).ShouldBeUnique();
        var listed = EventRow().Matches(Document).Select(row => (row.Groups["id"].Value, row.Groups["level"].Value)).Order().ToList();
        events.Select(
            one => (one.EventId.ToString(System.Globalization.CultureInfo.InvariantCulture),
            one.Level is LogLevel.None ? "varies" : one.Level.ToString())).Order().ShouldBe(listed);
    }

    private static string Root([System.Runtime.CompilerServices.CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    [GeneratedRegex(@"^\| `(?<name>(calls|db)\.[a-z_.]+)` \| [a-z]+ \| `(?<unit>[^`]+)` \|",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex MetricRow();

    [GeneratedRegex(@"^\| (?<id>[0-9]{4}) \| (?<level>[A-Za-z]+) \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 5000)]
    private static partial Regex EventRow();
}
