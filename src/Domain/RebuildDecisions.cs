namespace Calls.Domain;

/// <summary>Builds a session again that Redis has lost, from what Twilio knows of the call.</summary>
/// <remarks>A rebuilt session never dials. A callee whose leg is not known is a dial with an unknown outcome: it is looked up and never
/// sent again. What Twilio does not know stays empty: the text of labels, who put whom on hold, and what was asked of the
/// service.</remarks>
internal static class RebuildDecisions
{
    /// <summary>Only a session that is not stored is built, and only if a leg of it is alive or may be. A session that was just built gets
    /// the legs that it does not know yet. Otherwise the legs are hung up that were left behind in the room.</summary>
    public static Step Rebuild(CallSession? session, SessionEvent.SessionRebuilt e, CallPolicy policy, DateTimeOffset now)
    {
        if (session is { RebuiltAt: not null, IsEnded: false } && session.Nonce == e.Nonce)
            return Complete(session, e, policy, now) is var completed && ReferenceEquals(completed, session)
                ? Step.Ignore(CallReply.Nothing, IgnoreReason.NothingNew) : Step.Do(completed);
        if (session is not null)
        {
            var hungUp = ReviewDecisions.HangUpUnknownLegs(session, LeftBehind(session, e), policy, now);
            return !ReferenceEquals(hungUp, session) ? Step.Do(hungUp)
                : Step.Ignore(CallReply.Nothing, session.Nonce == e.Nonce ? IgnoreReason.NothingNew : IgnoreReason.OfAnEarlierCall);
        }

        // A candidate that has gone says nothing about the other candidates of the group that was called: they may ring.
        var callees = e.Legs.Where(leg => RoleOf(leg.Participant) == Role.Callee).ToList();
        var mayRing = !callees.Exists(leg => leg.Participant.Group is null || leg.Gone is null) && now < e.StartedAt + policy.LongestWait;
        if (e.Legs.IsEmpty || (!mayRing && e.Legs.All(leg => leg.Gone is not null)))
            return Step.Ignore(CallReply.Nothing, IgnoreReason.NoSuchSession);
        return Step.Do(new CallSession
        {
            Id = e.Id,
            Nonce = e.Nonce,
            Participants =
            [
                Find(e, ParticipantId.Caller) is { } caller ? Of(caller, Role.Caller, policy, now) : Gone(e, now),
                .. mayRing || callees is [] ? [Missing(e, mayRing, policy, now)] : callees.Select(leg => Of(leg, Role.Callee, policy, now)),
                .. e.Legs.Where(leg => RoleOf(leg.Participant) == Role.Guest).Select(leg => Of(leg, Role.Guest, policy, now)),
            ],
            Effects = mayRing
                ? [new Effect.Dial(ParticipantId.Callee) { State = DialState.Unknown, SentAt = e.StartedAt, NotBefore = now }]
                : [],
            Conference = e.Conference,
            LastConference = e.Conference,
            StartedAt = e.StartedAt,
            TouchedAt = now,
            ReviewedAt = now,
            // Twilio's lists may be older than the truth.
            RebuiltAt = now,
            ReviewNow = true,
            TraceParent = e.TraceParent,
        });
    }

    /// <summary>Whether a leg that the session does not know can be a person's own leg: the session was just built again, and Twilio's list
    /// may not have had the leg yet. A leg that the service hangs up is none.</summary>
    public static bool MayBelong(CallSession session, CallSid leg) => session is { RebuiltAt: not null, IsEnded: false }
        && session.Find(leg) is null && session.FindEarlier(leg) is null && session.FindEffect<Effect.HangUp>(h => h.Leg == leg) is null;

    /// <summary>Whether the session knows no leg of the participant and expects none.</summary>
    public static bool IsMissing([NotNullWhen(false)] Participant? participant) =>
        participant is null or { Leg: null, Progress: Progress.Gone };

