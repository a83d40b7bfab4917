namespace Calls.Domain.Tests.DecisionTable;

/// <summary>
/// Every event of a call, in each variant that leads to another decision. The participants, legs and rooms are those of <see cref="A"/>.
/// </summary>
internal static class Inputs
{
    private static readonly string Room = CallSession.RoomOf(A.Id(), A.Nonce);
    private static readonly TimeSpan AtOnce = TimeSpan.Zero;

    public static readonly (string Name, TimeSpan After, SessionEvent Event)[] All =
        [.. Requests(), .. Webhooks(), .. Effects(), .. Reviews()];

    private static ParticipantId Caller => ParticipantId.Caller;

    private static ParticipantId Callee => ParticipantId.Callee;

    private static IEnumerable<(string, TimeSpan, SessionEvent)> Requests()
    {
        yield return Now("voice webhook of the caller's leg",
            new SessionEvent.StartCall(A.Id(), A.Nonce, A.CallerLeg, A.App("alice"), A.Bob));
        yield return Now("voice webhook of another leg",
            new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", A.StrangerLeg, A.App("mallory"), A.Bob));
        yield return Now("voice webhook of another leg of the caller",
            new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", A.StrangerLeg, A.App("alice"), A.Bob));
        yield return Now("voice webhook of another leg of the callee",
            new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", A.StrangerLeg, A.App("bob"), A.BobsPhone));
        yield return Now("voice webhook, a client calls itself",
            new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", A.StrangerLeg, A.App("bob"), A.Bob));
        yield return Now("a phone calls in",
            new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", A.StrangerLeg, A.BobsPhone, A.Bob));
        yield return Now("a phone with a withheld number calls in",
            new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", A.StrangerLeg, Party.Unknown.Instance, A.Bob));
        yield return Now("a client calls a group of ines and ivan, at once",
            Group(new GroupMembers(A.Interpreters, Strategy.All)));
        yield return Now("a client calls a group of ines and ivan, in order",
            Group(new GroupMembers(A.Interpreters, Strategy.InOrder)));
        yield return Now("a client calls a group without another member", Group(new GroupMembers([A.App("mallory")], Strategy.All)));
        yield return Now("a client calls a group that the group resolver knows", Group(null));
        yield return Now("add a phone (guest-doctor)", new SessionEvent.AddPhoneParticipant(A.Doctor, A.PartyOf(A.Doctor), "doctor"));
        yield return Now("add another phone (guest-lawyer)", new SessionEvent.AddPhoneParticipant(A.Lawyer, A.PartyOf(A.Lawyer), null));
        yield return Now("add another phone (guest-lawyer), which must press 1",
            new SessionEvent.AddPhoneParticipant(A.Lawyer, A.PartyOf(A.Lawyer), null) { Screen = Screening.PressOne });
        yield return Now("add guest-doctor's phone again, as guest-lawyer",
            new SessionEvent.AddPhoneParticipant(A.Lawyer, A.PartyOf(A.Doctor), null));
        yield return Now("add an app user (guest-carol)",
            new SessionEvent.AddPhoneParticipant(A.Carol, A.PartyOf(A.Carol), null, A.Identity("alice")));
        yield return Now("the caller adds the callee's app (guest-bob)",
            new SessionEvent.AddPhoneParticipant(A.BobAgain, A.Bob, null, A.Identity("alice")));
        yield return Now("a person adds the own app (guest-carol)",
            new SessionEvent.AddPhoneParticipant(A.Carol, A.PartyOf(A.Carol), null, A.Identity("carol")));
        yield return Now("add one of ines and ivan (guest-one), at once",
            new SessionEvent.AddOneOf(A.One, A.Interpreters, Strategy.All, "interpreter"));
        yield return Now("add one of ines and ivan (guest-one), in order",
            new SessionEvent.AddOneOf(A.One, A.Interpreters, Strategy.InOrder, "interpreter"));
        yield return Now("remove guest-one", new SessionEvent.RemoveParticipant(A.One));
        yield return Now("remove guest-one_1", new SessionEvent.RemoveParticipant(A.First));
        yield return Now("mute guest-one", new SessionEvent.SetParticipantFlags(A.One, true, null));
        yield return Now("remove the caller", new SessionEvent.RemoveParticipant(Caller));
        yield return Now("remove the callee", new SessionEvent.RemoveParticipant(Callee));
        yield return Now("remove guest-doctor", new SessionEvent.RemoveParticipant(A.Doctor));
        yield return Now("mute the callee", new SessionEvent.SetParticipantFlags(Callee, true, null));
        yield return Now("an operator holds guest-doctor", new SessionEvent.SetParticipantFlags(A.Doctor, null, true));
        yield return Now("the caller holds guest-doctor", new SessionEvent.SetParticipantFlags(A.Doctor, null, true, A.Identity("alice")));
        yield return Now("the caller resumes guest-doctor",
            new SessionEvent.SetParticipantFlags(A.Doctor, null, false, A.Identity("alice")));
        yield return Now("end the call", new SessionEvent.EndCall());
    }

    private static SessionEvent.StartCall Group(GroupMembers? members) =>
        new(A.Id(), "nonceofanewcall1", A.StrangerLeg, A.App("mallory"), Party.Unknown.Instance)
        {
            Group = new CalledGroup(A.Group("interpreters"), members),
        };

    private static IEnumerable<(string, TimeSpan, SessionEvent)> Webhooks()
    {
        yield return Now("callee answers", new SessionEvent.JoinCall(Callee, A.CalleeLeg, A.Nonce));
        yield return Now("callee answers, callback without nonce", new SessionEvent.JoinCall(Callee, A.CalleeLeg, null));
        yield return Now("another leg answers as callee", new SessionEvent.JoinCall(Callee, A.StrangerLeg, A.Nonce));
        yield return Now("an unknown participant answers", new SessionEvent.JoinCall(A.Lawyer, A.StrangerLeg, A.Nonce));
        foreach (var who in new[] { Callee, A.Doctor })
        {
            foreach (var by in new[] { AnsweredBy.Human, AnsweredBy.Machine })
                yield return Now($"a {Word(by)} answers as {who}",
                    new SessionEvent.JoinCall(who, A.LegOf(who), A.Nonce) { AnsweredBy = by });
            yield return Now($"{who} presses 1", new SessionEvent.JoinCall(who, A.LegOf(who), A.Nonce) { Key = new(1, true) });
            for (var question = 1; question <= 2; question++)
                yield return Now($"{who} does not press 1, question {question}",
                    new SessionEvent.JoinCall(who, A.LegOf(who), A.Nonce) { Key = new(question, false) });
        }

        yield return Now("guest-doctor answers", new SessionEvent.JoinCall(A.Doctor, A.DoctorLeg, A.Nonce));
        yield return Now("callee: a machine had answered",
            new SessionEvent.CalleeRejected(Callee, A.CalleeLeg, LeaveReason.Voicemail, A.Nonce));
        foreach (var progress in new[] { Progress.Dialing, Progress.Ringing, Progress.Answered })
            yield return Now($"callee: {Word(progress)}", new SessionEvent.LegProgressed(Callee, A.CalleeLeg, progress, null, A.Nonce));
        foreach (var because in new[]
        {
            LeaveReason.Busy,
            LeaveReason.Declined,
            LeaveReason.NoAnswer,
            LeaveReason.Unreachable,
            LeaveReason.Canceled,
        })
            yield return Now($"callee: {Word(because)}", new SessionEvent.CalleeRejected(Callee, A.CalleeLeg, because, A.Nonce));
        yield return Now("callee: hung up",
            new SessionEvent.LegProgressed(Callee, A.CalleeLeg, Progress.Gone, LeaveReason.HungUp, A.Nonce));
        yield return Now("another leg as callee: ringing",
            new SessionEvent.LegProgressed(Callee, A.StrangerLeg, Progress.Ringing, null, A.Nonce));
        yield return Now("another leg as callee: canceled",
            new SessionEvent.LegProgressed(Callee, A.StrangerLeg, Progress.Gone, LeaveReason.Canceled, A.Nonce));
        yield return Now("an unknown participant: ringing",
            new SessionEvent.LegProgressed(A.Lawyer, A.LawyerLeg, Progress.Ringing, null, A.Nonce));
        yield return Now("guest-doctor: ringing", new SessionEvent.LegProgressed(A.Doctor, A.DoctorLeg, Progress.Ringing, null, A.Nonce));
        yield return Now("guest-doctor: answered", new SessionEvent.LegProgressed(A.Doctor, A.DoctorLeg, Progress.Answered, null, A.Nonce));
        yield return Now("guest-doctor: no answer",
            new SessionEvent.LegProgressed(A.Doctor, A.DoctorLeg, Progress.Gone, LeaveReason.NoAnswer, A.Nonce));
        foreach (var who in new[] { Caller, Callee, A.Doctor })
            yield return Now($"{who} joins",
                new SessionEvent.ParticipantJoined(A.Room1, Room, A.LegOf(who), who, new Flags(false, false, 1)));
        yield return Now("an unknown leg joins", new SessionEvent.ParticipantJoined(A.Room1, Room, A.StrangerLeg, null, null));
        yield return Now("another leg joins as callee", new SessionEvent.ParticipantJoined(A.Room1, Room, A.StrangerLeg, Callee, null));
        foreach (var who in new[] { Caller, Callee, A.Doctor })
            yield return Now($"{who} leaves", new SessionEvent.ParticipantLeft(Room, A.LegOf(who), who, LeaveReason.HungUp));
        yield return Now("guest-doctor could not be added: busy",
            new SessionEvent.ParticipantLeft(Room, A.DoctorLeg, A.Doctor, LeaveReason.Busy));
        yield return Now("an unknown leg leaves", new SessionEvent.ParticipantLeft(Room, A.StrangerLeg, null, LeaveReason.HungUp));
        yield return Now("callee is muted (sequence 5)",
            new SessionEvent.ParticipantFlagsChanged(A.Room1, Room, A.CalleeLeg, Callee, new Flags(true, false, 5)));
        yield return Now("callee is muted (an old sequence)",
            new SessionEvent.ParticipantFlagsChanged(A.Room1, Room, A.CalleeLeg, Callee, new Flags(true, false, -1)));
        yield return Now("guest-doctor is on hold (sequence 5)",
            new SessionEvent.ParticipantFlagsChanged(A.Room1, Room, A.DoctorLeg, A.Doctor, new Flags(false, true, 5)));
        foreach (var who in new[] { A.First, A.Second })
        {
            yield return Now($"{who} answers", new SessionEvent.JoinCall(who, A.LegOf(who), A.Nonce));
            yield return Now($"{who}: answered", new SessionEvent.LegProgressed(who, A.LegOf(who), Progress.Answered, null, A.Nonce));
            yield return Now($"{who} joins", new SessionEvent.ParticipantJoined(A.Room1, Room, A.LegOf(who), who, null));
        }

        foreach (var who in new[] { A.GroupFirst, A.GroupSecond })
        {
            yield return Now($"{who} answers", new SessionEvent.JoinCall(who, A.LegOf(who), A.Nonce));
            yield return Now($"{who}: declined",
                new SessionEvent.CalleeRejected(who, A.LegOf(who), LeaveReason.Declined, A.Nonce));
        }

        yield return Now("guest-one_1: declined",
            new SessionEvent.CalleeRejected(A.First, A.LegOf(A.First), LeaveReason.Declined, A.Nonce));
        yield return Now("guest-one_1: hung up",
            new SessionEvent.LegProgressed(A.First, A.LegOf(A.First), Progress.Gone, LeaveReason.HungUp, A.Nonce));
        yield return Now("room opens", new SessionEvent.ConferenceStarted(A.Room1, Room));
        yield return Now("room opens again as another conference", new SessionEvent.ConferenceStarted(A.Room2, Room));
        yield return Now("room closes", new SessionEvent.ConferenceEnded(A.Room1, Room));
    }

    private static IEnumerable<(string, TimeSpan, SessionEvent)> Effects()
    {
        foreach (var who in new[] { Callee, A.Doctor })
        {
            yield return Now($"dial of {who} is claimed", new SessionEvent.ClaimDial(who, A.Nonce));
            yield return Later($"dial of {who} is claimed, 61 s later", 61, new SessionEvent.ClaimDial(who, A.Nonce));
            yield return Now($"dial of {who} must wait for its turn", new SessionEvent.DialPaced(who, A.Nonce));
            yield return Now($"dial of {who} is accepted", Settled(who, new DialOutcome.Accepted(A.LegOf(who))));
            yield return Now($"dial of {who} is refused", Settled(who, new DialOutcome.Refused(21211)));
            yield return Now($"dial of {who} was not sent", Settled(who, new DialOutcome.NotSent(null)));
            yield return Now($"dial of {who} timed out", Settled(who, new DialOutcome.Unknown()));
            yield return Now($"dial of {who} is not found", Settled(who, new DialOutcome.NotFound()));
            yield return Now($"dial of {who} was withheld: Twilio has no call", Settled(who, new DialOutcome.CallIsGone()));
            yield return Now($"dial of {who} was withheld: dialling is stopped", Settled(who, new DialOutcome.Stopped()));
            yield return Later($"dial of {who} is not found, 16 s later", 16, Settled(who, new DialOutcome.NotFound()));
            yield return Now($"dial of {who} cannot be looked up", Settled(who, new DialOutcome.LookUpFailed()));
            yield return Later($"dial of {who} cannot be looked up, 98 s later", 98, Settled(who, new DialOutcome.LookUpFailed()));
        }

        yield return Now("the group resolver names ines and ivan, at once",
            new SessionEvent.GroupResolved(A.Nonce, new GroupMembers(A.Interpreters, Strategy.All)));
        yield return Now("the group resolver names ines and ivan, in order",
            new SessionEvent.GroupResolved(A.Nonce, new GroupMembers(A.Interpreters, Strategy.InOrder)));
        yield return Now("the group resolver names only the caller",
            new SessionEvent.GroupResolved(A.Nonce, new GroupMembers([A.App("alice")], Strategy.All)));
        yield return Now("the group resolver gives no answer", new SessionEvent.GroupResolved(A.Nonce, null));
        yield return Now("the group resolver answers about an earlier call",
            new SessionEvent.GroupResolved("earlier", new GroupMembers(A.Interpreters, Strategy.All)));
        yield return Now("dial of callee is accepted as another leg", Settled(Callee, new DialOutcome.Accepted(A.StrangerLeg)));
        yield return Now("an earlier attempt of the callee's dial was not sent",
            new SessionEvent.DialSettled(Callee, A.Nonce, 0, new DialOutcome.NotSent(null)));
        foreach (var who in new[] { Caller, Callee })
            foreach (var outcome in Enum.GetValues<EffectOutcome>())
                yield return Now($"hang-up of {who}: {Word(outcome)}", new SessionEvent.HangUpSettled(A.LegOf(who), outcome));
        foreach (var outcome in Enum.GetValues<EffectOutcome>())
            yield return Now($"tone to the caller: {Word(outcome)}", new SessionEvent.ToneSettled(A.CallerLeg, outcome));
        foreach (var outcome in Enum.GetValues<EffectOutcome>())
            yield return Now($"mute of callee: {Word(outcome)}", new SessionEvent.FlagsSettled(
                Room, Callee, new FlagsMark(1, 0), outcome, outcome == EffectOutcome.Done ? new SeenFlags(true, false) : null));
        foreach (var outcome in Enum.GetValues<EffectOutcome>())
            yield return Now($"end of the hold of guest-doctor: {Word(outcome)}", new SessionEvent.FlagsSettled(
                Room, A.Doctor, new FlagsMark(3, -1), outcome, outcome == EffectOutcome.Done ? new SeenFlags(false, false) : null));
        yield return Now("an earlier request about the callee: done",
            new SessionEvent.FlagsSettled(Room, Callee, new FlagsMark(0, 0), EffectOutcome.Done, new SeenFlags(false, false)));
        yield return Now("a mute of an earlier call: done", new SessionEvent.FlagsSettled(
            CallSession.RoomOf(A.Id(), "earlier"), Callee, new FlagsMark(1, 0), EffectOutcome.Done, new SeenFlags(true, false)));
    }

    private static IEnumerable<(string, TimeSpan, SessionEvent)> Reviews()
    {
        yield return Now("review: caller and callee are in the room", Seen([Caller, Callee]));
        yield return Now("review: caller is in the room, callee rings", Seen([Caller], (Callee, Progress.Ringing, null)));
        yield return Now("review: caller is in the room, callee is queued", Seen([Caller], (Callee, Progress.Dialing, null)));
        yield return Later("review, 61 s later: caller is in the room, callee is queued", 61,
            Seen([Caller], (Callee, Progress.Dialing, null)));
        yield return Now("review: the callee in the room is muted", SeenMuted(new FlagsMark(0, -1)));
        yield return Now("review: the callee in the room was muted when Twilio was asked, before later changes", SeenMuted(new(9, 9)));
        yield return Now("review: guest-doctor in the room is on hold", SeenOnHold(new FlagsMark(4, -1)));
        yield return Now("review: caller is in the room, callee has gone", Seen([Caller], (Callee, Progress.Gone, LeaveReason.HungUp)));
        yield return Now("review: caller has gone, callee rings",
            Seen([], (Caller, Progress.Gone, LeaveReason.HungUp), (Callee, Progress.Ringing, null)));
        yield return Now("review: both legs are alive and neither is in the room",
            Seen([], (Caller, Progress.Answered, null), (Callee, Progress.Answered, null)));
        yield return Now("the rejoin grace is said to have passed", new SessionEvent.RejoinGracePassed());
        yield return Later("the rejoin grace has passed, 30 s later", 30, new SessionEvent.RejoinGracePassed());
        yield return Now("the ring time of a candidate is said to have passed", new SessionEvent.RingTimePassed());
        yield return Later("the ring time of a candidate has passed, 30 s later", 30, new SessionEvent.RingTimePassed());
        yield return Now("the maximum duration is said to have passed", new SessionEvent.MaxDurationPassed());
        yield return Later("the maximum duration has passed, 4 h later", 4 * 3600, new SessionEvent.MaxDurationPassed());
        yield return Now("the session is built again: caller and callee are in the room",
            Rebuilt(AtOnce, InTheRoom(Caller), InTheRoom(Callee)));
        yield return Now("the session is built again: only the caller is in the room, of a call that began now",
            Rebuilt(AtOnce, InTheRoom(Caller)));
        yield return Now("the session is built again: only the caller is in the room, of a call that began 98 s ago",
            Rebuilt(TimeSpan.FromSeconds(98), InTheRoom(Caller)));
        yield return Now("the session is built again: caller is in the room, guest-doctor rings, of a call that began 98 s ago",
            Rebuilt(TimeSpan.FromSeconds(98), InTheRoom(Caller), Leg(A.Doctor, Progress.Ringing, null) with { IsListed = true }));
        yield return Now("the session is built again: the caller has gone, of a call that began now",
            Rebuilt(AtOnce, Leg(Caller, Progress.Gone, LeaveReason.HungUp)));
        yield return Now("the session is built again: callee rings, and the caller is not at Twilio",
            Rebuilt(AtOnce, Leg(Callee, Progress.Ringing, null)));
        yield return Now("the session is built again: caller and guest-one_1 are in the room, guest-one_2 has answered",
            Rebuilt(TimeSpan.FromSeconds(98), InTheRoom(Caller), InTheRoom(A.First), Leg(A.Second, Progress.Answered, null)));
        yield return Now("the session is built again: both legs have ended",
            Rebuilt(AtOnce, Leg(Caller, Progress.Gone, LeaveReason.HungUp), Leg(Callee, Progress.Gone, LeaveReason.Busy)));
        yield return Now("the session is built again: an unknown participant (guest-lawyer) is in the room too",
            Rebuilt(AtOnce, InTheRoom(Caller), InTheRoom(Callee), InTheRoom(A.Lawyer)));
        yield return Later("the session is built again, 18 s later: caller and callee are in the room", 18,
            Rebuilt(AtOnce, InTheRoom(Caller), InTheRoom(Callee)));
        yield return Now("the session is built again: the callee is in the room with a new leg of the callee's own",
            Rebuilt(AtOnce, InTheRoom(Caller), A.Found(Callee, A.StrangerLeg) with { IsInbound = true, EarlierLegs = [A.CalleeLeg] }));
        yield return Now("the session is built again: the callee is in the room with another leg that was dialled",
            Rebuilt(AtOnce, InTheRoom(Caller), A.Found(Callee, A.StrangerLeg)));
        yield return Now("the session is built again: the callee has an older leg in the room too",
            Rebuilt(AtOnce, InTheRoom(Caller), InTheRoom(Callee) with { EarlierLegs = [A.StrangerLeg] }));
        yield return Now("review: an unknown leg is in the room too", new SessionEvent.SessionObserved(
            Seen([Caller, Callee]).Observation with { InTheRoom = [A.CallerLeg, A.CalleeLeg, A.StrangerLeg] }));
        yield return Now("review fails", new SessionEvent.ReviewFailed(Room, 0));
        yield return Later("review fails, 61 s later", 61, new SessionEvent.ReviewFailed(Room, 0));
        yield return Later("review, 91 s later: both legs are alive and only the caller is in the room", 91,
            Seen([Caller], (Callee, Progress.Answered, null)));
        yield return Later("review, 21 s later: both legs are alive and neither is in the room", 21,
            Seen([], (Caller, Progress.Answered, null), (Callee, Progress.Answered, null)));
    }

    private static SessionEvent.SessionRebuilt Rebuilt(TimeSpan ago, params RebuiltLeg[] legs) => new(
        A.Id(), A.Nonce, A.Noon - ago, legs.Any(leg => leg.InTheRoom) ? A.Room1 : null, [.. legs]);

    private static RebuiltLeg InTheRoom(ParticipantId who) => A.Found(who, A.LegOf(who));

    private static RebuiltLeg Leg(ParticipantId who, Progress progress, LeaveReason? gone) => new(
        who, A.LegOf(who),
        who == Caller ? new Party.Client(A.Identity("alice")) : who == Callee ? A.Bob
            : who == A.First ? A.Ines : who == A.Second ? A.Ivan : new Party.Phone(A.PhoneOf(who)),
        progress, gone);

    private static (string, TimeSpan, SessionEvent) Now(string name, SessionEvent happened) => (name, AtOnce, happened);

    private static (string, TimeSpan, SessionEvent) Later(string name, int seconds, SessionEvent happened) =>
        (name, TimeSpan.FromSeconds(seconds), happened);

    private static SessionEvent.DialSettled Settled(ParticipantId who, DialOutcome outcome) => new(who, A.Nonce, 1, outcome);

    private static SessionEvent.SessionObserved Seen(
        ParticipantId[] inTheRoom, params (ParticipantId Who, Progress Progress, LeaveReason? Gone)[] legs) => new(new Observation(
        Room, inTheRoom.Length == 0 ? null : A.Room1, [.. inTheRoom.Select(A.LegOf)],
        [.. inTheRoom.Select(w => new ObservedLeg(A.LegOf(w), Progress.Answered, null)),
            .. legs.Select(l => new ObservedLeg(A.LegOf(l.Who), l.Progress, l.Gone))]));

    private static SessionEvent.SessionObserved SeenMuted(FlagsMark asked) => new(Seen([Caller, Callee]).Observation with
    {
        Flags = [new ObservedFlags(A.CalleeLeg, asked, Muted: true, Hold: false)],
    });

    private static SessionEvent.SessionObserved SeenOnHold(FlagsMark asked) => new(Seen([Callee, A.Doctor]).Observation with
    {
        Flags = [new ObservedFlags(A.DoctorLeg, asked, Muted: false, Hold: true)],
    });

    private static string Word(Enum value) =>
        string.Concat(value.ToString()
        .Select((c, i) => i > 0 && char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));
}
