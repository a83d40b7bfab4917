namespace Calls.Domain;

/// <summary>A webhook, a request of a person, the outcome of an effect, or the result of a review.</summary>
/// <remarks>Delivered at least once and in any order.</remarks>
public abstract record SessionEvent
{
    private SessionEvent() { }
    /// <summary>An app user places a call (Voice URL of the TwiML App), or comes back to a live call of this id with a new leg. Or a person
    /// calls from a phone (Voice URL of a number). A second request with the same leg gets the same answer.</summary>
    /// <remarks>The nonce is random, and used only if the call is new. The access token proves an app user, Twilio's <c>From</c>. A caller
    /// who withholds the number is <see cref="Party.Unknown"/>.</remarks>
    public sealed record StartCall(
        SessionId Id, string Nonce, CallSid CallerLeg, Party Caller, Party Callee, string? TraceParent = null) : SessionEvent
    {
        /// <summary>The language of words that this call's people hear. Null: the configured language.</summary>
        public Language? Language { get; init; }
        /// <summary>The group that is called. The callee is then <see cref="Party.Unknown"/>.</summary>
        public CalledGroup? Group { get; init; }
    }

    /// <summary>The callee or a guest has answered, or has answered a question. Twilio asks for TwiML for the leg (answer URL of the call,
    /// or <c>action</c> of the question).</summary>
    public sealed record JoinCall(ParticipantId Participant, CallSid Leg, string? Nonce) : SessionEvent
    {
        /// <summary>Who has answered, if Twilio detects machines on this leg.</summary>
        public AnsweredBy AnsweredBy { get; init; }
        /// <summary>The answer to a question of the service. Null on the first request.</summary>
        public KeyPress? Key { get; init; }
    }

    /// <summary>A leg that the service created has reached a rank (status callback of the call). No reason means that it hung up.</summary>
    /// <remarks>The URL carries participant and nonce, so a leg is known before Twilio has confirmed its creation. On the paths of the
    /// tutorial the nonce is null, and only a known leg counts.</remarks>
    public sealed record LegProgressed(
        ParticipantId Participant, CallSid Leg, Progress To, LeaveReason? Reason, string? Nonce) : SessionEvent;
    /// <summary>A dialled person is busy, declines, does not answer, is unreachable or was canceled, or a machine had answered (call status
    /// callback).</summary>
    public sealed record CalleeRejected(ParticipantId Participant, CallSid Leg, LeaveReason Reason, string? Nonce) : SessionEvent
    {
        internal LegProgressed AsProgress => new(Participant, Leg, Progress.Gone, Reason, Nonce);
    }

    /// <summary>A leg has entered the room (conference status callback, <c>participant-join</c>).</summary>
    public sealed record ParticipantJoined(
        ConferenceSid Conference, string? Room, CallSid Leg, ParticipantId? Label, Flags? Flags) : SessionEvent;
    /// <summary>A leg has left the room or could not enter it (<c>participant-leave</c>, or the end of its <c>&lt;Dial&gt;</c>).</summary>
    public sealed record ParticipantLeft(string? Room, CallSid Leg, ParticipantId? Label, LeaveReason Reason) : SessionEvent
    {
        /// <summary>The callee, from the URL. A session that was built again may not know the address.</summary>
        public Party? Callee { get; init; }
    }

    /// <summary>A participant was muted, unmuted, put on hold or resumed.</summary>
    public sealed record ParticipantFlagsChanged(
        ConferenceSid Conference, string? Room, CallSid Leg, ParticipantId? Label, Flags Flags) : SessionEvent;
    /// <summary>The room is open under this SID (<c>conference-start</c>, or a request of the wait URL).</summary>
    public sealed record ConferenceStarted(ConferenceSid Conference, string? Room) : SessionEvent;
    /// <summary>The room's conference is over (<c>conference-end</c>). Its legs can still be live, so a review is due at once.</summary>
    public sealed record ConferenceEnded(ConferenceSid Conference, string? Room) : SessionEvent;
    /// <summary>A person on the call or an operator adds a phone or an app user. <c>By</c> is the identity of the bearer. A bearer
    /// without an identity is an operator.</summary>
    public sealed record AddPhoneParticipant(
        ParticipantId Participant, Party Party, string? Label, ClientIdentity? By = null) : SessionEvent
    {
        /// <summary>Null: <see cref="CallPolicy.ScreenPhones"/>. An app user is not screened.</summary>
        public Screening? Screen { get; init; }
    }

