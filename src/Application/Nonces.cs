using System.Security.Cryptography;
using Calls.Domain;

namespace Calls.Application;

/// <summary>Unguessable names: 80 random bits as 16 lower-case letters and digits.</summary>
public static class Nonces
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    public static string Next() => RandomNumberGenerator.GetString(Alphabet, 16);

    /// <summary>A new guest's id.</summary>
    public static ParticipantId NextGuest() =>
        ParticipantId.TryParse("guest-" + RandomNumberGenerator.GetString(Alphabet, 10), out var id) ? id : throw new System.Diagnostics.UnreachableException();
}
