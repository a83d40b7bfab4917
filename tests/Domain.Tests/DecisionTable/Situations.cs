namespace Calls.Domain.Tests.DecisionTable;

/// <summary>The states of a call in the table: a selection with every kind of participant, effect and end.</summary>
internal static class Situations
{
    /// <summary>The nonce of the second call where a session id is used again. <see cref="A.Nonce"/> is then the earlier call's.</summary>
    private const string Again = "nonceofthesecond";

    public static readonly (string Name, string Story, Func<Call> Build)[] All =
    [
        ("No session", "No call was started with this id, or the retention of the session has passed.", A.NoSession),
        ("Placed", "The caller was sent into the room. The callee's dial is planned.", () => A.Session()),
        ("Dial under way", "A replica has claimed the callee's dial, and Twilio has not answered.", () => A.Session().Sending()),
        ("Dial unknown", "The callee's dial timed out. Twilio may have created the call.", () => A.Session().Unknown()),
        ("Paced", "The service starts only so many calls a second. The callee's dial waits for its turn.", () =>
            A.Session().When(new SessionEvent.DialPaced(ParticipantId.Callee, A.Nonce))),
        ("Queued", "Twilio has the callee's call, and has not reported that it dials. The caller's join has not been reported.", () =>
            A.Session().Dialing()),
        ("Dialing", "Twilio dials the callee. The caller's join has not been reported.", () =>
            A.Session().Dialing().Says(ParticipantId.Callee, Progress.Dialing)),
        ("Guest waits for the room", "The callee is queued, and a phone was added. It is dialled when the room is open.", () =>
            A.Session().Dialing().AsksFor(A.Doctor)),
        ("Ringing", "The caller waits in the room. The callee's phone rings.", () => A.Session().Ringing()),
        ("Answered", "The callee has answered and is about to enter the room.", () => A.Session().Answered()),
        ("Screened, rings", "The callee is a phone on which Twilio detects machines. It rings.", () => A.ScreenedCall()),
        ("Screened, answered", "Twilio does not know yet who has answered the callee's phone.", () =>
            A.ScreenedCall().Says(ParticipantId.Callee, Progress.Answered)),
        ("Screened, asked", "The callee's phone was answered. It is asked to press 1.", () =>
            A.ScreenedCall().Answers(ParticipantId.Callee, AnsweredBy.Unknown)),
        ("Screened, accepted", "The callee has pressed 1 and is about to enter the room.", () =>
            A.ScreenedCall().Answers(ParticipantId.Callee, AnsweredBy.Unknown).Presses(ParticipantId.Callee, 1)),
        ("Screened, a machine had answered", "A machine has answered for the callee. The caller's leg is to be hung up.", () =>
            A.ScreenedCall().Answers(ParticipantId.Callee, AnsweredBy.Machine)),
        ("Group, two candidates ring", "Alice has called a group. She waits in the room, and the phones of ines and ivan ring.", () =>
            A.GroupCall().Joins(ParticipantId.Caller).Rings(A.GroupFirst, A.GroupSecond)),
        ("Group, candidates in order", "Alice has called a group. The phone of ines rings, and ivan waits.", () =>
            A.GroupCall(Strategy.InOrder).Joins(ParticipantId.Caller).Rings(A.GroupFirst)),
        ("Group, the last candidate rings", "Alice has called a group. ines has declined, and the phone of ivan rings.", () =>
            A.GroupCall().Joins(ParticipantId.Caller).Rings(A.GroupFirst, A.GroupSecond).Ends(A.GroupFirst, LeaveReason.Declined)),
        ("Group, one of two candidates has the call", "Alice and ines are in the room. The phone of ivan is to be stopped.", () =>
            A.GroupCall().Joins(ParticipantId.Caller).Rings(A.GroupFirst, A.GroupSecond).PicksUp(A.GroupFirst).Joins(A.GroupFirst)),
        ("Group, the resolver is asked", "Alice has called a group that the group resolver knows. She waits in the room.", () =>
            A.AskedGroup().Joins(ParticipantId.Caller)),
        ("Live", "Caller and callee are in the room.", () => A.Session().Live()),
        ("Live, a review has failed", "Caller and callee are in the room. Twilio did not answer a review, so the next one waits.", () =>
            A.Session().Live().After(60).FailsReview()),
        ("Live, a guest's dial under way", "Caller and callee are in the room. A replica has claimed the guest's dial.", () =>
            A.Session().Live().AsksFor(A.Doctor).Claims(A.Doctor)),
        ("Live, a guest rings", "Caller and callee are in the room. The guest's phone rings.", () =>
            A.Session().Live().WithRinging(A.Doctor)),
        ("Live, three", "Caller, callee and guest are in the room.", () => A.Session().Live().With(A.Doctor)),
        ("One waits for a guest", "The callee has left. The caller waits for the guest, whose phone rings.", () =>
            A.Session().Live().WithRinging(A.Doctor).Leaves(ParticipantId.Callee)),
        ("The callee was removed, a guest talks", "Caller, callee and guest were in the room. The caller has removed the callee.", () =>
            A.Session().Live().With(A.Doctor).Removes(ParticipantId.Callee).HangsUp(A.CalleeLeg).Leaves(ParticipantId.Callee)),
        ("A mute is requested", "Caller and callee are in the room. A mute of the callee is planned.", () =>
            A.Session().Live().When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null))),
        ("A mute waits", "The callee's phone rings. A mute of the callee waits until the callee is in the room.", () =>
            A.Session().Ringing().When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null))),
        ("Live, a guest is asked", "Caller and callee are in the room. The guest has answered and is asked to press 1.", () =>
            A.Session().Live().WithRinging(A.Doctor, Screening.Machine).Answers(A.Doctor, AnsweredBy.Unknown)),
        ("Live, two candidates ring", "Caller and callee are in the room. Two phones ring for guest-one.", () =>
            A.Session().Live().AsksForOne().Rings(A.First, A.Second)),
        ("Live, candidates in order", "Caller and callee are in the room. The first phone rings for guest-one, the second one waits.", () =>
            A.Session().Live().AsksForOne(Strategy.InOrder).Rings(A.First)),
        ("Live, one of two candidates has the call", "Caller, callee and guest-one_1 are in the room. The other phone is to be stopped.",
            () => A.Session().Live().AsksForOne().Rings(A.First, A.Second).PicksUp(A.First).Joins(A.First)),
        ("One waits for one of two candidates", "The callee has left. The caller waits, and two phones ring for guest-one.", () =>
            A.Session().Live().AsksForOne().Rings(A.First, A.Second).Leaves(ParticipantId.Callee)),
        ("Two on hold", "The caller has put the callee and the guest on hold, and Twilio has done it.", HeldByTheCaller),
        ("Two on hold, the holder has left", "The caller, who had put the callee and the guest on hold, has left.", () =>
            HeldByTheCaller().Leaves(ParticipantId.Caller)),
        ("One was taken off hold", "The caller, who had put both others on hold, has left. The guest was taken off hold.", () =>
            HeldByTheCaller().Leaves(ParticipantId.Caller).When(Held(A.Doctor, 3, false))),
        ("An operator holds the guest", "Caller, callee and guest are in the room. An operator has put the guest on hold.", () =>
            A.Session().Live().With(A.Doctor).When(new SessionEvent.SetParticipantFlags(A.Doctor, null, true))
                .When(Held(A.Doctor, 1, true))),
        ("The caller is back", "Caller, callee and guest are in the room. The caller has come back with another leg.", () =>
            A.Session().Live().With(A.Doctor).ComesBack("alice", A.Leg(51))),
        ("The caller reconnects", "The caller's line has dropped, and the call waits. The callee is to hear ringback.", () =>
            Waiting().Live().Leaves(ParticipantId.Caller)),
        ("The caller reconnects, ringback plays", "The caller's line has dropped, and the call waits. The callee hears ringback.", () =>
            Waiting().Live().Leaves(ParticipantId.Caller).When(Held(ParticipantId.Callee, 1, true))),
        ("The caller is back, the ringback ends", "The caller was reconnecting and has come back. The callee still hears ringback.", () =>
            Waiting().Live().Leaves(ParticipantId.Caller).When(Held(ParticipantId.Callee, 1, true)).ComesBack("alice", A.Leg(51))),
        ("Built again", "Redis had lost the session. It was built again: caller and callee are in the room.", () => Rebuilt(A.CalleeLeg)),
        ("Built again, only the caller is listed", "The session was built again. Twilio does not list the callee.", () => Rebuilt()),
        ("Room closed", "The conference has ended. No leave was reported.", () => A.Session().Live().Closes()),
        ("The callee declined, a guest rings", "The callee has declined. A phone was added before, and it rings.", () =>
            A.Session().Ringing().Opens().WithRinging(A.Doctor).Ends(ParticipantId.Callee, LeaveReason.Declined)),
        ("Ended, the caller is to hear a tone", "The callee is busy. The caller's leg is to hear the busy tone, and then to end.", () =>
            A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.Busy)),
        ("Ended, the caller hears a tone", "The callee is busy. Twilio plays the tone, and has not reported that the leg left.", () =>
            A.Session().Ringing().Ends(ParticipantId.Callee, LeaveReason.Busy)
                .When(new SessionEvent.ToneSettled(A.CallerLeg, EffectOutcome.Done))),
        ("Ended, hang-ups pending", "The caller has left while the callee's phone rang.", () =>
            A.Session().Ringing().Leaves(ParticipantId.Caller)),
        ("Ended, dial under way", "The caller has left while the callee's dial was under way.", () =>
            A.Session().Sending().Leaves(ParticipantId.Caller)),
        ("Ended, settled", "The caller has left, the callee was hung up, and both legs are known to have ended.", () =>
            A.Session().Live().Leaves(ParticipantId.Caller).FinishesHangUps()),
        ("Session id used again", "A new call has the id of an ended call, whose callee's leg was still to be hung up.",
            () => A.Session().Ringing().Leaves(ParticipantId.Caller).Starts(A.Leg(11), nonce: Again)),
    ];

    private static Call Rebuilt(params CallSid[] callee) => A.NoSession().When(new SessionEvent.SessionRebuilt(
        A.Id(), A.Nonce, A.Noon.AddMinutes(-5), A.Room1,
        [A.Found(ParticipantId.Caller, A.CallerLeg), .. callee.Select(leg => A.Found(ParticipantId.Callee, leg))]));

    private static Call Waiting() => A.Session(policy: new CallPolicy { RejoinGrace = TimeSpan.FromSeconds(30) });

    private static Call HeldByTheCaller() => A.Session().Live().With(A.Doctor)
        .When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, null, true, A.Identity("alice")))
        .When(new SessionEvent.SetParticipantFlags(A.Doctor, null, true, A.Identity("alice")))
        .When(Held(ParticipantId.Callee, 1, true)).When(Held(A.Doctor, 1, true));

    private static SessionEvent.FlagsSettled Held(ParticipantId whom, int version, bool hold) => new(
        CallSession.RoomOf(A.Id(), A.Nonce), whom, new FlagsMark(version, -1), EffectOutcome.Done, new SeenFlags(false, hold));
}
