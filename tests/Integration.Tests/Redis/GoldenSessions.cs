using System.Globalization;
using Calls.Domain;

namespace Calls.Integration.Tests.Redis;

/// <summary>The sessions of the golden documents in <c>Stored/</c>. Neither the sessions nor the documents ever change.</summary>
internal static class GoldenSessions
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 12, 0, 0, 123, TimeSpan.Zero);

    public static IReadOnlyDictionary<string, CallSession> All { get; } =
        new[]
        {
            Live(), Ended(), ReviewsFail(), Queued(), Screened(), Held(), Told(), Returned(), Rebuilt(), Unreviewed(), Requested(),
            OneOfFour(), Billed(), CallsGroup(),
        }
            .ToDictionary(session => session.Id.Value, StringComparer.Ordinal);

    /// <summary>The schema of the first version that could store this session. An older version writes it without the later
    /// members.</summary>
    public static int FirstSchemaOf(string name) => name is "live" or "ended" ? 1 : 2;

    /// <summary>A conference is open. One person is muted, one phone rings, and one dial has an unknown outcome.</summary>
    private static CallSession Live() => new()
    {
        Id = Known<SessionId>("live", SessionId.TryParse),
        Nonce = "nonceofthiscall1",
        Participants =
        [
            Caller("alice@example.com", Progress.Joined, since: 9) with { Muted = true, Hold = true, FlagsSequence = 7 },
            Callee(new Party.Phone(Number(1)), Progress.Answered, since: 8) with { Answered = true, Leaving = Leaving.Removed },
            Guest(3) with { Label = "Dr. Ærø — 医者", Progress = Progress.Ringing, Leg = Leg(3), FlagsSequence = 0 },
            Guest(4) with { Progress = Progress.Dialing },
            Guest(5),
            Guest(6),
        ],
        Effects =
        [
            new Effect.HangUp(Leg(2)) { Attempt = 2, NotBefore = At(30) },
            new Effect.SetFlags(ParticipantId.Caller, Muted: false, Hold: null) { NotBefore = At(31) },
            new Effect.SetFlags(ParticipantId.Callee, Muted: null, Hold: true) { Attempt = 1, NotBefore = At(32) },
            new Effect.Dial(Guest(4).Id) { State = DialState.Unknown, SentAt = At(20), Attempt = 1, NotBefore = At(33) },
            new Effect.Dial(Guest(5).Id) { State = DialState.Sending, SentAt = At(21), Attempt = 1, NotBefore = At(34) },
            new Effect.Dial(Guest(6).Id) { NotBefore = At(35) },
        ],
        Conference = Conference(2),
        ClosedConferences = [Conference(1)],
        StartedAt = Start,
        AnsweredAt = At(8),
        TouchedAt = At(22),
        ReviewedAt = At(15),
        ReviewNow = true,
        TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };

    /// <summary>Twilio refused one phone. The last leg still has to end.</summary>
    private static CallSession Ended() => new()
    {
        Id = Known<SessionId>("ended", SessionId.TryParse),
        Nonce = "nonceofthiscall2",
        Participants =
        [
            Caller("alice", Progress.Gone, since: 40) with { Gone = LeaveReason.HungUp },
            Callee(Client("bob"), Progress.Joined, since: 9) with { Answered = true, EverJoined = true, Leaving = Leaving.WithTheCall },
            Guest(3) with { Progress = Progress.Gone, Gone = LeaveReason.RefusedByTwilio, RefusalCode = 21215 },
        ],
        Effects = [new Effect.HangUp(Leg(2)) { NotBefore = At(52) }],
        StartedAt = Start,
        AnsweredAt = At(8),
        EndedAt = At(40),
        EndReason = EndReason.OnePersonLeft,
        EndEvidence = Evidence.Review,
        TouchedAt = At(40),
    };

    /// <summary>The last leg still has to end, and Twilio answers no review.</summary>
    private static CallSession ReviewsFail() => Ended() with
    {
        Id = Known<SessionId>("reviews-fail", SessionId.TryParse),
        ReviewFailures = 2,
        ReviewNotBefore = At(57),
    };

    /// <summary>One person was muted and unmuted by requests. Twilio dials the other, whose call has waited in its queue.</summary>
    private static CallSession Queued() => new()
    {
        Id = Known<SessionId>("queued", SessionId.TryParse),
        Nonce = "nonceofthiscall3",
        Participants =
        [
            Caller("alice", Progress.Joined, since: 1) with { FlagsVersion = 4, FlagsAt = At(40) },
            Callee(Client("bob"), Progress.Dialing, since: 2) with { QueuedAt = At(2), DialedAt = At(50) },
        ],
        Effects = [new Effect.HangUp(Leg(3)) { NotBefore = At(52) }],
        StartedAt = Start,
        TouchedAt = At(50),
    };

    /// <summary>The callee's phone was accepted, and a guest is asked to press 1.</summary>
    private static CallSession Screened() => new()
    {
        Id = Known<SessionId>("screened", SessionId.TryParse),
        Nonce = "nonceofthiscall4",
        Participants =
        [
            Caller("alice", Progress.Joined, since: 1),
            Callee(new Party.Phone(Number(1)), Progress.Answered, since: 8) with
            {
                Screen = Screening.Machine,
                Accepted = true,
                Answered = true,
            },
            Guest(3) with { Progress = Progress.Answered, Leg = Leg(3), Screen = Screening.PressOne },
        ],
        Effects = [new Effect.HangUp(Leg(4)) { NotBefore = At(52) }],
        StartedAt = Start,
        AnsweredAt = At(8),
        TouchedAt = At(50),
    };

    /// <summary>The caller has put the callee on hold, and the end of the hold is planned.</summary>
    private static CallSession Held() => new()
    {
        Id = Known<SessionId>("held", SessionId.TryParse),
        Nonce = "nonceofthiscall4",
        Participants =
        [
            Caller("alice", Progress.Joined, since: 1),
            Callee(Client("bob"), Progress.Joined, since: 2) with { Hold = true, HeldBy = ParticipantId.Caller, FlagsVersion = 2 },
        ],
        Effects = [new Effect.SetFlags(ParticipantId.Callee, Muted: null, Hold: false) { NotBefore = At(52) }],
        StartedAt = Start,
        TouchedAt = At(50),
    };

    /// <summary>The callee is busy. The caller's leg is to hear it.</summary>
    private static CallSession Told() => new()
    {
        Id = Known<SessionId>("told", SessionId.TryParse),
        Nonce = "nonceofthiscall5",
        Participants =
        [
            Caller("alice", Progress.Joined, since: 1) with { Leaving = Leaving.WithTheCall },
            Callee(Client("bob"), Progress.Gone, since: 2) with { Gone = LeaveReason.Busy },
        ],
        Effects = [new Effect.HangUp(Leg(1)) { Because = LeaveReason.Busy, NotBefore = At(14) }],
        StartedAt = Start,
        EndedAt = At(2),
        EndReason = EndReason.CalleeBusy,
        EndEvidence = Evidence.Webhook,
        TouchedAt = At(2),
        Language = Known<Language>("de-CH", Language.TryParse),
    };

    /// <summary>The caller has come back once. The callee's line has dropped then, and the caller hears ringback.</summary>
    private static CallSession Returned() => new()
    {
        Id = Known<SessionId>("returned", SessionId.TryParse),
        Nonce = "nonceofthiscall5",
        Participants =
        [
            Caller("alice", Progress.Joined, since: 20) with
            {
                Leg = Leg(5),
                EarlierLegs = [Leg(1), Leg(4)],
                Ringback = RingbackState.Plays,
                FlagsVersion = 1,
            },
            Callee(Client("bob"), Progress.Gone, since: 40) with
            {
                Answered = true,
                EverJoined = true,
                Gone = LeaveReason.HungUp,
                Reconnecting = true,
            },
        ],
        Effects = [new Effect.SetFlags(ParticipantId.Caller, Muted: null, Hold: true) { NotBefore = At(52) }],
        StartedAt = Start,
        TouchedAt = At(50),
    };

    /// <summary>The session was built again. The callee's address and leg are not known yet.</summary>
    private static CallSession Rebuilt() => new()
    {
        Id = Known<SessionId>("rebuilt", SessionId.TryParse),
        Nonce = "nonceofthiscall5",
        Participants =
        [
            Caller("alice", Progress.Joined, since: 1),
            Callee(Party.Unknown.Instance, Progress.Invited, since: 0) with { Leg = null },
        ],
        Effects = [new Effect.Dial(ParticipantId.Callee) { State = DialState.Unknown, SentAt = At(0), NotBefore = At(52) }],
        StartedAt = Start,
        TouchedAt = At(50),
    };

    /// <summary>The session was just built again. The next review shows whether Twilio's list had all people.</summary>
    private static CallSession Unreviewed() => Rebuilt() with
    {
        Id = Known<SessionId>("unreviewed", SessionId.TryParse),
        Nonce = "nonceofthiscall6",
        ReviewedAt = At(50),
        ReviewNow = true,
        RebuiltAt = At(50),
    };

    /// <summary>The caller has added a guest, and an operator has removed the guest. Then the caller ended the call.</summary>
    private static CallSession Requested() => new()
    {
        Id = Known<SessionId>("requested", SessionId.TryParse),
        Nonce = "nonceofthiscall6",
        Participants =
        [
            Caller("alice", Progress.Gone, since: 40) with { Gone = LeaveReason.HungUp, Leaving = Leaving.WithTheCall },
            Callee(Client("bob"), Progress.Joined, since: 9) with { Answered = true, EverJoined = true, Leaving = Leaving.WithTheCall },
            Guest(3) with
            {
                Progress = Progress.Gone,
                Gone = LeaveReason.Removed,
                Leaving = Leaving.Removed,
                AddedBy = ParticipantId.Caller,
                RemovedBy = ParticipantId.Operator,
            },
        ],
        Effects = [new Effect.HangUp(Leg(2)) { NotBefore = At(52) }],
        StartedAt = Start,
        AnsweredAt = At(8),
        EndedAt = At(40),
        EndReason = EndReason.EndedByPerson,
        EndedBy = ParticipantId.Caller,
        EndEvidence = Evidence.Request,
        TouchedAt = At(40),
    };

    /// <summary>Four candidates were rung in order for one participant. One declined, two phones rang, and the first of them got the call.
    /// </summary>
    private static CallSession OneOfFour() => new()
    {
        Id = Known<SessionId>("candidates", SessionId.TryParse),
        Nonce = "nonceofthiscall6",
        Participants =
        [
            Caller("alice", Progress.Joined, since: 1),
            Callee(Client("bob"), Progress.Joined, since: 2) with { Answered = true, EverJoined = true },
            Candidate(1, Client("ines")) with { Progress = Progress.Gone, Gone = LeaveReason.Declined, Leg = Leg(3) },
            Candidate(2, new Party.Phone(Number(4))) with
            {
                Progress = Progress.Answered,
                Leg = Leg(4),
                Accepted = true,
                Answered = true,
                Screen = Screening.PressOne,
                DialedAt = At(30),
            },
            Candidate(3, Client("ivan")) with
            {
                Progress = Progress.Ringing,
                Leg = Leg(5),
                DialedAt = At(41),
                Lost = true,
                Leaving = Leaving.WithTheCall,
            },
            Candidate(4, Client("ida")) with { Progress = Progress.Gone, Gone = LeaveReason.AnsweredElsewhere, Lost = true },
        ],
        Effects = [new Effect.HangUp(Leg(5)) { NotBefore = At(62) }],
        Conference = Conference(1),
        StartedAt = Start,
        AnsweredAt = At(2),
        TouchedAt = At(50),
    };

    /// <summary>The call is over. The events need the conference and the time of the entry.</summary>
    private static CallSession Billed() => new()
    {
        Id = Known<SessionId>("billed", SessionId.TryParse),
        Nonce = "nonceofthiscall9",
        Participants =
        [
            Caller("alice", Progress.Gone, since: 40) with { JoinedAt = At(1), Gone = LeaveReason.HungUp },
            Callee(Client("bob"), Progress.Gone, since: 41) with
            {
                Answered = true,
                EverJoined = true,
                JoinedAt = At(9),
                Gone = LeaveReason.HungUp,
                Leaving = Leaving.WithTheCall,
            },
        ],
        Effects = [new Effect.HangUp(Leg(5)) { NotBefore = At(62) }],
        LastConference = Conference(2),
        StartedAt = Start,
        RangAt = At(4),
        AnsweredAt = At(8),
        EndedAt = At(40),
        EndReason = EndReason.OnePersonLeft,
        EndEvidence = Evidence.Webhook,
        TouchedAt = At(41),
    };

    /// <summary>The caller has called a group. The group resolver is asked for the candidates.</summary>
    private static CallSession CallsGroup() => Rebuilt() with
    {
        Id = Known<SessionId>("group", SessionId.TryParse),
        Nonce = "nonceofthiscall7",
        Effects = [new Effect.ResolveGroup(Known<GroupName>("sales", GroupName.TryParse)) { NotBefore = At(12) }],
        TouchedAt = At(1),
    };

    private static Participant Candidate(int number, Party party) => Guest(3) with
    {
        Id = Guest(3).Id.Candidate(number),
        Party = party,
        Label = "interpreter",
        RingTime = TimeSpan.FromSeconds(10),
    };

    private static Participant Caller(string identity, Progress progress, int since) => new()
    {
        Id = ParticipantId.Caller,
        Role = Role.Caller,
        Party = Client(identity),
        Progress = progress,
        Since = At(since),
        Leg = Leg(1),
        Answered = true,
        EverJoined = true,
    };

    private static Participant Callee(Party party, Progress progress, int since) => new()
    {
        Id = ParticipantId.Callee,
        Role = Role.Callee,
        Party = party,
        Progress = progress,
        Since = At(since),
        Leg = Leg(2),
    };

    private static Participant Guest(int number) => new()
    {
        Id = Known<ParticipantId>(string.Create(CultureInfo.InvariantCulture, $"guest-{number}"), ParticipantId.TryParse),
        Role = Role.Guest,
        Party = new Party.Phone(Number(number)),
        Progress = Progress.Invited,
        Since = At(10 + number),
    };

    private static DateTimeOffset At(int seconds) => Start.AddSeconds(seconds);

    private static Party.Client Client(string identity) => new(Known<ClientIdentity>(identity, ClientIdentity.TryParse));

    private static PhoneNumber Number(int number) =>
        Known<PhoneNumber>(string.Create(CultureInfo.InvariantCulture, $"+1555010010{number}"), PhoneNumber.TryParse);

    private static CallSid Leg(int number) => Known<CallSid>("CA" + number.ToString("x32", CultureInfo.InvariantCulture), CallSid.TryParse);

    private static ConferenceSid Conference(int number) =>
        Known<ConferenceSid>("CF" + number.ToString("x32", CultureInfo.InvariantCulture), ConferenceSid.TryParse);

    private delegate bool TryParse<T>(string? text, out T? value);

    private static T Known<T>(string text, TryParse<T> parse)
        where T : class => parse(text, out var value) && value is not null ? value : throw new ArgumentException(text, nameof(text));
}
