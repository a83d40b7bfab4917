using System.Collections.Immutable;

namespace Calls.Domain.Tests;

/// <summary>
/// A call in a test. Each method applies one event at <see cref="Now"/> and returns the call, so that calls of methods can be chained.
/// </summary>
internal sealed class Call(CallPolicy policy, CallSession? stored = null)
{
    public CallPolicy Policy { get; } = policy;

    public DateTimeOffset Now { get; private set; } = A.Noon;

    public CallSession? Stored { get; private set; } = stored;

    public Decision? LastOrNone { get; private set; }

    public CallSession Session => Stored ?? throw new InvalidOperationException("There is no session yet");

    public Decision Last => LastOrNone ?? throw new InvalidOperationException("Nothing has happened yet");

    public CallReply Reply => Last.Reply;

    public Participant Caller => Session.Caller;

    public Participant Callee => The(ParticipantId.Callee);

    public Participant The(ParticipantId id) => Session.Find(id) ?? throw new InvalidOperationException($"There is no participant {id}");

    public IEnumerable<CallSid> HangUps => Session.Effects.OfType<Effect.HangUp>().Select(h => h.Leg);

    public Effect.Dial? DialOf(ParticipantId id) => Session.FindEffect<Effect.Dial>(d => d.Participant == id);

    public DateTimeOffset? Due => Deadlines.Next(Session, Policy);

    public Call When(SessionEvent happened)
    {
        LastOrNone = SessionDecider.Decide(Stored, happened, Policy, Now);
        Stored = LastOrNone.Session;
        return this;
    }

    public Call After(TimeSpan time)
    {
        Now += time;
        return this;
    }

    public Call After(int seconds) => After(TimeSpan.FromSeconds(seconds));

    // Requests of people.
    public Call Starts(CallSid? callerLeg = null, string caller = "alice", Party? callee = null, string nonce = A.Nonce) =>
        When(new SessionEvent.StartCall(A.Id(), nonce, callerLeg ?? A.CallerLeg, A.App(caller), callee ?? A.Bob));

    /// <summary>A person calls again with the session id of the call.</summary>
    public Call ComesBack(string person, CallSid leg) => Starts(leg, person, A.BobsPhone);

    public Call AsksFor(ParticipantId guest, string? label = null, Screening? screen = null) =>
        When(new SessionEvent.AddPhoneParticipant(guest, A.PartyOf(guest), label) { Screen = screen });

    /// <summary>The first answer of the candidates of <see cref="A.One"/> gets the call.</summary>
    public Call AsksForOne(
        Strategy strategy = Strategy.All, Screening? screen = null, TimeSpan? ringTime = null, ImmutableArray<Party>? of = null) =>
        When(new SessionEvent.AddOneOf(A.One, of ?? A.Interpreters, strategy, "interpreter") { Screen = screen, RingTime = ringTime });

    /// <summary>The group resolver answers.</summary>
    public Call Resolves(GroupMembers? members, string? nonce = null) =>
        When(new SessionEvent.GroupResolved(nonce ?? Session.Nonce, members));

    public Call Rings(params ParticipantId[] participants)
    {
        foreach (var id in participants)
            Claims(id).Accepts(id).Says(id, Progress.Ringing);
        return this;
    }

    public Call Removes(ParticipantId participant) => When(new SessionEvent.RemoveParticipant(participant));

    public Call EndsForEveryone() => When(new SessionEvent.EndCall());

    // Reports of the effect executor.
    public Call Claims(ParticipantId participant) => When(new SessionEvent.ClaimDial(participant, Session.Nonce));

    public Call Settles(ParticipantId participant, DialOutcome outcome, int? attempt = null) =>
        When(new SessionEvent.DialSettled(participant, Session.Nonce, attempt ?? DialOf(participant)?.Attempt ?? 1, outcome));

    public Call Accepts(ParticipantId participant) => Settles(participant, new DialOutcome.Accepted(A.LegOf(participant)));

    public Call HangsUp(CallSid leg, EffectOutcome outcome = EffectOutcome.Done) => When(new SessionEvent.HangUpSettled(leg, outcome));

    // Reports of Twilio.
    public Call Says(ParticipantId participant, Progress progress, CallSid? leg = null, string? nonce = A.Nonce) =>
        When(new SessionEvent.LegProgressed(participant, leg ?? A.LegOf(participant), progress, null, nonce));

