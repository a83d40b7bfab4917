using System.Collections.Immutable;
using System.Text;

namespace Calls.Domain.Tests.Exhaustive;

/// <summary>A stored session. Each different session exists once, with the decisions that were made on it.</summary>
internal sealed record StoredSession(CallSession? Session, string Key)
{
    /// <summary>A decision depends on nothing but the session, the event and the time, so each is made once.</summary>
    public Dictionary<(object Happened, bool MuchLater), Outcome> Decided { get; } = [];
}

/// <summary>The result of one event.</summary>
internal sealed record Outcome(StoredSession After, CallReply Reply, IgnoreReason? Ignored);

/// <summary>The stored session, together with the true state at Twilio and the requests and replies that are under way.</summary>
/// <remarks>
/// The network keeps every webhook. Each may be delivered at any later moment, in any order, any number of times, or never. Therefore no
/// queue of webhooks is part of the state: the history of each leg determines which webhooks exist.
/// </remarks>
internal sealed record World
{
    public required StoredSession Stored { get; init; }

    public CallSession? Session => Stored.Session;

    public required ImmutableArray<Leg> Legs { get; init; }

    /// <summary>How many conferences there have been under the room's name.</summary>
    public int Conferences { get; init; }

    /// <summary>Whether the latest conference is open, which means that a leg is in it.</summary>
    public bool RoomIsOpen { get; init; }

    public ImmutableArray<DialRequest> Requests { get; init; } = [];

    public ImmutableArray<DialReply> Replies { get; init; } = [];

    public ImmutableArray<HoldRequest> HoldRequests { get; init; } = [];

    /// <summary>How often a person may still ask for a hold or for its end.</summary>
    public int HoldsLeft { get; init; }

    /// <summary>How often a change of hold may still be sent. What recovery sends does not count.</summary>
    public int SendsLeft { get; init; }

    /// <summary>How often a person who is or was on the call may still call again with the same session id.</summary>
    public int ReturnsLeft { get; init; }

    /// <summary>How many times the store may still lose all writes since the claim of a dial (a failover).</summary>
    public int FailoversLeft { get; init; }

    /// <summary>How many times the store may still forget the session.</summary>
    public int ForgetsLeft { get; init; }

    /// <summary>Whether the store has forgotten the session at least once.</summary>
    public bool HasForgotten { get; init; }

    /// <summary>The session before the claim, as long as a failover may bring it back.</summary>
    public StoredSession? BeforeClaim { get; init; }

    /// <summary>What is stored if no session is.</summary>
    public StoredSession? Empty { get; init; }

    /// <summary>The store loses the session whole.</summary>
    public World Forget() => this with { Stored = Empty!, BeforeClaim = null, ForgetsLeft = ForgetsLeft - 1, HasForgotten = true };

    /// <summary>Whether the callee's phone may ring, in Twilio's queue too.</summary>
    public bool CalleeMayRing =>
        Requests.Any(r => r.Participant == ParticipantId.Callee) || Legs.Any(l => l.Owner == ParticipantId.Callee && l.IsUnanswered);

    /// <summary>Whether Twilio has, or may get, a leg of the participant.</summary>
    public bool Knows(ParticipantId id) =>
        Legs.Any(l => l.Owner == id) || Requests.Any(r => r.Participant == id) || Replies.Any(r => r.Participant == id);

    public static CallSid SidOf(ParticipantId owner, int number) =>
        A.Leg((0x10 * (Digit(owner) - '0')) + number);

    /// <summary>The participant is called, with an answer URL. Any other guest is added to the open room.</summary>
    public static bool IsCalled(ParticipantId id) => id == ParticipantId.Callee || id.Group is not null;

    /// <summary>Whether a candidate for the same participant has got into the room, or was told to enter it.</summary>
    public bool IsTaken(ParticipantId candidate) => candidate.Group is not null && Legs.Any(
        l => l.Owner != candidate && l.Owner.Group == candidate.Group && (l.State == LegState.Entering || l.Conference > 0));

