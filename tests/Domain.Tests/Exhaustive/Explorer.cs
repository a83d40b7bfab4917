using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace Calls.Domain.Tests.Exhaustive;

/// <summary>The decision function under examination: the real one, or one that was broken on purpose.</summary>
internal delegate Decision Decide(CallSession? session, SessionEvent happened, CallPolicy policy, DateTimeOffset now);

/// <summary>What one exploration may do beyond what Twilio and the network always may.</summary>
internal sealed record Scenario(string Name)
{
    /// <summary>Where it starts.</summary>
    public required World Start { get; init; }

    /// <summary>Phones that somebody asks for, at any moment, perhaps more than once.</summary>
    public ImmutableArray<ParticipantId> Guests { get; init; } = [];

    /// <summary>People whom somebody takes off the line, at any moment.</summary>
    public ImmutableArray<ParticipantId> Removals { get; init; } = [];

    /// <summary>Whether somebody may end the call for everyone.</summary>
    public bool MayBeEnded { get; init; }

    /// <summary>
    /// Whether there may be legs that no look-up finds, since a replica stood still between a grant and its request for longer than anyone looks for the call,
    /// or the store lost the claim. Then only such a leg's own webhooks tell of it, and a good end is promised only where they arrive at last.
    /// </summary>
    public bool Orphans { get; init; }

    /// <summary>How often a dial may be sent; each further time is after a <c>NotSent</c>.</summary>
    public int Attempts { get; init; } = 2;

    /// <summary>Leaves out what explains a state and decides nothing: why a leg has gone, whether it was ever answered or in the room, why the call ended.</summary>
    public bool WithoutReasons { get; init; }
}

/// <summary>How much was looked at (states in all, the different sessions in them, transitions, and which kinds of these there were), and the first thing that was wrong, with the way there.</summary>
internal sealed record Findings(int States, int Sessions, long Edges, int Quiescent, int Live, IReadOnlySet<string> Happened, string? Violation);

/// <summary>Visits every state that the pure core can reach together with a truthful model of Twilio and a hostile network, and checks each.</summary>
/// <remarks>
/// <para>Time: every deadline may pass at any moment. After each decision all stored instants are set to <see cref="Then"/>, and an event whose decision
/// looks at the clock is tried at <see cref="Then"/> and, as another transition, an hour later. That allows more than real time does, and so misses nothing,
/// with one exception that real time excludes and that must be excluded: see <see cref="Scenario.Orphans"/>.</para>
/// <para>Crashes: before a save, the event is lost (it is never delivered, or again later). After the save and before the effect: effects are run at any later
/// moment, by anyone. After a grant and before the request: the grant vanishes. After the request and before its answer is saved: the answer is never saved.</para>
/// <para>Quiescence is checked from every state, not only at the end of a run: from each, what is certain to happen even if no webhook ever comes again
/// (effects, look-ups, reviews) is carried out, and must lead to a good end.</para>
/// </remarks>
internal sealed class Explorer(Scenario scenario, Decide decide)
{
    private static readonly string Room = CallSession.RoomOf(A.Id(), A.Nonce);
    private static readonly DateTimeOffset Then = A.Noon;
    private static readonly DateTimeOffset MuchLater = Then.AddHours(1);

    private readonly CallPolicy policy = new() { MaxGuests = 3 };
    private readonly Dictionary<string, int> seen = new(StringComparer.Ordinal);
    private readonly List<(int Parent, string Label)> ways = [];
    private readonly Dictionary<string, Core> cores = new(StringComparer.Ordinal);
    private readonly Dictionary<Leg, ImmutableArray<(SessionEvent Message, string Label)>> messages = [];
    private readonly HashSet<string> good = new(StringComparer.Ordinal);
    private readonly List<(World World, string Label)> next = [];
    private readonly HashSet<string> kinds = [];
    private readonly HashSet<(Core Before, Core After)> steps = new(ByReference.Instance);
    private int quiescent;
    private int live;

