namespace Calls.Infrastructure.Dialing;

/// <summary>Reads candidates as a request of REST and the answer of the group resolver have them.</summary>
public static class CandidateForm
{
    /// <summary>The candidate, or the field that cannot be used and why.</summary>
    public static Party? PartyOf(string? identity, string? phoneNumber, out string field, out string why)
    {
        (field, why) = ("", "It must have either identity or phoneNumber.");
        if (identity is null == phoneNumber is null)
            return null;
        if (phoneNumber is not null)
        {
            if (PhoneNumbers.TryNormalise(phoneNumber, out var phone, out var malformed))
                return new Party.Phone(phone);
            (field, why) = (".phoneNumber", malformed);
            return null;
        }

        (field, why) = (".identity", $"It must be a client identity of at most {ClientIdentity.MaxLength} characters.");
        return ClientIdentity.TryParse(identity, out var person) ? new Party.Client(person) : null;
    }

    /// <summary>Null: the name is no strategy. The default is <see cref="Strategy.All"/>.</summary>
    public static Strategy? StrategyOf(string? name) => name switch
    {
        null or "" or "all" => Strategy.All,
        "in-order" => Strategy.InOrder,
        _ => null,
    };
}
