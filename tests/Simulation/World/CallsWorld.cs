using Calls.Application.Randomness;
using Calls.Domain;
using Calls.Sandbox.Twilio;
using Calls.Simulation.Faults;
using Calls.Simulation.People;
using Calls.Simulation.Service;

namespace Calls.Simulation.World;

/// <summary>
/// One run: some calls, some replicas, one Redis and one Twilio, on one thread and under virtual time. Everything that happens follows from
/// the seed.
/// </summary>
/// <remarks>First people call and faults happen. Then the faults end, and within a bounded time all guarantees must hold.</remarks>
internal sealed class CallsWorld : IDisposable
{
    public const string Origin = "https://calls.test";
    public const string CallerId = "+15559990000";

    private static readonly TimeSpan Chaos = TimeSpan.FromSeconds(75);

    /// <summary>
    /// The time after the last fault and the last act of a person: a review, a failed review, a wait in Twilio's queue, a ring
    /// time-out and their consequences.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(300);

    private readonly List<string> notes = [];
    private readonly int seed;

    /// <param name="seed">The seed.</param>
    /// <param name="bug">The defect of the service.</param>
    /// <param name="isCrossing">Whether each call adds one of ten candidates, of whom three answer at the same time.</param>
    public CallsWorld(int seed, Bug bug, bool isCrossing = false)
    {
        (this.seed, Bug, IsCrossing) = (seed, bug, isCrossing);
        var chance = new Random(seed);
        Chance.Seed(new Random(chance.Next()));
        Swarm = isCrossing ? Swarm.Crossing : Swarm.Draw(chance);
        Network = new Random(chance.Next());
        Scheduler = new VirtualScheduler();
        Deployment = new Deployment(this);
        (var options, Guessed) = new TwilioEmulatorOptions
        {
            Seed = chance.Next(),
            VoiceUrl = new Uri(Origin + "/twilio/voice#rc=2&rp=5xx,ct,rt&ct=1500&rt=3000"),
            RingDelay = TimeSpan.FromMilliseconds(chance.Next(20, 1500)),
            CallsPerSecond = isCrossing || Swarm.IsCalm || chance.Next(5) != 0 ? null : 0.08 + chance.NextDouble(),
            QueueDelay = TimeSpan.FromMilliseconds(chance.Next(3) == 0 ? chance.Next(2000) : 0),
            DetectionTime = TimeSpan.FromMilliseconds(chance.Next(100, 3000)),
            InlinePlayTime = TimeSpan.FromMilliseconds(new Random(seed).Next(1000, 4500)),
        }.Draw(new Random(chance.Next()));
        Policy = new()
        {
            ScreenPhones = isCrossing ? Screening.None : (Screening)chance.Next(3),
            LeavesMessage = chance.Next(2) == 0,
            RejoinGrace = TimeSpan.FromSeconds(chance.Next(2) == 0 ? 0 : chance.Next(2, 31)),
        };
        Cloud = new TwilioCloud(Scheduler, Deployment, options);
        foreach (var position in Guessed)
            Tally.Add(position);
        Cloud.Journal.Added += Tally.Hear;
        Redis = new EmulatedRedis(Scheduler, new Random(chance.Next()), Tally, bug);
        Judge = new Judge(this);
        Cloud.Journal.Added += Judge.Hear;
        Stories = [.. Enumerable.Range(0, chance.Next(8, 17)).Select(i => new Story(this, i, new Random(chance.Next())))];
        Swarm.ArmAt(Cloud);
        Redis.LoseAcknowledgement = Swarm.LoseAcknowledgement;
        Deployment.Start(isCrossing ? 2 : chance.Next(1, 4));
        GoAway(chance);
    }

    public Bug Bug { get; }

    public bool IsCrossing { get; }

    public int Seed => seed;

    public Swarm Swarm { get; }

    /// <summary>The positions of the emulator's guesses, as <c>name=position</c>.</summary>
    public IReadOnlyList<string> Guessed { get; }

    public Tally Tally { get; } = new();

    public VirtualScheduler Scheduler { get; }

    public Random Network { get; }

    public TwilioCloud Cloud { get; }

