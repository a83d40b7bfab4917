using Calls.Sandbox.Twilio;
using Twilio.Base;
using Twilio.Clients;
using Twilio.Exceptions;
using Twilio.Http;
using Twilio.Rest.Api.V2010.Account;
using Twilio.Rest.Api.V2010.Account.Conference;
using Twilio.Security;
using Twilio.Types;

namespace Calls.Integration.Tests.Emulator;

/// <summary>
/// Checks the emulated Twilio with Twilio's own .NET library: its REST client reads the answers, its validator checks the signatures.
/// </summary>
public sealed class OfficialClientTests
{
    private const string Lawyer = "+15551234567";
    private static readonly PhoneNumber CallerId = new("+15550001111");

    [Fact]
    public async Task A_call_is_created_fetched_and_completed()
    {
        await using var world = await World.StartAsync();
        using var twilio = new OfficialClient(world.Twilio);
        world.App.On("/answer", "<Pause length='60'/>");
        var created = await CallResource.CreateAsync(
            new CreateCallOptions(new PhoneNumber("client:bob"), CallerId)
            {
                Url = new Uri(world.App.Url + "/answer"),
                StatusCallback = new Uri(world.App.Url + "/status"),
                StatusCallbackEvent = ["initiated", "ringing", "answered", "completed"],
                Timeout = 30,
            },
            twilio.Rest);
        created.Status.ShouldBe(CallResource.StatusEnum.Queued);
        (created.AccountSid, created.To, created.From, created.Direction).ShouldBe(
            (world.Twilio.Options.AccountSid, "client:bob", CallerId.ToString(), "outbound-api"));
        (created.ApiVersion, created.PriceUnit, created.Price, created.EndTime).ShouldBe(("2010-04-01", "USD", null, null));
        await world.Twilio.Client("bob").RingsAsync();
        (await CallResource.FetchAsync(created.Sid, client: twilio.Rest)).Status.ShouldBe(CallResource.StatusEnum.Ringing);
        await world.Twilio.Client("bob").AnswerAsync();
        (await CallResource.FetchAsync(created.Sid, client: twilio.Rest)).Status.ShouldBe(CallResource.StatusEnum.InProgress);

        var completed = await CallResource.UpdateAsync(
            new UpdateCallOptions(created.Sid) { Status = CallResource.UpdateStatusEnum.Completed }, twilio.Rest);
        completed.Status.ShouldBe(CallResource.StatusEnum.Completed);
        completed.Duration.ShouldBe("0");
        string[] statuses = ["initiated", "ringing", "in-progress", "completed"];
        foreach (var status in statuses)
            await world.EventAsync(status);
        world.App.At("/status").Select(request => request["CallStatus"]).ShouldBe(statuses, ignoreOrder: true);

        // The library reads RFC 2822 dates, which have no fractions of a second.
        var leg = world.Twilio.Read(cloud => cloud.FindLeg(created.Sid)!);
        completed.DateCreated.ShouldBeSecond(leg.Created);
        completed.DateUpdated.ShouldBeSecond(leg.Updated);
        completed.StartTime.ShouldBeSecond(leg.StartedAt);
        completed.EndTime.ShouldBeSecond(leg.EndedAt);
    }

    [Fact]
    public async Task A_list_of_calls_is_read_over_several_pages()
    {
        await using var world = await World.StartAsync();
        using var twilio = new OfficialClient(world.Twilio);
        List<string> sids = [];
        for (var i = 0; i < 5; i++)
            sids.Insert(0, await world.CallAsync("client:bob"));
        await world.CallAsync("client:carol");
        await world.Twilio.WaitUntilAsync(cloud => cloud.RingingLegs().All(leg => leg.State == LegState.Ringing), "every phone rings");

        var options = new ReadCallOptions
        {
            To = "client:bob",
            Status = CallResource.StatusEnum.Ringing,
            StartTimeAfter = TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(-1),
            PageSize = 2,
        };
        ReadAll(await CallResource.ReadAsync(options, twilio.Rest)).ShouldBe(sids);
        world.Twilio.Journal.OfType<RestRequested>().Count(request => request.Operation == RestOperation.ListCalls).ShouldBe(3);

        var first = CallResource.GetPage($"https://api.twilio.com{world.Account}/Calls.json?To=client%3Abob&PageSize=2", twilio.Rest);
        first.HasNextPage().ShouldBeTrue();
        var second = CallResource.NextPage(first, twilio.Rest);
        second.Records.Select(call => call.Sid).ShouldBe(sids[2..4]);
        CallResource.PreviousPage(second, twilio.Rest).Records.Select(call => call.Sid).ShouldBe(sids[..2]);
        var last = CallResource.NextPage(second, twilio.Rest);
        last.Records.Select(call => call.Sid).ShouldBe(sids[4..]);
        last.HasNextPage().ShouldBeFalse();

        options.StartTimeAfter = TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(1);
        ReadAll(await CallResource.ReadAsync(options, twilio.Rest)).ShouldBeEmpty();

        static List<string> ReadAll(ResourceSet<CallResource> calls) => [.. calls.Select(call => call.Sid)];
    }