    public Findings Run(int mostStates = int.MaxValue)
    {
        var pending = new Queue<(World World, int Number)>();
        long edges = 0;
        Visit(scenario.Start with { Core = new Core(scenario.Start.Session, scenario.Start.Core.Key) }, -1, "start", pending);
        while (pending.TryDequeue(out var here))
        {
            var way = here.Number;
            try
            {
                Recover(here.World);
                next.Clear();
                Successors(here.World);
            }
            catch (Violation violation)
            {
                return new Findings(seen.Count, cores.Count, edges, quiescent, live, kinds, $"{violation.Message}\n{violation.After}\nafter: {Way(way)}\nin: {here.World.Key()}");
            }

            foreach (var (world, label) in next)
            {
                edges++;
                kinds.Add(label);
                if (!ReferenceEquals(world.Core, here.World.Core) && world.RewindsLeft == here.World.RewindsLeft)
                    steps.Add((here.World.Core, world.Core));
                if (!ReferenceEquals(world, here.World))
                    Visit(world, way, label, pending);
            }

            if (seen.Count > mostStates)
                return new Findings(seen.Count, cores.Count, edges, quiescent, live, kinds, $"more than {mostStates} states");
        }

        return new Findings(seen.Count, cores.Count, edges, quiescent, live, kinds, NotFinal());
    }

    /// <summary>Whoever decided on what the session was before a step, and found that an event makes no difference for good, must have been right after the step as well; and so after any number of steps.</summary>
    private string? NotFinal()
    {
        foreach (var (before, after) in steps)
            foreach (var ((happened, _), _) in before.Decided.Where(d => d is { Key.MuchLater: false, Value.IsFinal: true }))
                if (happened is SessionEvent report and not SessionEvent.SessionObserved && !IsFinal(after, report))
                    return $"S: {report} made no difference for good, and then did\nbefore: {before.Key}\nafter: {after.Key}";
        return null;
    }

    /// <summary>What is left out of a stored session here, a decision may put in again.</summary>
    private bool IsFinal(Core core, SessionEvent happened)
    {
        var decision = decide(core.Session, happened, policy, Then);
        if (decision is { Changed: true, Session: { } session } && CoreOf(session) == core)
            decision = decide(session, happened, policy, Then);
        return decision.IsFinal;
    }

    /// <summary>One way through the states, by the choices given. Steps that change nothing are not taken.</summary>
    public Findings Walk(IEnumerable<int> choices)
    {
        var here = scenario.Start with { Core = new Core(scenario.Start.Session, scenario.Start.Core.Key) };
        long steps = 0;
        List<string> way = [];
        try
        {
            foreach (var choice in choices)
            {
                Recover(here);
                next.Clear();
                Successors(here);
                next.RemoveAll(n => ReferenceEquals(n.World, here));
                if (next.Count == 0)
                    break;
                // Where everything may happen most things end the call; of a hundred steps ninety-nine are such that it goes on, if there are any.
                var (world, alive) = (here, here.Legs.Count(l => l.IsAlive));
                var calm = choice % 100 == 0 ? [] : next.Where(n => n.World.Legs.Count(l => l.IsAlive) >= alive && (n.World.Session?.IsEnded ?? false) == (world.Session?.IsEnded ?? false)).ToList();
                var from = calm.Count > 0 ? calm : next;
                (here, var label) = from[(int)((uint)choice / 100 % from.Count)];
                way.Add(label);
                steps++;
            }
        }
        catch (Violation violation)
        {
            return new Findings(0, cores.Count, steps, quiescent, live, kinds, $"{violation.Message}\n{violation.After}\nafter: {string.Join("\n   ", way)}");
        }

        return new Findings(0, cores.Count, steps, quiescent, live, kinds, null);
    }

