using System.Globalization;
using System.Net;
using System.Text.Json;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests;

/// <summary>Ten phones ring for one participant, and three of them answer within 50 ms, while replicas are killed.</summary>
public sealed class One_of_many_answers
{
    private const int Candidates = 10;
    private const int MostAtOnce = 40;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>How far a call came.</summary>
    private enum Outcome
    {
        /// <summary>The caller called five times, and no line lasted until the two could talk.</summary>
        NeverTalked,

        /// <summary>The call was over before a candidate was rung.</summary>
        OverBeforeCandidates,

        /// <summary>The call was over before a candidate was in the room.</summary>
        OverMeanwhile,

        /// <summary>The call went on, and no candidate entered the room: a winner's line can end before that.</summary>
        NoWinner,

        OneWinner,
    }

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
        var calls = PlayAsync(deployment);
        for (var turn = 0; !calls.IsCompleted; turn++)
        {
            var turnOver = Task.Delay(Every);
            var victim = deployment.Replicas[turn % deployment.Replicas.Count];
            victim.Kill();
            await victim.StartAsync();
            await Task.WhenAny(calls, turnOver);
        }

        var outcomes = await calls;
        await Judge.AfterQuietAsync(deployment, [], Patience);
        var winners = deployment.Twilio.Journal.Entries.OfType<ConferenceChanged>()
            .Where(change => change is { Change: "joined by", Phone: { } phone } && phone.Contains("candidate", StringComparison.Ordinal))
            .Select(change => change.Phone!).Distinct(StringComparer.Ordinal).GroupBy(CallOf, StringComparer.Ordinal).ToList();
        winners.ShouldAllBe(of => of.Count() == 1);
        winners.Count.ShouldBeGreaterThanOrEqualTo(Sizes.CrossingCalls * 98 / 100);
        var twice = await deployment.Twilio.AskAsync<string[]>(cloud => [.. cloud.Legs.Where(leg => !leg.Inbound)
            .GroupBy(leg => leg.Phone.Address, StringComparer.Ordinal).Where(legs => legs.Count() > 1).Select(legs => legs.Key)]);
        twice.ShouldBeEmpty();
        var rivals = await deployment.Twilio.AskAsync(cloud => Enumerable.Range(0, Sizes.CrossingCalls).Count(call =>
            People(call).Count(person => cloud.Phone("client:" + person).Legs.Any(leg => leg.AnsweredAt is not null)) > 1));
        Report.Line($"{Sizes.CrossingCalls} calls with {Candidates} candidates each, "
            + $"replicas killed {deployment.Replicas.Sum(r => r.Kills)} times: "
            + $"{winners.Count} had one candidate in the room, no call had two; more than one answered in {rivals}; "
            + string.Join(", ", outcomes.GroupBy(outcome => outcome).OrderBy(of => of.Key).Select(of => $"{of.Key} {of.Count()}")));
    }

    private static async Task<IReadOnlyList<Outcome>> PlayAsync(Deployment deployment)
    {
        var random = new Random(Sizes.Seed);
        var from = TimeProvider.System.GetTimestamp();
        List<Task<Outcome>> playing = [];
        for (var call = 0; call < Sizes.CrossingCalls; call++)
        {
            var due = TimeSpan.FromSeconds((double)call / Sizes.CrossingCallsPerSecond) - TimeProvider.System.GetElapsedTime(from);
            if (due > TimeSpan.Zero)
                await Task.Delay(due);
            while (playing.Where(played => !played.IsCompleted).ToList() is { Count: >= MostAtOnce } others)
                await Task.WhenAny(others);
            playing.Add(PlayAsync(deployment, call, random.Next()));
        }

        return await Task.WhenAll(playing);
    }

    private static async Task<Outcome> PlayAsync(Deployment deployment, int call, int seed)
    {
        var (random, twilio, people) = (new Random(seed), deployment.Twilio, People(call));
        var answers = 300 + random.Next(1000);
        for (var i = 0; i < Candidates; i++)
            await twilio.Client(people[i]).BehaveAsync(
                i < 3 ? PhoneBehaviour.Answer : PhoneBehaviour.LetRing, TimeSpan.FromMilliseconds(answers + random.Next(50)));
        var (caller, callee, session) = (twilio.Client(Name("caller", call)), "", "");
        // A webhook whose retries all met a replica that was being killed ends a call before it begins. Then the caller calls again.
        for (var attempt = 1; attempt <= 5 && caller.Current is null; attempt++)
        {
            (callee, session) = (Name(Name("callee", call), attempt), Name(Name("group", call), attempt));
            await twilio.Client(callee).BehaveAsync(PhoneBehaviour.Answer);
            await caller.CallAsync(callee, session);
            await twilio.WaitUntilAsync(
                cloud => cloud.Phone(caller.Address) is { Current: null } or { TalksWith.Count: > 0 }, "they talk, or the line ends",
                Patience);
        }

        if (caller.Current is null)
            return Outcome.NeverTalked;
        if (!await AddAsync(deployment, session, Name("caller", call), people))
            return Outcome.OverBeforeCandidates;
        try
        {
            await twilio.WaitUntilAsync(
                cloud => HasSettled(cloud, people) || (IsOver(cloud) && !Phones(cloud).Any(phone => phone.Current is not null)),
                "one candidate is in the room, or none, and the other phones have stopped", Patience);
        }
        catch (TimeoutException) when (twilio.Read(cloud => !Phones(cloud).Any(phone => phone.Current is not null)))
        {
            // The winner did not enter the room, and a phone was not rung any more.
        }

        var outcome = twilio.Read(cloud => Phones(cloud).Any(phone => phone.Conference is not null) ? Outcome.OneWinner
            : !IsOver(cloud) ? Outcome.NoWinner
            : Phones(cloud).Any(phone => phone.Legs.Count > 0) ? Outcome.OverMeanwhile : Outcome.OverBeforeCandidates);
        if (outcome == Outcome.NoWinner)
            Report.Line($"{session}: " + string.Join("; ", twilio.Read(cloud => Phones(cloud).SelectMany(phone => phone.Legs)
                .Select(leg => $"{leg.Phone.Address} {leg.State}, answered {leg.AnsweredAt:mm:ss.fff}, ended {leg.EndedAt:mm:ss.fff}")
                .ToArray())) + await DocumentAsync(deployment, session, Name("caller", call)));
        foreach (var person in people.Append(Name("caller", call)))
            await twilio.AskAsync(cloud =>
            {
                if (cloud.Phone("client:" + person).Current is { State: LegState.InProgress } leg)
                    cloud.HangUp(leg);
                return true;
            });
        return outcome;

        bool IsOver(TwilioCloud cloud) => cloud.Phone(caller.Address).Current is null || cloud.Phone("client:" + callee).Current is null;

        IEnumerable<Phone> Phones(TwilioCloud cloud) => people.Select(person => cloud.Phone("client:" + person));
    }

    /// <summary>One candidate is in the room and no other phone rings, or every phone has rung and has stopped.</summary>
    private static bool HasSettled(TwilioCloud cloud, IReadOnlyList<string> people)
    {
        var phones = people.Select(person => cloud.Phone("client:" + person)).ToList();
        return phones.Where(phone => phone.Current is not null).ToList() is [{ Conference: not null }]
            || phones.TrueForAll(phone => phone is { Legs.Count: > 0, Current: null });
    }

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

    private static async Task<string> DocumentAsync(Deployment deployment, string session, string caller)
    {
        var document = "";
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                (var status, document) = await Http.SendAsync(
                    HttpMethod.Get, new Uri(deployment.Address, $"/v1/sessions/{session}"), deployment.TokenFor(caller));
                return status is HttpStatusCode.OK;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                return false;
            }
        }, "the document is read", Patience);
        return document;
    }

    private static List<string> People(int call) =>
        [.. Enumerable.Range(0, Candidates).Select(i => string.Create(CultureInfo.InvariantCulture, $"candidate-{call}-{i}"))];

    private static string CallOf(string phone) => phone.Split('-')[1];

    private static string Name(string what, int call) => string.Create(CultureInfo.InvariantCulture, $"{what}-{call}");
}
