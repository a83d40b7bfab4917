using System.Collections.Immutable;

namespace Calls.Domain;

/// <summary>All that is known of one call: its people, what is still to be done for it, and how it ended. The unit that is stored and locked.</summary>
public sealed record CallSession
{
    private const int MaxRoomLength = 128;

    public required SessionId Id { get; init; }
    /// <summary>Random, new for each call: keeps a session id that is used again apart from the last call that had it.</summary>
    public required string Nonce { get; init; }
    public required ImmutableArray<Participant> Participants { get; init; }
    /// <summary>What is still to be done at Twilio. Confirmed effects are gone from here.</summary>
    public ImmutableArray<Effect> Effects { get; init; } = [];
    /// <summary>The conference that is open under <see cref="Room"/>; null until Twilio has named it, and after its end.</summary>
    public ConferenceSid? Conference { get; init; }
    /// <summary>The conferences of this room that are known to be over, seldom more than one: late events of them open nothing again.</summary>
    public ImmutableArray<ConferenceSid> ClosedConferences { get; init; } = [];
    public required DateTimeOffset StartedAt { get; init; }
    /// <summary>When the first person other than the caller was known to have answered.</summary>
    public DateTimeOffset? AnsweredAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public EndReason? EndReason { get; init; }
    /// <summary>What told us that the call had to end.</summary>
    public Evidence? EndEvidence { get; init; }
    /// <summary>When the session last changed.</summary>
    public required DateTimeOffset TouchedAt { get; init; }
    /// <summary>When the session was last compared with Twilio: what the periodic review counts from, and from the start before the first.</summary>
    public DateTimeOffset? ReviewedAt { get; init; }
    /// <summary>Set when something hints at a loss: the next review is due at once.</summary>
    public bool ReviewNow { get; init; }
    /// <summary>W3C trace context of the request that started the call; everything later hangs under it.</summary>
    public string? TraceParent { get; init; }
    /// <summary>The stored members that only a newer version knows, as a JSON object. They are stored again as they are.</summary>
    public string? Unknown { get; init; }

    /// <summary>The conference's <c>FriendlyName</c>: the session id and the nonce, at most 128 characters.</summary>
    public string Room => RoomOf(Id, Nonce);

    public bool IsEnded => EndedAt is not null;

    /// <summary>The call has ended and its last leg has gone. Which conferences there were matters no more, and is no longer kept.</summary>
    public bool EverybodyHasGone => IsEnded && Participants.All(p => p.Progress == Progress.Gone);

    public Participant Caller => Participants[0];

    public static string RoomOf(SessionId id, string nonce)
    {
        var room = $"{id.Value}.{nonce}";
        return room.Length <= MaxRoomLength ? room : string.Concat(id.Value.AsSpan(0, MaxRoomLength - nonce.Length - 1), ".", nonce);
    }

    public Participant? Find(ParticipantId? id)
    {
        foreach (var participant in Participants)
        {
            if (participant.Id == id)
                return participant;
        }

        return null;
    }

    public Participant? Find(CallSid leg)
    {
        foreach (var participant in Participants)
        {
            if (participant.Leg == leg)
                return participant;
        }

        return null;
    }

    public T? FindEffect<T>(Func<T, bool> match)
        where T : Effect
    {
        foreach (var effect in Effects)
        {
            if (effect is T found && match(found))
                return found;
        }

        return null;
    }
}

/// <summary>Why a call ended, for the people on it and for whoever is on call.</summary>
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
}

/// <summary>How we came to know something.</summary>
public enum Evidence
{
    /// <summary>Twilio's webhook.</summary>
    Webhook = 0,
    /// <summary>Twilio's answer to a request of ours.</summary>
    Gateway = 1,
    /// <summary>A review that compared the session with Twilio: a webhook was lost.</summary>
    Review = 2,
    /// <summary>A person's request.</summary>
    Request = 3,
    /// <summary>A deadline of ours for something that only we do: a dial that could not be sent in time.</summary>
    Deadline = 4,
}
