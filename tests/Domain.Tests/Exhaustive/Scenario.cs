using System.Collections.Immutable;

namespace Calls.Domain.Tests.Exhaustive;

/// <summary>The decision function under test: the real one, or one that a test broke on purpose.</summary>
internal delegate Decision Decide(CallSession? session, SessionEvent happened, CallPolicy policy, DateTimeOffset now);

/// <summary>The start of one exploration, and what may happen in it beyond the faults of Twilio and the network.</summary>
internal sealed record Scenario(string Name)
{
    public required World Start { get; init; }

    /// <summary>Phones and app users that a client adds, at any moment and any number of times.</summary>
    public ImmutableArray<ParticipantId> Guests { get; init; } = [];

    /// <summary>Participants that a client removes, at any moment.</summary>
    public ImmutableArray<ParticipantId> Removals { get; init; } = [];

    /// <summary>Who may put whom on hold and take them off hold, while they are on the call.</summary>
    public ImmutableArray<(ParticipantId By, ParticipantId Whom)> Holds { get; init; } = [];

    /// <summary>App users who may call again with the session id of the call, at any moment.</summary>
    public ImmutableArray<ParticipantId> Returns { get; init; } = [];

    /// <summary>How long the call waits for a person whose line has dropped.</summary>
    public TimeSpan RejoinGrace { get; init; }

    /// <summary>Whether a client may end the call, the maximum duration may pass, and the dialling may be stopped.</summary>
    public bool MayBeEnded { get; init; }

    /// <summary>Whether there may be legs that no look-up finds. Only the webhooks of such a leg report it.</summary>
    /// <remarks>
    /// The cause is a replica that stops between the grant and the request for longer than the look-ups last, or a store that lost the
    /// claim. A good end is then promised only if the webhooks arrive in the end.
    /// </remarks>
    public bool Orphans { get; init; }

    /// <summary>The group that the caller calls. Null: the caller calls bob.</summary>
    public CalledGroup? Group { get; init; }

    /// <summary>The answer of the group resolver. Null: it is not asked.</summary>
    public GroupMembers? Answer { get; init; }

    /// <summary>Whether the callee is a phone, on which Twilio detects machines.</summary>
    public bool Screens { get; init; }

    /// <summary>Whether Twilio reports that it dials a call which still waits in its queue.</summary>
    public bool InitiatedWhileQueued { get; init; }

    /// <summary>Whether Twilio's list of participants may not have a person yet when a session is built again.</summary>
    public bool LateLists { get; init; }

    /// <summary>How often a dial may be sent. Each further sending follows a <c>NotSent</c>.</summary>
    public int Attempts { get; init; } = 2;

    /// <summary>Leaves out the facts that no rule reads: why a leg left, whether it ever answered or joined, why the call ended.</summary>
    public bool WithoutReasons { get; init; }
}

internal static class Scenarios
{
    /// <summary>The caller's leg exists and waits for TwiML. The service has not heard of it.</summary>
    public static readonly World Nothing = new()
    {
        Stored = new StoredSession(null, "~"),
        Legs =
        [
            new Leg(ParticipantId.Caller, World.SidOf(ParticipantId.Caller, 1), LegState.AwaitingTwiML) { Rang = true, Answered = true },
        ],
    };

    public static Scenario TwoPeople => new("two people") { Start = Nothing };

    /// <summary>
    /// After a failover the store has lost the claim of a dial. The phone may ring twice, and at most one of its legs may meet the caller.
    /// </summary>
    public static Scenario LostClaim => new("lost claim")
    {
        Start = Nothing with { FailoversLeft = 1 },
        Orphans = true,
        Attempts = 1,
        WithoutReasons = true,
    };

    /// <summary>A person, a machine or an unknown voice answers the callee's phone.</summary>
    public static Scenario ScreenedPhone => new("screened phone") { Start = Nothing, Screens = true, Attempts = 1 };

    public static Scenario FourPeople => new("four people")
    {
        Start = Nothing with { HoldsLeft = 3, SendsLeft = 5 },
        Holds = [(ParticipantId.Caller, ParticipantId.Callee), (ParticipantId.Caller, A.Doctor), (ParticipantId.Callee, A.Doctor)],
        Guests = [A.Doctor, A.Lawyer],
        Removals = [ParticipantId.Callee, A.Doctor],
        MayBeEnded = true,
    };

    /// <summary>The caller has put one of two phones on hold. One more request may hold or resume one of them.</summary>
    public static Scenario Holds => new("holds")
    {
        Start = Talking() with { HoldsLeft = 1, SendsLeft = 2 },
        Holds = [(ParticipantId.Caller, ParticipantId.Callee), (ParticipantId.Caller, A.Doctor)],
        Attempts = 1,
        WithoutReasons = true,
    };

    /// <summary>
    /// The store forgets the session at any moment. The next webhook, or the sweep of the open conferences, builds it again.
    /// </summary>
    public static Scenario Forgetful => new("a store that forgets")
    {
        Start = Nothing with { ForgetsLeft = 1 },
        Attempts = 1,
        WithoutReasons = true,
    };

    /// <summary>The caller, the callee and a guest talk, and the callee is on hold.</summary>
    public static Scenario ForgetfulOfThree => Holds with
    {
        Name = "a store that forgets three people",
        Start = Talking() with { HoldsLeft = 1, SendsLeft = 2, ForgetsLeft = 1 },
    };

