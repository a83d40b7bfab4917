using System.Collections.Immutable;

namespace Calls.Domain.Tests.Exhaustive;

/// <summary>Applies events to the stored session, and checks the rules that hold for every decision (S).</summary>
internal sealed class CheckedDecisions(Scenario scenario, Decide decide)
{
    public static readonly CallPolicy Policy = new()
    {
        MaxGuests = 3,
        MaxDuration = TimeSpan.FromMinutes(30),
        ScreenPhones = Screening.Machine,
    };

    /// <summary>The policy of the scenario.</summary>
    private readonly CallPolicy policy = Policy with
    {
        RejoinGrace = scenario.RejoinGrace,
        ScreenPhones = scenario.Group is null ? Policy.ScreenPhones : Screening.None,
    };

    /// <summary>All stored instants, and the time of a decision that is made at once.</summary>
    public static readonly DateTimeOffset Now = A.Noon;

    /// <summary>A time at which every deadline has passed.</summary>
    public static readonly DateTimeOffset MuchLater = Now.AddHours(1);

    private readonly Dictionary<string, StoredSession> sessions = new(StringComparer.Ordinal);

    public int Sessions => sessions.Count;

    /// <summary>The world after the event. It is the same object if nothing has changed.</summary>
    public World Apply(World w, SessionEvent happened, DateTimeOffset? now = null) => Apply(w, happened, out _, now);

    /// <summary>The world after the event, and the reply to the event's sender.</summary>
    public World Apply(World w, SessionEvent happened, out CallReply reply, DateTimeOffset? now = null)
    {
        var at = now ?? Now;
        if (!w.Stored.Decided.TryGetValue((happened, at == MuchLater), out var outcome))
            w.Stored.Decided.Add((happened, at == MuchLater), outcome = DecideAndCheck(w, happened, at));
        reply = outcome.Reply;
        if (outcome.Ignored == IgnoreReason.NotListedYet && ReadAgain(w, Webhooks.LegOf(happened), at) is { } read)
            return Apply(read, happened, out reply, now);
        if (reply is CallReply.DialGranted granted && scenario.Start.FailoversLeft == 0)
            Violation.Unless(w.Requests.All(r => r.Participant != granted.Participant.Id), "S: a dial is granted to two senders", w,
                happened);
        return ReferenceEquals(outcome.After, w.Stored) ? w : w with { Stored = outcome.After };
    }

    /// <summary>The world after a review at that time.</summary>
    public World Review(World w, DateTimeOffset at)
    {
        var key = w.TwilioKey();
        if (!w.Stored.Decided.TryGetValue((key, at == MuchLater), out var outcome))
            w.Stored.Decided.Add((key, at == MuchLater), outcome = DecideAndCheck(w, Observation(w), at));
        if (outcome.Ignored == IgnoreReason.NotListedYet && ReadAgain(w, null, at) is { } read)
            return Review(read, at);
        return ReferenceEquals(outcome.After, w.Stored) ? w : w with { Stored = outcome.After };
    }

    /// <summary>The world after a rebuild of the session that the store has forgotten.</summary>
    /// <param name="w">The world.</param>
    /// <param name="of">The leg of the webhook. Null for the sweep of the open conferences.</param>
    /// <param name="isOld">Whether the call began so long ago that no phone of its first dial can ring.</param>
    /// <param name="missing">A leg in the room that Twilio's list does not have yet.</param>
    public World Rebuild(World w, CallSid? of, bool isOld, Leg? missing = null) => Rebuild(w, of, isOld, missing, Now);

    /// <summary>As the service does, the call is read once more if the session does not know a leg. Null: this changes nothing.</summary>
    private World? ReadAgain(World w, CallSid? of, DateTimeOffset at) =>
        Rebuild(w, of, isOld: false, null, at) is var read && ReferenceEquals(read, w) ? null : read;

    private World Rebuild(World w, CallSid? of, bool isOld, Leg? missing, DateTimeOffset at)
    {
        var key = $"rebuilt {w.TwilioKey()}{of?.Value}{(isOld ? " old" : "")} {missing?.Sid.Value}";
        if (!w.Stored.Decided.TryGetValue((key, at == MuchLater), out var outcome))
            w.Stored.Decided.Add((key, at == MuchLater), outcome = DecideAndCheck(w, Rebuilt(w, of, isOld, missing), at));
        return ReferenceEquals(outcome.After, w.Stored) ? w : w with { Stored = outcome.After };
    }

