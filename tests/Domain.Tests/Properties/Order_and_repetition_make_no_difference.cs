using CsCheck;

namespace Calls.Domain.Tests.Properties;

/// <summary>Confluence: the events of a call lead to the same end in any order and after any number of repetitions.</summary>
/// <remarks>
/// <para>Fixed: the requests (a call is placed, a phone is added) and the claims of dials come first, since without them there are no legs
/// and no events. All other events are shuffled, so a consequence may arrive before its cause.</para>
/// <para>Compared, after every planned hang-up was run (all legs have ended, so each outcome is "already over"): that the call has ended
/// and why; each participant's progress, leg and leave reason, and whether they answered and joined. No dial and no hang-up is left, and
/// the session is not due.</para>
/// <para>Not compared, since the rules act on the events so far: the instants; the hang-ups that were planned on the way (for example of a
/// callee whose own leave arrives after the caller's); <see cref="CallSession.EndEvidence"/>, the kind of the event that ended the call;
/// <see cref="Participant.Leaving"/>, which tells which legs were still alive at that moment.</para>
/// </remarks>
public sealed class Order_and_repetition_make_no_difference(ITestOutputHelper output)
{
    private static readonly string Room = CallSession.RoomOf(A.Id(), A.Nonce);

    private static readonly CallSid Back = A.Leg(51);

    private static readonly CallPolicy Policy = new();

    private static readonly CallPolicy Screens = new() { ScreenPhones = Screening.Machine };

    private sealed record Script(string Name, Func<Call> Start, EndReason Ends, SessionEvent[] Events);