    [Fact]
    public async Task A_call_that_starts_while_a_list_is_read_moves_no_call_to_the_next_page()
    {
        await using var world = await World.StartAsync();
        using var twilio = new OfficialClient(world.Twilio);
        List<string> sids = [];
        for (var i = 0; i < 3; i++)
            sids.Insert(0, await world.CallAsync("client:bob"));
        var first = CallResource.GetPage($"https://api.twilio.com{world.Account}/Calls.json?PageSize=2", twilio.Rest);
        await world.CallAsync("client:bob");
        var second = CallResource.NextPage(first, twilio.Rest);
        first.Records.Concat(second.Records).Select(call => call.Sid).ShouldBe(sids);
    }

    [Fact]
    public async Task Conferences_are_listed_by_name_and_status_fetched_and_completed()
    {
        await using var world = await World.StartAsync();
        using var twilio = new OfficialClient(world.Twilio);
        world.App.On("/voice", request => (200, $"<Response>{world.Room(request["To"]!)}</Response>"));
        await world.Twilio.Client("zoe").PlaceCallAsync("other room");
        await world.Twilio.Client("alice").PlaceCallAsync("room");
        await world.EventAsync("participant-join", 2);
        var waiting = (await ListAsync(ConferenceResource.StatusEnum.Init)).ShouldHaveSingleItem();
        (waiting.FriendlyName, waiting.Region).ShouldBe(("room", "us1"));
        await world.Twilio.Client("bob").PlaceCallAsync("room");
        await world.EventAsync("conference-start");
        (await ListAsync(ConferenceResource.StatusEnum.InProgress)).ShouldHaveSingleItem().Sid.ShouldBe(waiting.Sid);
        (await ConferenceResource.FetchAsync(waiting.Sid, client: twilio.Rest)).Status.ShouldBe(ConferenceResource.StatusEnum.InProgress);

        var ended = await ConferenceResource.UpdateAsync(
            new UpdateConferenceOptions(waiting.Sid) { Status = ConferenceResource.UpdateStatusEnum.Completed }, twilio.Rest);
        ended.Status.ShouldBe(ConferenceResource.StatusEnum.Completed);
        ended.ReasonConferenceEnded.ShouldBe(ConferenceResource.ReasonConferenceEndedEnum.ConferenceEndedViaApi);
        (await ListAsync(ConferenceResource.StatusEnum.InProgress)).ShouldBeEmpty();
        var room = world.Twilio.Read(cloud => cloud.FindConference(waiting.Sid)!);
        ended.DateCreated.ShouldBeSecond(room.Created);
        ended.DateUpdated.ShouldBeSecond(room.Updated);

        async Task<List<ConferenceResource>> ListAsync(ConferenceResource.StatusEnum status) =>
        [
            .. await ConferenceResource.ReadAsync(
                new ReadConferenceOptions
                {
                    FriendlyName = "room",
                    Status = status,
                    DateCreatedAfter = TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-1),
                    PageSize = 1,
                },
                twilio.Rest),
        ];
    }

    [Fact]
    public async Task A_participant_is_created_fetched_by_label_listed_muted_held_and_deleted()
    {
        await using var world = await World.StartAsync();
        using var twilio = new OfficialClient(world.Twilio);
        world.App.On("/voice", world.Room("room"));
        await world.Twilio.Client("alice").PlaceCallAsync(null);
        await world.EventAsync("participant-join");
        var room = world.Twilio.Client("alice").ConferenceSid!;
        var created = await CreateAsync("the lawyer");
        created.Status.ShouldBe(ParticipantResource.StatusEnum.Queued);
        (created.ConferenceSid, created.Label, created.EndConferenceOnExit, created.StartConferenceOnEnter, created.QueueTime).ShouldBe(
            (room, "the lawyer", true, true, "0"));
        await world.Twilio.Phone(Lawyer).RingsAsync();
        (await FetchAsync("the lawyer")).Status.ShouldBe(ParticipantResource.StatusEnum.Ringing);
        await world.Twilio.Phone(Lawyer).AnswerAsync();
        await world.EventAsync("conference-start");
        var fetched = await FetchAsync("the lawyer");
        (fetched.CallSid, fetched.Muted, fetched.Hold, fetched.Coaching).ShouldBe((created.CallSid, false, false, false));
        fetched.Status.ShouldBe(ParticipantResource.StatusEnum.Connected);
        fetched.DateCreated.ShouldBeSecond(world.Twilio.Read(cloud => cloud.FindLeg(created.CallSid)!.Created));
        var listed = await ParticipantResource.ReadAsync(new ReadParticipantOptions(room) { PageSize = 1 }, twilio.Rest);
        listed.Select(participant => participant.CallSid).ShouldBe([world.Twilio.Client("alice").Current!.Sid, created.CallSid]);

        (await UpdateAsync(new UpdateParticipantOptions(room, created.CallSid) { Muted = true })).Muted.ShouldBe(true);
        world.Twilio.Phone(Lawyer).IsMuted.ShouldBeTrue();
        var held = await UpdateAsync(new UpdateParticipantOptions(room, "the lawyer") { Muted = false, Hold = true });
        (held.Muted, held.Hold).ShouldBe((false, true));
        world.Twilio.Phone(Lawyer).IsOnHold.ShouldBeTrue();
        (await ParticipantResource.ReadAsync(room, hold: true, client: twilio.Rest)).ShouldHaveSingleItem().Label.ShouldBe("the lawyer");

        (await RefusalAsync(() => CreateAsync("the lawyer"))).ShouldBe((400, 16026));
        (await UpdateAsync(new UpdateParticipantOptions(room, created.CallSid) { EndConferenceOnExit = false }))
            .EndConferenceOnExit.ShouldBe(false);
        (await ParticipantResource.DeleteAsync(room, created.CallSid, client: twilio.Rest)).ShouldBeTrue();
        await world.Twilio.Phone(Lawyer).IsIdleAsync();
        (await RefusalAsync(() => FetchAsync("the lawyer"))).ShouldBe((404, 20404));
        (await RefusalAsync(() => ParticipantResource.DeleteAsync(room, created.CallSid, client: twilio.Rest))).ShouldBe((404, 20404));

        Task<ParticipantResource> CreateAsync(string label) => ParticipantResource.CreateAsync(
            new CreateParticipantOptions(room, CallerId, new PhoneNumber(Lawyer))
            {
                Label = label,
                EarlyMedia = false,
                EndConferenceOnExit = true,
                Beep = "false",
                StatusCallback = new Uri(world.App.Url + "/lawyer"),
                StatusCallbackEvent = ["initiated", "ringing", "answered", "completed"],
                Timeout = 30,
            },
            twilio.Rest);
        Task<ParticipantResource> FetchAsync(string label) => ParticipantResource.FetchAsync(room, label, client: twilio.Rest);
        Task<ParticipantResource> UpdateAsync(UpdateParticipantOptions options) => ParticipantResource.UpdateAsync(options, twilio.Rest);
    }

    [Fact]
    public async Task A_refusal_is_an_ApiException_with_the_status_and_the_code_of_Twilio()
    {
        await using var world = await World.StartAsync();
        using var twilio = new OfficialClient(world.Twilio);
        var unknown = await Should.ThrowAsync<ApiException>(() => CallResource.FetchAsync("CA" + new string('0', 32), client: twilio.Rest));
        (unknown.Status, unknown.Code, unknown.MoreInfo).ShouldBe((404, 20404, "https://www.twilio.com/docs/errors/20404"));
        unknown.Message.ShouldContain("was not found");
        (await RefusalAsync(() => CallAsync("5551234", world.App.Url))).ShouldBe((400, 21211));
        (await RefusalAsync(() => CallAsync("client:bob", "ftp://files.example"))).ShouldBe((400, 21205));
        var sid = (await CallAsync("client:bob", world.App.Url)).Sid;
        (await CompleteAsync()).Status.ShouldBe(CallResource.StatusEnum.Canceled);
        (await RefusalAsync(CompleteAsync)).ShouldBe((400, 21220));

        world.Twilio.Faults.Add(new RestFault { Kind = RestFaultKind.TooManyRequests, Times = 1 });
        (await RefusalAsync(() => CallResource.FetchAsync(sid, client: twilio.Rest))).ShouldBe((429, 20429));
        world.Twilio.Faults.Add(new RestFault { Kind = RestFaultKind.Unavailable, Times = 1 });
        (await RefusalAsync(() => CallResource.FetchAsync(sid, client: twilio.Rest))).ShouldBe((503, 20503));
        using var stranger = new OfficialClient(world.Twilio, password: "wrong");
        (await RefusalAsync(() => CallResource.FetchAsync(sid, client: stranger.Rest))).ShouldBe((401, 20003));

        Task<CallResource> CallAsync(string to, string url) =>
            CallResource.CreateAsync(new CreateCallOptions(new PhoneNumber(to), CallerId) { Url = new Uri(url) }, twilio.Rest);
        Task<CallResource> CompleteAsync() =>
            CallResource.UpdateAsync(new UpdateCallOptions(sid) { Status = CallResource.UpdateStatusEnum.Completed }, twilio.Rest);
    }

    [Fact]
    public async Task Every_webhook_that_is_delivered_passes_the_official_validator_and_a_changed_one_does_not()
    {
        await using var world = await World.StartAsync();
        using var twilio = new OfficialClient(world.Twilio);
        world.App.On("/voice", world.Room("room", "waitMethod='GET'", "action='/left?of=alice&amp;why=call%20over' method='GET'")
            .Replace("waitUrl=\"\"", "waitUrl='/wait'", StringComparison.Ordinal));
        world.App.On("/wait", "<Pause length='60'/>");
        await world.Twilio.Client("alice").PlaceCallAsync(
            "bob", new() { { "SessionID", "s/1 + ä&b='c'" }, { "sessionid", "other case" }, { "Empty", "" } });
        await world.EventAsync("participant-join");
        await ParticipantResource.CreateAsync(
            new CreateParticipantOptions("room", CallerId, new PhoneNumber(Lawyer))
            {
                StatusCallback = new Uri(world.App.Url + "/lawyer?trace=00-4bf92f-01#rc=2&rp=all"),
                StatusCallbackEvent = ["ringing", "completed"],
            },
            twilio.Rest);
        await world.Twilio.Phone(Lawyer).RingsAsync();
        await world.Twilio.Phone(Lawyer).DeclineAsync();
        await world.Twilio.Client("alice").HangUpAsync();
        await world.EventAsync("conference-end");
        await Eventually.TrueAsync(() => Task.FromResult(
            ((string[])["/voice", "/wait", "/room", "/lawyer", "/left"]).All(path => world.App.At(path).Count > 0)));

        var validator = new RequestValidator(world.Twilio.Options.AuthToken);
        var requests = world.App.Requests.ToList();
        requests.ShouldContain(request => request.Method == "GET");
        requests.ShouldContain(request => request.Method == "POST");
        foreach (var request in requests)
        {
            var form = request.Form.ToDictionary(StringComparer.Ordinal);
            validator.Validate(request.Url, form, request.Signature).ShouldBeTrue(request.ToString());
            validator.Validate(request.Url + "0", form, request.Signature).ShouldBeFalse("another URL");
            form["CallSid"] = "CA" + new string('0', 32);
            validator.Validate(request.Url, form, request.Signature).ShouldBeFalse("the CallSid of another call");
        }

        world.App.At("/voice").ShouldHaveSingleItem()["SessionID"].ShouldBe("s/1 + ä&b='c'");
    }

    private static async Task<(int Status, int Code)> RefusalAsync<T>(Func<Task<T>> request)
    {
        var refusal = await Should.ThrowAsync<ApiException>(request);
        return (refusal.Status, refusal.Code);
    }
}

