using System.Net;
using Calls.Application.Ports;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>The service keeps its guarantees in every position of the emulator's guesses (docs/emulator.md).</summary>
public sealed class GuessedBehaviourTests(RedisFixture redis)
{
    private const string Session = "s-42";
    private const string Lawyer = "+15550100101";
    private const string Doctor = "+15550100102";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static TheoryData<string> Positions =>
        [.. Guesses.All.SelectMany(guess => guess.Positions, (guess, position) => $"{guess.Name}={position.Name}")];

    [Theory]
    [MemberData(nameof(Positions))]
    public async Task A_call_with_guests_who_answer_decline_and_are_stopped_keeps_every_guarantee(string position)
    {
        await using var host = await StartAsync(position);
        var (alice, bob, lawyer, doctor) = (
            host.Twilio.Client("alice"), host.Twilio.Client("bob"), host.Twilio.Phone(Lawyer), host.Twilio.Phone(Doctor));
        await host.TalkAsync();
        (await host.AddPhoneAsync(Session, "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Created);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        (await host.AddPhoneAsync(Session, "bob", Doctor)).Status.ShouldBe(HttpStatusCode.Created);
        await doctor.RingsAsync();
        await doctor.DeclineAsync();
        await host.StateAsync(3, "not-reached");
        await alice.HangUpAsync();
        await bob.HangUpAsync();
        await lawyer.IsIdleAsync();
        // The caller hangs up while the callee's phone rings: it stops.
        await alice.CallAsync("bob", "s-43");
        await bob.RingsAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
        await EndsAsync(host);
    }

    /// <summary>Twilio's answer to the dial and all webhooks of the leg are lost, so only the look-up by the label can find it.</summary>
    [Theory]
    [InlineData("label-while-ringing=found")]
    [InlineData("label-while-ringing=not-found")]
    [InlineData("participant-reads=late")]
    public async Task A_guest_whose_phone_rings_is_found_although_nothing_was_reported_and_stops_with_the_call(string position)
    {
        await using var host = await StartAsync(position);
        var lawyer = host.Twilio.Phone(Lawyer);
        await host.TalkAsync();
        host.Faults(new WebhookFault { Kind = WebhookKind.CallStatus, Drop = true });
        host.Twilio.Faults.Add(
            new RestFault { Operation = RestOperation.CreateParticipant, Kind = RestFaultKind.CutAfterActing, Times = 1 });
        await host.AddPhoneAsync(Session, "alice", Lawyer);
        await lawyer.RingsAsync();
        await Eventually.TrueAsync(async () => await StateOfAsync(host, 2) is "queued" or "ringing");
        await host.Twilio.Client("alice").HangUpAsync();
        await host.Twilio.Client("bob").HangUpAsync();
        await lawyer.IsIdleAsync(TimeSpan.FromSeconds(4));
        lawyer.Rings.ShouldBe(1);
        await EndsAsync(host);
    }

    [Theory]
    [InlineData("call-reads=current")]
    [InlineData("call-reads=late")]
    public async Task A_callee_whose_dial_was_not_answered_is_found_and_stops_with_the_caller(string position)
    {
        await using var host = await StartAsync(position, "00:00:30");
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        host.Faults(new WebhookFault { Kind = WebhookKind.CallStatus, Drop = true });
        host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.CreateCall, Kind = RestFaultKind.CutAfterActing, Times = 1 });
        await alice.CallAsync("bob", Session);
        await bob.RingsAsync();
        await Eventually.TrueAsync(async () => await StateOfAsync(host, 1) is "queued" or "ringing");
        await alice.HangUpAsync();
        await bob.IsIdleAsync(TimeSpan.FromSeconds(10));
        bob.Rings.ShouldBe(1);
        await EndsAsync(host);
    }

    [Theory]
    [InlineData("initiated=when-dialled")]
    [InlineData("initiated=when-queued")]
    public async Task A_callee_whose_call_stays_in_Twilios_queue_is_given_up(string position)
    {
        await using var host = await StartAsync(position);
        host.Twilio.Faults.CallsPerSecond = 1 / 120.0;
        await host.Twilio.Client("carol").CallAsync("dave", "s-1");
        await host.Twilio.Client("dave").RingsAsync();
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("alice").IsIdleAsync(Patience);
        await host.EventuallyAsync(session => session.GetProperty("endReason").GetString() == "callee-unreachable");
        host.Twilio.Client("bob").Rings.ShouldBe(0);
        await EndsAsync(host);
    }