    private void Visit(World world, int parent, string label, Queue<(World World, int Number)> pending)
    {
        if (!seen.TryAdd(world.Key(), seen.Count))
            return;
        ways.Add((parent, label));
        pending.Enqueue((world, ways.Count - 1));
    }

    private string Way(int number)
    {
        List<string> steps = [];
        for (; number > 0; number = ways[number].Parent)
            steps.Add(ways[number].Label);
        steps.Reverse();
        return string.Join("\n   ", steps);
    }

    // ---- what may happen next

    private void Successors(World w)
    {
        foreach (var leg in w.Legs)
            Befalls(w, leg);
        foreach (var (message, label) in Messages(w))
            Deliveries(w, message, label);
        foreach (var reply in w.Replies)
            next.Add((Hear(w, Settled(w, reply)), "reply is saved"));
        foreach (var request in w.Requests)
            Sends(w, request);
        foreach (var wish in Wishes(w))
            next.Add((Hear(w, wish), wish.GetType().Name));
        if (w.Session is null)
            return;
        foreach (var effect in w.Session.Effects)
            Executes(w, effect);
        if (w.BeforeClaim is not null)
            next.Add((w with { Core = w.BeforeClaim, BeforeClaim = null, RewindsLeft = w.RewindsLeft - 1 }, "the store loses the claim and all since"));
        next.Add((Reviewed(w, Then), "review"));
        next.Add((Reviewed(w, MuchLater), "late review"));
    }

    /// <summary>What people and Twilio do by themselves.</summary>
    private void Befalls(World w, Leg leg)
    {
        switch (leg.At)
        {
            case At.Dialing:
                next.Add((w.With(leg, leg with { At = At.Ringing, Rang = true }), "rings"));
                next.Add((w.End(leg, LeaveReason.Unreachable), "unreachable"));
                break;
            case At.Ringing:
                next.Add((w.With(leg, leg with { At = leg.Owner == ParticipantId.Callee ? At.Asking : At.Entering, Answered = true }), "picks up"));
                next.Add((w.End(leg, LeaveReason.NoAnswer), "does not answer"));
                break;
            case At.Asking:
                next.Add((w.End(leg, LeaveReason.HungUp), "hangs up, or gets no TwiML"));
                break;
            case At.Entering:
                next.Add((w.With(leg, leg with { At = At.InRoom }), leg.Owner + " enters"));
                next.Add((w.End(leg, LeaveReason.HungUp), leg.Owner + " hangs up entering"));
                break;
            case At.InRoom:
                next.Add((w.End(leg, LeaveReason.HungUp), leg.Owner + " hangs up"));
                break;
        }
    }

    /// <summary>A webhook; where it is a request for TwiML, its answer may be heard or lost.</summary>
    private void Deliveries(World w, SessionEvent message, string label)
    {
        var heard = Hear(w, message, out var reply);
        next.Add((heard, label));
        var asking = message switch
        {
            SessionEvent.StartCall e => w.Legs.FirstOrDefault(l => l.Sid == e.CallerLeg),
            SessionEvent.JoinCall e => w.Legs.FirstOrDefault(l => l.Sid == e.Leg),
            _ => null,
        };
        if (asking is { At: At.Asking })
            next.Add((reply is CallReply.JoinRoom ? heard.With(asking, asking with { At = At.Entering }) : heard.End(asking, LeaveReason.HungUp), label + ", and gets " + reply.GetType().Name));
    }

    /// <summary>A granted dial: sent or not, acted upon or not, answered or not.</summary>
    private void Sends(World w, Request request)
    {
        var sent = w with { Requests = w.Requests.Remove(request) };
        next.Add((sent, "sender is killed"));
        if (CanAct(w, request))
        {
            next.Add((Act(sent, request, new DialOutcome.Accepted(NextSid(w, request.Participant))), "dial is created"));
            next.Add((Act(sent, request, new DialOutcome.Unknown()), "dial is created, reply lost"));
        }

        next.Add((Replied(sent, request, new DialOutcome.Unknown()), "dial is lost"));
        next.Add((Replied(sent, request, new DialOutcome.Refused(21211)), "dial is refused"));
        if (request.Attempt < scenario.Attempts)
            next.Add((Replied(sent, request, new DialOutcome.NotSent(null)), "dial is put off"));
    }