/// <summary>Twilio's own REST client, whose requests to <c>https://api.twilio.com</c> go to an emulator.</summary>
internal sealed class OfficialClient : IDisposable
{
    private readonly System.Net.Http.HttpClient _http;

    /// <param name="twilio">The emulator.</param>
    /// <param name="password">The auth token to send; null sends the account's own.</param>
    public OfficialClient(TwilioEmulator twilio, string? password = null)
    {
        _http = new(new ToEmulator(twilio.ApiBaseUrl));
        Rest = new TwilioRestClient(
            twilio.Options.AccountSid, password ?? twilio.Options.AuthToken, httpClient: new SystemNetHttpClient(_http));
    }

    public ITwilioRestClient Rest { get; }

    public void Dispose() => _http.Dispose();

    private sealed class ToEmulator(Uri emulator) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.RequestUri!.GetLeftPart(UriPartial.Authority).ShouldBe("https://api.twilio.com");
            request.RequestUri = new Uri(emulator, request.RequestUri.PathAndQuery);
            return base.SendAsync(request, cancellationToken);
        }
    }
}

/// <summary>Dates of the official client against those of the emulator.</summary>
internal static class OfficialDates
{
    /// <summary>The same second: the REST API gives no fractions.</summary>
    public static void ShouldBeSecond(this DateTime? read, DateTimeOffset? expected)
    {
        var at = expected.ShouldNotBeNull();
        read.ShouldNotBeNull().ToUniversalTime().ShouldBe(at.UtcDateTime.AddTicks(-(at.Ticks % TimeSpan.TicksPerSecond)));
    }
}
