namespace Calls.Domain;

/// <summary>One call, as the service knows it. The session is stored and locked as one unit.</summary>
public sealed record CallSession
{
    /// <summary>Twilio's limit of a <c>FriendlyName</c>. A longer name is cut.</summary>
    public const int MaxRoomLength = 128;
    public required SessionId Id { get; init; }
    /// <summary>Random, new for each call. It tells calls with the same session id apart.</summary>
    public required string Nonce { get; init; }
    /// <summary>The caller, the callee or the candidates of the group that was called, and then the guests.</summary>
    public required ImmutableArray<Participant> Participants { get; init; }
    /// <summary>The pending effects. A confirmed effect is removed.</summary>
    public ImmutableArray<Effect> Effects { get; init; } = [];
    /// <summary>The open conference of the room. Null before Twilio has named it, and after its end.</summary>
    public ConferenceSid? Conference { get; init; }
    /// <summary>The ended conferences of the room, rarely more than one. Their late events do not open the room again.</summary>
    public ImmutableArray<ConferenceSid> ClosedConferences { get; init; } = [];
    /// <summary>The conference of the room that was open last. It is kept after the end, for the events that leave the service. Null also
    /// if only a replica of an older version knew the conference.</summary>
    public ConferenceSid? LastConference { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    /// <summary>When the service first knew that the callee's phone rang, or that the callee had answered. Null also if a version that does
    /// not know this member wrote it.</summary>
    public DateTimeOffset? RangAt { get; init; }
    /// <summary>When the service first knew that a person other than the caller had answered.</summary>
    public DateTimeOffset? AnsweredAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public EndReason? EndReason { get; init; }
    /// <summary>Who ended the call by a request: a participant, or <see cref="ParticipantId.Operator"/>. Null if no request ended it.
    /// </summary>
    public ParticipantId? EndedBy { get; init; }
    /// <summary>The source of the fact that ended the call.</summary>
    public Evidence? EndEvidence { get; init; }
    /// <summary>When the session last changed.</summary>
    public required DateTimeOffset TouchedAt { get; init; }
    /// <summary>When the session was last compared with Twilio. The review interval counts from here, at first from the start.</summary>
    public DateTimeOffset? ReviewedAt { get; init; }
    /// <summary>How many reviews have failed since the last comparison, because Twilio did not answer.</summary>
    public int ReviewFailures { get; init; }
    /// <summary>After a failed review: no review is due before this time. It delays no effect.</summary>
    public DateTimeOffset? ReviewNotBefore { get; init; }
    /// <summary>An event hints at a lost webhook: the next review is due at once.</summary>
    public bool ReviewNow { get; init; }
    /// <summary>When the session was built again from Twilio (<see cref="RebuildDecisions"/>). Null after the next review, and if it was
    /// not built again. Until then Twilio's lists may not have had each person in the room: an unknown leg is looked up, and the call does
    /// not end because one person seems to be alone in the room.</summary>
    public DateTimeOffset? RebuiltAt { get; init; }
    /// <summary>W3C trace context of the request that started the call. All later spans of the call belong to this trace.</summary>
    public string? TraceParent { get; init; }
    /// <summary>The language of words that the people of this call hear, from the voice webhook. Null: the configured language.</summary>
    public Language? Language { get; init; }
    /// <summary>The stored members that only a newer version knows, as a JSON object. They are stored again as they are.</summary>
    public string? Unknown { get; init; }
    /// <summary>The conference's <c>FriendlyName</c>: the session id and the nonce, at most 128 characters.</summary>
    public string Room => RoomOf(Id, Nonce);
    public bool IsEnded => EndedAt is not null;
    /// <summary>The call has ended and no leg is left. The session then keeps no conferences.</summary>
    public bool AllHaveLeft => IsEnded && Participants.All(p => p.Progress == Progress.Gone);
    public Participant Caller => Participants[0];
    /// <summary>A phone of the callee rings, or the callee has answered. It is remembered in <see cref="RangAt"/>.</summary>
    public bool CalleeHasRung => RangAt is not null || Participants.Any(
        p => p.Role == Role.Callee && (p.Answered || p.Progress is >= Progress.Ringing and not Progress.Gone));
    /// <summary>The callee, or the candidates of a group that was called. Before the group is resolved, the callee has no address.
    /// </summary>
    public IEnumerable<Participant> Callees => Participants.Where(p => p.Role == Role.Callee);
    /// <summary>When Twilio last said something about this call: its start, its last review, or the last change of a leg.</summary>
    public DateTimeOffset HeardAt =>
        Participants.Where(p => p.Leg is not null).Select(p => p.Since).Append(ReviewedAt ?? StartedAt).Append(StartedAt).Max();
    /// <summary>The participant whose leg shows that the call exists: the caller, or another participant on the line.</summary>
    public Participant? OnTheLine => Participants.FirstOrDefault(p => p is { IsOnTheLine: true, Leg: not null });

    public static string RoomOf(SessionId id, string nonce)
    {
        var room = $"{id.Value}.{nonce}";
        return room.Length <= MaxRoomLength ? room : string.Concat(id.Value.AsSpan(0, MaxRoomLength - nonce.Length - 1), ".", nonce);
    }

    /// <summary>Reads the name of a room. If the session id was cut, the result is the part that is left.</summary>
    public static bool TryParseRoom(
        [NotNullWhen(true)] string? room, [NotNullWhen(true)] out SessionId? id, [NotNullWhen(true)] out string? nonce)
    {
        (id, nonce) = (null, null);
        if (room?.LastIndexOf('.') is not { } dot || dot < 0 || !SessionId.TryParse(room[..dot], out id))
            return false;
        nonce = room[(dot + 1)..];
        return true;
    }

    public Participant? Find(ParticipantId? id)
    {
        foreach (var participant in Participants)
            if (participant.Id == id)
                return participant;
        return null;
    }

    public Participant? Find(CallSid leg)
    {
        foreach (var participant in Participants)
            if (participant.Leg == leg)
                return participant;
        return null;
    }

    /// <summary>The participant of this leg, also if it is an earlier leg.</summary>
    internal Participant? Find(CallSid leg, ParticipantId? label) => Find(leg) ?? FindEarlier(leg) ?? Find(label);

    internal Participant? FindEarlier(CallSid leg)
    {
        foreach (var participant in Participants)
            if (participant.HadLeg(leg))
                return participant;
        return null;
    }

    public T? FindEffect<T>(Func<T, bool> match)
        where T : Effect
    {
        foreach (var effect in Effects)
            if (effect is T found && match(found))
                return found;
        return null;
    }

    /// <summary>Whether a mute waits for the person to enter the room, or was kept. Then the person enters muted and is never heard.
    /// </summary>
    public bool WillBeMuted(ParticipantId participant) =>
        FindEffect<Effect.SetFlags>(f => f.Participant == participant)?.Muted ?? Find(participant) is { Muted: true };

    internal Effect.Dial? FindDial(ParticipantId participant) => FindEffect<Effect.Dial>(d => d.Participant == participant);
}

/// <summary>Why a call ended, for the people on it and for the engineer on call.</summary>
public enum EndReason
{
    CallerHungUpBeforeAnswer = 0,
    CallerNeverJoined = 1,
    CalleeBusy = 2,
    CalleeDeclined = 3,
    CalleeNoAnswer = 4,
    CalleeUnreachable = 5,
    CalleeRefusedByTwilio = 6,
    OnePersonLeft = 7,
    EndedByPerson = 8,
    /// <summary>The call reached the maximum duration.</summary>
    MaxDuration = 9,
    /// <summary>A machine answered for the callee.</summary>
    CalleeVoicemail = 10,
    /// <summary>The callee answered and did not press 1.</summary>
    CalleeNotAccepted = 11,
    /// <summary>The callee was a group, and no candidate accepted the call.</summary>
    NobodyAccepted = 12,
}

/// <summary>The source of a fact.</summary>
public enum Evidence
{
    /// <summary>A webhook of Twilio.</summary>
    Webhook = 0,
    /// <summary>Twilio's answer to a request of the service, or the answer of the group resolver.</summary>
    Gateway = 1,
    /// <summary>A comparison with Twilio: the webhook was lost.</summary>
    Review = 2,
    /// <summary>A REST request of a person.</summary>
    Request = 3,
    /// <summary>A time limit of the service: a dial could not be sent in time, or the call reached the maximum duration.</summary>
    Deadline = 4,
}
