using System.Diagnostics;

namespace Calls.Application.Randomness;

/// <summary>Unguessable names.</summary>
public static class Nonces
{
    /// <summary>Marks the rooms of this service among all rooms of the Twilio account.</summary>
    public const string Mark = "c1-";

    /// <summary>The nonce of a new call: the mark, and 80 random bits as 16 lower-case letters and digits.</summary>
    public static string Next() => Mark + Chance.Name(16);

    /// <summary>The id of a new guest.</summary>
    public static ParticipantId NextGuest() =>
        ParticipantId.TryParse("guest-" + Chance.Name(10), out var id)
            ? id
            : throw new UnreachableException("A new guest's id is a participant id");
}
