using System.Numerics;

namespace Calls.Api.Twilio;

/// <summary>The ringback tone: 425 Hz, one second on, four seconds off (ITU-T E.180). The WAV holds mu-law at 8 kHz, which Twilio plays
/// without conversion.</summary>
internal static class Ringback
{
    /// <summary>One tone and the silence after it.</summary>
    public const int CycleSeconds = 5;
    private const int SampleRate = 8000;
    private const int Samples = CycleSeconds * SampleRate;

    public static byte[] Wav { get; } = Make();

    private static byte[] Make()
    {
        var wav = new MemoryStream();
        using var writer = new BinaryWriter(wav);
        writer.Write("RIFF"u8);
        writer.Write(50 + Samples);
        writer.Write("WAVEfmt "u8);
        writer.Write(18);
        // Mu-law, one channel, bytes per second, bytes per sample, bits per sample, no extension.
        writer.Write((short)7);
        writer.Write((short)1);
        writer.Write(SampleRate);
        writer.Write(SampleRate);
        writer.Write((short)1);
        writer.Write((short)8);
        writer.Write((short)0);
        writer.Write("fact"u8);
        writer.Write(4);
        writer.Write(Samples);
        writer.Write("data"u8);
        writer.Write(Samples);
        for (var i = 0; i < Samples; i++)
            writer.Write(MuLaw(i < SampleRate ? (int)(6000 * Math.Sin(2 * Math.PI * 425 * i / SampleRate)) : 0));
        return wav.ToArray();
    }

    /// <summary>ITU-T G.711. The magnitude is less than 32,636.</summary>
    private static byte MuLaw(int sample)
    {
        var magnitude = Math.Abs(sample) + 132;
        var exponent = BitOperations.Log2((uint)magnitude) - 7;
        return (byte)~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0F));
    }
}
