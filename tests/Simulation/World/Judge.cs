using Calls.Domain;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Twilio;
using Calls.Simulation.Faults;
using Calls.Simulation.People;
using Calls.Simulation.Service;
using Progress = Calls.Domain.Progress;

namespace Calls.Simulation.World;

/// <summary>
/// Judges by phones, legs and conferences, as seen from outside. The service's own state is checked only at the end, when all sessions must
/// be at rest.
/// </summary>
internal sealed class Judge(CallsWorld world)
{
    /// <summary>
    /// The longest time between the second last leave and the end of the last leg, if webhooks are at most repeated, late or reordered:
    /// their delay and a moment.
    /// </summary>
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(500);

    /// <summary>A review that ended this long after a difference arose has seen the difference. Clocks are wrong by up to five
    /// seconds.</summary>
    private static readonly TimeSpan LongestReview = TimeSpan.FromSeconds(20);

    /// <summary>The service counts the queue time from Twilio's answer to the dial, and its clocks can be wrong.</summary>
    public static readonly TimeSpan QueueMargin = TimeSpan.FromSeconds(15);

    private readonly List<Violation> violations = [];
    private readonly Dictionary<Leg, DateTimeOffset> alone = [];
    private readonly HashSet<Leg> condemned = [];
    private readonly Dictionary<Leg, (DateTimeOffset Since, FlagsMark Mark, bool Muted, bool Hold)> wrongFlags = [];
    private readonly Dictionary<Leg, DateTimeOffset> forgotten = [];
    private readonly Dictionary<Leg, DateTimeOffset> told = [];
    private readonly Dictionary<Leg, DateTimeOffset> ringing = [];
    private readonly Dictionary<Leg, DateTimeOffset> twice = [];
    private readonly Dictionary<Leg, DateTimeOffset> late = [];
    private readonly HashSet<string> entered = new(StringComparer.Ordinal);
    private int glances;

    public IReadOnlyList<Violation> Violations => violations;

    /// <summary>A create that an intermediary repeats makes a phone ring twice. The service cannot prevent this, but must end it.</summary>
    private bool CreatesAreDoubled => world.Swarm.Doubled > 0;

    /// <summary>Checks every half second which people are alone, and every five seconds which documents are wrong.</summary>
    public void Watch()
    {
        LookForTheLonely();
        LookForSeveralWinners();
        LookForTheQueued();
        LookForTones();
        LookForWhoIsThereTwice();
        if (glances++ % 10 == 0)
        {
            LookForWrongFlags();
            LookForForgottenHolds();
            LookForRingbackInCompany();
        }

        world.Scheduler.Schedule(Glance, () =>
        {
            if (violations.Count == 0)
                Watch();
        });
    }

    /// <summary>Notes each phone that gets into a room.</summary>
    public void Hear(JournalEntry entry)
    {
        if (entry is ConferenceChanged { Change: "joined by", Phone: { } phone })
            entered.Add(phone);
    }

    /// <summary>Whether a sound tells the caller that the callee was not reached.</summary>
    public static bool IsNotice(string sound) => sound.Contains("/twilio/tones/", StringComparison.Ordinal)
        || sound == $"\"{Declined}\"" || sound == $"\"{NoCandidates}\"";

    /// <summary>The words that the caller hears instead of a tone if the callee has declined.</summary>
    public const string Declined = "The person has declined.";

    /// <summary>The words that the caller of a group hears if the group resolver names no candidate.</summary>
    public const string NoCandidates = "There is no member.";

    /// <summary>The service is about to end a leg. It must not be a leg of people who talk, unless a client asked for it.</summary>
    public void HungUp(Leg leg)
    {
        if (leg.State == LegState.Queued)
            HungUpInTheQueue(leg);
        if (leg.Participant is not { IsIn: true } part || leg.State != LegState.InProgress)
            return;
        var others = part.Conference.Connected.Select(other => other.Leg).Where(other => other != leg && !other.Vanished).ToList();
        // The person talks on with another leg of the same phone.
        if (others.Exists(other => other.Phone == leg.Phone))
            return;
        if (others.Count == 0 || leg.Vanished || StoryOf(leg) is not { SomebodyIsSentAway: false } story || IsSecond(leg)
            || HasComeBack(leg) || !condemned.Add(leg))
            return;
        // If all webhooks of an answer were lost, the service believes that the leg rings, until its next review.
        if (IsKnownToTalk(leg) && others.TrueForAll(IsKnownToTalk))
            Say($"{leg.Phone.Address} is hung up while they talk with {others.Count}, and no client has asked for it", story);
    }

