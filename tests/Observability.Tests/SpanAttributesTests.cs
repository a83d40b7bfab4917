using System.Net;
using System.Text.RegularExpressions;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox;
using Calls.Sandbox.Redis;
using Calls.Sandbox.Twilio;

namespace Calls.Observability.Tests;

/// <summary>The span table of docs/telemetry.md and the spans of a run of calls have the same attributes, row by row.</summary>
public sealed partial class SpanAttributesTests
{
    private const string Lawyer = "+15550142424";

    /// <summary>The emulated Twilio refuses to call this number.</summary>
    private const string Refused = "+15550143434";

    /// <summary>One attribute for each way in which the source sets them.</summary>
    private static readonly string[] Known = ["http.route", "calls.session.id", "twilio.attempt", "outcome", "pipeline"];

    private static readonly string[] Projects = ["Domain", "Application", "Infrastructure", "Api"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly string Document = File.ReadAllText(Path.Combine(Root(), "docs", "telemetry.md"));

    /// <summary>The table's rows, by the first name in each, and the exported spans that each row describes.</summary>
    private static readonly (string Row, Func<Span, bool> Describes)[] Rows =
    [
        ("POST /twilio/…", span => span.Kind == 2 && span["calls.webhook.kind"] is not null),
        ("GET /v1/…", span => span.Kind == 2 && span["calls.webhook.kind"] is null),
        ("Twilio Calls.create", span => span.Kind == 3 && span.Name.StartsWith("Twilio ", StringComparison.Ordinal)),
        ("HMGET", span => span.Kind == 3 && span["db.system.name"] is not null),
        ("effect Dial", span => span.Kind == 1 && span.Name.StartsWith("effect ", StringComparison.Ordinal)),
        ("review", span => span is { Kind: 1, Name: "review" }),
        ("call", span => span is { Kind: 1, Name: "call" }),
        ("StartCall", span => span.Kind == 1 && UseCaseName().IsMatch(span.Name)),
    ];

    [Fact]
    public async Task Each_span_has_the_attributes_of_its_row_and_each_attribute_of_a_row_is_on_a_span()
    {
        var listed = SpanRow().Matches(Document).ToDictionary(
            row => row.Groups["name"].Value,
            row => Name().Matches(row.Groups["attributes"].Value).Select(name => name.Groups["name"].Value)
                .ToHashSet(StringComparer.Ordinal),
            StringComparer.Ordinal);
        listed.Keys.ShouldBe(Rows.Select(row => row.Row), ignoreOrder: true);

        await using var receiver = await OtlpReceiver.StartAsync();
        await RunAsync(receiver, () => Rows.All(row => Missing(receiver, row.Describes, listed[row.Row]).Length == 0));

        receiver.Spans.Where(span => Rows.Count(row => row.Describes(span)) != 1).Select(span => span.Name).ShouldBeEmpty();
        foreach (var (row, describes) in Rows)
        {
            Missing(receiver, describes, listed[row]).ShouldBeEmpty($"{row}: these attributes are listed, and no span has them");
            receiver.Spans.Where(describes).SelectMany(span => span.Attributes.Keys).Distinct().Except(listed[row])
                .ShouldBeEmpty($"{row}: these attributes are on a span, and are not listed");
        }
    }

    /// <summary>
    /// The source is checked as well, since a run of calls does not reach every line. Metrics' attributes are set in the same ways.
    /// </summary>
    [Fact]
    public void Each_attribute_that_the_source_sets_is_listed()
    {
        var separator = Path.DirectorySeparatorChar;
        var files = Projects
            .SelectMany(project => Directory.EnumerateFiles(Path.Combine(Root(), "src", project), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains($"{separator}obj{separator}", StringComparison.Ordinal))
            .Select(File.ReadAllText).ToList();
        var constants = files.SelectMany(text => Constant().Matches(text))
            .ToLookup(match => match.Groups["constant"].Value, match => match.Groups["name"].Value, StringComparer.Ordinal);
        var set = files.SelectMany(text => Tag().Matches(text)
            .Concat(Collection().Matches(text).SelectMany(match => Entry().Matches(match.Value))))
            .Select(match => match.Groups["argument"].Value).ToHashSet(StringComparer.Ordinal);
        // An argument is a literal, or the name of a constant.
        var names = set.SelectMany(argument => argument.StartsWith('"') ? [argument.Trim('"')] : constants[argument.Split('.')[^1]])
            .ToHashSet();
        set.Where(argument => !argument.StartsWith('"') && !constants[argument.Split('.')[^1]].Any())
            .ShouldBeEmpty("the name of each is a constant");
        foreach (var known in Known)
            names.ShouldContain(known, "each way to set an attribute is found");
        names.Where(name => !Document.Contains($"`{name}`", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    private static string[] Missing(OtlpReceiver receiver, Func<Span, bool> describes, IEnumerable<string> attributes) =>
        [.. attributes.Except(receiver.Spans.Where(describes).SelectMany(span => span.Attributes.Keys))];

    /// <summary>Calls with everything that a span can tell: a guest, refusals, retries, a review, and an outage of Redis.</summary>
    private static async Task RunAsync(OtlpReceiver receiver, Func<bool> isComplete)
    {
        await using var redis = await Task.Run(EmbeddedRedis.Start);
        await using var toRedis =
            TcpProxy.To(int.Parse(redis.ConnectionString.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture));
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = "127.0.0.1:" + Ports.Text(toRedis.Port),
            Twilio = new TwilioEmulatorOptions
            {
                RefusedNumbers = new Dictionary<string, int>(StringComparer.Ordinal) { [Refused] = 21211 },
            },
            Settings =
            [
                new("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Address), new("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
                new("OTEL_METRICS_EXPORTER", "none"), new("OTEL_BSP_SCHEDULE_DELAY", "100"), new("Calls:ReviewInterval", "00:00:01"),
            ],
        });
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", "s-1");
        await bob.RingsAsync();
        await bob.AnswerAsync();
        await bob.TalksAsync();
        (await host.AddPhoneAsync("s-1", "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        (await host.AddPhoneAsync("s-1", "alice", Refused)).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        await host.Twilio.Phone(Lawyer).RingsAsync();
        await host.Twilio.Phone(Lawyer).AnswerAsync();
        await host.Twilio.Phone(Lawyer).TalksAsync();
        await Eventually.TrueAsync(() => Task.FromResult(receiver.Spans.Any(span => span.Name == "review")), "a review is exported",
            Patience);

        host.Twilio.Faults.Add(new RestFault { Kind = RestFaultKind.ServerError, Times = 1 });
        var removed = await host.RestAsync(HttpMethod.Delete, "/v1/sessions/s-1/participants/callee", host.TokenFor("alice"));
        removed.Status.ShouldBe(HttpStatusCode.NoContent);
        await bob.IsIdleAsync();

        toRedis.Refuse();
        var asked = await host.RestAsync(HttpMethod.Get, "/v1/sessions/s-1", host.TokenFor("alice"));
        asked.Status.ShouldBe(HttpStatusCode.ServiceUnavailable);
        await host.Twilio.Phone(Lawyer).HangUpAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.Journal.OfType<WebhookAnswered>().Any(answer => answer.Status == 503),
            "a webhook fails");
        toRedis.Restore();
        await alice.IsIdleAsync();
        try
        {
            await Eventually.TrueAsync(() => Task.FromResult(isComplete()), "every listed attribute is exported", Patience);
        }
        catch (TimeoutException)
        {
            // The test's assertions name the attributes that are missing.
        }
    }

    private static string Root([System.Runtime.CompilerServices.CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    /// <summary>A row of the span table: the first name, the other names, the kind, when, and the attributes.</summary>
    [GeneratedRegex(
        @"^\| `(?<name>[^`]+)`[^|]* \| (server|internal|client) \| [^|]* \| (?<attributes>[^|]*) \|$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex SpanRow();

    [GeneratedRegex("`(?<name>[a-z_.]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Name();

    [GeneratedRegex("^[A-Z][A-Za-z]+$", RegexOptions.None, matchTimeoutMilliseconds: 5000)]
    private static partial Regex UseCaseName();

    /// <summary>
    /// <c>SetTag(name, …)</c>, <c>AddTag(name, …)</c>, <c>new KeyValuePair&lt;string, object?&gt;(name, …)</c> and <c>new(name, …)</c> of a
    /// literal.
    /// </summary>
    [GeneratedRegex(
        """(\.(Set|Add)Tag\(|new KeyValuePair<string, object\?>\()(?<argument>"[^"]+"|[A-Za-z_.]+)|[ (,\[]new\((?<argument>"[a-z_.]+"), """,
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Tag();

    /// <summary>The initializer of a <c>TagList</c> or an <c>ActivityTagsCollection</c>.</summary>
    [GeneratedRegex(
        @"new (TagList|ActivityTagsCollection)\s*(\(\))?\s*\{[^;]*\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Collection();

    [GeneratedRegex("""(\{ |\[)(?<argument>"[^"]+"|[A-Z][A-Za-z_.]+)(, |\])""", RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 5000)]
    private static partial Regex Entry();

    [GeneratedRegex("""const string (?<constant>\w+) = "(?<name>[a-z_.]+)";""", RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 5000)]
    private static partial Regex Constant();
}