    private static readonly Script[] Scripts =
    [
        new("a client answers, both join, the callee leaves", () => A.Session().Sending(), EndReason.OnePersonLeft,
        [
            Accepted(ParticipantId.Callee), Says(ParticipantId.Callee, Progress.Ringing), PicksUp(), Joins(ParticipantId.Caller),
            Joins(ParticipantId.Callee),
            Leaves(ParticipantId.Callee), Ends(ParticipantId.Callee, LeaveReason.HungUp), Leaves(ParticipantId.Caller),
        ]),
        new("a client answers after the caller has left", () => A.Session().Sending(), EndReason.OnePersonLeft,
        [
            Accepted(ParticipantId.Callee), Says(ParticipantId.Callee, Progress.Dialing), Says(ParticipantId.Callee, Progress.Ringing),
            PicksUp(),
            Ends(ParticipantId.Callee, LeaveReason.HungUp), Joins(ParticipantId.Caller), Leaves(ParticipantId.Caller), Closed(A.Room1),
        ]),
        new("a phone is busy", () => A.Session(A.BobsPhone).Sending(), EndReason.CalleeBusy,
        [
            Accepted(ParticipantId.Callee), Says(ParticipantId.Callee, Progress.Dialing), Says(ParticipantId.Callee, Progress.Ringing),
            Ends(ParticipantId.Callee, LeaveReason.Busy),
            Joins(ParticipantId.Caller), Opened(A.Room1), Leaves(ParticipantId.Caller), Closed(A.Room1),
        ]),
        new("a phone is not answered after its dial timed out", () => A.Session(A.BobsPhone).Sending(), EndReason.CalleeNoAnswer,
        [
            Settled(ParticipantId.Callee, new DialOutcome.Unknown()), Accepted(ParticipantId.Callee),
            Says(ParticipantId.Callee, Progress.Ringing),
            Ends(ParticipantId.Callee, LeaveReason.NoAnswer), Joins(ParticipantId.Caller), Leaves(ParticipantId.Caller), Closed(A.Room1),
        ]),
        new("a machine answers a screened phone", () => A.Session(A.BobsPhone, Screens).Sending(), EndReason.CalleeVoicemail,
        [
            Accepted(ParticipantId.Callee), Says(ParticipantId.Callee, Progress.Ringing), Says(ParticipantId.Callee, Progress.Answered),
            PicksUp() with { AnsweredBy = AnsweredBy.Machine }, Ends(ParticipantId.Callee, LeaveReason.Voicemail),
            Joins(ParticipantId.Caller), Leaves(ParticipantId.Caller),
        ]),
        new("a screened phone is asked and accepted", () => A.Session(A.BobsPhone, Screens).Sending(), EndReason.OnePersonLeft,
        [
            Accepted(ParticipantId.Callee), PicksUp(), PicksUp() with { Key = new(1, false) }, PicksUp() with { Key = new(2, true) },
            Joins(ParticipantId.Callee), Ends(ParticipantId.Callee, LeaveReason.HungUp), Joins(ParticipantId.Caller),
            Leaves(ParticipantId.Caller),
        ]),
        new("the caller hangs up before the answer", () => A.Session().Sending(), EndReason.CallerHungUpBeforeAnswer,
        [
            Settled(ParticipantId.Callee, new DialOutcome.Unknown()), Settled(ParticipantId.Callee, new DialOutcome.NotFound()),
            Accepted(ParticipantId.Callee),
            Says(ParticipantId.Callee, Progress.Ringing), Ends(ParticipantId.Callee, LeaveReason.Canceled), Joins(ParticipantId.Caller),
            Leaves(ParticipantId.Caller), Closed(A.Room1),
        ]),
        new("Twilio refuses the callee", () => A.Session().Sending(), EndReason.CalleeRefusedByTwilio,
        [
            Settled(ParticipantId.Callee, new DialOutcome.Refused(21211)), Joins(ParticipantId.Caller), Opened(A.Room1),
            Leaves(ParticipantId.Caller), Closed(A.Room1),
        ]),
        new("a guest is added and all three join", () =>
            A.Session().Sending().Joins(ParticipantId.Caller).AsksFor(A.Doctor).Claims(A.Doctor), EndReason.OnePersonLeft,
        [
            Accepted(ParticipantId.Callee), Accepted(A.Doctor), Says(ParticipantId.Callee, Progress.Ringing), PicksUp(),
            Joins(ParticipantId.Callee), Opened(A.Room1),
            Says(A.Doctor, Progress.Ringing), Says(A.Doctor, Progress.Answered), Joins(A.Doctor), Leaves(ParticipantId.Caller),
            Leaves(A.Doctor), Ends(A.Doctor, LeaveReason.HungUp),
            Leaves(ParticipantId.Callee), Ends(ParticipantId.Callee, LeaveReason.HungUp), Closed(A.Room1),
            Flags(ParticipantId.Callee, true, 7), Flags(ParticipantId.Callee, false, 9),
        ]),
        new("the caller holds two phones and hangs up", HeldByTheCaller, EndReason.OnePersonLeft,
        [
            OnHold(ParticipantId.Callee, true, 5), OnHold(A.Doctor, true, 6), Leaves(ParticipantId.Caller),
            OnHold(ParticipantId.Callee, false, 7), OnHold(A.Doctor, false, 8), Leaves(ParticipantId.Callee), Leaves(A.Doctor),
        ]),
        new("the caller comes back, and the webhooks of the earlier leg are late", () =>
            A.Session().Answered().Joins(ParticipantId.Callee).With(A.Doctor).ComesBack("alice", Back), EndReason.OnePersonLeft,
        [
            Leaves(ParticipantId.Caller), Joins(ParticipantId.Caller), Flags(ParticipantId.Caller, true, 9),
            new SessionEvent.ParticipantJoined(A.Room1, Room, Back, ParticipantId.Caller, new Flags(false, false, 11)),
            new SessionEvent.ParticipantLeft(Room, Back, ParticipantId.Caller, LeaveReason.HungUp),
            Leaves(ParticipantId.Callee), Leaves(A.Doctor),
        ]),
        new("the callee comes back, and the webhooks of the dialled leg are late", () =>
            A.Session().Ringing().PicksUp(ParticipantId.Callee).Joins(ParticipantId.Callee).With(A.Doctor).ComesBack("bob", Back),
            EndReason.OnePersonLeft,
        [
            PicksUp(), Joins(ParticipantId.Callee), Ends(ParticipantId.Callee, LeaveReason.HungUp), Leaves(ParticipantId.Callee),
            new SessionEvent.ParticipantJoined(A.Room1, Room, Back, ParticipantId.Callee, null),
            new SessionEvent.ParticipantLeft(Room, Back, ParticipantId.Callee, LeaveReason.HungUp),
            Leaves(ParticipantId.Caller), Leaves(A.Doctor),
        ]),
        new("no candidate of a group accepts the call", () =>
            A.GroupCall().Claims(A.GroupFirst).Claims(A.GroupSecond), EndReason.NobodyAccepted,
        [
            Accepted(A.GroupFirst), Accepted(A.GroupSecond), Says(A.GroupSecond, Progress.Ringing),
            Ends(A.GroupFirst, LeaveReason.Declined), Ends(A.GroupSecond, LeaveReason.NoAnswer), Joins(ParticipantId.Caller),
            Leaves(ParticipantId.Caller), Closed(A.Room1),
        ]),
        new("the caller of a group hangs up while two phones ring", () =>
            A.GroupCall().Claims(A.GroupFirst).Claims(A.GroupSecond), EndReason.CallerHungUpBeforeAnswer,
        [
            Accepted(A.GroupFirst), Accepted(A.GroupSecond), Says(A.GroupSecond, Progress.Ringing), Joins(ParticipantId.Caller),
            Leaves(ParticipantId.Caller), Ends(A.GroupFirst, LeaveReason.Canceled), Ends(A.GroupSecond, LeaveReason.Canceled),
        ]),
        new("a candidate of a group gets the call", () => A.GroupCall().Claims(A.GroupFirst).Claims(A.GroupSecond)
            .Accepts(A.GroupFirst).Accepts(A.GroupSecond).PicksUp(A.GroupFirst), EndReason.OnePersonLeft,
        [
            Joins(ParticipantId.Caller), Joins(A.GroupFirst), Leaves(ParticipantId.Caller), Leaves(A.GroupFirst),
            Ends(A.GroupFirst, LeaveReason.HungUp), Ends(A.GroupSecond, LeaveReason.Canceled),
        ]),
        new("a callee declines, a guest does not answer", () =>
            A.Session().Sending().Joins(ParticipantId.Caller).AsksFor(A.Doctor).Claims(A.Doctor), EndReason.CalleeDeclined,
        [
            Accepted(ParticipantId.Callee), Accepted(A.Doctor), Says(ParticipantId.Callee, Progress.Ringing),
            Ends(ParticipantId.Callee, LeaveReason.Declined),
            Says(A.Doctor, Progress.Ringing), Ends(A.Doctor, LeaveReason.NoAnswer), LeavesAs(A.Doctor, LeaveReason.NoAnswer),
            Leaves(ParticipantId.Caller), Closed(A.Room1),
        ]),
    ];

