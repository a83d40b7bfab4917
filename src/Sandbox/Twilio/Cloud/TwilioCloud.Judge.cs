namespace Calls.Sandbox.Twilio;

/// <content>Queries for tests and guarantees: which legs are alone, ring or are not over.</content>
public sealed partial class TwilioCloud
{
    /// <summary>The legs that are not over.</summary>
    public IReadOnlyList<Leg> LiveLegs() => [.. Legs.Where(leg => !leg.Ended)];

    /// <summary>The outbound legs that are queued, initiated or ringing.</summary>
    public IReadOnlyList<Leg> RingingLegs() =>
        [.. Legs.Where(leg => leg is { Inbound: false, State: LegState.Queued or LegState.Initiated or LegState.Ringing })];

    /// <summary>The legs whose person can hear no other person of the conference, while no person is on the line who could change that and
    /// no leg rings or is being screened that could join. A machine that Twilio has recognised is no company.</summary>
    /// <remarks>People on hold do not hear the others, and are not heard. An app user on the line can end each hold by REST, and a phone
    /// cannot. A mute does not count: the muted person hears the others. Twilio does not know operators.</remarks>
    /// <param name="canJoin">
    /// Whether a plain call that rings (the first leg) could join the conference of the second leg. Twilio does not know it, because a
    /// plain call chooses its conference after the answer. Null, the default: every plain call that rings could join.
    /// </param>
    public IReadOnlyList<Leg> LonelyLegs(Func<Leg, Leg, bool>? canJoin = null)
    {
        IReadOnlyList<Leg> ringing = [.. RingingLegs(), .. Legs.Where(leg => leg.IsBeingScreened)];
        return [.. Legs.Where(leg => !leg.Ended && leg.Participant is { IsIn: true } part
            && IsCutOff(part)
            && !ringing.Any(other => other != leg && CanJoin(other, leg, part)))];

        static bool IsCutOff(Participant part)
        {
            var there = part.Conference.Connected.Where(other => !other.Leg.IsMachine).ToList();
            return there.Count == 1 || (!there.Exists(other => other.Leg.Phone.IsClient)
                && there.TrueForAll(other => other == part || part.Hold || other.Hold));
        }

        bool CanJoin(Leg other, Leg leg, Participant part) =>
            other.Participant is { } target ? target.Conference == part.Conference : canJoin?.Invoke(other, leg) ?? true;
    }

    /// <summary>The legs that ring for a conference that is over or empty.</summary>
    public IReadOnlyList<Leg> GhostRings() =>
        [.. RingingLegs().Where(leg => leg.Participant is { } part && !part.Conference.Connected.Any())];

    /// <summary>How often each phone has rung, by address.</summary>
    public IReadOnlyDictionary<string, int> RingCounts() =>
        Legs.Where(leg => leg.HasRung).GroupBy(leg => leg.Phone.Address, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    /// <summary>How many calls REST created to each address, including calls that did not ring.</summary>
    public IReadOnlyDictionary<string, int> DialCounts() =>
        Legs.Where(leg => !leg.Inbound).GroupBy(leg => leg.Phone.Address, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    /// <summary>The conferences that are not over.</summary>
    public IReadOnlyList<Conference> ActiveConferences() =>
        [.. Conferences.Where(room => room.State != ConferenceState.Completed)];
}