    /// <summary>Whether people may talk although the session does not show it: it was just built again, and what Twilio said of its live
    /// legs may be older than the truth. The next review knows it. A first callee who is not in the room is no company (G2).</summary>
    public static bool MayHaveCompany(CallSession session) => session.RebuiltAt is not null
        && session.Participants.Any(p => p is { Leg: not null, Leaving: Leaving.No, Progress: not Progress.Gone }
            && (p.Role != Role.Callee || p.Progress == Progress.Joined));

    /// <summary>Sets the address of a participant, if it is not known. An app user is not screened.</summary>
    public static CallSession Name(this CallSession session, ParticipantId id, Party? party) =>
        party is not null && session.Find(id) is { Party: Party.Unknown } participant
            ? session.With(participant, participant with
            {
                Party = party,
                Screen = party is Party.Client ? Screening.None : participant.Screen,
            })
            : session;

    /// <summary>The address of the callee becomes known, so the callee's leg can be looked up now.</summary>
    public static CallSession Learn(CallSession session, Party? callee, DateTimeOffset now)
    {
        var named = session.Name(ParticipantId.Callee, callee);
        return !ReferenceEquals(named, session) && named.FindDial(ParticipantId.Callee) is { State: DialState.Unknown } dial
            ? named.With(dial, dial with { NotBefore = now })
            : named;
    }

    /// <summary>The legs in the room that no rule will end: all of a call that has ended, and the last one of a call that was lost before a
    /// new call took its session id. Two people who still talk are not disturbed.</summary>
    private static ImmutableArray<CallSid> LeftBehind(CallSession session, SessionEvent.SessionRebuilt e)
    {
        var room = RoomOf(e);
        return session.Nonce == e.Nonce ? session.IsEnded ? room : [] : room.Length == 1 ? room : [];
    }

    /// <summary>Adds the legs that Twilio's list did not have when the session was built. The doubt ends with a list that has all of them.
    /// </summary>
    private static CallSession Complete(CallSession session, SessionEvent.SessionRebuilt e, CallPolicy policy, DateTimeOffset now)
    {
        var completed = session;
        foreach (var leg in e.Legs)
        {
            completed = MayBelong(completed, leg.Leg) ? Take(completed, leg, policy, now) : completed;
            // A person keeps the newest leg.
            if (completed.Find(leg.Leg) is not null)
                foreach (var earlier in leg.EarlierLegs.Where(other => MayBelong(completed, other)))
                    completed = completed.HangUp(earlier, policy, now);
        }

        // The request to Twilio is shorter than a lease.
        if (now >= session.RebuiltAt + policy.ReadLag + policy.EffectLease)
            return ReviewDecisions.HangUpUnknownLegs(completed with { RebuiltAt = null, ReviewNow = true }, RoomOf(e), policy, now);
        return ReferenceEquals(completed, session) ? session : completed with { ReviewNow = true };
    }

    /// <summary>Takes a leg that the session does not know: of a guest that it does not know, of a person that it does not find at Twilio,
    /// or of a person who has come back. Any other leg is a second leg, and is hung up.</summary>
    private static CallSession Take(CallSession session, RebuiltLeg seen, CallPolicy policy, DateTimeOffset now)
    {
        if (session.Find(seen.Participant) is not { } participant)
            return RoleOf(seen.Participant) == Role.Callee ? TakeCallee(session, seen, policy, now)
                : session with { Participants = session.Participants.Add(Of(seen, Role.Guest, policy, now)) };
        CallSession taken;
        if (participant is { Leg: null, Progress: not Progress.Gone })
            taken = session.Announce(participant, seen.Leg, live: seen.Gone is null, policy, now);
        else if (participant.Leaving == Leaving.No
            && (participant.Leg is null ? participant.Since == session.RebuiltAt : seen.IsInbound == true))
            taken = Returns.TakeLeg(session, participant, seen.Leg, policy, now);
        else
            return seen.Gone is null && seen.IsInbound is not null ? session.HangUp(seen.Leg, policy, now) : session;
        taken = taken.Name(participant.Id, seen.Party);
        return seen.Gone is { } gone ? taken.MarkGone(participant.Id, gone, now)
            : taken.Raise(participant.Id, seen.InTheRoom ? Progress.Joined : seen.Progress, now);
    }

