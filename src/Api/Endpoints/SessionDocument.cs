namespace Calls.Api.Endpoints;

/// <summary>A call, as people on the call and operators see it.</summary>
/// <param name="SessionId">The id that the app gave the call.</param>
/// <param name="State"><c>ringing</c> until a person other than the caller answers, then <c>live</c>, then <c>ended</c>.</param>
/// <param name="Version">The version. It rises with every change.</param>
/// <param name="StartedAt">When the caller placed the call.</param>
/// <param name="AnsweredAt">When the first person other than the caller answered.</param>
/// <param name="EndedAt">When the call ended.</param>
/// <param name="EndReason">Why the call ended. Null before the end.</param>
/// <param name="EndedBy">Who ended the call by a request: a participant's id, or <c>operator</c>. Null if no request ended it.</param>
/// <param name="Participants">All people who are or were on the call, or were rung for it.</param>
public sealed record SessionDocument(
    string SessionId, SessionState State, long Version, DateTimeOffset StartedAt, DateTimeOffset? AnsweredAt, DateTimeOffset? EndedAt,
    SessionEndReason? EndReason, string? EndedBy, IReadOnlyList<ParticipantDocument> Participants)
{
    internal static SessionDocument Of(StoredSession stored, CallSession session) => new(
        session.Id.Value, StateOf(session), stored.Version, session.StartedAt, session.AnsweredAt, session.EndedAt,
        Wire.Named<SessionEndReason>(session.EndReason), EndedByOf(session), [.. CandidateDocuments.AllOf(session)]);

    /// <summary>What a person sees of a call that the person declined or was removed from: only the person's own participation, without
    /// numbers and without later changes. For this person the call is over.</summary>
    internal static SessionDocument OwnPart(CallSession session, ClientIdentity? person) => new(
        session.Id.Value, SessionState.Ended, 0, session.StartedAt, null, null, null, null,
        [.. session.Participants.Where(participant => participant.Party is Party.Client client && client.Identity == person)
            .Select(ParticipantDocument.OwnPart)]);

    /// <summary>To remove the caller or the callee before the answer ends the call too.</summary>
    private static string? EndedByOf(CallSession session) => session.EndReason is Domain.EndReason.EndedByPerson
        ? ParticipantDocument.NameOf(session.EndedBy ?? session.Caller.RemovedBy
            ?? session.Callees.Select(callee => callee.RemovedBy).FirstOrDefault(by => by is not null)) : null;

    private static SessionState StateOf(CallSession session) =>
        session.IsEnded ? SessionState.Ended : session.AnsweredAt is null ? SessionState.Ringing : SessionState.Live;
}

