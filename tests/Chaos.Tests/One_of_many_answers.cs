using System.Globalization;
using System.Net;
using System.Text.Json;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests;

/// <summary>Ten phones ring for one participant, and three of them answer within 50 ms, while replicas are killed.</summary>
public sealed class One_of_many_answers
{
    private const int Calls = 40;
    private const int Candidates = 10;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task One_candidate_is_in_the_room_and_nine_phones_have_stopped()
    {
        using var redis = await RedisServer.StartAsync();
        await using var deployment = await Deployment.StartAsync(redis.Address, settings: ("Calls:RingTimeout", "00:00:15"));
        foreach (var kind in new[] { WebhookKind.CallStatus, WebhookKind.Conference })
        {
            deployment.Twilio.Faults.Add(new WebhookFault { Kind = kind, Probability = 0.2, Drop = true });
            deployment.Twilio.Faults.Add(new WebhookFault { Kind = kind, Probability = 0.3, Reorder = true });
        }

        deployment.Twilio.Faults.Add(new WebhookFault { Probability = 0.3, Duplicates = 1, MaxDelay = TimeSpan.FromSeconds(1) });
        var random = new Random(Sizes.Seed);
        var told = Task.WhenAll(Enumerable.Range(0, Calls).Select(call => PlayAsync(deployment, call, random.Next())));
        for (var turn = 0; !told.IsCompleted; turn++)
        {
            var turnOver = Task.Delay(Every);
            var victim = deployment.Replicas[turn % deployment.Replicas.Count];
            victim.Kill();
            await victim.StartAsync();
            await Task.WhenAny(told, turnOver);
        }

        await told;
        await Judge.AfterQuietAsync(deployment, [], Patience);
        var winners = deployment.Twilio.Journal.Entries.OfType<ConferenceChanged>()
            .Where(change => change is { Change: "joined by", Phone: { } phone } && phone.Contains("candidate", StringComparison.Ordinal))
            .Select(change => change.Phone!).Distinct(StringComparer.Ordinal).GroupBy(CallOf, StringComparer.Ordinal).ToList();
        winners.ShouldAllBe(of => of.Count() == 1);
        winners.Count.ShouldBeGreaterThan(Calls * 3 / 4);
        var twice = await deployment.Twilio.AskAsync<string[]>(cloud => [.. cloud.Legs.Where(leg => !leg.Inbound)
            .GroupBy(leg => leg.Phone.Address, StringComparer.Ordinal).Where(legs => legs.Count() > 1).Select(legs => legs.Key)]);
        twice.ShouldBeEmpty();
        Report.Line($"{winners.Count} of {Calls} calls with {Candidates} candidates each, "
            + $"replicas killed {deployment.Replicas.Sum(r => r.Kills)} times: one candidate in each room");
    }

    private static async Task PlayAsync(Deployment deployment, int call, int seed)
    {
        var (random, twilio, session) = (new Random(seed), deployment.Twilio, Name("group", call));
        var (caller, callee) = (twilio.Client(Name("caller", call)), twilio.Client(Name("callee", call)));
        var people = Enumerable.Range(0, Candidates)
            .Select(i => string.Create(CultureInfo.InvariantCulture, $"candidate-{call}-{i}")).ToList();
        await callee.BehaveAsync(PhoneBehaviour.Answer);
        var answers = 300 + random.Next(1000);
        for (var i = 0; i < Candidates; i++)
            await twilio.Client(people[i]).BehaveAsync(
                i < 3 ? PhoneBehaviour.Answer : PhoneBehaviour.LetRing, TimeSpan.FromMilliseconds(answers + random.Next(50)));
        await caller.CallAsync(Name("callee", call), session);
        await twilio.WaitUntilAsync(
            cloud => cloud.Phone(caller.Address) is { Current: null } or { TalksWith.Count: > 0 }, "they talk, or the line ends", Patience);
        // A webhook whose retries all met a replica that was being killed ends a call before it begins.
        if (twilio.Read(cloud => cloud.Phone(caller.Address).Current is null))
            return;
        if (!await AddAsync(deployment, session, Name("caller", call), people))
            return;
        // The call may end before a candidate is rung.
        await twilio.WaitUntilAsync(
            cloud => (people.Exists(person => cloud.Phone("client:" + person).Legs.Count > 0)
                    || cloud.Phone(caller.Address).Current is null || cloud.Phone(callee.Address).Current is null)
                && HasSettled(cloud, people),
            "one candidate is in the room, or none, and the other phones have stopped", Patience);
        foreach (var person in people.Append(Name("caller", call)))
            await twilio.AskAsync(cloud =>
            {
                if (cloud.Phone("client:" + person).Current is { State: LegState.InProgress } leg)
                    cloud.HangUp(leg);
                return true;
            });
    }

    private static bool HasSettled(TwilioCloud cloud, IEnumerable<string> people) =>
        people.Select(person => cloud.Phone("client:" + person)).Where(phone => phone.Current is not null).ToList()
            is [] or [{ Conference: not null }];

    /// <summary>Repeats the request with the same key while its outcome is unknown, as a frontend does.</summary>
    private static async Task<bool> AddAsync(Deployment deployment, string session, string caller, IReadOnlyList<string> people)
    {
        var url = new Uri(deployment.Address, $"/v1/sessions/{session}/participants");
        var body = JsonSerializer.Serialize(new { oneOf = people.Select(identity => new { identity }), label = "interpreter" });
        var status = HttpStatusCode.ServiceUnavailable;
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                (status, _) = await Http.SendAsync(
                    HttpMethod.Post, url, deployment.TokenFor(caller), body, ("Idempotency-Key", session));
                // The call may be over by now.
                return status is not HttpStatusCode.ServiceUnavailable;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                // The connection was cut, so the outcome is unknown. The key makes a repetition safe.
                return false;
            }
        }, "the candidates are added", Patience);
        return status is HttpStatusCode.Created or HttpStatusCode.Accepted;
    }

    private static string CallOf(string phone) => phone.Split('-')[1];

    private static string Name(string what, int call) => string.Create(CultureInfo.InvariantCulture, $"{what}-{call}");
}
