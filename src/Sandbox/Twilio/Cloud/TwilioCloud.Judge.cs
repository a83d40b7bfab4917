namespace Calls.Sandbox.Twilio;

/// <content>The truth, for assertions: what a telephone company would know about who is stuck, ringing or talking.</content>
public sealed partial class TwilioCloud
{
    /// <summary>Legs that are not over.</summary>
    public IReadOnlyList<Leg> LiveLegs() => [.. Legs.Where(leg => !leg.Ended)];

    /// <summary>Callees' legs whose phones ring now, or are about to.</summary>
    public IReadOnlyList<Leg> RingingLegs() =>
        [.. Legs.Where(leg => leg is { Inbound: false, State: LegState.Queued or LegState.Initiated or LegState.Ringing })];

    /// <summary>Limbo: legs on a line with nobody else on it, while nobody is being reached who could come to them.</summary>
    /// <param name="isComing">
    /// Whether a leg that still rings could come into that leg's conference. Twilio knows it for participants that REST added, not for
    /// plain calls, which choose their conference on the answer: without this, any plain call that rings counts.
    /// </param>
    public IReadOnlyList<Leg> LonelyLegs(Func<Leg, Leg, bool>? isComing = null)
    {
        var ringing = RingingLegs();
        return [.. Legs.Where(leg => !leg.Ended && leg.Participant is { IsIn: true } part
            && part.Conference.Connected.Count() == 1
            && !ringing.Any(other => other != leg && Comes(other, leg, part)))];

        bool Comes(Leg other, Leg leg, Participant part) =>
            other.Participant is { } towards ? towards.Conference == part.Conference : isComing?.Invoke(other, leg) ?? true;
    }

    /// <summary>Ghosts: phones that ring for a conference that is over, or that has nobody in it.</summary>
    public IReadOnlyList<Leg> GhostRings() =>
        [.. RingingLegs().Where(leg => leg.Participant is { } part && !part.Conference.Connected.Any())];

    /// <summary>How many calls made each phone ring, by address.</summary>
    public IReadOnlyDictionary<string, int> RingCounts() =>
        Legs.Where(leg => leg.HasRung).GroupBy(leg => leg.Phone.Address, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    /// <summary>How many calls REST made to each address, whether it rang or not.</summary>
    public IReadOnlyDictionary<string, int> DialCounts() =>
        Legs.Where(leg => !leg.Inbound).GroupBy(leg => leg.Phone.Address, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    /// <summary>Conferences that are not over.</summary>
    public IReadOnlyList<Conference> ActiveConferences() =>
        [.. Conferences.Where(room => room.State != ConferenceState.Completed)];
}