    /// <summary>An unexpected exception was thrown.</summary>
    public void Failed(Exception exception) => Say($"{exception.GetType().Name}: {exception.Message} {exception.StackTrace}", null);

    /// <summary>The first guarantee that does not hold yet. Null if all hold.</summary>
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

    /// <summary>
    /// The checks at the end: no leg is alive, no phone rings, every session is at rest, no session is due, each phone was dialled and rang
    /// once, and each leg of a caller has placed one call.
    /// </summary>
    public void Conclude()
    {
        if (violations.Count == 0 && Unfinished() is { } left)
            Say($"in the end {left}", world.Cloud.LiveLegs() is [var leg, ..]
                ? StoryOf(leg)
                : world.Stories.FirstOrDefault(story => left.Contains($"session {story.Session.Value} ", StringComparison.Ordinal)));
        foreach (var legs in world.Cloud.Legs.Where(one => one.CallbackPath is not null)
            .GroupBy(one => one.CallbackPath, StringComparer.Ordinal).Where(legs => legs.Count() > 1))
        {
            var (calls, rings) = (legs.Count(), legs.Count(one => one.HasRung));
            if (!CreatesAreDoubled)
                Say($"{legs.First().Phone.Address} is called {calls} times and rings {rings} times for one request", StoryOf(legs.First()));
        }

        foreach (var blind in world.Cloud.Legs.Where(Guarantees.IsBlind))
            Say($"{blind.Phone.Address} rang, and its app cannot name the call", StoryOf(blind));
        ConcludeCandidates();
        ConcludeTones();
        foreach (var story in world.Stories)
        {
            var calls = world.Cloud.Legs.Select(one => one.CallbackPath?.Split('/')).OfType<string[]>()
                .Where(path => path is [_, _, "sessions", var session, ..] && session == story.Session.Value)
                .Select(path => path[4]).Distinct(StringComparer.Ordinal).Count();
            // A voice webhook that is repeated after the store has lost everything is a new call.
            if (calls > 1 + story.CallsAgain && !world.HasForgotten)
                Say($"one leg of the caller has placed {calls} calls", story);
        }

        if (world.Swarm.IsCalm)
            foreach (var story in world.Stories.Where(story => story is { WillTalk: true, HasTalked: false }))
                Say("nothing was wrong, and they did not get to talk", story);
        foreach (var defect in world.Cloud.Defects)
            Say("the emulated Twilio has a defect: " + defect, null);
    }

    /// <summary>Only the caller hears a tone, outside the room, and for no longer than the tone lasts.</summary>
    private void LookForTones()
    {
        var hearing = world.Cloud.LiveLegs()
            .Where(leg => leg is { State: LegState.InProgress, Vanished: false } && leg.Heard.Any(IsNotice)).ToHashSet();
        foreach (var leg in told.Keys.Where(leg => !hearing.Contains(leg)).ToList())
            told.Remove(leg);
        foreach (var leg in hearing)
        {
            told.TryAdd(leg, world.Scheduler.Now);
            if (!leg.Inbound || leg.Participant is not null)
                Say($"{leg.Phone.Address} hears a tone and is not the caller, or is in the room", StoryOf(leg));
            // Only a service that has not learned of the first tone plays a second one.
            if (leg.Heard.Count(IsNotice) == 1 && world.Scheduler.Now - told[leg] > world.Cloud.Options.InlinePlayTime + (2 * Glance))
                Say($"{leg.Phone.Address} hears a tone, and the line does not end", StoryOf(leg));
        }
    }