    private void Executes(World w, Effect effect)
    {
        switch (effect)
        {
            case Effect.Dial { State: DialState.Planned } dial:
                next.Add((Claim(w, dial, Then), "claim"));
                next.Add((Claim(w, dial, MuchLater), "late claim"));
                break;
            case Effect.Dial dial:
                if (Found(w, dial) is { } leg)
                    next.Add((Hear(w, Settled(w, dial, new DialOutcome.Accepted(leg.Sid))), "look-up finds it"));
                else
                {
                    next.Add((Hear(w, Settled(w, dial, new DialOutcome.NotFound())), "look-up finds nothing"));
                    if (scenario.Orphans || w.Requests.All(r => r.Participant != dial.Participant))
                        next.Add((Hear(w, Settled(w, dial, new DialOutcome.NotFound()), MuchLater), "late look-up finds nothing"));
                }

                next.Add((Hear(w, Settled(w, dial, new DialOutcome.LookUpFailed())), "look-up fails"));
                break;
            case Effect.HangUp hangUp:
                next.Add((w.HangUp(hangUp.Leg), "hang-up, reply lost"));
                next.Add((HangUp(w, hangUp), "hang-up"));
                break;
        }
    }

    private IEnumerable<SessionEvent> Wishes(World w)
    {
        if (w.Session is null)
            yield break;
        foreach (var guest in scenario.Guests)
            yield return new SessionEvent.AddPhoneParticipant(guest, A.PhoneOf(guest), null);
        foreach (var person in scenario.Removals)
            yield return new SessionEvent.RemoveParticipant(person);
        if (scenario.MayBeEnded)
            yield return new SessionEvent.EndCall();
    }

    /// <summary>Every webhook that there is, given what has befallen the legs and the room.</summary>
    private IEnumerable<(SessionEvent Message, string Label)> Messages(World w)
    {
        for (var i = 1; i <= w.Rooms; i++)
        {
            if (i < w.Rooms || !w.RoomIsOpen)
                yield return (new SessionEvent.ConferenceEnded(A.Conference(i), Room), "conference end arrives");
            yield return (new SessionEvent.ConferenceStarted(A.Conference(i), Room), "conference start arrives");
        }

        foreach (var leg in w.Legs)
        {
            if (!messages.TryGetValue(leg, out var ofLeg))
                messages.Add(leg, ofLeg = [.. MessagesOf(leg)]);
            foreach (var message in ofLeg)
                yield return message;
        }
    }

    private static IEnumerable<(SessionEvent Message, string Label)> MessagesOf(Leg leg)
    {
        if (leg.Owner == ParticipantId.Caller)
            yield return (new SessionEvent.StartCall(A.Id(), A.Nonce, leg.Sid, A.Identity("alice"), A.Bob), "voice webhook");
        else
        {
            yield return (new SessionEvent.LegProgressed(leg.Owner, leg.Sid, Progress.Dialing, null, A.Nonce), leg.Owner + " initiated arrives");
            if (leg.Rang)
                yield return (new SessionEvent.LegProgressed(leg.Owner, leg.Sid, Progress.Ringing, null, A.Nonce), leg.Owner + " ringing arrives");
            if (leg.Answered)
                yield return (new SessionEvent.LegProgressed(leg.Owner, leg.Sid, Progress.Answered, null, A.Nonce), leg.Owner + " in-progress arrives");
            if (leg.Answered && leg.Owner == ParticipantId.Callee)
                yield return (new SessionEvent.JoinCall(leg.Owner, leg.Sid, A.Nonce), "answer arrives");
            if (leg.Over is { } over)
                yield return (new SessionEvent.LegProgressed(leg.Owner, leg.Sid, Progress.Gone, over, A.Nonce), leg.Owner + " end arrives");
        }

        if (leg.Room > 0)
            yield return (new SessionEvent.ParticipantJoined(A.Conference(leg.Room), Room, leg.Sid, leg.Owner, null), leg.Owner + " join arrives");
        // A guest that was never answered is reported as a leave too (participant_add_failed).
        if (leg.Over is { } left && (leg.Room > 0 || leg is { Answered: false, Owner.Value: not "callee" }))
            yield return (new SessionEvent.ParticipantLeft(Room, leg.Sid, leg.Owner, left), leg.Owner + " leave arrives");
    }

