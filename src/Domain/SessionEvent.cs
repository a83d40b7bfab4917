using System.Collections.Immutable;

namespace Calls.Domain;

/// <summary>Something that happened to a call: a webhook's news, a person's wish, an effect's outcome, or what a review saw.</summary>
/// <remarks>Delivered at least once and in any order.</remarks>
public abstract record SessionEvent
{
    private SessionEvent()
    {
    }

    /// <summary>An app user places a call (TwiML App Voice URL).</summary>
    /// <param name="Id">The session.</param>
    /// <param name="Nonce">Random; used only where the call is new.</param>
    /// <param name="CallerLeg">The caller's own leg: the same one asking again gets the same answer.</param>
    /// <param name="Caller">From Twilio's <c>From</c>, which the access token vouches for.</param>
    /// <param name="Callee">Whom to ring.</param>
    /// <param name="TraceParent">W3C trace context to hang the call under.</param>
    public sealed record StartCall(SessionId Id, string Nonce, CallSid CallerLeg, ClientIdentity Caller, Party Callee, string? TraceParent = null) : SessionEvent;
    /// <summary>A person who was rung has picked up, and Twilio asks what to do with the leg (the call's answer URL).</summary>
    public sealed record JoinCall(ParticipantId Participant, CallSid Leg, string? Nonce) : SessionEvent;
    /// <summary>A leg that we created has come further (call status callback).</summary>
    /// <param name="Participant">From the callback's own URL: how a leg announces itself whose creation was never acknowledged.</param>
    /// <param name="Leg">The leg.</param>
    /// <param name="To">The rank that the leg has reached; <see cref="Progress.Gone"/> with <paramref name="Reason"/>.</param>
    /// <param name="Reason">Why the leg has gone; null means that it hung up.</param>
    /// <param name="Nonce">From the callback's URL; null on the tutorial's paths, where only a known leg counts.</param>
    public sealed record LegProgressed(ParticipantId Participant, CallSid Leg, Progress To, LeaveReason? Reason, string? Nonce) : SessionEvent;
    /// <summary>A person who was rung does not come: busy, declined, no answer, unreachable, or canceled (call status callback).</summary>
    public sealed record CalleeRejected(ParticipantId Participant, CallSid Leg, LeaveReason Reason, string? Nonce) : SessionEvent
    {
        internal LegProgressed AsProgress => new(Participant, Leg, Progress.Gone, Reason, Nonce);
    }

    /// <summary>A leg has entered the room (conference status callback, <c>participant-join</c>).</summary>
    public sealed record ParticipantJoined(ConferenceSid Conference, string? Room, CallSid Leg, ParticipantId? Label, Flags? Flags) : SessionEvent;
    /// <summary>A leg has left the room, or could not be added to it (<c>participant-leave</c>, or the end of its <c>&lt;Dial&gt;</c>).</summary>
    public sealed record ParticipantLeft(string? Room, CallSid Leg, ParticipantId? Label, LeaveReason Reason) : SessionEvent;
    /// <summary>A participant was muted, unmuted, put on hold or taken off it.</summary>
    public sealed record ParticipantFlagsChanged(ConferenceSid Conference, string? Room, CallSid Leg, ParticipantId? Label, Flags Flags) : SessionEvent;
    /// <summary>The room is open under this SID (<c>conference-start</c>, or a wait URL's request).</summary>
    public sealed record ConferenceStarted(ConferenceSid Conference, string? Room) : SessionEvent;
    /// <summary>The room's conference is over (<c>conference-end</c>). Not the end of its legs: ask Twilio at once.</summary>
    public sealed record ConferenceEnded(ConferenceSid Conference, string? Room) : SessionEvent;
    /// <summary>A person on the call asks for a phone to be added.</summary>
    public sealed record AddPhoneParticipant(ParticipantId Participant, PhoneNumber Number, string? Label) : SessionEvent;
    /// <summary>A person takes someone off the line.</summary>
    public sealed record RemoveParticipant(ParticipantId Participant) : SessionEvent;
    /// <summary>A person mutes, unmutes, holds or resumes someone.</summary>
    public sealed record SetParticipantFlags(ParticipantId Participant, bool? Muted, bool? Hold) : SessionEvent;
    /// <summary>A person ends the call for everyone.</summary>
    public sealed record EndCall : SessionEvent;
    /// <summary>A replica is about to send a dial, and wants to be the one.</summary>
    /// <param name="Participant">Whom to ring.</param>
    /// <param name="Nonce">Of the call that planned the dial: the session id may have been used again since.</param>
    public sealed record ClaimDial(ParticipantId Participant, string Nonce) : SessionEvent;
    /// <summary>Twilio's answer to a dial, or the lack of one.</summary>
    /// <param name="Participant">Who was rung.</param>
    /// <param name="Nonce">Of the call that the dial was sent for.</param>
    /// <param name="Attempt">Which sending of the dial this is the outcome of: a late word of an earlier one says nothing of this one.</param>
    /// <param name="Outcome">What became of it.</param>
    public sealed record DialSettled(ParticipantId Participant, string Nonce, int Attempt, DialOutcome Outcome) : SessionEvent;
    /// <summary>Twilio's answer to a hang-up.</summary>
    public sealed record HangUpSettled(CallSid Leg, EffectOutcome Outcome) : SessionEvent;
    /// <summary>Twilio's answer to a change of mute or hold.</summary>
    /// <param name="Participant">Whose.</param>
    /// <param name="Muted">As it was asked of Twilio: a change that was wished for meanwhile is still to be made.</param>
    /// <param name="Hold">As it was asked of Twilio.</param>
    /// <param name="Outcome">What became of it.</param>
    public sealed record FlagsSettled(ParticipantId Participant, bool? Muted, bool? Hold, EffectOutcome Outcome) : SessionEvent;
    /// <summary>What Twilio says of the room and the legs, asked when the session was due.</summary>
    public sealed record SessionObserved(Observation Observation) : SessionEvent;
}

