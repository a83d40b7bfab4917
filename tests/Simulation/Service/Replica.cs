using Calls.Api;
using Calls.Api.Endpoints;
using Calls.Api.Twilio;
using Calls.Api.Observability;
using Calls.Application;
using Calls.Application.Effects;
using Calls.Application.Reviews;
using Calls.Application.Telemetry;
using Calls.Application.Transactions;
using Calls.Application.UseCases;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Outbox;
using Calls.Infrastructure.Redis;
using Calls.Infrastructure.Twilio;
using Calls.Sandbox.Twilio;
using Calls.Simulation.Faults;
using Calls.Simulation.World;
using MediatR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Calls.Simulation.Service;

/// <summary>
/// One process of the service: the real endpoints, use cases, effect executor, reviewer, sweeper, session store and gateway, over an
/// emulated wire.
/// </summary>
/// <remarks>
/// Kestrel, the signature and the queue's worker are left out. A queue that runs each effect at once replaces the worker.
/// </remarks>
internal sealed class Replica : IDisposable
{
    /// <summary>
    /// One container for all replicas of all worlds, since a container costs more than a world. Each replica has its own singletons in it.
    /// </summary>
    private static readonly ServiceProvider Container = Compose();

    private readonly CallsWorld world;
    private readonly OwnSingletons own = new();
    private readonly Action restored;
    private readonly CancellationTokenSource stopping = new();
    private readonly List<TaskCompletionSource<WebhookResponse>> underWay = [];

    public Replica(CallsWorld world, int number, TimeSpan skew)
    {
        (this.world, Number) = (world, number);
        Process = new Process(world.Scheduler);
        var clock = new VirtualClock(world.Scheduler, skew);
        (var connection, restored) = RedisProxy.Connect(world.Redis, Process);
        own.Put(connection).Put<TimeProvider>(clock).Put(world.Policy).Put(new BugSwitch(world.Bug))
            .Put<IEffectQueue>(new ImmediateQueue(this))
            .Put(Groups.Of(world)).Put<IGroupResolver>(new Groups(world, clock))
            .Put<ITwilioTransport>(
                new EmulatedTwilioApi(world.Scheduler, world.Cloud, Process, world.Network, world.Swarm, world.Tally, () => world.IsHealed,
                world.Judge.HungUp, world.Bug));
        var root = Scope();
        root.GetRequiredService<IStoreMemory>();
        var sweeper = root.GetRequiredService<Sweeper>();
        Process.Start(() => sweeper.SweepForEverAsync(stopping.Token));
        var reconciler = root.GetRequiredService<Reconciler>();
        Process.Start(() => reconciler.SweepForEverAsync(stopping.Token));
    }

    public int Number { get; }

    public Process Process { get; }

    public bool IsAlive => !Process.IsDead;

    /// <summary>Webhooks that the replica has received and not answered.</summary>
    public int UnderWay => underWay.Count;

    /// <summary>Kills the replica at once. Clients that wait for an answer see the connection break.</summary>
    public void Die()
    {
        Process.Kill();
        foreach (var waiting in underWay.ToList())
            world.Scheduler.Schedule(TimeSpan.FromMilliseconds(1), () => waiting.TrySetResult(WebhookResponse.Failed(WebhookFailure.Read)));
        underWay.Clear();
    }

    /// <summary>The replica's connection to Redis is up again.</summary>
    public void RedisIsBack()
    {
        if (IsAlive)
            restored();
    }

    /// <summary>A webhook arrives.</summary>
    public void Serve(WebhookRequest request, TaskCompletionSource<WebhookResponse> answer)
    {
        underWay.Add(answer);
        Process.Start(async () =>
        {
            var response = await AnswerAsync(request);
            underWay.Remove(answer);
            // Not within a step: the client that waits is not part of this process.
            world.Scheduler.Schedule(TimeSpan.Zero, () => answer.TrySetResult(response));
        });
    }

    /// <summary>A frontend sends a request and gets the result. Null if the store is unreachable.</summary>
    public void Ask(ISessionCommand command, Action<CallReply?> then) => Process.Start(async () =>
    {
        var scope = Scope();
        CallReply? reply = null;
        try
        {
            reply = (await scope.GetRequiredService<ISender>().Send(command, CancellationToken.None)).Reply;
        }
        catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
        {
            // 503: ask again.
        }
        catch (Exception e)
        {
            world.Judge.Failed(e);
        }

        then(reply);
    });