    // ---- what is certain to happen

    /// <summary>From this state, without a webhook ever again (or, where there may be orphans, with all of them): a good end must come.</summary>
    private void Recover(World w)
    {
        List<string> passed = [];
        for (var steps = 0; ; steps++)
        {
            var key = w.Key();
            if (good.Contains(key))
                break;
            passed.Add(key);
            if (steps > 200)
                throw new Violation("recovery does not end", key);
            var step = scenario.Orphans ? Delivered(w, key) ?? Certain(w, key) : Certain(w, key);
            if (step is null)
            {
                AtRest(w);
                // Nobody rings for ever: what still rings is not answered, and then too all must be well.
                if (w.Legs.FirstOrDefault(l => l.IsRung) is not { } rung)
                    break;
                step = w.End(rung, LeaveReason.NoAnswer);
            }

            w = step;
        }

        good.UnionWith(passed);
    }

    /// <summary>The next webhook that says something new. Of a leg that is over only its end still comes: Twilio does not tell of its beginning for ever.</summary>
    private World? Delivered(World w, string key)
    {
        foreach (var (message, _) in Messages(w))
            if (!(OfLeg(message) is { } sid && message is not SessionEvent.ParticipantLeft and not SessionEvent.LegProgressed { To: Progress.Gone } && w.Legs.Any(l => l.Sid == sid && !l.IsAlive))
                && Hear(w, message) is var heard && !ReferenceEquals(heard, w) && heard.Key() != key)
                return heard;
        return null;
    }

    private static CallSid? OfLeg(SessionEvent message) => message switch
    {
        SessionEvent.StartCall e => e.CallerLeg,
        SessionEvent.LegProgressed e => e.Leg,
        SessionEvent.JoinCall e => e.Leg,
        SessionEvent.ParticipantJoined e => e.Leg,
        SessionEvent.ParticipantLeft e => e.Leg,
        _ => null,
    };

    private World? Certain(World w, string key)
    {
        if (w.Requests is [var request, ..])
        {
            var sent = w with { Requests = w.Requests.Remove(request) };
            return CanAct(w, request) ? Act(sent, request, new DialOutcome.Unknown()) : Replied(sent, request, new DialOutcome.Unknown());
        }

        if (w.Legs.FirstOrDefault(l => l.At == At.Asking) is { } asking)
            return w.End(asking, LeaveReason.HungUp);
        if (w.Legs.FirstOrDefault(l => l.At == At.Entering) is { } entering)
            return w.With(entering, entering with { At = At.InRoom });
        if (w.Session is null)
            return null;
        if (w.Session.Effects.OfType<Effect.HangUp>().FirstOrDefault() is { } hangUp)
            return HangUp(w, hangUp);
        if (w.Session.Effects.OfType<Effect.Dial>().FirstOrDefault(d => d.State != DialState.Planned) is { } inFlight)
            return Hear(w, Settled(w, inFlight, Found(w, inFlight) is { } leg ? new DialOutcome.Accepted(leg.Sid) : new DialOutcome.NotFound()), MuchLater);
        if (Reviewed(w, MuchLater) is var reviewed && !ReferenceEquals(reviewed, w) && reviewed.Key() != key)
            return reviewed;
        foreach (var planned in w.Session.Effects.OfType<Effect.Dial>())
            if (Claim(w, planned, Then) is var claimed && !ReferenceEquals(claimed, w) && claimed.Key() != key)
                return claimed;
        return null;
    }