    public World With(Leg before, Leg after)
    {
        var legs = Legs.Replace(before, after, ReferenceEqualityComparer.Instance);
        if (after.State != LegState.InRoom)
            return this with { Legs = legs, RoomIsOpen = RoomIsOpen && legs.Any(l => l.State == LegState.InRoom) };
        var conference = RoomIsOpen ? Conferences : Conferences + 1;
        legs = legs.Replace(after, after with { Conference = conference }, ReferenceEqualityComparer.Instance);
        return this with { Legs = legs, Conferences = conference, RoomIsOpen = true };
    }

    /// <summary>Twilio carries the change out, if the leg is in the room. It sends a webhook only about a change.</summary>
    public World Arrive(HoldRequest change)
    {
        var sent = this with { HoldRequests = HoldRequests.Remove(change) };
        return InRoom(change.Leg) is { } leg && leg.IsOnHold != change.Hold
            ? sent.With(leg, leg with { HoldChanges = leg.HoldChanges + 1 })
            : sent;
    }

    public Leg? InRoom(ParticipantId participant) => Legs.FirstOrDefault(l => l.Owner == participant && l.State == LegState.InRoom);

    public Leg? InRoom(CallSid sid) => Legs.FirstOrDefault(l => l.Sid == sid && l.State == LegState.InRoom);

    public World End(Leg leg, LeaveReason because) =>
        leg.IsAlive ? With(leg, leg with { State = LegState.Ended, EndedBecause = because }) : this;

    public World HangUp(CallSid sid) => Legs.FirstOrDefault(l => l.Sid == sid && l.IsAlive) is { } leg
        ? End(leg, leg.Answered ? LeaveReason.HungUp : LeaveReason.Canceled)
        : this;

    /// <summary>Everything that the future can depend on, as text. Instants are not part of it (see <see cref="Explorer"/>).</summary>
    public string Key()
    {
        var text = new StringBuilder(Stored.Key, 128);
        AppendTwilio(text);
        text.Append((char)('0' + FailoversLeft)).Append(BeforeClaim?.Key);
        if (ForgetsLeft > 0 || HasForgotten)
            text.Append('!').Append((char)('0' + ForgetsLeft));
        foreach (var request in Requests)
            text.Append('>').Append(Digit(request.Participant)).Append((char)('0' + request.Attempt))
                .Append((char)('0' + request.Conference));
        foreach (var reply in Replies)
            text.Append('<').Append(Digit(reply.Participant)).Append((char)('0' + reply.Attempt)).Append(reply.Outcome.GetType().Name[0]);
        if (HoldsLeft + SendsLeft > 0)
            text.Append('*').Append((char)('0' + HoldsLeft)).Append((char)('0' + SendsLeft));
        if (ReturnsLeft > 0)
            text.Append('r').Append((char)('0' + ReturnsLeft));
        foreach (var change in HoldRequests)
            text.Append('=').Append(Digit(change.Participant)).Append(change.Leg.Value[^1]).Append((char)('0' + change.Asked.Version))
                .Append((char)('0' + change.Asked.Sequence)).Append(change.Hold ? 'h' : '-');
        return text.ToString();
    }

    /// <summary>The state at Twilio as text. The outcome of a review depends on it and on the session.</summary>
    public string TwilioKey()
    {
        var text = new StringBuilder(32);
        AppendTwilio(text);
        return text.ToString();
    }

