using Calls.Sandbox.Twilio;
using Calls.Simulation.People;
using Progress = Calls.Domain.Progress;

namespace Calls.Simulation.World;

/// <summary>Sees what the outside sees: phones, legs and conferences. What the service believes counts at the end only, when it must have come to rest.</summary>
internal sealed class Judge(CallsWorld world)
{
    /// <summary>Between the last of several people leaving and the last line's end, where webhooks come twice, late or in another order at most: their delay, and a moment.</summary>
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(500);

    private readonly List<Violation> violations = [];
    private readonly Dictionary<Leg, DateTimeOffset> alone = [];
    private readonly HashSet<Leg> condemned = [];

    public IReadOnlyList<Violation> Violations => violations;

    /// <summary>From an extra copy that the way made of a create, two phones' rings come of one request: not for the service to prevent, but to end.</summary>
    private bool CreatesAreDoubled => world.Swarm.Doubled > 0;

    /// <summary>Looks every half second at who is alone.</summary>
    public void Watch()
    {
        LookForTheLonely();
        world.Scheduler.Schedule(Glance, () =>
        {
            if (violations.Count == 0)
                Watch();
        });
    }

    /// <summary>The service is about to end a leg: never one that talks, unless somebody asked for it.</summary>
    public void HungUp(Leg leg)
    {
        if (leg.Participant is not { IsIn: true } part || leg.State != LegState.InProgress)
            return;
        var others = part.Conference.Connected.Select(other => other.Leg).Where(other => other != leg && !other.Vanished).ToList();
        if (others.Count == 0 || leg.Vanished || StoryOf(leg) is not { SomebodyIsSentAway: false } story || IsSecond(leg) || !condemned.Add(leg))
            return;
        // Where every word of an answer was lost, the service takes who talks for somebody who rings, until it next asks Twilio.
        if (IsKnownToTalk(leg) && others.TrueForAll(IsKnownToTalk))
            Say($"{leg.Phone.Address} is hung up while they talk with {others.Count}, and nobody has asked for it", story);
    }

    /// <summary>Something was thrown that nothing is to throw.</summary>
    public void Failed(Exception exception) => Say($"{exception.GetType().Name}: {exception.Message} {exception.StackTrace}", null);

    /// <summary>What is not yet as it should be in the end; null where all is.</summary>
    public string? Unfinished()
    {
        if (world.Cloud.LiveLegs() is [var leg, ..])
            return $"{leg.Phone.Address}'s line is {leg.State}";
        foreach (var session in world.Redis.Sessions)
        {
            if (!session.IsEnded)
                return $"session {session.Id.Value} has not ended";
            if (session.Effects is [var effect, ..])
                return $"session {session.Id.Value} still has to do {effect.GetType().Name}";
            if (session.Participants.FirstOrDefault(participant => participant.Progress != Progress.Gone) is { } left)
                return $"session {session.Id.Value} has ended, and {left.Id.Value} is {left.Progress}";
        }

        return world.Redis.Due > 0 ? $"{world.Redis.Due} sessions are due"
            : world.Deployment.Replicas.Any(replica => replica.UnderWay > 0) ? "a webhook has no answer"
            : null;
    }

    /// <summary>The end: nobody on a line, no phone ringing, every session at rest, nothing due, each phone rung and dialled once.</summary>
    public void Conclude()
    {
        if (violations.Count == 0 && Unfinished() is { } left)
            Say($"in the end {left}", world.Cloud.LiveLegs() is [var leg, ..] ? StoryOf(leg) : world.Stories.FirstOrDefault(story => left.Contains($"session {story.Session.Value} ", StringComparison.Ordinal)));
        foreach (var legs in world.Cloud.Legs.Where(one => one.CallbackPath is not null).GroupBy(one => one.CallbackPath, StringComparer.Ordinal).Where(legs => legs.Count() > 1))
        {
            var (calls, rings) = (legs.Count(), legs.Count(one => one.HasRung));
            if (!CreatesAreDoubled)
                Say($"{legs.First().Phone.Address} is called {calls} times and rings {rings} times for one request", StoryOf(legs.First()));
        }

        if (world.Swarm.IsCalm)
            foreach (var story in world.Stories.Where(story => story is { WillTalk: true, HasTalked: false }))
                Say("nothing was wrong, and they did not get to talk", story);
        foreach (var defect in world.Cloud.Defects)
            Say("the emulated Twilio has a defect: " + defect, null);
    }

    private void LookForTheLonely()
    {
        var now = world.Scheduler.Now;
        var lonely = world.Cloud.LonelyLegs(IsComing).Where(leg => !leg.Vanished).ToHashSet();
        foreach (var leg in alone.Keys.Where(leg => !lonely.Contains(leg)).ToList())
            alone.Remove(leg);
        foreach (var leg in lonely)
        {
            alone.TryAdd(leg, now);
            var since = alone[leg];
            if (now - since > PatienceSince(ref since))
                Say($"{leg.Phone.Address} has been alone on the line for {(now - since).TotalSeconds:0.0} s", StoryOf(leg));
        }
    }

    /// <summary>Where webhooks are late at most, what their lateness explains. Else, once the faults are over: a review, and the second one if the first came too early.</summary>
    private TimeSpan PatienceSince(ref DateTimeOffset since)
    {
        if (world.Swarm.IsOnlyLate)
            return (2 * world.Swarm.MaxDelay) + Moment;
        if (since < world.HealedAt)
            since = world.HealedAt;
        return world.Policy.ReviewInterval + world.Policy.RingTimeout + world.Policy.JoinGrace + (2 * world.Policy.EffectLease);
    }

    private bool IsComing(Leg ringing, Leg waiting) => StoryOf(ringing) is { } story && story == StoryOf(waiting);

    /// <summary>The service has acknowledged word of it: that the leg was answered, or is in the room.</summary>
    private bool IsKnownToTalk(Leg leg) => world.Cloud.Journal.Has<WebhookAnswered>(answered => answered.CallSid == leg.Sid && answered.Status is 200 or 204
        && (answered.Webhook is WebhookKind.Voice or WebhookKind.Answer || answered.Event is "in-progress" or "participant-join"));

    private bool IsSecond(Leg leg) => leg.CallbackPath is { } path && world.Cloud.Legs.Any(other => other != leg && other.CallbackPath == path);

    private Story? StoryOf(Leg leg) =>
        world.Stories.FirstOrDefault(story => story.Caller == leg.Phone || story.Callee == leg.Phone || story.Guests.Any(guest => guest.Phone == leg.Phone));

    private void Say(string what, Story? story) => violations.Add(new Violation(world.Scheduler.Now, what, story?.Number));
}