    /// <summary>Q: nobody alone, nothing that rings for a dead call, nothing left to do.</summary>
    private void AtRest(World w)
    {
        quiescent++;
        var alive = w.Legs.Count(l => l.IsAlive);
        if (w.Session is not { } session)
        {
            Check(alive == 0, "Q: a leg lives and there is no session", w);
            return;
        }

        Check(session.Effects.IsEmpty, "Q: an effect is left", w);
        if (session.IsEnded)
        {
            Check(alive == 0, "Q: a leg lives though the call is over", w);
            Check(session.Participants.All(p => p.Progress == Progress.Gone), "Q: a leg of an ended call is not known to have gone", w);
            Check(Deadlines.Next(session, policy) is null, "Q: there is still something due in a settled session", w);
            return;
        }

        live++;
        var present = w.Legs.Where(l => l.At == At.InRoom).ToList();
        Check(present.Count >= 2 || (present.Count == 1 && w.Legs.Any(l => l.IsRung)), "Q: somebody is alone, or nobody is there, and the call goes on", w);
        Check(present.Select(l => l.Owner).Distinct().Count() == present.Count, "Q: one person is in the room twice", w);
        foreach (var leg in w.Legs.Where(l => l.IsAlive))
            Check(session.Find(leg.Sid) is { Progress: not Progress.Gone }, "Q: a leg lives that the session does not know", w);
        foreach (var participant in session.Participants.Where(p => p.Progress != Progress.Gone))
            Check(w.Legs.Any(l => l.Sid == participant.Leg && l.IsAlive), "Q: the session counts on a leg that is over", w);
    }

    // ---- Twilio and our executor

    private static bool CanAct(World w, Request request) => request.Participant == ParticipantId.Callee || (w.RoomIsOpen && request.Room == w.Rooms);

    private static CallSid NextSid(World w, ParticipantId participant) => World.SidOf(participant, w.Legs.Count(l => l.Owner == participant) + 1);

    private World Act(World w, Request request, DialOutcome outcome)
    {
        var legs = w.Legs.Add(new Leg(request.Participant, NextSid(w, request.Participant), At.Dialing));
        Check(scenario.Start.RewindsLeft > 0 || legs.Count(l => l.Owner == request.Participant) == 1, "S: a phone is rung twice for one request", w);
        return Replied(w with { Legs = [.. legs.OrderBy(l => l.Sid.Value, StringComparer.Ordinal)] }, request, outcome);
    }

    private static World Replied(World w, Request request, DialOutcome outcome) =>
        w with { Replies = [.. w.Replies.Add(new Reply(request.Participant, request.Attempt, outcome)).OrderBy(r => r.Participant.Value, StringComparer.Ordinal).ThenBy(r => r.Attempt)] };

    /// <summary>A look-up finds a call by its addresses though it is over; a guest by its label, while it is active.</summary>
    private static Leg? Found(World w, Effect.Dial dial) =>
        w.Legs.LastOrDefault(l => l.Owner == dial.Participant && (l.IsAlive || l.Owner == ParticipantId.Callee));

    private World Claim(World w, Effect.Dial dial, DateTimeOffset now)
    {
        var claimed = Hear(w, new SessionEvent.ClaimDial(dial.Participant, w.Session!.Nonce), out var reply, now);
        if (reply is not CallReply.DialGranted granted)
            return claimed;
        var room = granted.Session.Conference is { } conference ? conference.Value[^1] - '0' : 0;
        if (w is { RewindsLeft: > 0, BeforeClaim: null })
            claimed = claimed with { BeforeClaim = w.Core };
        return claimed with { Requests = claimed.Requests.Add(new Request(dial.Participant, granted.Attempt, dial.Participant == ParticipantId.Callee ? 0 : room)) };
    }