    public Call Ends(ParticipantId participant, LeaveReason because, CallSid? leg = null, string? nonce = A.Nonce) =>
        When(new SessionEvent.LegProgressed(participant, leg ?? A.LegOf(participant), Progress.Gone, because, nonce));

    public Call PicksUp(ParticipantId participant, CallSid? leg = null, string? nonce = A.Nonce) =>
        When(new SessionEvent.JoinCall(participant, leg ?? A.LegOf(participant), nonce));

    /// <summary>The person, or a machine, answers a screened phone.</summary>
    public Call Answers(ParticipantId participant, AnsweredBy by) =>
        When(new SessionEvent.JoinCall(participant, A.LegOf(participant), A.Nonce) { AnsweredBy = by });

    /// <summary>The person answers a question of the service, by the key 1 or not.</summary>
    public Call Presses(ParticipantId participant, int question, bool one = true) =>
        When(new SessionEvent.JoinCall(participant, A.LegOf(participant), A.Nonce) { Key = new(question, one) });

    public Call Joins(ParticipantId participant, ConferenceSid? room = null, CallSid? leg = null) =>
        When(new SessionEvent.ParticipantJoined(room ?? A.Room1, Session.Room, leg ?? A.LegOf(participant), participant, null));

    public Call Leaves(ParticipantId participant, LeaveReason because = LeaveReason.HungUp) =>
        When(new SessionEvent.ParticipantLeft(Session.Room, A.LegOf(participant), participant, because));

    public Call Flags(ParticipantId participant, bool muted, bool hold, int sequence) =>
        When(new SessionEvent.ParticipantFlagsChanged(
            A.Room1, Session.Room, A.LegOf(participant), participant, new Flags(muted, hold, sequence)));

    public Call Opens(ConferenceSid? room = null) => When(new SessionEvent.ConferenceStarted(room ?? A.Room1, Session.Room));

    public Call Closes(ConferenceSid? room = null) => When(new SessionEvent.ConferenceEnded(room ?? A.Room1, Session.Room));

    /// <summary>
    /// A review. <paramref name="inTheRoom"/> are connected in the conference. <paramref name="legs"/> are Twilio's answers about other
    /// legs.
    /// </summary>
    public Call Observes(IEnumerable<ParticipantId> inTheRoom,
        params (ParticipantId Participant, Progress Progress, LeaveReason? Gone)[] legs)
    {
        ImmutableArray<CallSid> present = [.. inTheRoom.Select(A.LegOf)];
        ImmutableArray<ObservedLeg> seen =
            [.. present.Select(leg => new ObservedLeg(leg, Progress.Answered, null)),
                .. legs.Select(l => new ObservedLeg(A.LegOf(l.Participant), l.Progress, l.Gone))];
        return When(new SessionEvent.SessionObserved(new Observation(Session.Room, present.IsEmpty ? null : A.Room1, present, seen)));
    }

    /// <summary>A review that Twilio does not answer. The wait until the next one is the longest, or the shortest.</summary>
    public Call FailsReview(double jitter = 0) => When(new SessionEvent.ReviewFailed(Session.Room, jitter));

    // States in which tests start.
    public Call Sending() => Claims(ParticipantId.Callee);

    public Call Unknown() => Sending().Settles(ParticipantId.Callee, new DialOutcome.Unknown());

    public Call Dialing() => Sending().Accepts(ParticipantId.Callee);

    public Call Ringing() => Dialing().Joins(ParticipantId.Caller).Says(ParticipantId.Callee, Progress.Ringing);

    public Call Answered() => Ringing().PicksUp(ParticipantId.Callee);

    public Call Live() => Answered().Joins(ParticipantId.Callee).Opens();

    public Call WithRinging(ParticipantId guest, Screening? screen = null) =>
        AsksFor(guest, screen: screen).Claims(guest).Accepts(guest).Says(guest, Progress.Ringing);

    public Call With(ParticipantId guest) => WithRinging(guest).Says(guest, Progress.Answered).Joins(guest);

    /// <summary>Runs every planned hang-up and lets Twilio report that the leg has ended, until no hang-up is left.</summary>
    public Call FinishesHangUps()
    {
        while (HangUps.ToList() is [var leg, ..])
        {
            HangsUp(leg);
            if (Session.Find(leg) is { Progress: not Progress.Gone } participant)
                Ends(participant.Id, participant.Answered ? LeaveReason.HungUp : LeaveReason.Canceled, leg);
        }

        return this;
    }
}
