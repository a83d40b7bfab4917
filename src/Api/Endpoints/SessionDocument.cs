using System.Text.Json.Serialization;

namespace Calls.Api.Endpoints;

/// <summary>A call, as people on the call and operators see it.</summary>
/// <param name="SessionId">The id that the app gave the call.</param>
/// <param name="State"><c>ringing</c> until a person other than the caller answers, then <c>live</c>, then <c>ended</c>.</param>
/// <param name="Version">The version. It rises with every change.</param>
/// <param name="StartedAt">When the caller placed the call.</param>
/// <param name="AnsweredAt">When the first person other than the caller answered.</param>
/// <param name="EndedAt">When the call ended.</param>
/// <param name="EndReason">Why the call ended, such as <c>callee-busy</c> or <c>one-person-left</c>.</param>
/// <param name="Participants">All people who are or were on the call, or were rung for it.</param>
public sealed record SessionDocument(
    string SessionId, string State, long Version, DateTimeOffset StartedAt, DateTimeOffset? AnsweredAt, DateTimeOffset? EndedAt,
    string? EndReason, IReadOnlyList<ParticipantDocument> Participants)
{
    internal static SessionDocument Of(StoredSession stored, CallSession session) => new(
        session.Id.Value, StateOf(session), stored.Version, session.StartedAt, session.AnsweredAt, session.EndedAt,
        session.EndReason is { } reason ? Wire.Name(reason) : null,
        [.. CandidateDocuments.AllOf(session)]);

    /// <summary>What a person sees of a call that the person declined or was removed from: only the person's own participation, without
    /// numbers and without later changes. For this person the call is over.</summary>
    internal static SessionDocument OwnPart(CallSession session, ClientIdentity? person) => new(
        session.Id.Value, "ended", 0, session.StartedAt, null, null, null,
        [.. session.Participants.Where(participant => participant.Party is Party.Client client && client.Identity == person)
            .Select(ParticipantDocument.OwnPart)]);

    private static string StateOf(CallSession session) => session.IsEnded ? "ended" : session.AnsweredAt is null ? "ringing" : "live";
}

/// <summary>One person of a call.</summary>
/// <param name="Id"><c>caller</c>, <c>callee</c>, or a guest's id.</param>
/// <param name="Role"><c>caller</c>, <c>callee</c> or <c>guest</c>.</param>
/// <param name="State"><c>queued</c> (the call waits in a queue, mostly Twilio's), <c>dialing</c>, <c>ringing</c> (also while an answered
/// phone is being screened), <c>connected</c>, <c>reconnecting</c> (the line dropped, and the call waits for the person), <c>left</c> (was
/// on the line) or <c>unreachable</c> (was never on the line).</param>
/// <param name="Reason">Why the person left or was not reached, such as <c>declined</c>. Null while the person is on the line, on the way
/// or reconnecting.</param>
/// <param name="Identity">The client identity of an app user. Null for a phone.</param>
/// <param name="PhoneNumber">The phone number in E.164. Null for an app user.</param>
/// <param name="Label">The name that people on the call gave the participant.</param>
/// <param name="Muted">Whether the participant is muted: the others cannot hear the participant.</param>
/// <param name="Hold">Whether the participant is on hold.</param>
/// <param name="HeldBy">Who put the participant on hold: a participant's id, or <c>operator</c>. Null if no hold is known.</param>
/// <param name="Candidates">The candidates, if the participant has several. The address of the one who got the call is the participant's
/// own.</param>
public sealed record ParticipantDocument(
    string Id, string Role, string State, string? Reason, string? Identity, string? PhoneNumber, string? Label, bool Muted, bool Hold,
    string? HeldBy,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<CandidateDocument>? Candidates = null)
{
    internal static ParticipantDocument Of(Participant participant) => new(
        participant.Id.Value, Wire.Name(participant.Role), StateOf(participant),
        participant is { Reason: { } reason, Reconnecting: false } ? Wire.Name(reason) : null,
        (participant.Party as Party.Client)?.Identity.Value, (participant.Party as Party.Phone)?.Number.Value,
        participant.Label, participant.Muted, IsHeld(participant), HolderOf(participant));

    private static string? HolderOf(Participant participant) =>
        IsHeld(participant) ? (participant.HeldBy?.Group ?? participant.HeldBy)?.Value : null;

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
        Of(participant) with { State = "dialing", Reason = null, Muted = false, Hold = false, HeldBy = null };

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
        };
        return participant is not ({ Leaving: Leaving.Removed, Gone: null } or { Lost: true, Gone: null }) ? own : own with
        {
            State = Left(participant),
            Reason = Wire.Name(participant.Lost ? LeaveReason.AnsweredElsewhere : LeaveReason.Removed),
        };
    }

    private static string StateOf(Participant participant) => participant.Progress switch
    {
        _ when participant.IsQueued => "queued",
        _ when participant.Reconnecting => "reconnecting",
        Progress.Invited or Progress.Dialing => "dialing",
        Progress.Ringing => "ringing",
        Progress.Answered when participant.IsScreened => "ringing",
        Progress.Answered or Progress.Joined => "connected",
        _ => Left(participant),
    };

    internal static string Left(Participant participant) => participant.Answered ? "left" : "unreachable";
}

/// <summary>The form of enumerations in JSON: lower case, words joined by hyphens.</summary>
internal static class Wire
{
    public static string Name<T>(T value) where T : struct, Enum =>
        System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
