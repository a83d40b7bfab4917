using System.Globalization;
using Calls.Domain;

namespace Calls.Micro;

/// <summary>
/// A call in a state that Twilio's webhooks lead to, made with the domain's decisions. SIDs have Twilio's length, and the session id is a
/// GUID.
/// </summary>
/// <param name="number">Determines the call's ids.</param>
/// <param name="policy">The policy of the decisions.</param>
/// <param name="at">The time of all events.</param>
internal sealed class MadeCall(int number, CallPolicy policy, DateTimeOffset at)
{
    private const string Nonce = "k3vq7zj2mx5tw4ha";

    private readonly string name = number.ToString("x32", CultureInfo.InvariantCulture);
    private Decision last = null!;

    public SessionId Id => Named<SessionId>(SessionId.TryParse, name);

    public ClientIdentity Caller => Named<ClientIdentity>(ClientIdentity.TryParse, "alice-" + name);

    public ConferenceSid Conference => Named<ConferenceSid>(ConferenceSid.TryParse, "CF" + name);

    /// <summary>The caller's leg is 0, the callee's 1, and so on.</summary>
    public CallSid Leg(int participant) =>
        Named<CallSid>(CallSid.TryParse,
            "CA" + participant.ToString("x4", CultureInfo.InvariantCulture) + number.ToString("x28", CultureInfo.InvariantCulture));

    /// <summary>The callee has answered and is about to enter the room in which the caller waits.</summary>
    public Decision AtTheDoor()
    {
        Decide(null, new SessionEvent.StartCall(Id, Nonce, Leg(0), new Party.Client(Caller),
            new Party.Client(Named<ClientIdentity>(ClientIdentity.TryParse, "bob-" + name)),
            $"00-{number:x32}-{number:x16}-01"));
        Then(Enters(ParticipantId.Caller, 0));
        Answers(ParticipantId.Callee, 1);
        return last;
    }

    /// <summary>That many participants talk: two app users, and phones.</summary>
    public Decision Talking(int participants)
    {
        AtTheDoor();
        Then(Enters(ParticipantId.Callee, 1));
        for (var guest = 2; guest < participants; guest++)
        {
            var id = Named<ParticipantId>(ParticipantId.TryParse, string.Create(CultureInfo.InvariantCulture, $"guest-{guest:d10}"));
            var phone = Named<PhoneNumber>(PhoneNumber.TryParse, string.Create(CultureInfo.InvariantCulture, $"+1415555{guest:d4}"));
            Then(new SessionEvent.AddPhoneParticipant(
                id, new Party.Phone(phone), string.Create(CultureInfo.InvariantCulture, $"Guest {guest:d3}")));
            Answers(id, guest);
            Then(Enters(id, guest));
        }

        return last;
    }

    /// <summary>Twilio's report that a participant has joined.</summary>
    public SessionEvent.ParticipantJoined Enters(ParticipantId id, int participant) =>
        new(Conference, last.Session!.Room, Leg(participant), id, new Flags(Muted: false, Hold: false, Sequence: participant));

    private void Answers(ParticipantId id, int participant)
    {
        Then(new SessionEvent.ClaimDial(id, Nonce));
        Then(new SessionEvent.DialSettled(id, Nonce, 1, new DialOutcome.Accepted(Leg(participant))));
        Then(new SessionEvent.JoinCall(id, Leg(participant), Nonce));
    }

    private Decision Then(SessionEvent happened) => Decide(last.Session, happened);

    private Decision Decide(CallSession? session, SessionEvent happened)
    {
        last = SessionDecider.Decide(session, happened, policy, at);
        return last.Changed
            ? last : throw new InvalidOperationException($"{happened.GetType().Name} changed nothing: {last.Ignored}{last.Refused}");
    }

    private delegate bool TryParse<T>(string? text, out T? value);

    private static T Named<T>(TryParse<T> parse, string text) =>
        parse(text, out var value) && value is not null ? value : throw new FormatException(text);
}
