using System.Globalization;
using Calls.Domain;

namespace Calls.Integration.Tests.Redis;

/// <summary>Sessions as the decisions make them: random stories, told from a seed, and every state that they pass through.</summary>
internal sealed class RandomSessions(int seed)
{
    private static readonly CallPolicy Policy = new() { MaxGuests = 4 };
    private static readonly string?[] Labels = [null, "doctor", "Dr. Ærø — 医者 🩺", "\"quoted\" \\ \u0001 \r\n", "+<&>'"];

    private readonly Random random = new(seed);

    public IEnumerable<CallSession> Story(int events)
    {
        var now = DateTimeOffset.FromUnixTimeMilliseconds(random.NextInt64(1_000_000_000_000, 2_000_000_000_000));
        CallSession? session = null;
        for (var i = 0; i < events; i++)
        {
            now += TimeSpan.FromMilliseconds(random.Next(1, 8000));
            var decided = SessionDecider.Decide(session, Event(session), Policy, now);
            if (!decided.Changed)
                continue;
            session = decided.Session!;
            yield return session;
        }
    }

    private SessionEvent Event(CallSession? session) => session is null ? Started() : session.FindEffect<Effect.Dial>(_ => Coin()) switch
    {
        { State: DialState.Planned } planned => new SessionEvent.ClaimDial(planned.Participant, session.Nonce),
        { } sent when Coin() => new SessionEvent.DialSettled(sent.Participant, session.Nonce, sent.Attempt, Outcome()),
        _ => AnyEvent(session),
    };

    private SessionEvent AnyEvent(CallSession session) => random.Next(18) switch
    {
        0 => new SessionEvent.JoinCall(Person(), Leg(), session.Nonce) { AnsweredBy = Any<AnsweredBy>() },
        1 or 2 => new SessionEvent.LegProgressed(Person(), Leg(), Progress.Ringing, null, session.Nonce),
        3 => new SessionEvent.LegProgressed(Person(), Leg(), Progress.Gone, Any<LeaveReason>(), session.Nonce),
        4 or 5 =>
            new SessionEvent.ParticipantJoined(Conference(), session.Room, Leg(), Person(), new Flags(Coin(), Coin(), random.Next(100))),
        6 => new SessionEvent.ParticipantLeft(session.Room, Leg(), null, Any<LeaveReason>()),
        7 => new SessionEvent.ParticipantFlagsChanged(
            Conference(), session.Room, Leg(), Person(), new Flags(Coin(), Coin(), random.Next(100))),
        8 => new SessionEvent.ConferenceEnded(Conference(), session.Room),
        9 or 10 => new SessionEvent.AddPhoneParticipant(Person(), new Party.Phone(Phone()), Labels[random.Next(Labels.Length)])
        {
            Screen = Coin() ? Any<Screening>() : null,
        },
        11 => Coin() ? new SessionEvent.RemoveParticipant(Person()) : new SessionEvent.AddOneOf(
            Person(), [new Party.Phone(Phone()), new Party.Phone(Phone())], Any<Strategy>(), Labels[random.Next(Labels.Length)])
        {
            Screen = Coin() ? Any<Screening>() : null,
            RingTime = Coin() ? TimeSpan.FromSeconds(random.Next(5, 60)) : null,
        },
        12 => new SessionEvent.SetParticipantFlags(Person(), Coin() ? Coin() : null, Coin() ? Coin() : null,
            Coin() ? Known<ClientIdentity>("alice@example.com", ClientIdentity.TryParse) : null),
        13 => new SessionEvent.ClaimDial(Person(), session.Nonce),
        14 or 15 => new SessionEvent.DialSettled(Person(), session.Nonce, random.Next(1, 3), Outcome()),
        16 => Coin() ? new SessionEvent.HangUpSettled(Leg(), Any<EffectOutcome>())
            : new SessionEvent.ToneSettled(Leg(), Any<EffectOutcome>()),
        _ => random.Next(6) switch
        {
            0 => new SessionEvent.EndCall(),
            1 => Started(),
            2 => new SessionEvent.ConferenceStarted(Conference(), session.Room),
            3 => new SessionEvent.ReviewFailed(session.Room, random.NextDouble()),
            _ => new SessionEvent.SessionObserved(
                new Observation(session.Room, Coin() ? Conference() : null, [Leg()], [new ObservedLeg(Leg(), Progress.Answered, null)])),
        },
    };

    private SessionEvent.StartCall Started() => new(
        Known<SessionId>("story", SessionId.TryParse),
        string.Create(CultureInfo.InvariantCulture, $"nonce{random.Next(10)}"),
        Leg(),
        Coin() ? new Party.Client(Known<ClientIdentity>("alice@example.com", ClientIdentity.TryParse))
            : Coin() ? new Party.Phone(Phone()) : Party.Unknown.Instance,
        Coin() ? new Party.Phone(Phone()) : new Party.Client(Known<ClientIdentity>("bob_1-2.3=", ClientIdentity.TryParse)),
        Coin() ? "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" : null)
    {
        Language = Coin() ? Known<Language>("de-CH", Language.TryParse) : null,
    };

    private DialOutcome Outcome() => random.Next(6) switch
    {
        0 or 1 => new DialOutcome.Accepted(Leg()),
        2 => new DialOutcome.Refused(Coin() ? random.Next(10_000, 70_000) : null),
        3 => new DialOutcome.NotSent(Coin() ? TimeSpan.FromSeconds(random.Next(9)) : null),
        4 => new DialOutcome.NotFound(),
        _ => new DialOutcome.Unknown(),
    };

    private ParticipantId Person() => random.Next(6) switch
    {
        5 => ParticipantId.Callee.Candidate(random.Next(1, 3)),
        0 => ParticipantId.Caller,
        1 or 2 => ParticipantId.Callee,
        var n => Known<ParticipantId>(string.Create(CultureInfo.InvariantCulture, $"guest-{n}"), ParticipantId.TryParse),
    };

    private CallSid Leg() => Known<CallSid>("CA" + random.Next(6).ToString("x32", CultureInfo.InvariantCulture), CallSid.TryParse);

    private ConferenceSid Conference() =>
        Known<ConferenceSid>("CF" + random.Next(3).ToString("x32", CultureInfo.InvariantCulture), ConferenceSid.TryParse);

    private PhoneNumber Phone() =>
        Known<PhoneNumber>(string.Create(CultureInfo.InvariantCulture, $"+1555010{random.Next(1000, 9999)}"), PhoneNumber.TryParse);

    private bool Coin() => random.Next(2) == 0;

    private T Any<T>()
        where T : struct, Enum
    {
        var all = Enum.GetValues<T>();
        return all[random.Next(all.Length)];
    }

    private delegate bool TryParse<T>(string? text, out T? value);

    private static T Known<T>(string text, TryParse<T> parse)
        where T : class => parse(text, out var value) && value is not null ? value : throw new ArgumentException(text, nameof(text));
}