    /// <summary>Two app users and the doctor are in the room. The store forgets the session, and an app user may call again before that or
    /// after it. When the session is built again, Twilio's list may not have one of the people yet.</summary>
    public static Scenario LateLists => Returns with
    {
        Name = "late lists",
        Start = Returns.Start with { ReturnsLeft = 1, ForgetsLeft = 1 },
        Removals = [],
        LateLists = true,
    };

    public static Scenario ThreePeople => new("three people") { Start = Nothing, Guests = [A.Doctor], Attempts = 1, WithoutReasons = true };

    /// <summary>Two app users and the doctor are in the room. Each app user may drop, and call again, at any moment.</summary>
    public static Scenario Returns => new("returns")
    {
        Start = Talking(A.Bob, ParticipantId.Caller, ParticipantId.Callee, A.Doctor) with { ReturnsLeft = 2 },
        Returns = [ParticipantId.Caller, ParticipantId.Callee],
        Removals = [ParticipantId.Callee],
        Attempts = 1,
        WithoutReasons = true,
    };

    /// <summary>Two app users and the doctor are in the room. The callee may drop, and may be added again and call again, at any moment.
    /// </summary>
    public static Scenario AddedAgain => new("an app user who is added again")
    {
        Start = Talking(A.Bob, ParticipantId.Caller, ParticipantId.Callee, A.Doctor) with { ReturnsLeft = 1 },
        Guests = [A.BobAgain],
        Returns = [ParticipantId.Callee],
        Attempts = 1,
        WithoutReasons = true,
    };

    /// <summary>Two people talk, and phones of two candidates are rung for one more. Their answers may cross.</summary>
    public static Scenario OneOfTwo(Strategy strategy) => new("one of two, " + strategy)
    {
        Start = WithCandidates(Talking(A.Bob, ParticipantId.Caller, ParticipantId.Callee), strategy),
        Attempts = 1,
        WithoutReasons = true,
    };

    /// <summary>The caller calls a group of two. If it is not configured, the group resolver is asked, and its answer may be late, come
    /// twice or fail to come.</summary>
    public static Scenario Group(Strategy strategy, bool isConfigured) => new($"a group, {strategy}{(isConfigured ? "" : ", resolved")}")
    {
        Start = Nothing,
        Group = new CalledGroup(A.Group("interpreters"), isConfigured ? MembersOf(strategy) : null),
        Answer = isConfigured ? null : MembersOf(strategy),
        Attempts = 1,
        WithoutReasons = true,
    };

    private static GroupMembers MembersOf(Strategy strategy) => new(A.Interpreters, strategy);

    private static World WithCandidates(World world, Strategy strategy)
    {
        var call = new Call(CheckedDecisions.Policy, world.Session!).AsksForOne(strategy, Screening.None);
        return world with { Stored = new StoredSession(call.Session, World.KeyOf(call.Session)) };
    }

    /// <summary>Two app users are in the room. The call waits for a person whose line has dropped.</summary>
    public static Scenario Grace => new("grace")
    {
        Start = Talking(A.Bob, ParticipantId.Caller, ParticipantId.Callee) with { ReturnsLeft = 1, SendsLeft = 2 },
        Returns = [ParticipantId.Caller, ParticipantId.Callee],
        Removals = [ParticipantId.Caller],
        RejoinGrace = TimeSpan.FromSeconds(30),
        Attempts = 1,
        WithoutReasons = true,
    };

    /// <summary>The caller, the callee's phone and the doctor are in the room. The callee is on hold. The session knows it, and the
    /// webhook about the hold can still arrive.</summary>
    private static World Talking()
    {
        var talking = Talking(A.BobsPhone, ParticipantId.Caller, ParticipantId.Callee, A.Doctor);
        var call = new Call(CheckedDecisions.Policy, talking.Session!)
            .When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, null, true, A.Identity("alice")))
            .When(new SessionEvent.FlagsSettled(CallSession.RoomOf(A.Id(), A.Nonce), ParticipantId.Callee, new FlagsMark(1, -1),
                EffectOutcome.Done, new SeenFlags(false, true)));
        var callee = talking.InRoom(ParticipantId.Callee)!;
        return talking.With(callee, callee with { HoldChanges = 1 }) with
        {
            Stored = new StoredSession(call.Session, World.KeyOf(call.Session)),
        };
    }

    /// <summary>The people are in the room, and the session knows it.</summary>
    private static World Talking(Party bob, params ParticipantId[] people)
    {
        var call = new Call(CheckedDecisions.Policy);
        foreach (var person in people)
        {
            var leg = World.SidOf(person, 1);
            if (person == ParticipantId.Caller)
                call.Starts(leg, callee: bob);
            else if (person != ParticipantId.Callee)
                call.AsksFor(person, screen: Screening.None);
            if (person != ParticipantId.Caller)
                call.Claims(person).Settles(person, new DialOutcome.Accepted(leg));
            if (person == ParticipantId.Callee)
                call.PicksUp(person, leg);
            call.Joins(person, leg: leg);
        }

        return new World
        {
            Stored = new StoredSession(call.Session, World.KeyOf(call.Session)),
            Legs = [.. people.Select(person => new Leg(person, World.SidOf(person, 1), LegState.InRoom)
            {
                Dialed = person != ParticipantId.Caller,
                Rang = true,
                Answered = true,
                Conference = 1,
            })],
            Conferences = 1,
            RoomIsOpen = true,
        };
    }
}
