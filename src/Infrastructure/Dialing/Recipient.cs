namespace Calls.Infrastructure.Dialing;

/// <summary>Who is called: an app user, a phone or a group.</summary>
/// <param name="Party">The app user or the phone. Unknown: a group is called.</param>
/// <param name="Group">The group. Null: no group is called.</param>
public sealed record Recipient(Party Party, GroupName? Group = null)
{
    public static Recipient Of(GroupName group) => new(Party.Unknown.Instance, group);

    /// <summary>The recipient in <c>To</c>. A text that begins like a number is a number or is refused; it is never an identity.</summary>
    public static Recipient? Parse(string? to, out string why)
    {
        why = "This call cannot be placed, because no recipient was given.";
        if (string.IsNullOrWhiteSpace(to))
            return null;
        if (PhoneNumbers.BeginsLikeOne(to))
        {
            if (PhoneNumbers.TryNormalise(to, out var number, out var malformed))
                return new(new Party.Phone(number));
            why = "This call cannot be placed. " + malformed;
            return null;
        }

        why = "This call cannot be placed, because the name of the recipient is not valid.";
        if (GroupName.IsAddress(to))
            return GroupName.TryParseAddress(to, out var group) ? Of(group) : null;
        return ClientIdentity.TryParseAddress(to, out var identity) ? new(new Party.Client(identity)) : null;
    }
}
