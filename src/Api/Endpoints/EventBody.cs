using System.Text.Json;
using System.Text.Json.Nodes;

namespace Calls.Api.Endpoints;

/// <summary>The body of an event that leaves the service: the document of the event stream, and what a customer needs to bill a call.
/// </summary>
internal static class EventBody
{
    public static byte[] Write(string type, StoredSession stored, CallSession session, JsonSerializerOptions json)
    {
        var data = JsonSerializer.SerializeToNode(SessionDocument.Of(stored, session), json)!.AsObject();
        data["conferenceSid"] = (session.LastConference ?? session.Conference)?.Value;
        data["durationSeconds"] = DurationOf(session);
        foreach (var person in data["participants"]!.AsArray().OfType<JsonObject>())
        {
            var participant = ParticipantId.TryParse((string?)person["id"], out var id) ? session.Find(id) ?? session.WinnerOf(id) : null;
            person["callSid"] = participant?.Leg?.Value;
            person["joinedAt"] = JsonSerializer.SerializeToNode(participant?.JoinedAt, json);
            person["leftAt"] = JsonSerializer.SerializeToNode(LeftAt(participant), json);
        }

        var whole = new JsonObject
        {
            ["type"] = type,
            ["timestamp"] = JsonSerializer.SerializeToNode(session.TouchedAt, json),
            ["data"] = data,
        };
        return JsonSerializer.SerializeToUtf8Bytes(whole, json);
    }

    /// <summary>In whole seconds, from the answer to the end. 0 if no person answered, and null before the end.</summary>
    private static long? DurationOf(CallSession session) => session.EndedAt is not { } ended ? null
        : session.AnsweredAt is { } answered ? (long)Math.Max(0, Math.Round((ended - answered).TotalSeconds))
        : 0;

    /// <summary>A person who was never on the line has not left it.</summary>
    private static DateTimeOffset? LeftAt(Participant? participant) =>
        participant is { Progress: Progress.Gone, Reconnecting: false, Answered: true } ? participant.Since : null;
}