    private void AppendTwilio(StringBuilder text)
    {
        foreach (var leg in Legs)
        {
            text.Append('|').Append(Digit(leg.Owner)).Append((char)('0' + (int)leg.State));
            text.Append(leg.Dialed ? 'd' : '-').Append(leg.Rang ? 'r' : '-').Append(leg.Answered ? 'a' : '-')
                .Append((char)('0' + leg.Conference)).Append((char)('0' + (int)leg.By)).Append(leg.Keys);
            if (leg.IsReturn)
                text.Append('R');
            if (leg.HoldChanges > 0)
                text.Append('h').Append((char)('0' + leg.HoldChanges));
            text.Append(leg.EndedBecause is { } because ? (char)('A' + (int)because) : '.');
        }

        text.Append('#').Append((char)('0' + Conferences)).Append(RoomIsOpen ? 'o' : 'c');
    }

    /// <summary>A stored session as text. The order of its effects has no meaning and is left out.</summary>
    public static string KeyOf(CallSession session)
    {
        var text = new StringBuilder(64);
        foreach (var p in session.Participants)
        {
            text.Append(Digit(p.Id)).Append((char)('0' + (int)p.Progress)).Append(p.Answered ? 'a' : '-').Append(p.EverJoined ? 'j' : '-');
            text.Append(p.DialedAt is null ? '-' : 'd').Append(p.IsScreened ? 's' : p.Accepted ? 'A' : '-');
            text.Append(p.Gone is { } gone ? (char)('A' + (int)gone) : '.').Append((char)('0' + (int)p.Leaving))
                .Append(p.Leg?.Value[^1] ?? '.');
            if (p.Reconnecting || p.Ringback != RingbackState.None || !p.EarlierLegs.IsEmpty)
                text.Append(p.Reconnecting ? 'R' : 'r').Append((char)('0' + (int)p.Ringback)).Append((char)('0' + p.EarlierLegs.Length));
            if (p.Party is Party.Unknown)
                text.Append('?');
            if (p.Lost)
                text.Append('L');
            if (p.FlagsVersion > 0 || p.FlagsSequence >= 0)
                text.Append(p.Hold ? 'H' : 'h').Append(p.HeldBy is null ? '.' : Digit(p.HeldBy)).Append((char)('0' + p.FlagsVersion))
                    .Append((char)('0' + p.FlagsSequence));
        }

        if (session.RebuiltAt is not null)
            text.Append('b');
        text.Append('/').Append(session.Conference?.Value[^1] ?? '.').Append(session.ReviewNow ? 'n' : '-');
        text.Append(session.EndReason is { } reason ? (char)('A' + (int)reason) : '.');
        text.Append(session.EndEvidence is { } evidence ? (char)('0' + (int)evidence) : '.');
        foreach (var closed in session.ClosedConferences.Select(c => c.Value[^1]).Order())
            text.Append('c').Append(closed);
        foreach (var dial in session.Effects.OfType<Effect.Dial>().OrderBy(d => Digit(d.Participant)))
            text.Append('d').Append(Digit(dial.Participant)).Append((char)('0' + (int)dial.State)).Append((char)('0' + dial.Attempt));
        foreach (var hangUp in session.Effects.OfType<Effect.HangUp>().OrderBy(h => h.Leg.Value, StringComparer.Ordinal))
        {
            text.Append('h').Append(hangUp.Leg.Value, hangUp.Leg.Value.Length - 2, 2);
            if (hangUp.Because is { } because)
                text.Append((char)('A' + (int)because));
        }

        if (session.FindEffect<Effect.ResolveGroup>(_ => true) is not null)
            text.Append('g');
        foreach (var flags in session.Effects.OfType<Effect.SetFlags>().OrderBy(f => Digit(f.Participant)))
            text.Append('f').Append(Digit(flags.Participant)).Append(flags.Hold is { } hold ? hold ? 'h' : '-' : '.');
        return text.ToString();
    }

    private static char Digit(ParticipantId id) =>
        id == ParticipantId.Caller ? '1' : id == ParticipantId.Callee ? '2' : id == A.Doctor ? '3'
        : id == A.First || id == A.BobAgain ? '5' : id == A.Second ? '6'
        : id == A.GroupFirst ? '7' : id == A.GroupSecond ? '8' : '4';
}
