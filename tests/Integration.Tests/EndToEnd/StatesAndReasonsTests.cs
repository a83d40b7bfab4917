using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Calls.Api.Endpoints;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>Every participant of an ended call has a state and a reason that are true for the person.</summary>
public sealed partial class StatesAndReasonsTests(RedisFixture redis) : IAsyncLifetime
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private const string Refused = "+15550100199";

    private SandboxHost host = null!;

    private PhoneHandle Alice => host.Twilio.Client("alice");

    private PhoneHandle Bob => host.Twilio.Client("bob");

    public async ValueTask InitializeAsync() => host = await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Twilio = new()
        {
            RingBuffer = TimeSpan.Zero,
            RefusedNumbers = new Dictionary<string, int>(StringComparer.Ordinal) { [Refused] = 21215 },
        },
        Settings = [new("Calls:RingTimeout", "00:00:05")],
    });

    public ValueTask DisposeAsync() => host.DisposeAsync();

    [Theory]
    [InlineData(PhoneBehaviour.Decline, "bob", "declined")]
    [InlineData(PhoneBehaviour.Busy, Lawyer, "busy")]
    [InlineData(PhoneBehaviour.LetRing, "bob", "no-answer")]
    [InlineData(PhoneBehaviour.Unreachable, "bob", "unreachable")]
    [InlineData(PhoneBehaviour.Answer, Refused, "refused-by-twilio")]
    public async Task A_callee_who_does_not_come_was_not_reached_and_the_callers_line_ended_with_the_call(
        PhoneBehaviour behaviour, string to, string reason)
    {
        await (to == "bob" ? Bob : host.Twilio.Phone(to)).BehaveAsync(behaviour);
        await Alice.CallAsync(to, Session);
        await Alice.IsIdleAsync(TimeSpan.FromSeconds(20));
        await EndAsync("callee-" + reason, ("left", "call-ended"), ("not-reached", reason));
    }

    [Fact]
    public async Task The_person_who_hangs_up_has_hung_up_and_the_other_line_ended_with_the_call()
    {
        await host.TalkAsync(Session);
        await Bob.HangUpAsync();
        await Alice.IsIdleAsync();
        await EndAsync("one-person-left", ("left", "call-ended"), ("left", "hung-up"));
    }

    [Fact]
    public async Task A_phone_that_rings_for_a_caller_who_hangs_up_was_canceled()
    {
        await Alice.CallAsync("bob", Session);
        await Bob.RingsAsync();
        await Alice.HangUpAsync();
        await Bob.IsIdleAsync();
        await EndAsync("caller-hung-up-before-answer", ("left", "hung-up"), ("not-reached", "canceled"));
    }

    [Fact]
    public async Task A_call_that_a_person_ends_ends_for_all()
    {
        await host.TalkAsync(Session);
        await host.AddAndTalkAsync(Lawyer, Session);
        (await host.RestAsync(HttpMethod.Delete, $"/v1/sessions/{Session}", host.TokenFor("alice"))).Status
            .ShouldBe(HttpStatusCode.NoContent);
        await Alice.IsIdleAsync();
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
        await EndAsync("ended-by-person", ("left", "call-ended"), ("left", "call-ended"), ("left", "call-ended"));
        (await host.SessionAsync(Session)).GetProperty("endedBy").GetString().ShouldBe("caller");
    }

    [Fact]
    public async Task A_participant_who_is_taken_off_was_removed_whether_on_the_line_or_not()
    {
        const string doctor = "+15550100102";
        await host.TalkAsync(Session);
        await host.AddAndTalkAsync(Lawyer, Session);
        (await host.AddPhoneAsync(Session, "alice", doctor)).Status.ShouldBe(HttpStatusCode.Created);
        await host.Twilio.Phone(doctor).RingsAsync();
        foreach (var guest in (await host.SessionAsync(Session)).GetProperty("participants").EnumerateArray().Skip(2))
            (await host.RestAsync(HttpMethod.Delete, $"/v1/sessions/{Session}/participants/{guest.GetProperty("id").GetString()}",
                host.TokenFor("alice"))).Status.ShouldBe(HttpStatusCode.NoContent);
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
        await host.Twilio.Phone(doctor).IsIdleAsync();
        await Alice.HangUpAsync();
        await Bob.IsIdleAsync();
        await EndAsync("one-person-left", ("left", "hung-up"), ("left", "call-ended"), ("left", "removed"), ("not-reached", "removed"));
        var ended = await host.SessionAsync(Session);
        ended.GetProperty("endedBy").GetString().ShouldBeNull();
        ended.GetProperty("participants").EnumerateArray().Select(person => person.GetProperty("removedBy").GetString())
            .ShouldBe([null, null, "caller", "caller"]);
        ended.GetProperty("participants").EnumerateArray().Select(person => person.GetProperty("addedBy").GetString())
            .ShouldBe([null, null, "caller", "caller"]);
    }

    [Fact]
    public async Task The_page_about_the_API_says_what_each_state_and_each_reason_means()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "api.md"), TestContext.Current.CancellationToken);
        Listed(page, "State of a call").ShouldBe(Names<SessionState>());
        Listed(page, "End reason of a call").ShouldBe(Names<SessionEndReason>());
        Listed(page, "State of a participant").ShouldBe(Names<Api.Endpoints.ParticipantState>());
        Listed(page, "Reason of a participant").ShouldBe(Names<ParticipantReason>());
    }

    private async Task EndAsync(string endReason, params (string State, string? Reason)[] participants)
    {
        await host.EventuallyAsync(document => document.GetProperty("participants").EnumerateArray()
            .All(person => person.GetProperty("state").GetString() is "left" or "not-reached"), Session);
        var ended = await host.SessionAsync(Session);
        ended.GetProperty("endReason").GetString().ShouldBe(endReason);
        ended.GetProperty("participants").EnumerateArray().Select(Of).ShouldBe(participants);
    }

    private static (string, string?) Of(JsonElement person) =>
        (person.GetProperty("state").GetString()!, person.GetProperty("reason").GetString());

    private static IEnumerable<string> Names<T>()
        where T : struct, Enum => Enum.GetNames<T>().Select(JsonNamingPolicy.KebabCaseLower.ConvertName);

    /// <summary>The names in the first column of the table below a heading. A row can have several names.</summary>
    private static IEnumerable<string> Listed(string page, string heading) =>
        page.Split($"\n### {heading}\n")[1].Split("\n#")[0].Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .SelectMany(row => Name().Matches(row.Split('|')[1]).Select(name => name.Groups["name"].Value));

    [GeneratedRegex("`(?<name>[a-z-]+)`", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Name();
}
