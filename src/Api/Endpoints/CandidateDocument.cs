namespace Calls.Api.Endpoints;

/// <summary>One candidate of a participant. The first one to answer gets the call.</summary>
/// <param name="Id">The candidate's id.</param>
/// <param name="Identity">The client identity of an app user. Null for a phone.</param>
/// <param name="PhoneNumber">The phone number in E.164. Null for an app user.</param>
/// <param name="State">As the state of a participant. A candidate that is still to be rung is <c>dialing</c>.</param>
/// <param name="Reason">Why the candidate did not get the call or has left, such as <c>answered-elsewhere</c>. Null before that.</param>
public sealed record CandidateDocument(string Id, string? Identity, string? PhoneNumber, ParticipantState State, ParticipantReason? Reason);

/// <summary>The participant that people see in place of its candidates.</summary>
internal static class CandidateDocuments
{
    /// <summary>The states in which a candidate can be, the most advanced first.</summary>
    private static readonly ParticipantState[] States =
    [
        ParticipantState.Connected, ParticipantState.Reconnecting, ParticipantState.Ringing, ParticipantState.Dialing,
        ParticipantState.Queued,
    ];

    /// <summary>The participants of a call, as people see them.</summary>
    public static IEnumerable<ParticipantDocument> AllOf(CallSession session)
    {
        HashSet<ParticipantId> groups = [];
        foreach (var participant in session.Participants)
            if (participant.Id.Group is not { } group)
                yield return ParticipantDocument.Of(participant);
            else if (groups.Add(group))
                yield return Of(session, group);
    }

    /// <summary>A participant by the id of a request: it can be a candidate's id or the id of the participant with candidates.</summary>
    public static ParticipantDocument Of(CallSession session, Participant participant) =>
        participant.Id.Group is { } group ? Of(session, group) : ParticipantDocument.Of(participant);

    /// <summary>The candidate who got the call, or what can be said of all of them.</summary>
    public static ParticipantDocument Of(CallSession session, ParticipantId group)
    {
        List<(Participant Participant, ParticipantDocument Document)> candidates =
            [.. session.CandidatesOf(group).Select(candidate => (candidate, ParticipantDocument.Of(candidate)))];
        var whole = session.WinnerOf(group) is { } winner ? ParticipantDocument.Of(winner) : candidates[0].Document with
        {
            Identity = null,
            PhoneNumber = null,
            State = StateOf(session, candidates) ?? ParticipantDocument.Left(candidates[0].Participant),
            Reason = Wire.Named<ParticipantReason>(session.ReasonOf(group)),
        };
        return whole with
        {
            Id = group.Value,
            Candidates = [.. candidates.Select(c => c.Document).Select(
                c => new CandidateDocument(c.Id, c.Identity, c.PhoneNumber, c.State, c.Reason))],
        };
    }

    /// <summary>The participant as the first answer to its request shows it.</summary>
    public static ParticipantDocument AsAdded(CallSession session, ParticipantId group)
    {
        var added = Of(session, group);
        return added with
        {
            Identity = null,
            PhoneNumber = null,
            State = ParticipantState.Dialing,
            Reason = null,
            Muted = false,
            Hold = false,
            HeldBy = null,
            Candidates = [.. added.Candidates!.Select(candidate => candidate with { State = ParticipantState.Dialing, Reason = null })],
        };
    }

    /// <summary>Null: every leg is over. A candidate that waits for its turn counts only if no other one is alive.</summary>
    private static ParticipantState? StateOf(CallSession session, List<(Participant Participant, ParticipantDocument Document)> candidates)
    {
        var alive = candidates.Where(c => c.Participant.Progress != Progress.Gone).ToList();
        var rung = alive.Where(c => !session.IsWaiting(c.Participant)).Select(c => c.Document.State).ToList();
        return rung.Count > 0 ? States.First(rung.Contains) : alive.Count > 0 ? ParticipantState.Dialing : null;
    }
}