/// <summary>A participant's mute and hold at one moment of a conference, by Twilio's SequenceNumber.</summary>
public sealed record Flags(bool Muted, bool Hold, int Sequence);

/// <summary>What became of a dial.</summary>
public abstract record DialOutcome
{
    private DialOutcome()
    {
    }

    /// <summary>Twilio has the call (201), or it was found on a look-up.</summary>
    public sealed record Accepted(CallSid Leg) : DialOutcome;
    /// <summary>Twilio will not dial it, now or later.</summary>
    public sealed record Refused(int? Code) : DialOutcome;
    /// <summary>Twilio cannot have acted (429, no connection): it may be sent again.</summary>
    public sealed record NotSent(TimeSpan? RetryAfter) : DialOutcome;
    /// <summary>A time-out, a cut connection, a 5xx: Twilio may have acted.</summary>
    public sealed record Unknown : DialOutcome;
    /// <summary>A look-up that Twilio answered found no such call.</summary>
    public sealed record NotFound : DialOutcome;
    /// <summary>A look-up that Twilio did not answer.</summary>
    public sealed record LookUpFailed : DialOutcome;
}

/// <summary>What became of an effect that may be repeated at will.</summary>
public enum EffectOutcome
{
    /// <summary>Twilio has done it.</summary>
    Done,
    /// <summary>There was nothing left to do it to: success.</summary>
    AlreadyOver,
    /// <summary>Twilio will never do it.</summary>
    Refused,
    /// <summary>Not done, or not known to be: again later.</summary>
    TryLater,
}

/// <summary>What Twilio says of a call at one moment: the room's open conference and its legs, and the status of each leg we know of.</summary>
/// <param name="Room">The room that was looked at, so that a look at an earlier call with this session id says nothing of this one.</param>
/// <param name="Conference">The open conference under the room's name; null where there is none.</param>
/// <param name="InTheRoom">The legs that are <c>connected</c> in it, not those still connecting.</param>
/// <param name="Legs">Each unfinished leg that we asked for, and what Twilio says of it.</param>
public sealed record Observation(string Room, ConferenceSid? Conference, ImmutableArray<CallSid> InTheRoom, ImmutableArray<ObservedLeg> Legs);

/// <summary>One leg as Twilio sees it.</summary>
/// <param name="Leg">The leg.</param>
/// <param name="Progress">At most <see cref="Domain.Progress.Answered"/>: whether it is in the room is the conference's to say.</param>
/// <param name="Gone">Why it has gone, if it has.</param>
public sealed record ObservedLeg(CallSid Leg, Progress Progress, LeaveReason? Gone);