    [Theory]
    [InlineData("participant-reads=current")]
    [InlineData("participant-reads=late")]
    public async Task A_mute_stays_in_the_document_although_a_review_reads_an_older_list(string position)
    {
        await using var host = await StartAsync(position);
        await host.TalkAsync();
        await host.RestAsync(
            HttpMethod.Patch, $"/v1/sessions/{Session}/participants/callee", host.TokenFor("alice"), """{"muted": true}""");
        await host.EventuallyAsync(session => IsMuted(session));
        var lists = Lists(host);
        while (Lists(host) < lists + 2)
            IsMuted(await host.SessionAsync()).ShouldBeTrue();
        await host.Twilio.Client("alice").HangUpAsync();
        await EndsAsync(host);
    }

    [Theory]
    [InlineData("conferences-without-status=all", "room-of-one=init")]
    [InlineData("conferences-without-status=not-completed", "room-of-one=init")]
    [InlineData("conferences-without-status=in-progress", "room-of-one=init")]
    [InlineData("conferences-without-status=in-progress", "room-of-one=in-progress")]
    public async Task The_room_of_a_caller_who_waits_is_found_by_its_name(string list, string roomOfOne)
    {
        await using var host = await StartAsync([list, roomOfOne]);
        await host.Twilio.Client("alice").CallAsync("bob", Session);
        await host.Twilio.Client("bob").RingsAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.ActiveConferences().Any(room => room.Connected.Any()), "the caller is in the room");
        var room = await host.Twilio.AskAsync(cloud => cloud.Conferences.Single());
        (await host.Services.GetRequiredService<IVoiceGateway>().ListConferencesAsync(
            room.FriendlyName, TestContext.Current.CancellationToken))
            .ShouldBeOfType<GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted>().Value
            .ShouldHaveSingleItem().Sid.Value.ShouldBe(room.Sid);
        await host.Twilio.Client("alice").HangUpAsync();
        await EndsAsync(host);
    }

    [Fact]
    public void The_page_of_the_emulator_names_every_guess_and_every_position()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "emulator.md"));
        foreach (var guess in Guesses.All)
        {
            var row = page.Split('\n').Where(line => line.StartsWith('|') && line.Contains($"`{guess.Name}`: ", StringComparison.Ordinal))
                .ShouldHaveSingleItem($"docs/emulator.md has one row for {guess.Name}");
            foreach (var position in guess.Positions)
                row.ShouldContain($"`{position.Name}`");
        }
    }

    [Fact]
    public void A_position_is_set_by_its_name_and_an_unknown_one_is_refused()
    {
        var options = new TwilioEmulatorOptions();
        options.With("initiated=when-queued")!.InitiatedWhileQueued.ShouldBeTrue();
        options.With("initiated=never").ShouldBeNull();
        options.With("").ShouldBeNull();
        var (drawn, names) = options.Draw(new Random(7));
        names.Aggregate(options, (so, name) => so.With(name)!).ShouldBe(drawn);
    }

    private Task<SandboxHost> StartAsync(string position, string ringTimeout = "00:00:05") => StartAsync([position], ringTimeout);

    private async Task<SandboxHost> StartAsync(IEnumerable<string> positions, string ringTimeout = "00:00:05") =>
        await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = positions.Aggregate(
                new TwilioEmulatorOptions { RingBuffer = TimeSpan.Zero }, (options, position) => options.With(position)!),
            Settings =
            [
                new("Calls:RingTimeout", ringTimeout), new("Calls:QueueTimeout", "00:00:05"), new("Calls:ReviewInterval", "00:00:01"),
            ],
        });

    private static async Task<string?> StateOfAsync(SandboxHost host, int participant)
    {
        var people = (await host.SessionAsync()).GetProperty("participants");
        return people.GetArrayLength() > participant ? people[participant].GetProperty("state").GetString() : null;
    }

    private static bool IsMuted(System.Text.Json.JsonElement session) =>
        session.GetProperty("participants")[1].GetProperty("muted").GetBoolean();

    private static int Lists(SandboxHost host) =>
        host.Twilio.Journal.OfType<RestAnswered>().Count(answered => answered.Operation == RestOperation.ListParticipants);

    private static async Task EndsAsync(SandboxHost host)
    {
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended", Patience);
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud))).ShouldBeEmpty();
    }
}
