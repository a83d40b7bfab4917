using System.Net;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Demo;

/// <summary>The calls that the demonstration plays.</summary>
/// <remarks>Each flow uses the phones of the emulated Twilio, and the REST API as a frontend does.</remarks>
internal static class Flows
{
    private const string Lawyer = "+15550100101";
    private const string Doctor = "+15550100102";

    public static IReadOnlyList<Flow> All { get; } =
    [
        new(
            "1  Alice calls Bob",
            "Bob's phone rings, Alice hears ringback, both join the conference; Alice hangs up, and Bob's line ends",
            TwoPartyCallAsync),
        new("2  A lawyer and a doctor are added", "phones are added by REST during the call; they answer and join", AddPhonesAsync),
        new(
            "2b The callee adds a person",
            "Bob's app knows the call from what rang it: Bob adds the lawyer and Carol, and Carol's app knows the call too",
            CalleeAddsAsync),
        new("3  People leave one by one", "when one party is left and no phone rings, the line of that party ends", LeaveOneByOneAsync),
        new("4  The caller hangs up before the answer", "Bob's phone stops ringing", HangUpBeforeAnswerAsync),
        new("5  The callee declines", "Alice hears the busy tone, and her line ends", DeclineAsync),
        new("5b The callee does not answer", "after the ring time-out Alice hears the reorder tone, and her line ends", NoAnswerAsync),
        new("5c The callee cannot be reached", "Alice hears the reorder tone, and her line ends", UnreachableAsync),
        new(
            "6  Twilio queues a call",
            "Twilio starts few calls a second: the lawyer's call waits longer than a phone rings, is shown as queued, and then rings",
            QueuedAsync),
        new(
            "7  A held pair whose holder leaves",
            "Alice puts two phones on hold and hangs up: both are taken off hold and hear each other",
            HeldPairAsync),
        new(
            "8  A voicemail answers for the lawyer",
            "Twilio detects machines on the lawyer's phone: the voicemail never enters the call, and Alice and Bob talk on",
            VoicemailAsync),
        new(
            "8b A voicemail answers, and no other person is left",
            "Bob has left; Alice waits for the lawyer, a voicemail answers, and Alice's line ends at once",
            VoicemailAloneAsync),
        new(
            "9  A line drops, and the person returns",
            "Alice's phone loses its connection and calls again with the same session id: she is back, Twilio's old leg is hung up",
            DropAndReturnAsync),
        new(
            "9b A callee hangs up by mistake and returns",
            "Alice, Bob and the lawyer talk; Bob hangs up and calls with the same session id: he is the callee again, no phone rings",
            CalleeReturnsAsync),
        new(
            "10 Redis loses every call",
            "Redis is flushed while Alice and Bob talk and the lawyer rings: all three talk on, and the last line ends",
            LostAsync),
        new(
            "11 A phone calls in",
            "a person calls the number of the service: Bob's app knows the call and the caller, and Bob adds Carol",
            PhoneCallsInAsync),
        new(
            "12 One of three interpreters gets the call",
            "three interpreters are rung: the first one to answer enters the call, and the two other phones stop",
            OneOfThreeAsync),
    ];