/// <summary>One person of a call.</summary>
/// <param name="Id"><c>caller</c>, <c>callee</c>, or a guest's id.</param>
/// <param name="Role">The caller placed the call, the callee was rung first, and a guest was added during the call.</param>
/// <param name="State"><c>queued</c> (the call waits in a queue, mostly Twilio's), <c>dialing</c>, <c>ringing</c> (also while an answered
/// phone is being screened), <c>connected</c>, <c>reconnecting</c> (the line dropped, and the call waits for the person), <c>left</c> (was
/// on the line) or <c>not-reached</c> (was never on the line).</param>
/// <param name="Reason">Why the person left or was not reached. Null while the person is on the line, on the way or reconnecting.</param>
/// <param name="Identity">The client identity of an app user. Null for a phone.</param>
/// <param name="PhoneNumber">The phone number in E.164. Null for an app user.</param>
/// <param name="Label">The name that people on the call gave the participant.</param>
/// <param name="Muted">Whether the participant is muted: the others cannot hear the participant.</param>
/// <param name="Hold">Whether the participant is on hold.</param>
/// <param name="HeldBy">Who put the participant on hold: a participant's id, or <c>operator</c>. Null if no hold is known.</param>
/// <param name="AddedBy">Who added this guest: a participant's id, or <c>operator</c>. Null for the caller and the callee.</param>
/// <param name="RemovedBy">Who took the participant off the line: a participant's id, or <c>operator</c>. Null if no request did.</param>
/// <param name="Candidates">The candidates of a participant with several. The address of the one who got the call is the participant's
/// own. Null for any other participant.</param>
public sealed record ParticipantDocument(
    string Id, ParticipantRole Role, ParticipantState State, ParticipantReason? Reason, string? Identity, string? PhoneNumber,
    string? Label, bool Muted, bool Hold, string? HeldBy, string? AddedBy, string? RemovedBy,
    IReadOnlyList<CandidateDocument>? Candidates)
{
    internal static ParticipantDocument Of(Participant participant) => new(
        participant.Id.Value, RoleOf(participant), StateOf(participant), ReasonOf(participant),
        (participant.Party as Party.Client)?.Identity.Value, (participant.Party as Party.Phone)?.Number.Value,
        participant.Label, participant.Muted, IsHeld(participant), IsHeld(participant) ? NameOf(participant.HeldBy) : null,
        NameOf(participant.AddedBy), NameOf(participant.RemovedBy), null);

    /// <summary>Of a candidate, people see the id of the participant.</summary>
    internal static string? NameOf(ParticipantId? id) => (id?.Group ?? id)?.Value;

    /// <summary>A person who hears ringback while another participant reconnects is on hold for Twilio only.</summary>
    private static bool IsHeld(Participant participant) => participant is { Hold: true, Ringback: RingbackState.None };

    /// <summary>The participant as a request of a person wants it.</summary>
    internal static ParticipantDocument AsWanted(CallSession session, Participant participant, bool? muted, bool? hold)
    {
        var wanted = Of(participant with
        {
            Muted = muted ?? participant.Muted,
            Hold = hold ?? participant.Hold,
            Ringback = hold is null ? participant.Ringback : RingbackState.None,
        });
        return CandidateDocuments.Of(session, participant) with { Muted = wanted.Muted, Hold = wanted.Hold, HeldBy = wanted.HeldBy };
    }


    /// <summary>The participant as the first answer showed it. A repeated request gets the same answer.</summary>
    internal static ParticipantDocument AsAdded(Participant participant) =>
        Of(participant) with
        {
            State = ParticipantState.Dialing,
            Reason = null,
            Muted = false,
            Hold = false,
            HeldBy = null,
            RemovedBy = null,
        };

    /// <summary>A removed person has left as soon as the removal is stored, although Twilio may still have the leg.</summary>
    internal static ParticipantDocument OwnPart(Participant participant)
    {
        var own = Of(participant) with
        {
            Id = (participant.Id.Group ?? participant.Id).Value,
            Label = null,
            Muted = false,
            Hold = false,
            HeldBy = null,
            AddedBy = null,
            RemovedBy = null,
        };
        return participant is not ({ Leaving: Leaving.Removed, Gone: null } or { Lost: true, Gone: null }) ? own : own with
        {
            State = Left(participant),
            Reason = participant.Lost ? ParticipantReason.AnsweredElsewhere : ParticipantReason.Removed,
        };
    }

    private static ParticipantRole RoleOf(Participant participant) => participant.Role switch
    {
        Domain.Role.Caller => ParticipantRole.Caller,
        Domain.Role.Callee => ParticipantRole.Callee,
        _ => ParticipantRole.Guest,
    };

    private static ParticipantState StateOf(Participant participant) => participant.Progress switch
    {
        _ when participant.IsQueued => ParticipantState.Queued,
        _ when participant.Reconnecting => ParticipantState.Reconnecting,
        Progress.Invited or Progress.Dialing => ParticipantState.Dialing,
        Progress.Ringing => ParticipantState.Ringing,
        Progress.Answered when participant.IsScreened => ParticipantState.Ringing,
        Progress.Answered or Progress.Joined => ParticipantState.Connected,
        _ => Left(participant),
    };

    /// <summary>Three reasons of the domain are details of others: a phone that was never dialled was not reached, nor was a group
    /// without candidates, and the line of a person who never entered the room has ended.</summary>
    private static ParticipantReason? ReasonOf(Participant participant) => participant.Reason switch
    {
        _ when participant.Reconnecting => null,
        LeaveReason.NeverDialed or LeaveReason.NoCandidates => ParticipantReason.Unreachable,
        LeaveReason.NeverJoined => ParticipantReason.HungUp,
        var reason => Wire.Named<ParticipantReason>(reason),
    };

    internal static ParticipantState Left(Participant participant) =>
        participant.Answered ? ParticipantState.Left : ParticipantState.NotReached;
}