    /// <summary>What Twilio knows by labels: who is in the room, and the added phones that still ring. The newest leg of a person
    /// counts.</summary>
    private SessionEvent.SessionRebuilt Rebuilt(World w, CallSid? of, bool isOld, Leg? missing)
    {
        var named = w.Legs.Where(l => l != missing
            && (l.Sid == of || l.State == LegState.InRoom || (w.RoomIsOpen && l.IsAlive && IsAdded(l)))).ToList();
        // If the session was just built, its own legs are compared.
        var known = w.Legs.Where(l => named.Contains(l) || (w.Session is { RebuiltAt: not null, IsEnded: false }
            && w.Session.Find(l.Sid) is not null && named.Exists(n => n.Owner == l.Owner)));
        return new SessionEvent.SessionRebuilt(
            A.Id(), A.Nonce, isOld ? Now.AddHours(-1) : Now, w.RoomIsOpen ? A.Conference(w.Conferences) : null,
            [.. known.GroupBy(l => l.Owner).Select(legs => (Newest: legs.Last(), Earlier: legs.SkipLast(1))).Select(
                l => new RebuiltLeg(l.Newest.Owner, l.Newest.Sid, PartyOf(l.Newest.Owner), ProgressOf(l.Newest), l.Newest.EndedBecause)
            {
                IsListed = l.Newest.State == LegState.InRoom || IsAdded(l.Newest),
                InTheRoom = l.Newest.State == LegState.InRoom,
                IsInbound = l.Newest.IsReturn || l.Newest.Owner == ParticipantId.Caller,
                Hold = l.Newest.IsOnHold,
                EarlierLegs = [.. l.Earlier.Select(earlier => earlier.Sid)],
            })]);
    }

    private static bool IsAdded(Leg leg) => leg.Owner != ParticipantId.Caller && !World.IsCalled(leg.Owner);

    private Party PartyOf(ParticipantId owner) => owner == ParticipantId.Caller ? new Party.Client(A.Identity("alice"))
        : owner == ParticipantId.Callee ? scenario.Holds.IsEmpty ? A.Bob : A.BobsPhone
        : owner == A.First || owner == A.GroupFirst ? A.Ines : owner == A.Second || owner == A.GroupSecond ? A.Ivan
        : A.PartyOf(owner);

    private static Progress ProgressOf(Leg leg) => leg.State switch
    {
        LegState.Queued or LegState.Dialing => Progress.Dialing,
        LegState.Ringing => Progress.Ringing,
        LegState.Ended => Progress.Gone,
        _ => Progress.Answered,
    };

    /// <summary>The true state at Twilio of the legs and the room that a review asks for.</summary>
    private SessionEvent.SessionObserved Observation(World w)
    {
        var asked = w.Session!.Participants.Where(p => p is { Leg: not null, Progress: not Progress.Gone });
        var answers = asked.Select(p => w.Legs.First(l => l.Sid == p.Leg))
            .Select(l => new ObservedLeg(l.Sid, ProgressOf(l), l.EndedBecause) { Party = PartyOf(l.Owner) });
        var present = w.Legs.Where(l => l.State == LegState.InRoom).ToList();
        // As the service does, a review does not read mute and hold while a request is pending.
        var flags = present
            .Where(l => w.Session.Find(l.Sid) is { } p && w.Session.FindEffect<Effect.SetFlags>(f => f.Participant == p.Id) is null)
            .Select(l => new ObservedFlags(l.Sid, w.Session.Find(l.Sid)!.FlagsMark, false, l.IsOnHold));
        return new SessionEvent.SessionObserved(new Observation(
            w.Session.Room, w.RoomIsOpen ? A.Conference(w.Conferences) : null, [.. present.Select(l => l.Sid)], [.. answers])
        {
            Flags = [.. flags],
        });
    }

    private Outcome DecideAndCheck(World w, SessionEvent happened, DateTimeOffset at)
    {
        var decision = decide(w.Session, happened, policy, at);
        var reply = decision.Reply;
        CheckReply(w, happened, decision.Session, reply);
        if (!decision.Changed)
        {
            Violation.Unless(ReferenceEquals(decision.Session, w.Session), "S: the session differs and is not to be stored", w, happened);
            Violation.Unless(reply is not CallReply.DialGranted, "S: a dial is granted and nothing is stored", w, happened);
            return new Outcome(w.Stored, reply, decision.Ignored);
        }

        var after = decision.Session!;
        if (Invariants.BrokenBy(w.Session, after, policy) is { } broken)
            throw new Violation($"S: {broken}", $"{happened}\non {w.Key()}");
        var again = decide(after, happened, policy, at);
        var stored = Store(after);
        foreach (var leg in at == Now && happened is SessionEvent.SessionObserved ? w.Legs : [])
            Violation.Unless(leg.State != LegState.Queued || after.Find(leg.Sid) is not { Gone: LeaveReason.Unreachable }
                || w.Session?.Find(leg.Sid) is { Progress: Progress.Gone }, "S: a call is given up before the queue time-out", w, happened);
        foreach (var leg in happened is SessionEvent.ParticipantLeft or SessionEvent.LegProgressed { To: Progress.Gone } ? w.Legs : [])
            Violation.Unless(!leg.IsAlive || leg.State == LegState.HearsTone || after.Find(leg.Sid) is not { Progress: Progress.Gone }
                || w.Session?.Find(leg.Sid) is { Progress: Progress.Gone }, "S: a person on the line counts as gone", w, happened);
        if (scenario.LateLists)
            CheckWhoIsHungUp(w, happened, after);
        // Each request of a person is a new request, and has a new mark.
        var isSame = happened is SessionEvent.SetParticipantFlags
            || (again.Session is { } twice && World.KeyOf(Timeless(twice)) == stored.Key);
        Violation.Unless(isSame, "S: the same event twice in a row changes more than once", w, happened);
        return new Outcome(stored, reply, decision.Ignored);
    }

