namespace Calls.Sandbox.Twilio;

/// <summary>The truth, for assertions: what a telephone company would know about who is stuck, ringing or talking.</summary>
public static class Judge
{
    /// <summary>Legs that are not over.</summary>
    public static IReadOnlyList<Leg> LiveLegs(this TwilioCloud cloud) => [.. cloud.Legs.Where(leg => !leg.Ended)];

    /// <summary>Callees' legs whose phones ring now, or are about to.</summary>
    public static IReadOnlyList<Leg> RingingLegs(this TwilioCloud cloud) =>
        [.. cloud.Legs.Where(leg => leg is { Inbound: false, State: LegState.Queued or LegState.Initiated or LegState.Ringing })];

    /// <summary>Limbo: legs on a line with nobody else on it, while nobody is being reached who could come to them.</summary>
    /// <param name="cloud">The cloud.</param>
    /// <param name="isComing">
    /// Whether a leg that still rings could come into that leg's conference. Twilio knows it for participants that REST added, not for
    /// plain calls, which choose their conference on the answer: without this, any plain call that rings counts.
    /// </param>
    public static IReadOnlyList<Leg> LonelyLegs(this TwilioCloud cloud, Func<Leg, Leg, bool>? isComing = null)
    {
        var ringing = cloud.RingingLegs();
        return [.. cloud.Legs.Where(leg => !leg.Ended && leg.Participant is { IsIn: true } part
            && part.Conference.Connected.Count() == 1
            && !ringing.Any(other => other != leg && Comes(other, leg, part)))];

        bool Comes(Leg other, Leg leg, Participant part) =>
            other.Participant is { } towards ? towards.Conference == part.Conference : isComing?.Invoke(other, leg) ?? true;
    }

    /// <summary>Ghosts: phones that ring for a conference that is over, or that has nobody in it.</summary>
    public static IReadOnlyList<Leg> GhostRings(this TwilioCloud cloud) =>
        [.. cloud.RingingLegs().Where(leg => leg.Participant is { } part && !part.Conference.Connected.Any())];

    /// <summary>How many calls made each phone ring, by address.</summary>
    public static IReadOnlyDictionary<string, int> RingCounts(this TwilioCloud cloud) =>
        cloud.Legs.Where(leg => leg.HasRung).GroupBy(leg => leg.Phone.Address, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    /// <summary>How many calls REST made to each address, whether it rang or not.</summary>
    public static IReadOnlyDictionary<string, int> DialCounts(this TwilioCloud cloud) =>
        cloud.Legs.Where(leg => !leg.Inbound).GroupBy(leg => leg.Phone.Address, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    /// <summary>Conferences that are not over.</summary>
    public static IReadOnlyList<Conference> ActiveConferences(this TwilioCloud cloud) =>
        [.. cloud.Conferences.Where(room => room.State != ConferenceState.Completed)];
}
