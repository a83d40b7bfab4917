namespace Calls.Infrastructure.Webhooks;

/// <summary>Whether a save changes something that a receiver can see. Most saves are about effects, reviews and leases.</summary>
/// <remarks>The members that no receiver sees are left out. A new member counts until it is named here, so no change is missed.</remarks>
internal static class SessionNews
{
    public static bool Has(CallSession? before, CallSession after)
    {
        if (before?.Nonce != after.Nonce || before.Participants.Length != after.Participants.Length || Seen(before) != Seen(after))
            return true;
        for (var i = 0; i < after.Participants.Length; i++)
            if (!ReferenceEquals(before.Participants[i], after.Participants[i])
                && Seen(before.Participants[i]) != Seen(after.Participants[i]))
                return true;
        return false;
    }

    private static CallSession Seen(CallSession session) => session with
    {
        Participants = [],
        Effects = [],
        Conference = null,
        ClosedConferences = [],
        EndEvidence = null,
        TouchedAt = default,
        ReviewedAt = null,
        ReviewFailures = 0,
        ReviewNotBefore = null,
        ReviewNow = false,
        RebuiltAt = null,
        Unknown = null,
    };

    private static Participant Seen(Participant participant) => participant with
    {
        EarlierLegs = [],
        FlagsSequence = 0,
        FlagsVersion = 0,
        FlagsAt = null,
        Unknown = null,
    };
}
