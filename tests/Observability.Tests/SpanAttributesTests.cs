using System.Net;
using System.Text.RegularExpressions;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox;
using Calls.Sandbox.Redis;
using Calls.Sandbox.Twilio;

namespace Calls.Observability.Tests;

/// <summary>The table of attributes in docs/telemetry.md and the exported spans of a run of calls agree, for each group of spans.</summary>
public sealed partial class SpanAttributesTests
{
    private const string Lawyer = "+15550142424";

    /// <summary>The emulated Twilio refuses to call this number.</summary>
    private const string Refused = "+15550143434";

    /// <summary>One attribute for each way in which the source sets them.</summary>
    private static readonly string[] Known = ["http.route", "calls.session.id", "twilio.attempt", "outcome", "pipeline"];

    /// <summary>The callee of the held call, as it stands in the path.</summary>
    private static readonly string HeldCallee = System.Buffers.Text.Base64Url.EncodeToString("client:dave"u8);

    private static readonly string[] Projects = ["Domain", "Application", "Infrastructure", "Api"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly string Document = File.ReadAllText(Path.Combine(Root(), "docs", "telemetry.md"));

    /// <summary>The groups of spans that the table of attributes names, and the exported spans of each group.</summary>
    private static readonly (string Group, Func<Span, bool> Has)[] Groups =
    [
        ("webhooks", span => span.Kind == 2 && span["calls.webhook.kind"] is not null),
        ("REST", span => span.Kind == 2 && span["calls.webhook.kind"] is null),
        ("Twilio", span => span.Kind == 3 && span.Name.StartsWith("Twilio ", StringComparison.Ordinal)),
        ("events", span => span.Kind == 3 && span.Name.StartsWith("event ", StringComparison.Ordinal)),
        ("Redis", span => span.Kind == 3 && span["db.system.name"] is not null),
        ("effects", span => span.Kind == 1 && span.Name.StartsWith("effect ", StringComparison.Ordinal)),
        ("reviews", span => span is { Kind: 1, Name: "review" }),
        ("call", span => span is { Kind: 1, Name: "call" }),
        ("use cases", span => span.Kind == 1 && UseCaseName().IsMatch(span.Name)),
    ];

    [Fact]
    public async Task Each_span_has_only_listed_attributes_and_each_listed_attribute_is_on_a_span_of_each_of_its_groups()
    {
        var table = Document.Split("| attribute | on spans of |")[1].Split("\n\n")[0];
        var listed = AttributeRow().Matches(table)
            .SelectMany(row => Name().Matches(row.Groups["names"].Value), (row, name) => (Row: row, Name: name.Groups["name"].Value))
            .SelectMany(row => row.Row.Groups["groups"].Value.Split(", "), (row, group) => (Group: group, row.Name))
            .ToLookup(row => row.Group, row => row.Name, StringComparer.Ordinal);
        listed.Select(group => group.Key).ShouldBe(Groups.Select(group => group.Group), ignoreOrder: true);

        await using var receiver = await OtlpReceiver.StartAsync();
        await RunAsync(receiver, () => Groups.All(group => Missing(receiver, group.Has, listed[group.Group]).Length == 0)
            && receiver.Spans.Any(IsOfHeldCall));

        // The path of a held call has the callee. Its span has the route in place of the path.
        receiver.Spans.Where(IsOfHeldCall).ShouldNotBeEmpty();
        receiver.Spans.Where(IsOfHeldCall).ShouldAllBe(span => span["url.path"] == span["http.route"]);
        receiver.Spans.SelectMany(span => span.Attributes.Values.Append(span.Name))
            .ShouldNotContain(text => text.Contains(HeldCallee) || text.Contains("dave"));

        receiver.Spans.Where(span => Groups.Count(group => group.Has(span)) != 1).Select(span => span.Name).ShouldBeEmpty();
        var differences = Groups.SelectMany(group =>
        {
            var found = receiver.Spans.Where(group.Has).SelectMany(span => span.Attributes.Keys).ToHashSet(StringComparer.Ordinal);
            return found.Except(listed[group.Group]).Select(name => $"{name} is on a span of {group.Group}, and is not listed")
                .Concat(listed[group.Group].Except(found).Select(name => $"{name} is listed for {group.Group}, and no span has it"));
        });
        differences.ShouldBeEmpty();
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
            // The entries of the catalogue are problems, not attributes.
            .Where(file => !file.Contains($"{separator}obj{separator}", StringComparison.Ordinal)
                && Path.GetFileName(file) != "ProblemCatalogue.cs")
            .Select(File.ReadAllText).ToList();
        var constants = files.SelectMany(text => Constant().Matches(text))
            .ToLookup(match => match.Groups["constant"].Value, match => match.Groups["name"].Value, StringComparer.Ordinal);
        var set = files.SelectMany(text => Tag().Matches(text).Concat(Pair().Matches(text))
            .Concat(Collection().Matches(text).SelectMany(match => Entry().Matches(match.Value))))
            .Select(match => match.Groups["argument"].Value).ToHashSet(StringComparer.Ordinal);
        // An argument is a literal, the name of a constant, or the variable of a loop over a TagList, whose entries are found as well.
        set.RemoveWhere(
            argument => files.Exists(text => text.Contains($"foreach (var ({argument}, value) in tags)", StringComparison.Ordinal)));
        string[] NamesOf(string argument) =>
            argument.StartsWith('"') ? [argument.Trim('"')] : [.. constants[argument.Split('.')[^1]]];
        set.Where(argument => NamesOf(argument).Length == 0).ShouldBeEmpty("the name of each attribute is a constant");
        var names = set.SelectMany(NamesOf).ToHashSet(StringComparer.Ordinal);
        foreach (var known in Known)
            names.ShouldContain(known, "each way to set an attribute is found");
        names.Where(name => !Document.Contains($"`{name}`", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    private static bool IsOfHeldCall(Span span) => span["http.route"]?.Contains("/callees/", StringComparison.Ordinal) is true;

    private static string[] Missing(OtlpReceiver receiver, Func<Span, bool> has, IEnumerable<string> attributes) =>
        [.. attributes.Except(receiver.Spans.Where(has).SelectMany(span => span.Attributes.Keys))];

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
                // Nothing listens there.
                new("Calls:Webhooks:crm:Url", "http://127.0.0.1:1/"), new("Calls:Webhooks:crm:AllowPrivateAddresses", "true"),
                new("Calls:Webhooks:crm:Secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
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

        var fault = host.Twilio.Faults.Add(new RestFault { Kind = RestFaultKind.ServerError });
        var removed = await host.RestAsync(HttpMethod.Delete, "/v1/sessions/s-1/participants/callee", host.TokenFor("alice"));
        removed.Status.ShouldBe(HttpStatusCode.NoContent);
        await Eventually.TrueAsync(
            () => Task.FromResult(receiver.Spans.Any(span => span["twilio.operation"] is not null && span["error.type"] is not null)),
            "a failed request to Twilio is exported", Patience);
        fault.Dispose();
        await bob.IsIdleAsync();

        toRedis.Refuse();
        await host.Twilio.Client("carol").CallAsync("dave", "s-2");
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Journal.OfType<WebhookSent>().Any(sent => sent.Webhook == WebhookKind.Redirect), "a held call is asked again");
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

    /// <summary>A row of the table of attributes: the names, the groups of spans, and the meaning.</summary>
    [GeneratedRegex(
        @"^\| (?<names>`[a-z_.]+`(, `[a-z_.]+`)*) \| (?<groups>[A-Za-z]+( cases)?(, [A-Za-z]+( cases)?)*) \| [^|]+ \|$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex AttributeRow();

    [GeneratedRegex("`(?<name>[a-z_.]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Name();

    [GeneratedRegex("^[A-Z][A-Za-z]+$", RegexOptions.None, matchTimeoutMilliseconds: 5000)]
    private static partial Regex UseCaseName();

    /// <summary><c>SetTag(name, …)</c>, <c>AddTag(name, …)</c>, <c>tags.Add(name, …)</c> and an explicit pair.</summary>
    [GeneratedRegex(
        """(\.(Set|Add)Tag\(|tags\.Add\(|new KeyValuePair<string, object\?>\()(?<argument>"[^"]+"|[A-Za-z_.]+)""",
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Tag();

    /// <summary><c>new(name, …)</c> with a literal.</summary>
    [GeneratedRegex("""[ (,\[]new\((?<argument>"[a-z_.]+"), """, RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Pair();

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
