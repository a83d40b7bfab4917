namespace Calls.Application.Transactions;

/// <summary>What a report says about a call whose session is not stored, or was just built again and does not know the leg.</summary>
/// <param name="Session">The session id.</param>
/// <param name="Nonce">The nonce, which Twilio has signed.</param>
internal sealed record LostCall(SessionId Session, string Nonce)
{
    /// <summary>The participant and the leg of the report. Null if the report is about the room.</summary>
    public ParticipantId? Participant { get; init; }
    public CallSid? Leg { get; init; }
    /// <summary>The report says that the leg is alive. Twilio may not find so new a leg yet.</summary>
    public bool IsAlive { get; init; }
    /// <summary>The conference of the report. Twilio's list of conferences may not have it yet.</summary>
    public ConferenceSid? Conference { get; init; }
    public Party? Callee { get; init; }
    public string Room => CallSession.RoomOf(Session, Nonce);

    /// <summary>Null if the event has no nonce of this service. Such an event says nothing about a call.</summary>
    public static LostCall? Of(SessionId session, SessionEvent happened) => happened switch
    {
        SessionEvent.JoinCall e => Of(session, e.Nonce) is { } call
            ? call with { Participant = e.Participant, Leg = e.Leg, IsAlive = true } : null,
        SessionEvent.LegProgressed e => Of(session, e.Nonce) is { } call
            ? call with { Participant = e.Participant, Leg = e.Leg, IsAlive = e.To != Progress.Gone } : null,
        SessionEvent.CalleeRejected e => Of(session, e.Nonce) is { } call ? call with { Participant = e.Participant, Leg = e.Leg } : null,
        SessionEvent.ParticipantJoined e => OfRoom(session, e.Room) is { } call
            ? call with { Participant = e.Label, Leg = e.Leg, Conference = e.Conference, IsAlive = true } : null,
        SessionEvent.ParticipantFlagsChanged e => OfRoom(session, e.Room) is { } call
            ? call with { Participant = e.Label, Leg = e.Leg, Conference = e.Conference } : null,
        SessionEvent.ParticipantLeft e => OfRoom(session, e.Room) is { } call
            ? call with { Participant = e.Label, Leg = e.Leg, Callee = e.Callee } : null,
        SessionEvent.ConferenceStarted e => OfRoom(session, e.Room) is { } call ? call with { Conference = e.Conference } : null,
        SessionEvent.ConferenceEnded e => OfRoom(session, e.Room),
        SessionEvent.SessionObserved e => OfRoom(session, e.Observation.Room) is { } call
            ? call with { Conference = e.Observation.Conference } : null,
        _ => null,
    };

    /// <summary>The call of a room of this service. Null if the room is of another client of the account, or if its name was cut.</summary>
    public static LostCall? OfRoom(string room) =>
        room.Length < CallSession.MaxRoomLength && CallSession.TryParseRoom(room, out var session, out var nonce)
            ? Of(session, nonce) : null;

    private static LostCall? Of(SessionId session, string? nonce) =>
        nonce is not null && nonce.StartsWith(Nonces.Mark, StringComparison.Ordinal) ? new LostCall(session, nonce) : null;

    private static LostCall? OfRoom(SessionId session, string? room) =>
        CallSession.TryParseRoom(room, out _, out var nonce) && Of(session, nonce) is { } call && call.Room == room ? call : null;
}