    public static TheoryData<string> Short => [.. Scripts.Where(s => s.Events.Length <= 8).Select(s => s.Name)];

    public static TheoryData<string> All => [.. Scripts.Select(s => s.Name)];

    [Theory, MemberData(nameof(Short))]
    public void In_every_order(string name)
    {
        var script = Scripts.Single(s => s.Name == name);
        var orders = 0;
        foreach (var order in Permutations.Of(script.Events))
        {
            Play(script, order);
            orders++;
        }

        output.WriteLine($"{name}: {orders:N0} orders of {script.Events.Length} events");
        orders.ShouldBe(Enumerable.Range(1, script.Events.Length).Aggregate((a, b) => a * b));
    }

    [Theory, MemberData(nameof(All))]
    public void In_random_orders_each_event_one_to_three_times(string name)
    {
        var script = Scripts.Single(s => s.Name == name);
        Gen.Int[1, 3].Array[script.Events.Length]
            .SelectMany(times => Gen.Shuffle(script.Events.Zip(times).SelectMany(e => Enumerable.Repeat(e.First, e.Second)).ToArray()))
            .Sample(order => Play(script, order), iter: 5_000, threads: 1, print: order =>
                string.Join("\n", order.Select(e => e.ToString())));
    }

    private static void Play(Script script, IEnumerable<SessionEvent> order)
    {
        var call = script.Start();
        foreach (var happened in order)
        {
            var before = call.Stored;
            call.When(happened);
            Invariants.BrokenBy(before, call.Session, Policy).ShouldBeNull(happened.ToString());
        }

        foreach (var leg in call.HangUps.ToList())
            call.HangsUp(leg, EffectOutcome.AlreadyOver);
        var expected = Expected(script);
        Facts(call.Session).ShouldBe(expected);
        call.Session.EndReason.ShouldBe(script.Ends);
        call.Session.Effects.ShouldBeEmpty();
        call.Due.ShouldBeNull();
    }

    private static string Expected(Script script)
    {
        var call = script.Start();
        foreach (var happened in script.Events)
            call.When(happened);
        return Facts(call.Session);
    }

    private static string Facts(CallSession session) =>
        $"ended={session.IsEnded} {session.EndReason}\n"
        + string.Join('\n', session.Participants.Select(p => $"{Canonical.Of(p)} muted={p.Muted} hold={p.Hold}"));

    private static SessionEvent.DialSettled Settled(ParticipantId who, DialOutcome outcome) => new(who, A.Nonce, 1, outcome);

    private static SessionEvent.DialSettled Accepted(ParticipantId who) => Settled(who, new DialOutcome.Accepted(A.LegOf(who)));

    private static SessionEvent.LegProgressed Says(ParticipantId who, Progress progress) => new(who, A.LegOf(who), progress, null, A.Nonce);

    private static SessionEvent.LegProgressed Ends(ParticipantId who, LeaveReason because) =>
        new(who, A.LegOf(who), Progress.Gone, because, A.Nonce);

    private static SessionEvent.JoinCall PicksUp() => new(ParticipantId.Callee, A.CalleeLeg, A.Nonce);

    private static SessionEvent.ParticipantJoined Joins(ParticipantId who) => new(A.Room1, Room, A.LegOf(who), who, null);

    private static SessionEvent.ParticipantLeft Leaves(ParticipantId who) => LeavesAs(who, LeaveReason.HungUp);

    private static SessionEvent.ParticipantLeft LeavesAs(ParticipantId who, LeaveReason because) => new(Room, A.LegOf(who), who, because);

    private static SessionEvent.ParticipantFlagsChanged Flags(ParticipantId who, bool muted, int sequence) =>
        new(A.Room1, Room, A.LegOf(who), who, new Flags(muted, false, sequence));

    private static SessionEvent.ParticipantFlagsChanged OnHold(ParticipantId who, bool hold, int sequence) =>
        new(A.Room1, Room, A.LegOf(who), who, new Flags(false, hold, sequence));

    private static Call HeldByTheCaller() => A.Session(A.BobsPhone).Live().With(A.Doctor)
        .When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, null, true, A.Identity("alice")))
        .When(new SessionEvent.SetParticipantFlags(A.Doctor, null, true, A.Identity("alice")));

    private static SessionEvent.ConferenceStarted Opened(ConferenceSid conference) => new(conference, Room);

    private static SessionEvent.ConferenceEnded Closed(ConferenceSid conference) => new(conference, Room);
}