    public void Dispose()
    {
        Process.Kill();
        stopping.Dispose();
        own.Dispose();
    }

    /// <summary>Never disposed: its disposal would also dispose services of the replica.</summary>
    private IServiceProvider Scope()
    {
        var scope = Container.CreateScope().ServiceProvider;
        scope.GetRequiredService<WhoseScope>().Singletons = own;
        return scope;
    }

    private async Task<WebhookResponse> AnswerAsync(WebhookRequest request)
    {
        var scope = Scope();
        try
        {
            return await Webhooks.AnswerAsync(scope, request);
        }
        catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
        {
            return WebhookResponse.Answered(503, null, "");
        }
        catch (Exception e)
        {
            world.Judge.Failed(e);
            return WebhookResponse.Answered(500, null, "");
        }
    }

    private static ServiceProvider Compose()
    {
        RedisCommands.Clock = new NoTimers();
        var services = new ServiceCollection();
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider()
            .GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>();
        services.AddSingleton(meters);
        services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
        services.AddCallsApplication();
        // One for all worlds: there is no listener, and a meter of each replica would stay in memory.
        services.AddSingleton(new CallsTelemetry(meters));
        services.AddSingleton(new GatewayTelemetry(meters));
        services.AddSingleton(new WebhookTelemetry(meters));
        services.AddOptions<TwilioOptions>().Configure(twilio =>
        {
            twilio.PublicBaseUrl = CallsWorld.Origin;
            twilio.Client.AccountSid = new TwilioEmulatorOptions().AccountSid;
            twilio.Voice.CallerId = CallsWorld.CallerId;
        });
        services.AddSingleton(new CallbackUrls(new Uri(CallsWorld.Origin)));
        services.AddSingleton(new GatewaySettings());
        services.AddSingleton<GatewayPipelines>();
        services.AddSingleton<TwilioRequests>();
        services.AddSingleton<VoiceGateway>();
        services.AddSingleton<IVoiceGateway>(
            provider => new OffLoopGateway(provider.GetRequiredService<VoiceGateway>(), provider.GetRequiredService<BugSwitch>().Bug));
        services.AddSingleton<IDialingRules, AnyNumber>();
        services.AddSingleton<IQuotas, NoQuotas>();
        services.AddSingleton<ILegOwners, RedisLegOwners>();
        services.AddSingleton<IDialPace, NoPace>();
        services.AddSingleton(new SessionStoreSettings(TimeSpan.FromHours(24)));
        services.AddSingleton<ISessionStore, RedisSessionStore>();
        services.AddSingleton<RedisDueSessions>();
        services.AddSingleton<IDueSessions>(provider => new FoldedPartitions(provider.GetRequiredService<RedisDueSessions>(), provider));
        services.AddSingleton<IStoreMemory, RedisMemory>();
        services.AddSingleton<IReconcileTurns, RedisReconcileTurns>();
        services.AddSingleton(new ReconcileInterval(TimeSpan.FromMinutes(1)));
        services.AddSingleton(provider => new Reconciler(
            provider.GetRequiredService<RoomReconciler>(), provider.GetRequiredService<TimeProvider>(), NullLogger<Reconciler>.Instance));
        services.AddSingleton(provider => new ReviewSlots(
            new GatewaySettings().Reads.Permits, provider.GetRequiredService<CallPolicy>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new Sweeper(
            provider.GetRequiredService<IDueSessions>(), provider.GetRequiredService<SessionReviewer>(),
            provider.GetRequiredService<ReviewSlots>(), provider.GetRequiredService<CallPolicy>(),
            new Heartbeat(provider.GetRequiredService<TimeProvider>()), new FailingSessions(provider.GetRequiredService<TimeProvider>()),
            provider.GetRequiredService<TimeProvider>(), NullLogger<Sweeper>.Instance));
        var prompts = new PromptOptions();
        prompts.Voicemail.Add("en", "Please call back.");
        prompts.Declined.Add("en", Judge.Declined);
        prompts.NoCandidates.Add("en", Judge.NoCandidates);
        services.AddSingleton(prompts).AddSingleton<TwiML>().AddSingleton(new CallTones("US"));
        services.AddSingleton<ICallerNotices>(provider => provider.GetRequiredService<TwiML>());
        services.AddSingleton<HoldOutages>();
        services.AddSingleton(new InboundNumbers(new CallsOptions()));
        services.AddScoped<VoiceWebhooks>();
        services.AddScoped<StatusCallbacks>();
        services.AddSingleton<Decide>(provider => Tampering.With(provider.GetRequiredService<BugSwitch>().Bug));
        foreach (var brought in new[]
        {
            typeof(IConnectionMultiplexer),
            typeof(TimeProvider),
            typeof(CallPolicy),
            typeof(BugSwitch),
            typeof(IEffectQueue),
            typeof(ITwilioTransport),
            typeof(CalledGroups),
            typeof(IGroupResolver),
        })
            services.AddScoped(brought, provider => provider.GetRequiredService<WhoseScope>().Singletons.Get(brought));
        OwnSingletons.MakeEachReplicasOwn(services);
        services.AddScoped<WhoseScope>();
        return services.BuildServiceProvider();
    }

    /// <summary>Runs each effect at once, as the worker does while it has capacity.</summary>
    private sealed class ImmediateQueue(Replica replica) : IEffectQueue
    {
        public void Enqueue(StoredSession committed, Effect effect) => replica.Process.Start(async () =>
        {
            var scope = replica.Scope();
            try
            {
                await scope.GetRequiredService<EffectExecutor>().RunAsync(committed, effect, CancellationToken.None);
            }
            catch (Exception e) when (e is SessionStoreUnavailableException or SessionConflictException)
            {
                // The effect is stored, and the sweeper will run it.
            }
            catch (Exception e)
            {
                replica.world.Judge.Failed(e);
            }
        });
    }

    /// <summary>The emulated Redis answers each command, so a time-out in real time would only end a command of a busy machine.</summary>
    private sealed class NoTimers : TimeProvider, ITimer
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => this;

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
            // It never goes off.
        }

