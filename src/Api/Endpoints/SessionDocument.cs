using Calls.Application.Ports;
using Calls.Domain;

namespace Calls.Api.Endpoints;

/// <summary>A call, as REST gives it to the people on it and to operators.</summary>
/// <param name="SessionId">The app's id of the call.</param>
/// <param name="State"><c>ringing</c> until somebody answers, <c>live</c>, <c>ended</c>.</param>
/// <param name="Version">Rises with every change.</param>
/// <param name="StartedAt">When the caller placed it.</param>
/// <param name="AnsweredAt">When the first person other than the caller answered.</param>
/// <param name="EndedAt">When it was over.</param>
/// <param name="EndReason">Why it ended, such as <c>callee-busy</c> or <c>one-person-left</c>.</param>
/// <param name="Participants">Everybody who was ever on it or rung for it.</param>
public sealed record SessionDocument(
    string SessionId,
    string State,
    long Version,
    DateTimeOffset StartedAt,
    DateTimeOffset? AnsweredAt,
    DateTimeOffset? EndedAt,
    string? EndReason,
    IReadOnlyList<ParticipantDocument> Participants)
{
    internal static SessionDocument Of(StoredSession stored, CallSession session) => new(
        session.Id.Value,
        session.IsEnded ? "ended" : session.AnsweredAt is null ? "ringing" : "live",
        stored.Version,
        session.StartedAt,
        session.AnsweredAt,
        session.EndedAt,
        session.EndReason is { } reason ? Wire.Name(reason) : null,
        [.. session.Participants.Select(ParticipantDocument.Of)]);
}

/// <summary>One person of a call.</summary>
/// <param name="Id"><c>caller</c>, <c>callee</c>, or a guest's id.</param>
/// <param name="Role"><c>caller</c>, <c>callee</c> or <c>guest</c>.</param>
/// <param name="State"><c>dialing</c>, <c>ringing</c>, <c>connected</c>, <c>left</c> (was on the line), <c>unreachable</c> (never was).</param>
/// <param name="Reason">Why they left or were not reached, such as <c>declined</c>; null while they are on the line or on the way.</param>
/// <param name="Identity">The app user's client identity; null for a phone.</param>
/// <param name="PhoneNumber">E.164; null for an app user.</param>
/// <param name="Label">What the people on the call named them.</param>
/// <param name="Muted">Whether the others cannot hear them.</param>
/// <param name="Hold">Whether they are on hold.</param>
public sealed record ParticipantDocument(
    string Id, string Role, string State, string? Reason, string? Identity, string? PhoneNumber, string? Label, bool Muted, bool Hold)
{
    internal static ParticipantDocument Of(Participant participant) => new(
        participant.Id.Value,
        Wire.Name(participant.Role),
        StateOf(participant),
        participant.Gone is { } gone ? Wire.Name(gone) : null,
        (participant.Party as Party.Client)?.Identity.Value,
        (participant.Party as Party.Phone)?.Number.Value,
        participant.Label,
        participant.Muted,
        participant.Hold);

    /// <summary>As the first answer to adding them said, whatever has become of them since: a repeated request is answered alike.</summary>
    internal static ParticipantDocument AsAdded(Participant participant) => Of(participant) with { State = "dialing", Reason = null, Muted = false, Hold = false };

    private static string StateOf(Participant participant) => participant.Progress switch
    {
        Progress.Invited or Progress.Dialing => "dialing",
        Progress.Ringing => "ringing",
        Progress.Answered or Progress.Joined => "connected",
        _ => participant.Answered ? "left" : "unreachable",
    };
}

/// <summary>Our enumerations on the wire: lower case, words joined by hyphens.</summary>
internal static class Wire
{
    public static string Name<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
