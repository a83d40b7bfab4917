using System.Security.Cryptography;

namespace Calls.Application;

/// <summary>Random names and waits. The simulation puts a seeded source in their place, on its own thread, so that a run can be had again.</summary>
public static class Chance
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    [ThreadStatic]
    private static Random? seeded;

    /// <summary>An unguessable name of lower-case letters and digits: five random bits a character.</summary>
    public static string Name(int length) =>
        seeded is { } random ? new string(random.GetItems<char>(Alphabet, length)) : RandomNumberGenerator.GetString(Alphabet, length);

    /// <summary>Between 0 and 1, for a wait that is to differ from the others'.</summary>
    public static double Jitter() => (seeded ?? Random.Shared).NextDouble();

    /// <summary>From now on this thread draws from there; null ends it.</summary>
    internal static void Seed(Random? source) => seeded = source;
}
