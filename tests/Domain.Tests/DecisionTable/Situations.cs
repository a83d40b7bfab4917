namespace Calls.Domain.Tests.DecisionTable;

/// <summary>Where a call can stand: a selection that has every kind of participant, effect and end.</summary>
internal static class Situations
{
    /// <summary>The nonce of the call that is there; <see cref="A.Nonce"/> is, where a session id is used again, an earlier call's.</summary>
    private const string Again = "nonceofthesecond";

    public static readonly (string Name, string Story, Func<Call> Build)[] All =
    [
        ("No session", "Nothing has happened, or its retention has passed.", A.NoSession),
        ("Placed", "The caller has been sent into the room; the callee's dial is planned.", () => A.Session()),
        ("Dial under way", "A replica has claimed the callee's dial, and Twilio has not answered.", () => A.Session().Sending()),
        ("Dial unknown", "The callee's dial timed out: Twilio may have acted.", () => A.Session().Unknown()),
        ("Dialling", "Twilio has the callee's call. The caller's join has not been heard of.", () => A.Session().Dialing()),
        ("Guest waits for the room", "As before, and a phone was asked for: it is dialled when the room is open.", () => A.Session().Dialing().AsksFor(A.Doctor)),
        ("Ringing", "The caller waits in the room; the callee's phone rings.", () => A.Session().Ringing()),
        ("Answered", "The callee has picked up, and is on the way into the room.", () => A.Session().Answered()),
        ("Live", "Both are in the room.", () => A.Session().Live()),
        ("Live, a guest's dial under way", "Both are in the room; a replica has claimed the guest's dial.", () => A.Session().Live().AsksFor(A.Doctor).Claims(A.Doctor)),
        ("Live, a guest rings", "Both are in the room; the guest's phone rings.", () => A.Session().Live().WithRinging(A.Doctor)),
        ("Live, three", "Caller, callee and guest are in the room.", () => A.Session().Live().With(A.Doctor)),
        ("One waits for a guest", "The callee has left; the caller waits for the guest, whose phone rings.", () => A.Session().Live().WithRinging(A.Doctor).Leaves(ParticipantId.Callee)),
        ("A mute is wished for", "Both are in the room; the callee's mute is asked of Twilio.", () => A.Session().Live().When(new SessionEvent.SetParticipantFlags(ParticipantId.Callee, true, null))),
        ("Room over", "The conference has ended, and nobody is known to have left.", () => A.Session().Live().Closes()),
        ("Over, hang-ups pending", "The caller has left while the callee's phone rang.", () => A.Session().Ringing().Leaves(ParticipantId.Caller)),
        ("Over, dial under way", "The caller has left while the callee's dial was under way.", () => A.Session().Sending().Leaves(ParticipantId.Caller)),
        ("Over, settled", "One has left, the other's line was hung up, and all is known to be over.", () => A.Session().Live().Leaves(ParticipantId.Caller).FinishesHangUps()),
        ("Session id used again", "A new call has taken over the id of one whose callee's leg was still to be hung up.",
            () => A.Session().Ringing().Leaves(ParticipantId.Caller).Starts(A.Leg(11), "carol", nonce: Again)),
    ];
}
