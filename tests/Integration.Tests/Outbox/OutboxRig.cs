using System.Globalization;
using Calls.Application;
using Calls.Application.Randomness;
using Calls.Application.Transactions;
using Calls.Application.UseCases;
using Calls.Application.Ports;
using Calls.Application.Reviews;
using Calls.Domain;
using Calls.Infrastructure.Outbox;
using Calls.Infrastructure.Redis;
using MediatR;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Calls.Integration.Tests.Outbox;

/// <summary>Store, outbox and sweeper as the service composes them, before a gateway that a test holds by the hand.</summary>
internal sealed class OutboxRig : IAsyncDisposable
{
    private static int count;

    private readonly IHost host;

    private OutboxRig(IHost host) => this.host = host;

    public static CallPolicy Policy { get; } = new();

    public SlowTwilio Twilio { get; } = new();

    public EffectQueue Queue => host.Services.GetRequiredService<EffectQueue>();

    /// <param name="redis">A connection string.</param>
    /// <param name="swept">Whether the sweeper runs too.</param>
    /// <param name="liveSessions">How many calls one person may have at once.</param>
    /// <param name="configure">What is to be composed otherwise.</param>
    public static async Task<OutboxRig> StartAsync(
        string redis, bool swept, int liveSessions = 100, Action<IServiceCollection>? configure = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:Redis", redis)]);
        builder.Services.AddMetrics().AddSingleton(TimeProvider.System).AddSingleton(Policy).AddSingleton(
            new Allowances(liveSessions, 100, 100, 100, 100)).AddSingleton(new StartRate(null))
            .AddSingleton<IDialingRules, AnyNumber>().AddSingleton<ICallerNotices, NoWords>()
            .AddSingleton<IGroupResolver, NoGroups>()
            .AddSingleton(new ReconcileInterval(TimeSpan.FromHours(1)))
            .AddCallsRedis().AddCallsOutbox().AddCallsApplication();
        if (!swept)
            builder.Services.Remove(builder.Services.Single(s => s.ImplementationType == typeof(Sweeper)));
        configure?.Invoke(builder.Services);
        OutboxRig? rig = null;
        builder.Services.AddSingleton<IVoiceGateway>(_ => rig!.Twilio);
        rig = new OutboxRig(builder.Build());
        await rig.host.StartAsync();
        return rig;
    }

    /// <summary>Sends a command as an endpoint would: in a scope of its own.</summary>
    public async Task<CallReply> SendAsync(ISessionCommand command)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return (await scope.ServiceProvider.GetRequiredService<ISender>().Send(command)).Reply;
    }

    public Task StopAsync() => host.StopAsync();

    public async Task<CallSession?> LoadAsync(SessionId id)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return (await scope.ServiceProvider.GetRequiredService<ISessionStore>().LoadAsync(id, default)).Session;
    }

    /// <summary>Stores a session. Its effects are queued, as after any commit, or left to the sweeper.</summary>
    public async Task StoreAsync(CallSession session, bool queued)
    {
        if (queued)
        {
            var stored = new Decision(new SessionEvent.EndCall(), session, CallReply.Nothing) { Changed = true };
            await host.Services.GetRequiredService<SessionTransaction>().RunAsync(session.Id, LoadOption.Stored, _ => stored, default);
            return;
        }

        var store = host.Services.GetRequiredService<ISessionStore>();
        var loaded = await store.LoadAsync(session.Id, default);
        await store.SaveAsync(loaded, new Decision(new SessionEvent.EndCall(), session, CallReply.Nothing) { Changed = true }, default);
    }

    /// <summary>Alice rings Bob, and nobody has dialled yet.</summary>
    public static CallSession Started(TimeSpan? ago = null)
    {
        var number = Interlocked.Increment(ref count);
        SessionId.TryParse(string.Create(CultureInfo.InvariantCulture, $"outbox-{number}"), out var id).ShouldBeTrue();
        CallSid.TryParse("CA" + (1_000_000 + number).ToString("x32", CultureInfo.InvariantCulture), out var leg).ShouldBeTrue();
        ClientIdentity.TryParse("alice", out var alice).ShouldBeTrue();
        ClientIdentity.TryParse("bob", out var bob).ShouldBeTrue();
        return SessionDecider.Decide(
            null, new SessionEvent.StartCall(id!, Nonces.Next(), leg!, new Party.Client(alice!), new Party.Client(bob!)), Policy,
            TimeProvider.System
                .GetUtcNow() - (ago ?? TimeSpan.Zero)).Session!;
    }

    /// <summary>Alice and Bob talk, and Twilio has named no conference. The review has been due for a while.</summary>
    public static CallSession ReviewDue()
    {
        var session = Started(Policy.ReviewInterval + TimeSpan.FromMinutes(1));
        var now = TimeProvider.System.GetUtcNow() - Policy.ReviewInterval - TimeSpan.FromSeconds(1);
        CallSid.TryParse("CA" + session.Caller.Leg!.Value[2..].Replace('0', 'f'), out var callee).ShouldBeTrue();
        return session with
        {
            Effects = [],
            Participants =
            [
                session.Caller with { Progress = Progress.Joined, EverJoined = true, Since = now },
                session.Participants[1] with { Leg = callee, Progress = Progress.Joined, Answered = true, EverJoined = true, Since = now },
            ],
        };
    }

    private sealed class NoGroups : IGroupResolver
    {
        public Task<GroupAnswer> AskAsync(GroupName group, CallSession session, CancellationToken cancellationToken) =>
            Task.FromResult(new GroupAnswer("NoResolver", null));
    }

    private sealed class NoWords : ICallerNotices
    {
        public string TwimlOf(LeaveReason because, Language? language) => "<Response><Hangup/></Response>";
    }

    private sealed class AnyNumber : IDialingRules
    {
        public bool IsStopped => false;

        public RefusalReason? WhyNot(PhoneNumber number) => null;

        public string RegionOf(PhoneNumber number) => "US";
    }

    public async ValueTask DisposeAsync()
    {
        Twilio.Dials.TrySetResult();
        Twilio.Reads?.TrySetResult();
        Twilio.Changes?.TrySetResult();
        await host.StopAsync();
        host.Dispose();
    }
}
