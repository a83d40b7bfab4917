using System.Security.Cryptography;

namespace Calls.Application.Randomness;

/// <summary>Random names and waits. The simulation sets a seeded source for its thread, so that a run can be repeated.</summary>
public static class Chance
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    [ThreadStatic]
    private static Random? seeded;

    /// <summary>An unguessable name of lower-case letters and digits: five random bits in each character.</summary>
    public static string Name(int length) =>
        seeded is { } random ? new string(random.GetItems<char>(Alphabet, length)) : RandomNumberGenerator.GetString(Alphabet, length);

    /// <summary>A number from 0 to 1, for waits that must differ between replicas.</summary>
    public static double Jitter() => (seeded ?? Random.Shared).NextDouble();

    /// <summary>Sets the source of this thread; null restores the default.</summary>
    internal static void Seed(Random? source) => seeded = source;
}