    /// <summary>No person hears a tone after hanging up. If webhooks are at most late, each caller whose callee was not reached, and whose
    /// line the service has ended, has heard why.</summary>
    private void ConcludeTones()
    {
        foreach (var heard in world.Cloud.Journal.OfType<PhoneHeard>().Where(heard => IsNotice(heard.Sound)))
            if (heard.CallSid is { } sid && world.Cloud.FindLeg(sid) is { EndedAt: { } ended } leg && ended < heard.At)
                Say($"{leg.Phone.Address} hears a tone after the line has ended", StoryOf(leg));
        if (!world.Swarm.IsOnlyLate)
            return;
        foreach (var session in world.Redis.Sessions.Where(session => session.Caller.Leaving == Leaving.WithTheCall
            && (session.EndReason is EndReason.NobodyAccepted
                || session.EndReason?.ToString().StartsWith("Callee", StringComparison.Ordinal) is true)))
            if (world.Cloud.FindLeg(session.Caller.Leg!.Value) is { AnsweredAt: not null } leg && !leg.Heard.Any(IsNotice)
                && world.Cloud.Journal.OfType<LegChanged>().Any(end => end.CallSid == leg.Sid && end.Why == "ended via REST"))
                Say($"{leg.Phone.Address}'s line has ended, and they have not heard that the callee was not reached", StoryOf(leg));
    }

    /// <summary>A callee is not given up while Twilio has had the call in its queue for less than the queue time-out, and the caller
    /// waits.</summary>
    private void HungUpInTheQueue(Leg leg)
    {
        var waited = world.Scheduler.Now - leg.Created;
        // A voice webhook that is repeated after the store has lost everything is a new call, and ends the dial of the old one.
        if (!world.HasForgotten && waited < world.Policy.QueueTimeout - QueueMargin && StoryOf(leg) is { SomebodyIsSentAway: false } story
            && story.Callee == leg.Phone && !IsSecond(leg)
            && story.Caller.Current is { Vanished: false, Participant: { IsIn: true } part } caller && IsKnownToTalk(caller)
            && part.Conference.Connected.Count() == 1)
            Say($"{leg.Phone.Address} is given up after {waited.TotalSeconds:0.0} s in Twilio's queue, and the caller waits", story);
    }

    /// <summary>No call waits in Twilio's queue for longer than the queue time-out, and the time until a review says so.</summary>
    private void LookForTheQueued()
    {
        foreach (var leg in world.Cloud.RingingLegs().Where(leg => leg.State == LegState.Queued))
        {
            var since = leg.Created > world.HealedAt || !world.IsHealed ? leg.Created : world.HealedAt;
            var waited = world.Scheduler.Now - leg.Created;
            if (waited > Glance)
                world.Tally.Add(Tally.Queued);
            if (waited > world.Policy.QueueTimeout)
                world.Tally.Add(Tally.QueuedTooLong);
            if (world.IsHealed && world.Scheduler.Now - since
                > world.Policy.QueueTimeout + world.Policy.ReviewInterval + (2 * world.Policy.EffectLease) && !IsUnknown(leg))
                Say($"{leg.Phone.Address}'s call has been in Twilio's queue for {waited.TotalSeconds:0.0} s", StoryOf(leg));
        }
    }

    /// <summary>A call that was created twice, or that the store has forgotten, announces itself when it rings (ADR 25).</summary>
    private bool IsUnknown(Leg leg) => CreatesAreDoubled || (world.HasForgotten
        && !world.Redis.Sessions.Any(session => session.Participants.Any(person => person.Leg?.Value == leg.Sid)));

    /// <summary>After a review, a document says what Twilio says about mute and hold, unless a request is pending.</summary>
    private void LookForWrongFlags()
    {
        var now = world.Scheduler.Now;
        foreach (var session in world.Redis.Sessions.Where(session => !session.IsEnded))
            foreach (var person in session.Participants.Where(person => person is { Progress: Progress.Joined, Leg: not null }))
            {
                if (world.Cloud.FindLeg(person.Leg!.Value) is not { } leg)
                    continue;
                if (leg.Participant is not { IsIn: true } part || (part.Muted, part.Hold) == (person.Muted, person.Hold)
                    || session.FindEffect<Effect.SetFlags>(flags => flags.Participant == person.Id) is not null)
                {
                    wrongFlags.Remove(leg);
                    continue;
                }

                if (!wrongFlags.TryGetValue(leg, out var wrong)
                    || (wrong.Mark, wrong.Muted, wrong.Hold) != (person.FlagsMark, part.Muted, part.Hold))
                    wrongFlags[leg] = wrong = (now, person.FlagsMark, part.Muted, part.Hold);
                if (session.ReviewedAt > wrong.Since + LongestReview)
                    Say($"after a review the document is wrong: {leg.Phone.Address} is muted {part.Muted} and on hold {part.Hold}",
                        StoryOf(leg));
            }
    }

