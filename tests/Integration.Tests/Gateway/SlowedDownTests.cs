using System.Collections.Concurrent;
using System.Globalization;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Twilio;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Gateway;

/// <summary>Twilio answers 429: all requests of that kind become slower, for all calls, and no other kind does.</summary>
public sealed class SlowedDownTests(RedisFixture redis)
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_storm_of_429_does_not_multiply_itself()
    {
        const int calls = 60;
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = new() { RingBuffer = TimeSpan.Zero },
        });
        host.Twilio.Faults.Add(new RestFault
        {
            Operation = RestOperation.CreateCall,
            Kind = RestFaultKind.TooManyRequests,
            BeyondPerSecond = 5,
        });
        await Task.WhenAll(Enumerable.Range(0, calls).Select(async number =>
        {
            // A little more than Twilio takes.
            await Task.Delay(TimeSpan.FromSeconds(number / 7d));
            await host.Twilio.Client(Name("callee", number)).BehaveAsync(PhoneBehaviour.Answer);
            await host.Twilio.Client(Name("caller", number)).CallAsync(Name("callee", number), Name("storm", number));
        }));
        await host.Twilio.WaitUntilAsync(
            cloud => Enumerable.Range(0, calls).All(number => cloud.Phone("client:" + Name("callee", number)).TalksWith.Count > 0),
            "every callee talks", TimeSpan.FromSeconds(30));

        var sent = host.Twilio.Journal.OfType<RestRequested>().Count(request => request.Operation == RestOperation.CreateCall);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sent} requests for {calls} calls"));
        sent.ShouldBeLessThanOrEqualTo(2 * calls, "a few requests are refused, and they are not repeated by each call on its own");
        await host.Twilio.AskAsync(cloud =>
        {
            for (var number = 0; number < calls; number++)
                cloud.HangUp(cloud.Phone("client:" + Name("caller", number)).Current!);
            return true;
        });
        await host.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended", TimeSpan.FromSeconds(30));
        (await host.Twilio.AskAsync(cloud => Guarantees.Broken(cloud))).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_pause_that_Twilio_asks_for_holds_the_other_requests_of_its_kind_and_of_no_other_kind()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Otherwise = request => request.Path.EndsWith("/Calls.json", StringComparison.Ordinal)
            ? Answer.TooMany("300") : Answer.Call;
        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.Refused>();

        var second = (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.NotSent>();
        second.Cause.ShouldBe(NotSentCause.Limiter);
        second.RetryAfter.ShouldNotBeNull().ShouldBeInRange(GatewayFixture.S(1), GatewayFixture.S(15), "then Twilio is asked");
        gateway.Twilio.Requests.ShouldHaveSingleItem("the second create was not sent");

        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBeOfType<GatewayOutcome<CallView>.Accepted>();
        (await gateway.Gateway.FetchCallAsync(Given.Leg, None)).ShouldBeOfType<GatewayOutcome<CallView>.Accepted>();
    }

    [Fact]
    public async Task Ending_a_line_never_waits_behind_muting()
    {
        await using var gateway = await GatewayFixture.StartAsync(new GatewaySettings());
        var muting = new ConcurrentBag<string>();
        gateway.Twilio.Otherwise = request =>
        {
            if (!request.Path.Contains("/Participants/", StringComparison.Ordinal))
                return Answer.Call with { Status = 200 };
            muting.Add(request.Path);
            return Answer.Never;
        };
        using var enough = new CancellationTokenSource();
        var updates = Enumerable.Range(0, 100).Select(number =>
            gateway.Gateway.UpdateParticipantAsync(Given.Conference, Given.Leg, number % 2 == 0, null, false, enough.Token)).ToList();
        await Eventually.TrueAsync(() => Task.FromResult(muting.Count >= new GatewaySettings().Updates.Permits));

        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBeOfType<GatewayOutcome<CallView>.Accepted>();
        updates.ShouldContain(update => !update.IsCompleted, "the updates still wait for Twilio");
        await enough.CancelAsync();
        foreach (var update in updates)
            await update.ContinueWith(_ => { }, None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    [Fact]
    public async Task A_stranger_is_hung_up_while_one_person_changes_mute_a_hundred_times_and_Twilio_is_slow()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = await redis.NewDatabaseAsync(),
            Twilio = new() { RingBuffer = TimeSpan.Zero },
        });
        foreach (var (caller, callee) in new[] { ("alice", "bob"), ("carol", "dave") })
        {
            await host.Twilio.Client(callee).BehaveAsync(PhoneBehaviour.Answer);
            await host.Twilio.Client(caller).CallAsync(callee, "of-" + caller);
            await host.Twilio.Client(callee).TalksAsync();
        }

        await Eventually.TrueAsync(async () => (await host.RestAsync(HttpMethod.Get, "/v1/sessions/of-alice", host.TokenFor("alice"))).Body
            .Contains("\"live\"", StringComparison.Ordinal));
        // Twilio answers no update while the test runs.
        host.Twilio.Faults.Add(new RestFault { Operation = RestOperation.UpdateParticipant, MinLatency = TimeSpan.FromMinutes(5) });
        for (var number = 0; number < 100; number++)
            (await host.RestAsync(HttpMethod.Patch, "/v1/sessions/of-alice/participants/callee", host.TokenFor("alice"),
                number % 2 == 0 ? """{"muted":true}""" : """{"muted":false}""")).Status.ShouldBe(System.Net.HttpStatusCode.Accepted);
        await host.Twilio.Client("carol").HangUpAsync();
        await host.Twilio.Client("dave").IsIdleAsync();

        var hangUp = host.Twilio.Journal.OfType<RestRequested>().First(request => request.Operation == RestOperation.UpdateCall);
        var updates = host.Twilio.Journal.OfType<RestRequested>()
            .Count(request => request.Operation == RestOperation.UpdateParticipant && request.Number < hangUp.Number);
        updates.ShouldBeInRange(1, 10, "one change of the participant is under way and one waits, whatever the number of requests");
    }

    private static string Name(string what, int number) => string.Create(CultureInfo.InvariantCulture, $"{what}-{number}");
}