    /// <summary>In this scenario no person is removed, and no call is ended by a request. The newest leg of a person counts, but not if the
    /// person took too long to enter and was given up.</summary>
    private static void CheckWhoIsHungUp(World w, SessionEvent happened, CallSession after)
    {
        var people = w.Legs.GroupBy(l => l.Owner).Select(legs => legs.Last()).Where(l => l.State == LegState.InRoom
            && w.Session?.Find(l.Sid) is not { Progress: Progress.Gone }
            && w.Session?.FindEffect<Effect.HangUp>(h => h.Leg == l.Sid) is null).ToList();
        Violation.Unless(!after.IsEnded || w.Session is { IsEnded: true } || people.Count < 2, "S: the call of people who talk ends", w,
            happened);
        if (after.IsEnded)
            return;
        foreach (var leg in people)
            Violation.Unless(after.FindEffect<Effect.HangUp>(h => h.Leg == leg.Sid) is null, "S: a person in the room is thrown out", w,
                happened);
    }

    private StoredSession Store(CallSession session)
    {
        var timeless = Timeless(session);
        var key = World.KeyOf(timeless);
        if (!sessions.TryGetValue(key, out var stored))
            sessions.Add(key, stored = new StoredSession(timeless, key));
        return stored;
    }

    private static void CheckReply(World w, SessionEvent happened, CallSession? after, CallReply reply)
    {
        if (reply is CallReply.JoinRoom join)
        {
            var isPresent = after is { IsEnded: false } && join.Participant.Progress != Progress.Gone
                && after.Find(join.Participant.Id) is { Progress: not Progress.Gone };
            Violation.Unless(isPresent, "S: a leg is sent into the room of an ended call", w, happened);
        }

        if (reply is CallReply.Ask)
            Violation.Unless(after is { IsEnded: false }, "S: a leg is asked to enter an ended call", w, happened);
        if (reply is CallReply.DialGranted granted)
        {
            var mayBeSent = after is { IsEnded: false } && granted.Participant.Leaving == Leaving.No && granted.Participant.Leg is null
                && w.Session?.FindEffect<Effect.Dial>(d => d.Participant == granted.Participant.Id)?.State == DialState.Planned;
            Violation.Unless(mayBeSent, "S: a dial is granted that must not be sent", w, happened);
        }
    }

    private CallSession Timeless(CallSession session) => session with
    {
        StartedAt = Now,
        TouchedAt = Now,
        ReviewedAt = null,
        RebuiltAt = session.RebuiltAt is null ? null : Now,
        ReviewFailures = 0,
        ReviewNotBefore = null,
        RangAt = null,
        AnsweredAt = null,
        EndedAt = session.IsEnded ? Now : null,
        EndReason = scenario.WithoutReasons && session.IsEnded ? EndReason.OnePersonLeft : session.EndReason,
        EndEvidence = scenario.WithoutReasons && session.IsEnded ? Evidence.Webhook : session.EndEvidence,
        Participants = session.Participants.ConvertAll(Timeless),
        Effects = session.Effects.ConvertAll(e => e switch
        {
            Effect.Dial dial => dial with { NotBefore = Now, SentAt = dial.SentAt is null ? null : Now },
            Effect.HangUp { Because: not null } tone when scenario.WithoutReasons =>
                tone with { NotBefore = Now, Attempt = 0, Because = LeaveReason.Busy },
            _ => e with { NotBefore = Now, Attempt = 0 },
        }),
    };

    /// <summary>When a call was queued makes no difference, and whether Twilio dials it makes one only while it does not ring, or while
    /// other candidates wait for the end of the ring time.</summary>
    private Participant Timeless(Participant participant) => WithoutSince(participant) with
    {
        QueuedAt = null,
        DialedAt = participant is { Progress: Progress.Dialing, DialedAt: not null }
            or { Progress: Progress.Ringing, DialedAt: not null, Id.Group: not null } ? Now : null,
    };

    private Participant WithoutSince(Participant participant) => scenario.WithoutReasons
        ? participant with
        {
            Since = Now,
            // Who was on the line may come back.
            Answered = !scenario.Returns.IsEmpty && participant.Answered,
            // Who was in the room is not screened any more.
            Screen = participant.IsScreened ? participant.Screen : Screening.None,
            EverJoined = participant.Id.Group is not null && participant.EverJoined,
            Gone = participant.Gone is null ? null : LeaveReason.HungUp,
            RefusalCode = null,
        }
        : participant with { Since = Now };
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