    /// <summary>No person stays on hold for a person whose leg has ended.</summary>
    private void LookForForgottenHolds()
    {
        var held = world.Redis.Sessions.Where(session => !session.IsEnded)
            .SelectMany(session => session.Participants.Where(person => HasLeft(session.Find(person.HeldBy))))
            .Select(person => person.Leg is { } sid ? world.Cloud.FindLeg(sid.Value) : null).OfType<Leg>()
            .Where(leg => leg is { Vanished: false, Participant: { IsIn: true, Hold: true } }).ToHashSet();
        SayIfTooLong(forgotten, held, "on hold for a person who has left");

        // The call waits for a holder whose line has dropped.
        bool HasLeft(Calls.Domain.Participant? holder) =>
            holder is { Leg: { } leg, Reconnecting: false } && world.Cloud.FindLeg(leg.Value) is { Ended: true };
    }

    /// <summary>No app rings for a call, or is in its room, while another leg of the same person is in the room. A person who comes back
    /// has two legs for a moment. A session that was built again may not know who is there.</summary>
    private void LookForWhoIsThereTwice()
    {
        if (world.HasForgotten)
            return;
        var there = world.Cloud.LiveLegs().Where(leg => leg is { Vanished: false, Phone.IsClient: true, Participant.IsIn: true }).ToList();
        SayIfTooLong(twice, world.Cloud.LiveLegs()
            .Where(leg => leg is { Vanished: false, State: LegState.Ringing or LegState.InProgress }
                && there.Exists(other => other != leg && other.Phone == leg.Phone && other.Created <= leg.Created))
            .ToHashSet(), "rung or in the room while they are on the call");
    }

    /// <summary>No person hears ringback while two others are on the line who hear each other, or one who is not on hold.</summary>
    private void LookForRingbackInCompany()
    {
        var rung = world.Redis.Sessions.Where(session => !session.IsEnded).SelectMany(session => session.Participants)
            .Where(person => person.Ringback != RingbackState.None).Select(person => world.Cloud.FindLeg(person.Leg!.Value)).OfType<Leg>()
            .Where(leg => leg is { Vanished: false, Participant: { IsIn: true, Hold: true } part }
                && part.Conference.Connected.Any(other => other != part && !other.Leg.Vanished)).ToHashSet();
        SayIfTooLong(ringing, rung, "hearing ringback in company");
    }

    /// <summary>The person has called again. The service hangs up the earlier leg, and a leg that it has dialled in the meantime.</summary>
    private static bool HasComeBack(Leg leg) => leg.Phone.Legs.Any(
        other => other is { Inbound: true } && other != leg && (other.Created > leg.Created || (!leg.Inbound && other.IsLive)));

    /// <summary>One candidate at most is ever in the room, and the phones of the others stop (G7). A store that has lost everything may
    /// have lost that a candidate had the call and has left.</summary>
    private void LookForSeveralWinners()
    {
        HashSet<Leg> stillRing = [];
        foreach (var story in world.Stories.Where(story => story.Candidates.Count > 0))
        {
            var winners = WinnersOf(story).ToList();
            if (winners.Count > 1 && !world.HasForgotten && !CreatesAreDoubled)
                Say($"{winners.Count} of {story.Candidates.Count} candidates got into the room", story);
            if (winners.Count > 0)
                stillRing.UnionWith(world.Cloud.RingingLegs().Where(
                    leg => story.Candidates.Contains(leg.Phone) && !winners.Contains(leg.Phone)));
        }

        SayIfTooLong(late, stillRing, "ringing, and another candidate got the call,");
    }

    private IEnumerable<Phone> WinnersOf(Story story) => story.Candidates.Where(phone => entered.Contains(phone.Address));

    /// <summary>No candidate was called twice. Where two people talked all the time, one candidate was in the room.</summary>
    private void ConcludeCandidates()
    {
        foreach (var story in world.Stories.Where(story => story.Candidates.Count > 0))
        {
            if (WinnersOf(story).Any())
                world.Tally.Add(story.Group is null ? Tally.OneOfMany : story.IsConfigured ? Tally.Group : Tally.GroupResolved);
            else if (world.IsCrossing)
                Say("no candidate got into the room", story);
            // A voice webhook that is repeated after the store has lost everything is a new call to the group.
            foreach (var phone in story.Candidates.Where(phone => phone.Legs.Count > 1 && !CreatesAreDoubled
                && !(world.HasForgotten && story.Group is not null)))
                Say($"{phone.Address} is a candidate, and is called {phone.Legs.Count} times", story);
        }
    }

