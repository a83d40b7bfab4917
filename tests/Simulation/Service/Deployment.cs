using Calls.Application.UseCases;
using Calls.Sandbox.Twilio;
using Calls.Simulation.Faults;
using Calls.Simulation.World;

namespace Calls.Simulation.Service;

/// <summary>The replicas behind a load balancer that knows which replicas are alive, and the faults of the replicas.</summary>
internal sealed class Deployment(CallsWorld world) : IWebhookTransport, IDisposable
{
    private readonly List<Replica> replicas = [];
    private readonly List<TimeSpan> skews = [];

    public IReadOnlyList<Replica> Replicas => replicas;

    public void Start(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var skew = world.Swarm.Skew * ((2 * world.Network.NextDouble()) - 1);
            if (skew != TimeSpan.Zero)
                world.Tally.Add(Tally.ClockWrong);
            skews.Add(skew);
            replicas.Add(new Replica(world, i, skew));
        }

        if (world.Swarm.Crash is not null)
            world.Scheduler.Schedule(NextCrash(), CrashOne);
        for (var i = 0; world.Swarm.CrashAtAwait && i < count; i++)
            DieAtSomeStep(replicas[i]);
    }

    /// <summary>All killed replicas start again. No replica is killed any more.</summary>
    public void Heal()
    {
        for (var i = 0; i < replicas.Count; i++)
        {
            replicas[i].Process.KillAtStep(int.MaxValue, () => { });
            if (!replicas[i].IsAlive)
                Restart(i);
        }
    }

    public Task<WebhookResponse> SendAsync(WebhookRequest request, CancellationToken cancellationToken)
    {
        var answer = new TaskCompletionSource<WebhookResponse>();
        cancellationToken.UnsafeRegister(_ => answer.TrySetResult(WebhookResponse.Failed(WebhookFailure.Read)), null);
        world.Scheduler.Schedule(Wire(), () =>
        {
            if (Alive() is not { } replica)
            {
                answer.TrySetResult(WebhookResponse.Failed(WebhookFailure.Connect));
                return;
            }

            var arrived = new TaskCompletionSource<WebhookResponse>();
            replica.Serve(request, arrived);
            Back(arrived.Task, answer);
        });
        return answer.Task;
    }

    /// <summary>A frontend sends a request to any replica, and repeats it while the answer is 503.</summary>
    public void Ask(ISessionCommand command, int tries = 6)
    {
        if (tries == 0)
            return;
        if (Alive() is not { } replica)
        {
            world.Scheduler.Schedule(TimeSpan.FromSeconds(1), () => Ask(command, tries - 1));
            return;
        }

        var answered = false;
        replica.Ask(command, reply =>
        {
            answered = true;
            if (reply is null)
                world.Scheduler.Schedule(TimeSpan.FromSeconds(1), () => Ask(command, tries - 1));
        });
        world.Scheduler.Schedule(TimeSpan.FromSeconds(5), () =>
        {
            if (!answered)
                Ask(command, tries - 1);
        });
    }

    public void RedisIsBack()
    {
        foreach (var replica in replicas)
            replica.RedisIsBack();
    }

    public void Dispose()
    {
        foreach (var replica in replicas)
            replica.Dispose();
    }

    private async void Back(Task<WebhookResponse> arrived, TaskCompletionSource<WebhookResponse> answer)
    {
        var response = await arrived;
        world.Scheduler.Schedule(Wire(), () => answer.TrySetResult(response));
    }

    private Replica? Alive()
    {
        var alive = replicas.Where(replica => replica.IsAlive).ToList();
        return alive.Count == 0 ? null : alive[world.Network.Next(alive.Count)];
    }

    private void CrashOne()
    {
        if (world.IsHealed)
            return;
        var victim = world.Network.Next(replicas.Count);
        // In these worlds one replica always lives, so that each call begins and each answer is heard.
        var isLast = world.IsCrossing && replicas.Exists(replica => !replica.IsAlive);
        if (replicas[victim].IsAlive && !isLast)
        {
            world.Note($"replica {victim} is killed");
            world.Tally.Add(Tally.Killed);
            replicas[victim].Die();
            RestartLater(victim);
        }

        world.Scheduler.Schedule(NextCrash(), CrashOne);
    }

    private void DieAtSomeStep(Replica replica) =>
        replica.Process.KillAtStep(1 + (int)(world.Network.NextDouble() * world.Network.NextDouble() * 3000), () =>
    {
        world.Note($"replica {replica.Number} dies at an await");
        world.Tally.Add(Tally.KilledAtAwait);
        replica.Die();
        RestartLater(replica.Number);
    });

    private void RestartLater(int number) =>
        world.Scheduler.Schedule(TimeSpan.FromSeconds(0.3 + (4 * world.Network.NextDouble())), () => Restart(number));

    private void Restart(int number)
    {
        if (replicas[number].IsAlive)
            return;
        replicas[number].Dispose();
        replicas[number] = new Replica(world, number, skews[number]);
        world.Note($"replica {number} lives again");
        if (world.Swarm.CrashAtAwait && !world.IsHealed)
            DieAtSomeStep(replicas[number]);
    }

    private TimeSpan NextCrash() => world.Swarm.Crash!.Value * (0.5 + world.Network.NextDouble());

    private TimeSpan Wire() => TimeSpan.FromMilliseconds(1 + (world.Network.NextDouble() * world.Network.NextDouble() * 80));
}
