using System.Collections.Immutable;
using System.Text;

namespace Calls.Domain.Tests.Exhaustive;

/// <summary>Where a leg really is, whatever we know of it.</summary>
internal enum At
{
    /// <summary>Twilio has the call; nothing rings yet.</summary>
    Dialing,
    Ringing,

    /// <summary>Connected, and waiting for TwiML.</summary>
    Asking,

    /// <summary>Told to enter the room, and not in it yet.</summary>
    Entering,
    InRoom,
    Over,
}

/// <summary>One leg at Twilio, and what has befallen it: from that follows which webhooks there are of it.</summary>
internal sealed record Leg(ParticipantId Owner, CallSid Sid, At At)
{
    public bool Rang { get; init; }

    public bool Answered { get; init; }

    /// <summary>The conference that it entered, by number; 0: none.</summary>
    public int Room { get; init; }

    public LeaveReason? Over { get; init; }

    public bool IsAlive => At != At.Over;

    public bool IsRung => At is At.Dialing or At.Ringing;
}

/// <summary>A dial that was granted to a replica, which has not sent it yet.</summary>
internal sealed record Request(ParticipantId Participant, int Attempt, int Room);

/// <summary>What Twilio answered to a dial. The replica may save it late, more than once, or never (it was killed).</summary>
internal sealed record Reply(ParticipantId Participant, int Attempt, DialOutcome Outcome);

/// <summary>A session as it is stored, each one once; and what was decided on it, since a decision depends on nothing else.</summary>
internal sealed record Core(CallSession? Session, string Key)
{
    public Dictionary<(object Happened, bool MuchLater), Outcome> Decided { get; } = [];
}

/// <summary>What came of one event.</summary>
internal sealed record Outcome(Core After, CallReply Reply, bool IsFinal);

/// <summary>The session as it is stored, together with what is really so at Twilio and under way.</summary>
/// <remarks>
/// The network keeps every webhook it was ever given: each may be delivered at any later moment, in any order, any number of times, or never. So no
/// queue of messages is part of the state: which of them exist follows from what has befallen each leg.
/// </remarks>
internal sealed record World
{
    public required Core Core { get; init; }

    public CallSession? Session => Core.Session;

    public required ImmutableArray<Leg> Legs { get; init; }

    /// <summary>How many conferences there were under the room's name.</summary>
    public int Rooms { get; init; }

    /// <summary>Whether the last of them is open: somebody is in it.</summary>
    public bool RoomIsOpen { get; init; }

    public ImmutableArray<Request> Requests { get; init; } = [];

    public ImmutableArray<Reply> Replies { get; init; } = [];

    /// <summary>How many times the store may still lose what was written since a dial was claimed (a failover).</summary>
    public int RewindsLeft { get; init; }

    /// <summary>The session before the claim, where it may still come back.</summary>
    public Core? BeforeClaim { get; init; }

    public static CallSid SidOf(ParticipantId owner, int number) =>
        A.Leg((owner == ParticipantId.Caller ? 0x10 : owner == ParticipantId.Callee ? 0x20 : owner == A.Doctor ? 0x30 : 0x40) + number);

    public World With(Leg before, Leg after)
    {
        var legs = Legs.Replace(before, after, ReferenceEqualityComparer.Instance);
        if (after.At == At.InRoom)
        {
            var rooms = RoomIsOpen ? Rooms : Rooms + 1;
            return this with { Legs = legs.Replace(after, after with { Room = rooms }, ReferenceEqualityComparer.Instance), Rooms = rooms, RoomIsOpen = true };
        }

        return this with { Legs = legs, RoomIsOpen = RoomIsOpen && legs.Any(l => l.At == At.InRoom) };
    }

    public World End(Leg leg, LeaveReason because) => leg.IsAlive ? With(leg, leg with { At = At.Over, Over = because }) : this;

    public World HangUp(CallSid sid) =>
        Legs.FirstOrDefault(l => l.Sid == sid && l.IsAlive) is { } leg ? End(leg, leg.Answered ? LeaveReason.HungUp : LeaveReason.Canceled) : this;

    public Leg? LegOf(ParticipantId owner) => Legs.FirstOrDefault(l => l.Owner == owner);

    /// <summary>Everything that the future can depend on, as text. Instants are not part of it (see <see cref="Explorer"/>).</summary>
    public string Key()
    {
        var text = new StringBuilder(Core.Key, 128);
        AppendTruth(text);
        text.Append((char)('0' + RewindsLeft)).Append(BeforeClaim?.Key);
        foreach (var request in Requests)
            text.Append('>').Append(Digit(request.Participant)).Append((char)('0' + request.Attempt)).Append((char)('0' + request.Room));
        foreach (var reply in Replies)
            text.Append('<').Append(Digit(reply.Participant)).Append((char)('0' + reply.Attempt)).Append(reply.Outcome.GetType().Name[0]);
        return text.ToString();
    }

    /// <summary>What is so at Twilio, as text: what a review's outcome depends on, beside the session.</summary>
    public string Truth()
    {
        var text = new StringBuilder(32);
        AppendTruth(text);
        return text.ToString();
    }

    private void AppendTruth(StringBuilder text)
    {
        foreach (var leg in Legs)
            text.Append('|').Append(Digit(leg.Owner)).Append((char)('0' + (int)leg.At)).Append(leg.Rang ? 'r' : '-').Append(leg.Answered ? 'a' : '-')
                .Append((char)('0' + leg.Room)).Append(leg.Over is { } over ? (char)('A' + (int)over) : '.');
        text.Append('#').Append((char)('0' + Rooms)).Append(RoomIsOpen ? 'o' : 'c');
    }

    /// <summary>A stored session as text.</summary>
    public static string KeyOf(CallSession session)
    {
        var text = new StringBuilder(64);
        foreach (var p in session.Participants)
            text.Append(Digit(p.Id)).Append((char)('0' + (int)p.Progress)).Append(p.Answered ? 'a' : '-').Append(p.EverJoined ? 'j' : '-')
                .Append(p.Gone is { } gone ? (char)('A' + (int)gone) : '.').Append((char)('0' + (int)p.Leaving)).Append(p.Leg?.Value[^1] ?? '.');
        text.Append('/').Append(session.Conference?.Value[^1] ?? '.').Append(session.ReviewNow ? 'n' : '-')
            .Append(session.EndReason is { } reason ? (char)('A' + (int)reason) : '.').Append(session.EndEvidence is { } evidence ? (char)('0' + (int)evidence) : '.');
        foreach (var closed in session.ClosedConferences.Select(c => c.Value[^1]).Order())
            text.Append('c').Append(closed);
        // The order in which effects are stored means nothing.
        foreach (var dial in session.Effects.OfType<Effect.Dial>().OrderBy(d => Digit(d.Participant)))
            text.Append('d').Append(Digit(dial.Participant)).Append((char)('0' + (int)dial.State)).Append((char)('0' + dial.Attempt));
        foreach (var leg in session.Effects.OfType<Effect.HangUp>().Select(h => h.Leg.Value).Order(StringComparer.Ordinal))
            text.Append('h').Append(leg, leg.Length - 2, 2);
        return text.ToString();
    }

    private static char Digit(ParticipantId id) => id == ParticipantId.Caller ? '1' : id == ParticipantId.Callee ? '2' : id == A.Doctor ? '3' : '4';
}