        public ValueTask DisposeAsync() => default;
    }

    private sealed class AnyNumber : IDialingRules
    {
        public bool IsStopped => false;

        public RefusalReason? WhyNot(PhoneNumber number) => null;

        public string RegionOf(PhoneNumber number) => "US";
    }

    private sealed class NoPace : IDialPace
    {
        public bool IsLimited => false;

        public Task<TimeSpan> TakeTurnAsync(Domain.Role role, CancellationToken cancellationToken) => Task.FromResult(TimeSpan.Zero);
    }

    private sealed class NoQuotas : IQuotas
    {
        private static readonly Task<Allowance> Granted = Task.FromResult(new Allowance(null, []));

        public Task<Allowance> TakeStartAsync(StartCall start, string? region, CancellationToken cancellationToken) => Granted;

        public Task<Allowance> TakeAddAsync(AddPhoneParticipant add, string? region, CancellationToken cancellationToken) => Granted;

        public Task<Allowance> TakeAddAsync(
            AddOneOf add, ParticipantId candidate, string? region, CancellationToken cancellationToken) => Granted;

        public Task<Allowance> TakeCalleeAsync(
            CallSid callerLeg, Party caller, ParticipantId candidate, string region, CancellationToken cancellationToken) => Granted;

        public Task<bool> TakeLegAsync(StartCall start, CancellationToken cancellationToken) => Task.FromResult(true);

        public Task GiveBackAsync(Allowance allowance) => Task.CompletedTask;

        public void GivePlaceBack(string owner, SessionId session)
        {
            // The simulation does not count these.
        }
    }

    /// <summary>
    /// Four partitions stand for sixteen each, and only partitions with a due session are swept. This keeps the simulation of long times
    /// fast.
    /// </summary>
    private sealed class FoldedPartitions(RedisDueSessions real, IServiceProvider services) : IDueSessions
    {
        private const int Folded = 4;

        public int Partitions => Folded;

        public async Task<IReadOnlyList<SessionId>> ClaimAsync(int partition, int max, TimeSpan lease, CancellationToken cancellationToken)
        {
            var redis = ((RedisProxy)(object)services.GetRequiredService<IConnectionMultiplexer>()).Redis;
            List<SessionId> claimed = [];
            for (var each = partition; each < real.Partitions; each += Folded)
            {
                if (redis.IsAnythingDue(each))
                    claimed.AddRange(await real.ClaimAsync(each, max, lease, cancellationToken));
            }

            return claimed;
        }

        public Task RescheduleAsync(StoredSession session, CancellationToken cancellationToken) =>
            real.RescheduleAsync(session, cancellationToken);
    }
}