    /// <summary>A person on the call adds one participant who has several candidates. The first one to answer gets the call.</summary>
    public sealed record AddOneOf(
        ParticipantId Participant, ImmutableArray<Party> Candidates, Strategy Strategy, string? Label, ClientIdentity? By = null)
        : SessionEvent
    {
        /// <summary>How candidates that are phones are screened. Null: <see cref="CallPolicy.ScreenPhones"/>.</summary>
        public Screening? Screen { get; init; }
        /// <summary>How long each candidate rings. Null: <see cref="CallPolicy.RingTimeout"/>.</summary>
        public TimeSpan? RingTime { get; init; }
    }

    /// <summary>A person on the call or an operator removes a participant. <c>By</c> is the identity of the bearer, as above.</summary>
    public sealed record RemoveParticipant(ParticipantId Participant, ClientIdentity? By = null) : SessionEvent;
    /// <summary>A person on the call or an operator mutes, unmutes, holds or resumes a participant. <c>By</c> is the identity of the
    /// bearer. A bearer without an identity is an operator.</summary>
    public sealed record SetParticipantFlags(ParticipantId Participant, bool? Muted, bool? Hold, ClientIdentity? By = null) : SessionEvent;
    /// <summary>A person on the call or an operator ends the call for all participants.</summary>
    public sealed record EndCall(ClientIdentity? By = null) : SessionEvent;
    /// <summary>A replica asks for the right to send a dial. The nonce excludes a later call with the same session id.</summary>
    public sealed record ClaimDial(ParticipantId Participant, string Nonce) : SessionEvent;
    /// <summary>A dial has to wait, because the service has started as many calls as it may in this second.</summary>
    public sealed record DialPaced(ParticipantId Participant, string Nonce) : SessionEvent;
    /// <summary>Twilio answered a dial or gave no answer. The late outcome of an earlier attempt or an earlier call is ignored.</summary>
    public sealed record DialSettled(ParticipantId Participant, string Nonce, int Attempt, DialOutcome Outcome) : SessionEvent;
    /// <summary>Twilio answered a hang-up.</summary>
    public sealed record HangUpSettled(CallSid Leg, EffectOutcome Outcome) : SessionEvent;
    /// <summary>Twilio answered the request that plays a tone or words to the caller's leg before its end. Done: the leg hears them.
    /// </summary>
    public sealed record ToneSettled(CallSid Leg, EffectOutcome Outcome) : SessionEvent;
    /// <summary>The group resolver has named the candidates of the group that was called. Null: it gave no usable answer in time.</summary>
    public sealed record GroupResolved(string Nonce, GroupMembers? Members) : SessionEvent;
    /// <summary>The call has lasted for the maximum duration. The sweeper says so; Twilio is not asked.</summary>
    public sealed record MaxDurationPassed : SessionEvent;
    /// <summary>The call has waited for <see cref="CallPolicy.RejoinGrace"/> for a participant whose line has dropped. The sweeper says so;
    /// Twilio is not asked. The rules look at the time.</summary>
    public sealed record RejoinGracePassed : SessionEvent;
    /// <summary>A candidate has rung for its ring time, and the next one must be rung. The sweeper says so; Twilio is not asked. The rules
    /// look at the time.</summary>
    public sealed record RingTimePassed : SessionEvent;
    /// <summary>Twilio answered a change of mute or hold. A newer request has another mark, and stays pending.</summary>
    /// <param name="Room">The room of the request. The answer to a request of an earlier call with this id is ignored.</param>
    /// <param name="Participant">The participant.</param>
    /// <param name="Asked">The participant's mark when the request was made.</param>
    /// <param name="Outcome">The outcome.</param>
    /// <param name="Seen">The state after the change, from Twilio's answer.</param>
    public sealed record FlagsSettled(
        string Room, ParticipantId Participant, FlagsMark Asked, EffectOutcome Outcome, SeenFlags? Seen) : SessionEvent;
    /// <summary>A review has read the room and the legs from Twilio.</summary>
    public sealed record SessionObserved(Observation Observation) : SessionEvent;
    /// <summary>A review could not read the room or a leg from Twilio. The jitter, from 0 to 1, is random.</summary>
    public sealed record ReviewFailed(string Room, double Jitter) : SessionEvent;
    /// <summary>Redis has lost the session, and the service has read the call from Twilio. A session that was just built again is read once
    /// more if a leg appears that it does not know (<see cref="IgnoreReason.NotListedYet"/>).</summary>
    /// <param name="Id">The session id, from the URL of a webhook or from the name of the room.</param>
    /// <param name="Nonce">The nonce, from the same place.</param>
    /// <param name="StartedAt">When the earliest known leg was created.</param>
    /// <param name="Conference">The open conference of the room. Null if there is none.</param>
    /// <param name="Legs">The legs that Twilio knows by their labels, and the leg of the webhook.</param>
    /// <param name="TraceParent">The trace context, from the URL.</param>
    public sealed record SessionRebuilt(
        SessionId Id, string Nonce, DateTimeOffset StartedAt, ConferenceSid? Conference, ImmutableArray<RebuiltLeg> Legs,
        string? TraceParent = null) : SessionEvent
    {
        /// <summary>The caller, if the caller's own leg is not known and another leg names it.</summary>
        public Party? Caller { get; init; }
        /// <summary>The callee, if the callee's own leg is not known and the URL names it.</summary>
        public Party? Callee { get; init; }
    }
}