    /// <summary>That a participant's leg was hung up is not saved: its own webhook says so, or the next hang-up, which finds it over.</summary>
    private World HangUp(World w, Effect.HangUp hangUp)
    {
        var over = w.Legs.All(l => l.Sid != hangUp.Leg || !l.IsAlive);
        if (!over && w.Session!.Find(hangUp.Leg) is { Progress: not Progress.Gone })
            return w.HangUp(hangUp.Leg);
        return Hear(w.HangUp(hangUp.Leg), new SessionEvent.HangUpSettled(hangUp.Leg, over ? EffectOutcome.AlreadyOver : EffectOutcome.Done));
    }

    private static SessionEvent.DialSettled Settled(World w, Effect.Dial dial, DialOutcome outcome) => new(dial.Participant, w.Session!.Nonce, dial.Attempt, outcome);

    private static SessionEvent.DialSettled Settled(World w, Reply reply) => new(reply.Participant, w.Session!.Nonce, reply.Attempt, reply.Outcome);

    /// <summary>What a review sees: the truth, as far as it asks.</summary>
    private static SessionEvent.SessionObserved Observation(World w)
    {
        var asked = w.Session!.Participants.Where(p => p is { Leg: not null, Progress: not Progress.Gone }).Select(p => w.Legs.First(l => l.Sid == p.Leg));
        var answers = asked.Select(l => new ObservedLeg(l.Sid, l.At switch
        {
            At.Dialing => Progress.Dialing,
            At.Ringing => Progress.Ringing,
            At.Over => Progress.Gone,
            _ => Progress.Answered,
        }, l.Over));
        return new SessionEvent.SessionObserved(new Observation(
            w.Session.Room, w.RoomIsOpen ? A.Conference(w.Rooms) : null, [.. w.Legs.Where(l => l.At == At.InRoom).Select(l => l.Sid)], [.. answers]));
    }

    // ---- one decision, and what must hold of every one

    private World Hear(World w, SessionEvent happened, DateTimeOffset? now = null) => Hear(w, happened, out _, now);

    private World Hear(World w, SessionEvent happened, out CallReply reply, DateTimeOffset? now = null)
    {
        var at = now ?? Then;
        if (!w.Core.Decided.TryGetValue((happened, at == MuchLater), out var outcome))
            w.Core.Decided.Add((happened, at == MuchLater), outcome = DecideAndCheck(w, happened, at));
        reply = outcome.Reply;
        if (reply is CallReply.DialGranted granted)
            Check(scenario.Start.RewindsLeft > 0 || w.Requests.All(r => r.Participant != granted.Participant.Id), "S: a dial is granted to two", w, happened);
        return ReferenceEquals(outcome.After, w.Core) ? w : w with { Core = outcome.After };
    }

    private World Reviewed(World w, DateTimeOffset at)
    {
        var truth = w.Truth();
        if (!w.Core.Decided.TryGetValue((truth, at == MuchLater), out var outcome))
            w.Core.Decided.Add((truth, at == MuchLater), outcome = DecideAndCheck(w, Observation(w), at));
        return ReferenceEquals(outcome.After, w.Core) ? w : w with { Core = outcome.After };
    }