    public EmulatedRedis Redis { get; }

    public Deployment Deployment { get; }

    public Judge Judge { get; }

    public CallPolicy Policy { get; }

    public IReadOnlyList<Story> Stories { get; }

    /// <summary>Ends all faults.</summary>
    public bool IsHealed { get; private set; }

    /// <summary>Whether Redis has lost everything.</summary>
    public bool HasForgotten { get; private set; }

    public DateTimeOffset HealedAt { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>The faults of the service, for a timeline.</summary>
    public IReadOnlyList<string> Notes => notes;

    public void Note(string what) => notes.Add($"{Scheduler.Now:HH:mm:ss.fff} {what}");

    public Verdict Run()
    {
        foreach (var story in Stories)
            story.Begin();
        Judge.Watch();
        Scheduler.RunFor(Chaos);
        Heal();
        var until = Scheduler.Now + Patience + Stories.Max(story => story.Lasts);
        do
            Scheduler.RunFor(TimeSpan.FromSeconds(5));
        while (Scheduler.Now < until && Judge.Unfinished() is not null && Judge.Violations.Count == 0);
        Judge.Conclude();
        return new Verdict(seed, Stories.Count, Judge.Violations, Tally, Scheduler.Now - new VirtualScheduler().Now, Cloud.Journal.Last);
    }

    public void Dispose()
    {
        Deployment.Dispose();
        Chance.Seed(null);
    }

    private void Heal()
    {
        IsHealed = true;
        HealedAt = Scheduler.Now;
        Note("no more faults");
        Cloud.Faults.Clear();
        Redis.LoseAcknowledgement = 0;
        if (Redis.IsAway)
            Come();
        Deployment.Heal();
    }

    private void GoAway(Random chance)
    {
        for (var i = 0; Swarm.StoreGoesAway && i < 3; i++)
        {
            var (from, length) = (TimeSpan.FromSeconds(70 * chance.NextDouble()), TimeSpan.FromSeconds(8 * chance.NextDouble()));
            Scheduler.Schedule(from, () =>
            {
                if (IsHealed || Redis.IsAway)
                    return;
                Note("Redis goes away");
                Tally.Add(Tally.StoreAway);
                Redis.IsAway = true;
                Scheduler.Schedule(length, Come);
            });
        }

        // Drawn from the seed of the network, so that the other faults of a seed stay the same.
        if (Swarm.StoreForgets)
            Scheduler.Schedule(TimeSpan.FromSeconds(70 * Network.NextDouble()), () =>
            {
                Note("Redis forgets everything");
                Tally.Add(Tally.StoreForgot);
                HasForgotten = true;
                Redis.Flush();
            });
        if (Swarm.TwilioGoesAway)
            Scheduler.Schedule(TimeSpan.FromSeconds(60 * chance.NextDouble()), () =>
            {
                Note("Twilio's API goes away");
                Tally.Add(Tally.TwilioAway);
                Cloud.Faults.Outage = true;
                Scheduler.Schedule(TimeSpan.FromSeconds(15 * chance.NextDouble()), () => Cloud.Faults.Outage = false);
            });
    }

    private void Come()
    {
        if (!Redis.IsAway)
            return;
        Note("Redis is back");
        Redis.IsAway = false;
        Deployment.RedisIsBack();
    }
}

/// <summary>How a world ended.</summary>
/// <param name="Seed">The seed that repeats this world.</param>
/// <param name="Calls">Calls that were placed.</param>
/// <param name="Violations">The violations of the guarantees.</param>
/// <param name="Faults">The faults that happened.</param>
/// <param name="Took">Virtual time.</param>
/// <param name="Events">The number of messages and of changes at Twilio.</param>
internal sealed record Verdict(int Seed, int Calls, IReadOnlyList<Violation> Violations, Tally Faults, TimeSpan Took, long Events);

/// <summary>A violation of a guarantee.</summary>
/// <param name="At">The time of its detection.</param>
/// <param name="What">A description.</param>
/// <param name="Story">The number of the call. Null if it concerns no single call.</param>
internal sealed record Violation(DateTimeOffset At, string What, int? Story);