/// <summary>The candidates of a group, and how they are rung.</summary>
public sealed record GroupMembers(ImmutableArray<Party> Candidates, Strategy Strategy);

/// <summary>A group that is called.</summary>
/// <param name="Name">The name of the group.</param>
/// <param name="Members">The members. Null: the group resolver is asked for them.</param>
public sealed record CalledGroup(GroupName Name, GroupMembers? Members);

/// <summary>One leg of a call that is built again.</summary>
/// <param name="Participant">The participant, from the label or from the URL of the webhook.</param>
/// <param name="Leg">The leg.</param>
/// <param name="Party">The address. Null if Twilio did not say it.</param>
/// <param name="Progress">The progress, at most <see cref="Progress.Answered"/>.</param>
/// <param name="Gone">Why the leg has gone. Null if it is alive.</param>
public sealed record RebuiltLeg(ParticipantId Participant, CallSid Leg, Party? Party, Progress Progress, LeaveReason? Gone)
{
    /// <summary>Twilio's list of participants has the leg.</summary>
    public bool IsListed { get; init; }
    /// <summary>The leg is <c>connected</c> in the conference.</summary>
    public bool InTheRoom { get; init; }
    /// <summary>The person has placed this call: the caller, or a person who has come back. Null if Twilio did not say it.</summary>
    public bool? IsInbound { get; init; }
    public bool Muted { get; init; }
    public bool Hold { get; init; }
    /// <summary>The older legs of the same participant, of a person who has come back.</summary>
    public ImmutableArray<CallSid> EarlierLegs { get; init; } = [];
}

/// <summary>Who has answered a leg (twilio.com/docs/voice/answering-machine-detection, <c>AnsweredBy</c>).</summary>
public enum AnsweredBy
{
    /// <summary>Twilio did not recognise it, or does not say.</summary>
    Unknown,
    Human,
    /// <summary>A voicemail or a fax.</summary>
    Machine,
}