    private Outcome DecideAndCheck(World w, SessionEvent happened, DateTimeOffset at)
    {
        var decision = decide(w.Session, happened, policy, at);
        var reply = decision.Reply;
        Permitted(w, happened, decision.Session, reply);
        if (!decision.Changed)
        {
            Check(ReferenceEquals(decision.Session, w.Session), "S: not to be stored, and yet another session", w, happened);
            Check(reply is not CallReply.DialGranted, "S: a dial is granted and nothing is stored", w, happened);
            return new Outcome(w.Core, reply, decision.IsFinal);
        }

        var after = decision.Session!;
        if (Invariants.BrokenBy(w.Session, after, policy) is { } broken)
            throw new Violation($"S: {broken}", $"{happened}\non {w.Key()}");
        var again = decide(after, happened, policy, at);
        var core = CoreOf(after);
        Check(again.Session is { } twice && World.KeyOf(Timeless(twice)) == core.Key, "S: the same event twice is more than once", w, happened);
        return new Outcome(core, reply, core == w.Core && again.IsFinal);
    }

    private Core CoreOf(CallSession session)
    {
        var timeless = Timeless(session);
        var key = World.KeyOf(timeless);
        if (!cores.TryGetValue(key, out var core))
            cores.Add(key, core = new Core(timeless, key));
        return core;
    }

    private static void Permitted(World w, SessionEvent happened, CallSession? after, CallReply reply)
    {
        if (reply is CallReply.JoinRoom join)
            Check(after is { IsEnded: false } && join.Participant.Progress != Progress.Gone && after.Find(join.Participant.Id) is { Progress: not Progress.Gone },
                "S: somebody is sent into the room of a call that is over", w, happened);
        if (reply is CallReply.DialGranted granted)
            Check(after is { IsEnded: false } && granted.Participant.Leaving == Leaving.No && granted.Participant.Leg is null
                && w.Session?.FindEffect<Effect.Dial>(d => d.Participant == granted.Participant.Id)?.State == DialState.Planned,
                "S: a dial is granted that must not be sent", w, happened);
    }

    private CallSession Timeless(CallSession session) => session with
    {
        TouchedAt = Then,
        ReviewedAt = null,
        AnsweredAt = null,
        EndedAt = session.IsEnded ? Then : null,
        EndReason = scenario.WithoutReasons && session.IsEnded ? EndReason.OnePersonLeft : session.EndReason,
        EndEvidence = scenario.WithoutReasons && session.IsEnded ? Evidence.Webhook : session.EndEvidence,
        Participants = session.Participants.ConvertAll(Timeless),
        Effects = session.Effects.ConvertAll(e => e switch
        {
            Effect.Dial dial => dial with { NotBefore = Then, SentAt = dial.SentAt is null ? null : Then },
            _ => e with { NotBefore = Then, Attempt = 0 },
        }),
    };

    private Participant Timeless(Participant participant) => scenario.WithoutReasons
        ? participant with { Since = Then, Answered = false, EverJoined = false, Gone = participant.Gone is null ? null : LeaveReason.HungUp, RefusalCode = null }
        : participant with { Since = Then };

    private static void Check(bool holds, string what, World w, SessionEvent? happened = null)
    {
        if (!holds)
            throw new Violation(what, $"{happened}\non {w.Key()}");
    }

    /// <summary>Something that must never be so is so.</summary>
    private sealed class Violation(string what, string after) : Exception(what)
    {
        public string After { get; } = after;
    }
}

file sealed class ByReference : IEqualityComparer<(Core, Core)>
{
    public static readonly ByReference Instance = new();

    public bool Equals((Core, Core) x, (Core, Core) y) => ReferenceEquals(x.Item1, y.Item1) && ReferenceEquals(x.Item2, y.Item2);

    public int GetHashCode((Core, Core) steps) => HashCode.Combine(RuntimeHelpers.GetHashCode(steps.Item1), RuntimeHelpers.GetHashCode(steps.Item2));
}

file static class Arrays
{
    public static ImmutableArray<T> ConvertAll<T>(this ImmutableArray<T> items, Func<T, T> convert)
    {
        var converted = ImmutableArray.CreateBuilder<T>(items.Length);
        foreach (var item in items)
            converted.Add(convert(item));
        return converted.MoveToImmutable();
    }
}
