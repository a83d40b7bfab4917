using BenchmarkDotNet.Attributes;
using Calls.Api.Twilio;
using Calls.Domain;
using Calls.Infrastructure.Twilio;

namespace Calls.Micro;

/// <summary>The cost of a decision and of an answer.</summary>
public class DecisionBenchmarks
{
    private readonly CallPolicy policy = new();
    private readonly DateTimeOffset now = TimeProvider.System.GetUtcNow();
    private readonly TwiML twiml = new(new CallbackUrls(new Uri(Service.Origin)), new CallPolicy(), new());
    private CallSession session = null!;
    private SessionEvent enters = null!;

    [GlobalSetup]
    public void Make()
    {
        var call = new MadeCall(1, policy, now);
        session = call.AtTheDoor().Session!;
        enters = call.Enters(ParticipantId.Callee, 1);
    }

    [Benchmark(Description = "decide: the callee enters the room")]
    public object Decide() => SessionDecider.Decide(session, enters, policy, now);

    [Benchmark(Description = "TwiML: the caller into the room")]
    public object Join() => twiml.Join(session, session.Caller);
}
