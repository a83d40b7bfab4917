using Calls.Domain;

namespace Calls.Application;

/// <summary>Unguessable names: 80 random bits as 16 lower-case letters and digits.</summary>
public static class Nonces
{
    public static string Next() => Chance.Name(16);

    /// <summary>A new guest's id.</summary>
    public static ParticipantId NextGuest() =>
        ParticipantId.TryParse("guest-" + Chance.Name(10), out var id) ? id : throw new System.Diagnostics.UnreachableException();
}