    /// <summary>Takes a candidate of the group that was called. The callee without an address has stood for all candidates. One that has
    /// gone says nothing about the others.</summary>
    private static CallSession TakeCallee(CallSession session, RebuiltLeg seen, CallPolicy policy, DateTimeOffset now)
    {
        var candidate = Of(seen, Role.Callee, policy, now);
        if (session.Find(ParticipantId.Callee) is not { Leg: null } all)
            return session with { Participants = session.Participants.Insert(1, candidate) };
        if (candidate.Progress == Progress.Gone)
            return session;
        var wanted = session.FindEffect<Effect.SetFlags>(f => f.Participant == all.Id);
        var taken = session.With(all, candidate).WithoutDial(all.Id).Without(wanted);
        // A change of mute or hold that was requested for the callee is one for the candidate.
        return wanted is null ? taken : taken.SetFlags(candidate, wanted.Muted, wanted.Hold, policy, now);
    }

    private static ImmutableArray<CallSid> RoomOf(SessionEvent.SessionRebuilt e) =>
        [.. e.Legs.Where(leg => leg.InTheRoom).Select(leg => leg.Leg)];

    private static RebuiltLeg? Find(SessionEvent.SessionRebuilt e, ParticipantId id) =>
        e.Legs.FirstOrDefault(leg => leg.Participant == id);

    private static Role RoleOf(ParticipantId id) => (id.Group ?? id) is var named && named == ParticipantId.Caller ? Role.Caller
        : named == ParticipantId.Callee ? Role.Callee : Role.Guest;

    private static Participant Of(RebuiltLeg leg, Role role, CallPolicy policy, DateTimeOffset now)
    {
        var (gone, answered) = (leg.Gone, role == Role.Caller || leg.InTheRoom);
        return new()
        {
            Id = leg.Participant,
            Role = role,
            Party = leg.Party ?? Party.Unknown.Instance,
            Screen = ScreeningOf(leg, role, policy),
            Leg = leg.Leg,
            EarlierLegs = leg.EarlierLegs,
            Progress = gone is not null ? Progress.Gone : leg.InTheRoom ? Progress.Joined : leg.Progress,
            Gone = gone,
            Since = now,
            DialedAt = leg.Progress == Progress.Ringing ? now : null,
            Answered = answered,
            EverJoined = leg.InTheRoom,
            Muted = leg.Muted,
            Hold = leg.Hold,
            FlagsAt = leg.InTheRoom ? now : null,
        };
    }

    /// <summary>A phone that is not in Twilio's list of participants is a call with an answer URL. A guest has one only if it is screened.
    /// </summary>
    private static Screening ScreeningOf(RebuiltLeg leg, Role role, CallPolicy policy) => (role, leg.Party) switch
    {
        (Role.Caller, _) or (_, Party.Client) => Screening.None,
        _ when leg.IsListed => Screening.None,
        (Role.Guest, _) when policy.ScreenPhones == Screening.None => Screening.PressOne,
        _ => policy.ScreenPhones,
    };

    /// <summary>The caller is not at Twilio any more.</summary>
    private static Participant Gone(SessionEvent.SessionRebuilt e, DateTimeOffset now) =>
        Participant.Invite(ParticipantId.Caller, Role.Caller, e.Caller ?? Party.Unknown.Instance, now) with
        {
            Progress = Progress.Gone,
            Gone = LeaveReason.HungUp,
            Answered = true,
        };

    /// <summary>The callee was dialled, rings, or is not at Twilio any more. After the longest time of a ring, only the last is possible.
    /// </summary>
    private static Participant Missing(SessionEvent.SessionRebuilt e, bool mayRing, CallPolicy policy, DateTimeOffset now)
    {
        var callee = Participant.Invite(ParticipantId.Callee, Role.Callee, e.Callee ?? Party.Unknown.Instance, now);
        return mayRing ? callee with { Screen = e.Callee is Party.Client ? Screening.None : policy.ScreenPhones, Since = e.StartedAt }
            : callee with { Progress = Progress.Gone, Gone = LeaveReason.Unreachable };
    }
}