/// <summary>The answer to a question of the service: the number of the question, from 1, and whether the person pressed 1.</summary>
public sealed record KeyPress(int Question, bool IsOne);

/// <summary>Mute and hold of a participant, with Twilio's SequenceNumber of the event.</summary>
public sealed record Flags(bool Muted, bool Hold, int Sequence);

/// <summary>Mute and hold in an answer of Twilio's REST API. It has no number that orders it among the webhooks.</summary>
public sealed record SeenFlags(bool Muted, bool Hold);

/// <summary>The outcome of a dial.</summary>
public abstract record DialOutcome
{
    private DialOutcome() { }
    /// <summary>Twilio has the call: it answered 201, or a look-up found the call.</summary>
    public sealed record Accepted(CallSid Leg) : DialOutcome
    {
        /// <summary>The address that was dialled, if a look-up had to find it.</summary>
        public Party? Party { get; init; }
    }

    /// <summary>Twilio refuses the dial for good. The code is Twilio's error code.</summary>
    public sealed record Refused(int? Code) : DialOutcome;
    /// <summary>Twilio cannot have acted (429, no connection). The dial may be sent again.</summary>
    public sealed record NotSent(TimeSpan? RetryAfter) : DialOutcome;
    /// <summary>Twilio does not have the leg of the person on the line. The dial was not sent, and a review is due at once.</summary>
    public sealed record CallIsGone : DialOutcome;
    /// <summary>The operators have stopped the dialling of phones. The dial was not sent, and is not sent again.</summary>
    public sealed record Stopped : DialOutcome;
    /// <summary>Twilio may have acted (a time-out, a broken connection, a 5xx).</summary>
    public sealed record Unknown : DialOutcome;
    /// <summary>Twilio answered a look-up, and there is no such call.</summary>
    public sealed record NotFound : DialOutcome;
    /// <summary>Twilio did not answer a look-up.</summary>
    public sealed record LookUpFailed : DialOutcome;
}

/// <summary>The outcome of an effect that can be repeated safely.</summary>
public enum EffectOutcome
{
    /// <summary>Twilio has acted.</summary>
    Done,
    /// <summary>The leg was over already. This is a success.</summary>
    AlreadyOver,
    /// <summary>Twilio refuses the effect for good.</summary>
    Refused,
    /// <summary>Twilio did not act, or may not have acted. The effect is sent again later.</summary>
    TryLater,
}

/// <summary>The state of a call at Twilio at one moment.</summary>
/// <param name="Room">The room that was read. An observation of an earlier call's room is ignored.</param>
/// <param name="Conference">The open conference of the room. Null if there is none.</param>
/// <param name="InTheRoom">The legs that are <c>connected</c> in the conference, without the legs that are still connecting.</param>
/// <param name="Legs">The state of each leg that the service asked for and that the session counts as live.</param>
public sealed record Observation(
    string Room, ConferenceSid? Conference, ImmutableArray<CallSid> InTheRoom, ImmutableArray<ObservedLeg> Legs)
{
    /// <summary>Mute and hold of the legs in the room.</summary>
    public ImmutableArray<ObservedFlags> Flags { get; init; } = [];
}

/// <summary>Mute and hold of one leg in the room at Twilio.</summary>
/// <param name="Leg">The leg.</param>
/// <param name="Asked">The participant's mark before the review asked Twilio.</param>
/// <param name="Muted">Whether the participant is muted.</param>
/// <param name="Hold">Whether the participant is on hold.</param>
public sealed record ObservedFlags(CallSid Leg, FlagsMark Asked, bool Muted, bool Hold);

/// <summary>The state of one leg at Twilio, and why it has gone, if it has.</summary>
/// <remarks>The progress is at most <see cref="Progress.Answered"/>: only the conference tells whether the leg is in the room.</remarks>
public sealed record ObservedLeg(CallSid Leg, Progress Progress, LeaveReason? Gone)
{
    /// <summary>The address of the leg, if the session does not know it.</summary>
    public Party? Party { get; init; }
}