    private static async Task TwoPartyCallAsync(SandboxHost host, string session)
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", session);
        await bob.RingsAsync();
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Phone(alice.Address).Current is { } leg
                && leg.Heard.Any(sound => sound.EndsWith("ringback.wav", StringComparison.Ordinal)),
            "Alice hears ringback");
        await bob.AnswerAsync();
        await bob.TalksAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
    }

    private static async Task AddPhonesAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        var (lawyer, doctor) = (await AddLawyerAsync(host, session), host.Twilio.Phone(Doctor));
        Expect(await host.AddPhoneAsync(session, "bob", Doctor, "doctor"), HttpStatusCode.Created);
        await doctor.RingsAsync();
        await doctor.AnswerAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone(Doctor).Current?.Conference?.Connected.Count() == 4, "four parties talk");
        foreach (var phone in new[] { alice, bob, lawyer })
            await phone.HangUpAsync();
        await doctor.IsIdleAsync();
    }

    private static async Task CalleeAddsAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        var (lawyer, carol) = (host.Twilio.Phone(Lawyer), host.Twilio.Client("carol"));
        Expect(await host.AddPhoneAsync(Told(bob), "bob", Lawyer, "lawyer"), HttpStatusCode.Created);
        Expect(await host.AddAppAsync(Told(bob), "bob", "carol", "interpreter"), HttpStatusCode.Created);
        foreach (var phone in new[] { lawyer, carol })
        {
            await phone.RingsAsync();
            await phone.AnswerAsync();
        }

        await carol.WaitUntilTalkingWithAsync(TimeSpan.FromSeconds(10), alice, bob, lawyer);
        Expect(await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{Told(carol)}", host.TokenFor("carol")), HttpStatusCode.OK);
        foreach (var phone in new[] { alice, bob, lawyer })
            await phone.HangUpAsync();
        await carol.IsIdleAsync();

        static string Told(PhoneHandle app) => app.Incoming[^1].Custom["SessionID"]
            ?? throw new InvalidOperationException($"{app.Address} cannot name the call");
    }

    private static async Task LeaveOneByOneAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        var lawyer = await AddLawyerAsync(host, session);
        await alice.HangUpAsync();
        await bob.TalksAsync();
        await bob.HangUpAsync();
        await lawyer.IsIdleAsync();
    }

    private static async Task HangUpBeforeAnswerAsync(SandboxHost host, string session)
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", session);
        await bob.RingsAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
    }

    private static async Task DeclineAsync(SandboxHost host, string session)
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", session);
        await bob.RingsAsync();
        await bob.DeclineAsync();
        // In one position of the emulator's guesses, a phone that declines looks like a phone that does not answer.
        await HearsAsync(host, host.Twilio.Options.DeclineIsBusy ? "/twilio/tones/busy.wav" : "/twilio/tones/reorder.wav");
        await alice.IsIdleAsync();
    }

    private static async Task NoAnswerAsync(SandboxHost host, string session)
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", session);
        await bob.RingsAsync();
        await HearsAsync(host, "/twilio/tones/reorder.wav");
        await alice.IsIdleAsync();
    }

    private static async Task UnreachableAsync(SandboxHost host, string session)
    {
        var (alice, carol) = (host.Twilio.Client("alice"), host.Twilio.Client("carol"));
        await carol.BehaveAsync(PhoneBehaviour.Unreachable);
        await alice.CallAsync("carol", session);
        await HearsAsync(host, "/twilio/tones/reorder.wav");
        await alice.IsIdleAsync();
    }

    private static async Task QueuedAsync(SandboxHost host, string session)
    {
        var lawyer = host.Twilio.Phone(Lawyer);
        host.Twilio.Faults.CallsPerSecond = 1 / 7.0;
        try
        {
            var (alice, bob) = await TalkAsync(host, session);
            Expect(await host.AddPhoneAsync(session, "alice", Lawyer, "lawyer"), HttpStatusCode.Created);
            var (_, document) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{session}", host.TokenFor("alice"));
            // Where Twilio sends `initiated` while the call is queued, the service takes it for being dialled.
            if (!document.Contains("\"queued\"", StringComparison.Ordinal) && !host.Twilio.Options.InitiatedWhileQueued)
                throw new InvalidOperationException($"The document does not show the queue: {document}");
            await lawyer.RingsAsync(TimeSpan.FromSeconds(30));
            await lawyer.AnswerAsync();
            await lawyer.TalksAsync();
            await alice.HangUpAsync();
            await bob.HangUpAsync();
            await lawyer.IsIdleAsync();
        }
        finally
        {
            host.Twilio.Faults.CallsPerSecond = null;
        }
    }

    private static async Task VoicemailAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        await AddVoicemailAsync(host, session);
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
        var (_, document) = await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{session}", host.TokenFor("alice"));
        if (!document.Contains("\"voicemail\"", StringComparison.Ordinal))
            throw new InvalidOperationException($"The document does not say voicemail: {document}");
        await bob.TalksAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
    }

    private static async Task VoicemailAloneAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        await AddVoicemailAsync(host, session, TimeSpan.FromSeconds(1));
        await bob.HangUpAsync();
        await alice.IsIdleAsync();
        await host.Twilio.Phone(Lawyer).IsIdleAsync();
    }

    /// <summary>Alice adds the lawyer, whose voicemail answers after <paramref name="after"/>.</summary>
    private static async Task AddVoicemailAsync(SandboxHost host, string session, TimeSpan after = default)
    {
        var lawyer = host.Twilio.Phone(Lawyer);
        await lawyer.BehaveAsync(PhoneBehaviour.Voicemail, after);
        try
        {
            Expect(await host.AddPhoneAsync(session, "alice", Lawyer, "lawyer", "machine"), HttpStatusCode.Created);
            await lawyer.WaitForAsync(PhoneState.InCall, TimeSpan.FromSeconds(10));
        }
        finally
        {
            await lawyer.BehaveAsync(PhoneBehaviour.LetRing);
        }
    }

    private static async Task HeldPairAsync(SandboxHost host, string session)
    {
        var (alice, lawyer, doctor) = (host.Twilio.Client("alice"), host.Twilio.Phone(Lawyer), host.Twilio.Phone(Doctor));
        await alice.CallAsync(Lawyer, session);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        Expect(await host.AddPhoneAsync(session, "alice", Doctor, "doctor"), HttpStatusCode.Created);
        await doctor.RingsAsync();
        await doctor.AnswerAsync();
        await doctor.TalksAsync();
        foreach (var part in await host.Twilio.AskAsync(cloud => cloud.ActiveConferences().Single().Participants.ToList()))
            if (!part.Leg.Phone.IsClient)
                Expect(
                    await host.RestAsync(HttpMethod.Patch, $"/v1/sessions/{session}/participants/{part.Label}", host.TokenFor("alice"),
                        """{"hold": true}"""),
                    HttpStatusCode.Accepted);
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone(Lawyer).IsOnHold && cloud.Phone(Doctor).IsOnHold, "both phones hear music");
        await IsAnsweredAsync(host, session, "participant-hold", 2);
        await alice.HangUpAsync();
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Phone(Lawyer).TalksWith.Contains(Doctor), "the lawyer and the doctor hear each other");
        await lawyer.HangUpAsync();
        await doctor.IsIdleAsync();
    }

    /// <summary>Waits until Alice hears a tone on her newest line.</summary>
    private static Task HearsAsync(SandboxHost host, string tone) => host.Twilio.WaitUntilAsync(
        cloud => cloud.Phone("client:alice").Legs[^1].Heard.Any(sound => sound.EndsWith(tone, StringComparison.Ordinal)),
        "Alice hears the tone", TimeSpan.FromSeconds(30));

    private static async Task DropAndReturnAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        await alice.DropAsync();
        await alice.CallAsync("bob", session);
        await alice.WaitUntilTalkingWithAsync(TimeSpan.FromSeconds(10), bob);
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
    }

    private static async Task CalleeReturnsAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        var lawyer = await AddLawyerAsync(host, session);
        await bob.HangUpAsync();
        await IsAnsweredAsync(host, session, "participant-leave", 1);
        await bob.CallAsync("alice", session);
        await bob.WaitUntilTalkingWithAsync(TimeSpan.FromSeconds(10), alice, lawyer);
        await lawyer.HangUpAsync();
        await alice.HangUpAsync();
        await bob.IsIdleAsync();
    }

    private static async Task LostAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        await IsAnsweredAsync(host, session, "participant-join", 2);
        // No webhook says when Twilio's lists show the two, so they talk for the longest lag.
        await Task.Delay(new[] { host.Twilio.Options.ConferenceListLag, host.Twilio.Options.ParticipantReadLag }.Max());
        var lawyer = host.Twilio.Phone(Lawyer);
        Expect(await host.AddPhoneAsync(session, "alice", Lawyer), HttpStatusCode.Created);
        await lawyer.RingsAsync();
        await host.FlushRedisAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        var from = TimeProvider.System.GetTimestamp();
        while ((await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{session}", host.TokenFor("alice"))).Status != HttpStatusCode.OK)
        {
            if (TimeProvider.System.GetElapsedTime(from) > TimeSpan.FromSeconds(10))
                throw new TimeoutException("The session was not built again within 10 s");
            await Task.Delay(50);
        }

        await alice.HangUpAsync();
        await bob.TalksAsync();
        await bob.HangUpAsync();
        await lawyer.IsIdleAsync();
    }

    private static async Task PhoneCallsInAsync(SandboxHost host, string session)
    {
        var (caller, bob, carol) = (host.Twilio.Phone(Doctor), host.Twilio.Client("bob"), host.Twilio.Client("carol"));
        await carol.BehaveAsync(PhoneBehaviour.LetRing);
        // The session of such a call is the caller's leg.
        session = (await caller.PlaceCallAsync("+15550100000")).Sid;
        await bob.RingsAsync();
        if (bob.Incoming[^1].Custom is var told && (told["SessionID"], told["CallerIdentity"]) != (session, Doctor))
            throw new InvalidOperationException($"Bob's app was told {told}");
        await bob.AnswerAsync();
        await bob.TalksAsync();
        Expect(await host.AddAppAsync(session, "bob", "carol"), HttpStatusCode.Created);
        await carol.RingsAsync();
        await carol.AnswerAsync();
        await carol.WaitUntilTalkingWithAsync(TimeSpan.FromSeconds(10), caller, bob);
        await caller.HangUpAsync();
        await bob.HangUpAsync();
        await carol.IsIdleAsync();
    }

    private static async Task OneOfThreeAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        PhoneHandle[] interpreters = [host.Twilio.Client("ines"), host.Twilio.Client("ivan"), host.Twilio.Client("ida")];
        const string body = """{"oneOf":[{"identity":"ines"},{"identity":"ivan"},{"identity":"ida"}],"label":"interpreter"}""";
        Expect(
            await host.RestAsync(HttpMethod.Post, $"/v1/sessions/{session}/participants", host.TokenFor("alice"), body),
            HttpStatusCode.Created);
        foreach (var interpreter in interpreters)
            await interpreter.RingsAsync();
        await interpreters[1].AnswerAsync();
        await interpreters[1].TalksAsync();
        await interpreters[0].IsIdleAsync();
        await interpreters[2].IsIdleAsync();
        foreach (var phone in new[] { alice, bob })
            await phone.HangUpAsync();
        await interpreters[1].IsIdleAsync();
    }

    private static async Task<(PhoneHandle Alice, PhoneHandle Bob)> TalkAsync(SandboxHost host, string session)
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", session);
        await bob.RingsAsync();
        await bob.AnswerAsync();
        await bob.TalksAsync();
        return (alice, bob);
    }

    /// <summary>Alice adds the lawyer, who answers.</summary>
    private static async Task<PhoneHandle> AddLawyerAsync(SandboxHost host, string session)
    {
        var lawyer = host.Twilio.Phone(Lawyer);
        Expect(await host.AddPhoneAsync(session, "alice", Lawyer, "lawyer"), HttpStatusCode.Created);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        return lawyer;
    }

    /// <summary>Waits until the service has answered so many webhooks with that event. What it does next then depends on no race.</summary>
    private static Task IsAnsweredAsync(SandboxHost host, string session, string happened, int times) => host.Twilio.WaitUntilAsync(
        cloud => cloud.Journal.OfType<WebhookAnswered>().Count(answer => answer.Event == happened
            && answer.Url.Contains($"/{session}/", StringComparison.Ordinal)) >= times,
        $"the service has heard of {happened}");

    private static void Expect((HttpStatusCode Status, string Body) answer, HttpStatusCode status)
    {
        if (answer.Status != status)
            throw new InvalidOperationException($"The Api answered {(int)answer.Status}, expected {(int)status}: {answer.Body}");
    }
}

/// <summary>One call of the demonstration.</summary>
/// <param name="Name">A number and a title.</param>
/// <param name="Shows">What the call shows.</param>
/// <param name="PlayAsync">Plays the call in a sandbox, with the given session id.</param>
internal sealed record Flow(string Name, string Shows, Func<SandboxHost, string, Task> PlayAsync);
