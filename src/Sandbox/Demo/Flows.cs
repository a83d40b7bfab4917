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
        new("3  People leave one by one", "when one party is left and no phone rings, the line of that party ends", LeaveOneByOneAsync),
        new("4  The caller hangs up before the answer", "Bob's phone stops ringing", HangUpBeforeAnswerAsync),
        new("5  The callee declines", "Alice's line ends at once", DeclineAsync),
        new("5b The callee does not answer", "Alice's line ends after the ring time-out", NoAnswerAsync),
        new("5c The callee cannot be reached", "Alice's line ends at once", UnreachableAsync),
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
            "10 Redis loses every call",
            "Redis is flushed while Alice and Bob talk and the lawyer rings: all three talk on, and the last line ends",
            LostAsync),
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
        var (lawyer, doctor) = (host.Twilio.Phone(Lawyer), host.Twilio.Phone(Doctor));
        Expect(await host.AddPhoneAsync(session, "alice", Lawyer, "lawyer"), HttpStatusCode.Created);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        Expect(await host.AddPhoneAsync(session, "bob", Doctor, "doctor"), HttpStatusCode.Created);
        await doctor.RingsAsync();
        await doctor.AnswerAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone(Doctor).Current?.Conference?.Connected.Count() == 4, "four parties talk");
        foreach (var phone in new[] { alice, bob, lawyer })
            await phone.HangUpAsync();
        await doctor.IsIdleAsync();
    }

    private static async Task LeaveOneByOneAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        var lawyer = host.Twilio.Phone(Lawyer);
        Expect(await host.AddPhoneAsync(session, "alice", Lawyer, "lawyer"), HttpStatusCode.Created);
        await lawyer.RingsAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
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
        await alice.IsIdleAsync();
    }

    private static async Task NoAnswerAsync(SandboxHost host, string session)
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", session);
        await bob.RingsAsync();
        await alice.IsIdleAsync(TimeSpan.FromSeconds(30));
    }

    private static async Task UnreachableAsync(SandboxHost host, string session)
    {
        var (alice, carol) = (host.Twilio.Client("alice"), host.Twilio.Client("carol"));
        await carol.BehaveAsync(PhoneBehaviour.Unreachable);
        await alice.CallAsync("carol", session);
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
            if (!document.Contains("\"queued\"", StringComparison.Ordinal))
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
        await alice.HangUpAsync();
        await host.Twilio.WaitUntilAsync(
            cloud => cloud.Phone(Lawyer).TalksWith.Contains(Doctor), "the lawyer and the doctor hear each other");
        await lawyer.HangUpAsync();
        await doctor.IsIdleAsync();
    }

    private static async Task LostAsync(SandboxHost host, string session)
    {
        var (alice, bob) = await TalkAsync(host, session);
        var lawyer = host.Twilio.Phone(Lawyer);
        Expect(await host.AddPhoneAsync(session, "alice", Lawyer), HttpStatusCode.Created);
        await lawyer.RingsAsync();
        await host.FlushRedisAsync();
        await lawyer.AnswerAsync();
        await lawyer.TalksAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while ((await host.RestAsync(HttpMethod.Get, $"/v1/sessions/{session}", host.TokenFor("alice"))).Status != HttpStatusCode.OK)
            await Task.Delay(50, patience.Token);
        await alice.HangUpAsync();
        await bob.TalksAsync();
        await bob.HangUpAsync();
        await lawyer.IsIdleAsync();
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