    /// <summary>A person is alone if the person hears no other person, and no person who could change that is on the line. An operator who
    /// has put people on hold could change it.</summary>
    private void LookForTheLonely()
    {
        foreach (var machine in world.Cloud.LiveLegs().Where(leg => leg is { IsMachine: true, Conference: not null }))
            Say($"{machine.Phone.Address} is a machine that Twilio has recognised, and it is in the room", StoryOf(machine));
        var lonely = world.Cloud.LonelyLegs(IsComing).Where(leg => !leg.Vanished && !IsHeldByOperator(leg)).ToHashSet();
        SayIfTooLong(alone, lonely, "alone on the line");
    }

    /// <summary>Notes since when each leg is in a state, and says so if that is longer than the patience.</summary>
    private void SayIfTooLong(Dictionary<Leg, DateTimeOffset> sinceWhen, HashSet<Leg> legs, string state)
    {
        var now = world.Scheduler.Now;
        foreach (var leg in sinceWhen.Keys.Where(leg => !legs.Contains(leg)).ToList())
            sinceWhen.Remove(leg);
        foreach (var leg in legs)
        {
            sinceWhen.TryAdd(leg, now);
            var since = sinceWhen[leg];
            if (now - since > PatienceSince(ref since, StoryOf(leg)))
                Say($"{leg.Phone.Address} has been {state} for {(now - since).TotalSeconds:0.0} s", StoryOf(leg));
        }
    }

    /// <summary>
    /// If webhooks are at most late: the time that their delay explains, and the lag of reads (no webhook says that a caller hung up before
    /// the room). Otherwise, after the end of the faults: a review, and a second review if the first came too early. If Twilio lets a
    /// call of the story wait, the queue time-out too. A session that was just built again waits for a list that has every person.
    /// The caller of a group may wait for the answer of the group resolver.
    /// </summary>
    private TimeSpan PatienceSince(ref DateTimeOffset since, Story? story)
    {
        if (world.Swarm.IsOnlyLate)
            return (2 * world.Swarm.MaxDelay) + Moment + world.Cloud.Options.CallReadLag + world.Policy.RejoinGrace
                + (story is { Group: not null, IsConfigured: false } ? Groups.LongestAnswer : TimeSpan.Zero);
        if (since < world.HealedAt)
            since = world.HealedAt;
        return world.Policy.ReviewInterval + world.Policy.RejoinGrace + (HasWaited(story) ? world.Policy.QueueTimeout : TimeSpan.Zero)
            + (world.HasForgotten ? world.Policy.ReadLag + world.Policy.EffectLease : TimeSpan.Zero)
            + world.Policy.RingTimeout + world.Policy.JoinGrace + (2 * world.Policy.EffectLease);
    }

    /// <summary>Whether a call of the story waits, or has waited, for its turn in Twilio's queue.</summary>
    private bool HasWaited(Story? story) =>
        world.Cloud.Legs.Any(leg => leg.QueueTime > world.Cloud.Options.QueueDelay && StoryOf(leg) == story);

    private bool IsHeldByOperator(Leg leg) =>
        StoryOf(leg) is { IsHeldByOperator: true } && leg.Participant!.Conference.Connected.Count() > 1;

    private bool IsComing(Leg ringing, Leg waiting) => StoryOf(ringing) is { } story && story == StoryOf(waiting);

    /// <summary>The service has acknowledged a webhook that the leg was answered or joined.</summary>
    private bool IsKnownToTalk(Leg leg) =>
        world.Cloud.Journal.Has<WebhookAnswered>(answered => answered.CallSid == leg.Sid && answered.Status is 200 or 204
        && (answered.Webhook is WebhookKind.Voice or WebhookKind.Answer || answered.Event is "in-progress" or "participant-join"));

    private bool IsSecond(Leg leg) =>
        leg.CallbackPath is { } path && world.Cloud.Legs.Any(other => other != leg && other.CallbackPath == path);

    private Story? StoryOf(Leg leg) =>
        world.Stories.FirstOrDefault(story => story.Caller == leg.Phone || story.Callee == leg.Phone
            || story.Guests.Any(guest => guest.Phone == leg.Phone) || story.Candidates.Contains(leg.Phone));

    private void Say(string what, Story? story) => violations.Add(new Violation(world.Scheduler.Now, what, story?.Number));
}
