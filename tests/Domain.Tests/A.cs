using System.Collections.Immutable;

namespace Calls.Domain.Tests;

/// <summary>Values with defaults. A test names only the values that matter to it.</summary>
internal static class A
{
    public const string Nonce = "nonceofthiscall1";

    public static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    public static readonly CallSid CallerLeg = Leg(1);
    public static readonly CallSid CalleeLeg = Leg(2);
    public static readonly CallSid DoctorLeg = Leg(3);
    public static readonly CallSid LawyerLeg = Leg(4);
    public static readonly CallSid StrangerLeg = Leg(99);

    public static readonly ConferenceSid Room1 = Conference(1);
    public static readonly ConferenceSid Room2 = Conference(2);

    public static readonly ParticipantId Doctor = Participant("guest-doctor");
    public static readonly ParticipantId Lawyer = Participant("guest-lawyer");
    /// <summary>An app user who was added.</summary>
    public static readonly ParticipantId Carol = Participant("guest-carol");
    /// <summary>Bob as a guest: the others have added the callee again.</summary>
    public static readonly ParticipantId BobAgain = Participant("guest-bob");

    /// <summary>The participant whose candidates are <see cref="First"/>, an app user, and <see cref="Second"/>, a phone.</summary>
    public static readonly ParticipantId One = Participant("guest-one");
    public static readonly ParticipantId First = One.Candidate(1);
    public static readonly ParticipantId Second = One.Candidate(2);
    public static readonly Party Ines = new Party.Client(Identity("ines"));
    public static readonly Party Ivan = new Party.Phone(Phone("+15550000006"));
    public static readonly ImmutableArray<Party> Interpreters = [Ines, Ivan];

    /// <summary>The candidates of the group that alice calls: ines's app and ivan's phone.</summary>
    public static readonly ParticipantId GroupFirst = ParticipantId.Callee.Candidate(1);
    public static readonly ParticipantId GroupSecond = ParticipantId.Callee.Candidate(2);

    public static readonly Party Bob = new Party.Client(Identity("bob"));
    public static readonly Party BobsPhone = new Party.Phone(Phone("+15550000002"));

    /// <summary>A call that alice has just placed to bob. The dial is planned and not sent.</summary>
    public static Call Session(Party? callee = null, CallPolicy? policy = null) =>
        new Call(policy ?? new CallPolicy()).Starts(callee: callee);

    /// <summary>A call that alice has just placed to a group. All members are dialled.</summary>
    public static Call GroupCall(Strategy strategy = Strategy.All, CallPolicy? policy = null, params Party[] members) =>
        new Call(policy ?? new CallPolicy()).When(Calls(new GroupMembers(members.Length == 0 ? Interpreters : [.. members], strategy)));

    /// <summary>A call that alice has just placed to a group that the group resolver knows.</summary>
    public static Call AskedGroup(CallPolicy? policy = null) => new Call(policy ?? new CallPolicy()).When(Calls(null));

    /// <summary>Alice calls a group. Without members, the group resolver is asked for them.</summary>
    public static SessionEvent.StartCall Calls(GroupMembers? members) =>
        new(Id(), Nonce, CallerLeg, App("alice"), Party.Unknown.Instance) { Group = new CalledGroup(Group("interpreters"), members) };

    public static GroupName Group(string text) => GroupName.TryParse(text, out var name) ? name : throw new FormatException(text);

    /// <summary>Alice has called bob's phone, which is screened, and it rings.</summary>
    public static Call ScreenedCall(Screening screen = Screening.Machine) =>
        Session(BobsPhone, new CallPolicy { ScreenPhones = screen }).Ringing();

    /// <summary>A leg in the room, as Twilio lists it when a session is built again.</summary>
    public static RebuiltLeg Found(ParticipantId participant, CallSid leg) => new(participant, leg,
        participant == ParticipantId.Caller ? new Party.Client(Identity("alice"))
            : participant == ParticipantId.Callee ? Bob : new Party.Phone(PhoneOf(participant)),
        Progress.Answered, null)
    {
        IsListed = true,
        InTheRoom = true,
        IsInbound = participant == ParticipantId.Caller,
    };

    /// <summary>No session is stored.</summary>
    public static Call NoSession() => new(new CallPolicy());

    public static CallSid Leg(int number) => CallSid.TryParse($"CA{number:x32}", out var sid) ? sid : throw new FormatException();

    public static ConferenceSid Conference(int number) =>
        ConferenceSid.TryParse($"CF{number:x32}", out var sid) ? sid : throw new FormatException();

    public static SessionId Id(string text = "s-42") => SessionId.TryParse(text, out var id) ? id : throw new FormatException(text);

    public static ParticipantId Participant(string text) => ParticipantId.TryParse(text, out var id) ? id : throw new FormatException(text);

    public static ClientIdentity Identity(string text) =>
        ClientIdentity.TryParse(text, out var identity) ? identity : throw new FormatException(text);

    public static Party App(string identity) => new Party.Client(Identity(identity));

    public static PhoneNumber Phone(string text) => PhoneNumber.TryParse(text, out var number) ? number : throw new FormatException(text);

    public static PhoneNumber PhoneOf(ParticipantId guest) =>
        Phone(guest == Doctor ? "+15550000003" : guest == Lawyer ? "+15550000004" : "+15550000005");

    public static Party PartyOf(ParticipantId guest) =>
        guest == Carol ? new Party.Client(Identity("carol")) : guest == BobAgain ? Bob : new Party.Phone(PhoneOf(guest));

    public static CallSid LegOf(ParticipantId participant) =>
        participant == ParticipantId.Caller ? CallerLeg
        : participant == ParticipantId.Callee ? CalleeLeg
        : participant == Doctor ? DoctorLeg
        : participant == Carol || participant == BobAgain ? Leg(5)
        : participant.Group == ParticipantId.Callee ? Leg(70 + participant.Value[^1] - '0')
        : participant.Group is not null ? Leg(60 + participant.Value[^1] - '0')
        : LawyerLeg;
}
