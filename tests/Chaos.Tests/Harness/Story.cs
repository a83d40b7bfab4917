using System.Globalization;
using System.Net;
using System.Text.Json;
using Calls.Sandbox.Twilio;

namespace Calls.Chaos.Tests.Harness;

/// <summary>The acts of the people in a call.</summary>
internal enum Plot
{
    /// <summary>Caller and callee talk, and one of them hangs up.</summary>
    Talk,

    /// <summary>Caller and callee talk, and a phone is added by REST. If it answers, two of the three hang up.</summary>
    AddGuest,

    Decline,
    NoAnswer,
    Unreachable,

    /// <summary>The caller hangs up before the answer.</summary>
    GiveUp,
}

/// <summary>One call between two people who have no other call.</summary>
internal sealed record Story(int Number, Plot Plot, TimeSpan RingsFor, TimeSpan Lasts, bool CalleeHangsUp, bool GuestAnswers)
{
    /// <summary>The time that a person waits for the other person before hanging up.</summary>
    private TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(15);

    public string Session => Name("story");

    public string Caller => Name("caller");

    public string Callee => Name("callee");

    public string Guest => string.Create(CultureInfo.InvariantCulture, $"+1555{2_000_000 + Number}");

    public IEnumerable<string> Phones => ["client:" + Caller, "client:" + Callee, Guest];

    /// <summary>The time of the last hang-up by a person. After it, the service must end all other legs.</summary>
    public DateTimeOffset? LastAct { get; private set; }

    /// <summary>Whether the service accepted the guest.</summary>
    public bool GuestAdded { get; private set; }

    public bool Talked { get; private set; }

    public static IReadOnlyList<Story> Draw(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(number => new Story(
            number,
            random.Next(100) switch
            {
                < 40 => Plot.Talk,
                < 55 => Plot.AddGuest,
                < 67 => Plot.Decline,
                < 75 => Plot.NoAnswer,
                < 82 => Plot.Unreachable,
                _ => Plot.GiveUp,
            },
            TimeSpan.FromMilliseconds(random.Next(500)), TimeSpan.FromMilliseconds(100 + random.Next(1500)), random.Next(2) == 0,
                random.Next(3) > 0))];
    }

    /// <summary>Calls whose callers wait for a minute, and whose callees answer.</summary>
    public static IReadOnlyList<Story> DrawPatient(int count, int seed) =>
        [.. Draw(count, seed).Select(story => story with { Plot = Plot.Talk, Patience = TimeSpan.FromMinutes(1) })];

    public async Task PlayAsync(Deployment deployment)
    {
        var (twilio, caller, callee) = (deployment.Twilio, deployment.Twilio.Client(Caller), deployment.Twilio.Client(Callee));
        await callee.BehaveAsync(Plot switch
        {
            Plot.Talk or Plot.AddGuest => PhoneBehaviour.Answer,
            Plot.Decline => PhoneBehaviour.Decline,
            Plot.Unreachable => PhoneBehaviour.Unreachable,
            _ => PhoneBehaviour.LetRing,
        }, RingsFor);
        var leg = await caller.CallAsync(Callee, Session);
        switch (Plot)
        {
            case Plot.GiveUp:
                await Task.Delay(Lasts);
                await HangUpAsync(twilio, caller.Address);
                break;
            case Plot.Talk or Plot.AddGuest:
                Talked = await TalksOrEndsAsync(twilio, leg);
                if (Plot == Plot.AddGuest && Talked)
                    GuestAdded = await AddGuestAsync(deployment);
                await Task.Delay(Lasts);
                // The caller did not hear the callee, and hangs up.
                var (first, second) = CalleeHangsUp && Talked ? (callee.Address, caller.Address) : (caller.Address, callee.Address);
                await HangUpAsync(twilio, first);
                if (GuestAdded)
                    await HangUpAsync(twilio, second);
                break;
        }
    }

    /// <summary>
    /// The time from the last act of a person (or from the end of the callee's unanswered leg) to the end of the last leg.
    /// </summary>
    public TimeSpan LinesOutlive(ILookup<string, Leg> legs)
    {
        var over = Phones.SelectMany(phone => legs[phone]).Max(leg => leg.EndedAt!.Value);
        var last = LastAct ?? legs["client:" + Callee].Max(leg => leg.EndedAt) ?? legs["client:" + Caller].Max(leg => leg.Created);
        return over > last ? over - last : TimeSpan.Zero;
    }

    private string Name(string what) => string.Create(CultureInfo.InvariantCulture, $"{what}-{Number}");

    private async Task<bool> TalksOrEndsAsync(TwilioEmulator twilio, Leg leg)
    {
        try
        {
            return await twilio.WaitUntilAsync(_ => leg.Ended || leg.Phone.TalksWith.Count > 0, "they talk, or the line ends", Patience)
                .ContinueWith(done => done.IsCompletedSuccessfully && twilio.Read(_ => !leg.Ended), TaskScheduler.Default);
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task HangUpAsync(TwilioEmulator twilio, string address) => await twilio.AskAsync(cloud =>
    {
        if (cloud.Phone(address).Current is not { } current)
            return false;
        cloud.HangUp(current);
        LastAct = current.EndedAt;
        return true;
    });

    /// <summary>Repeats the request with the same key while its outcome is unknown, as a frontend does.</summary>
    private async Task<bool> AddGuestAsync(Deployment deployment)
    {
        await deployment.Twilio.Phone(Guest).BehaveAsync(GuestAnswers ? PhoneBehaviour.Answer : PhoneBehaviour.Decline, RingsFor);
        var url = new Uri(deployment.Address, $"/v1/sessions/{Session}/participants");
        for (var attempt = 1; attempt <= 8; attempt++)
        {
            try
            {
                var (status, _) = await Http.SendAsync(HttpMethod.Post, url, deployment.TokenFor(Caller),
                    JsonSerializer.Serialize(new { phoneNumber = Guest }), ("Idempotency-Key", Guest));
                if (status is not (HttpStatusCode.ServiceUnavailable or HttpStatusCode.Conflict))
                    return status is HttpStatusCode.Created or HttpStatusCode.Accepted;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                // The connection was cut, so the outcome is unknown. The key makes a repetition safe.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200 * attempt));
        }

        return false;
    }
}
