using System.Net;
using Calls.Sandbox.Twilio;

namespace Calls.Sandbox.Demo;

/// <summary>The calls that the demonstration plays: each is a story, told to the emulated Twilio's phones and to the Api as a frontend would.</summary>
internal static class Flows
{
    private const string Lawyer = "+15550100101";
    private const string Doctor = "+15550100102";

    public static IReadOnlyList<Flow> All { get; } =
    [
        new("1  Alice calls Bob", "the callee is rung, the caller hears ringback, both meet in the room; Alice hangs up, and Bob's line ends", MeetAsync),
        new("2  A lawyer and a doctor are added", "phones are added by REST while they talk; they answer and join", AddPhonesAsync),
        new("3  People leave one by one", "until one is left and nobody is being rung: that one's line ends", LeaveAsync),
        new("4  The caller hangs up before the answer", "Bob's phone stops ringing", GhostAsync),
        new("5  The callee declines", "Alice's line ends at once", DeclineAsync),
        new("5b The callee does not answer", "Alice's line ends when the ring time-out is over", NoAnswerAsync),
        new("5c The callee cannot be reached", "Alice's line ends at once", UnreachableAsync),
    ];

    private static async Task MeetAsync(SandboxHost host, string session)
    {
        var (alice, bob) = (host.Twilio.Client("alice"), host.Twilio.Client("bob"));
        await alice.CallAsync("bob", session);
        await bob.RingsAsync();
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone(alice.Address).Current?.Heard.Any(sound => sound.EndsWith("ringback.wav", StringComparison.Ordinal)) == true, "Alice hears ringback");
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
        await host.Twilio.WaitUntilAsync(cloud => cloud.Phone(Doctor).Current?.Conference?.Connected.Count() == 4, "four people talk");
        foreach (var phone in new[] { alice, bob, lawyer })
            await phone.HangUpAsync();
        await doctor.IsIdleAsync();
    }

    private static async Task LeaveAsync(SandboxHost host, string session)
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

    private static async Task GhostAsync(SandboxHost host, string session)
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
        var (alice, nobody) = (host.Twilio.Client("alice"), host.Twilio.Client("nobody"));
        await nobody.BehaveAsync(PhoneBehaviour.Unreachable);
        await alice.CallAsync("nobody", session);
        await alice.IsIdleAsync();
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
            throw new InvalidOperationException($"The Api answered {(int)answer.Status} where {(int)status} was due: {answer.Body}");
    }
}

/// <summary>One story of the demonstration.</summary>
internal sealed record Flow(string Name, string Shows, Func<SandboxHost, string, Task> PlayAsync);
