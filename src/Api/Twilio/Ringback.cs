using System.Buffers.Binary;

namespace Calls.Api.Twilio;

/// <summary>The sound of a phone that rings at the other end: 425 Hz, one second on, four seconds off (ITU-T E.180), as mu-law 8 kHz WAV, which Twilio plays as it is.</summary>
internal static class Ringback
{
    private const int SampleRate = 8000;
    private const int On = SampleRate;
    private const int Off = 4 * SampleRate;
    private const int HeaderLength = 44 + 14;

    public static byte[] Wav { get; } = Make();

    private static byte[] Make()
    {
        var wav = new byte[HeaderLength + On + Off];
        var header = wav.AsSpan();
        "RIFF"u8.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], wav.Length - 8);
        "WAVEfmt "u8.CopyTo(header[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], 18);
        BinaryPrimitives.WriteInt16LittleEndian(header[20..], 7);
        BinaryPrimitives.WriteInt16LittleEndian(header[22..], 1);
        BinaryPrimitives.WriteInt32LittleEndian(header[24..], SampleRate);
        BinaryPrimitives.WriteInt32LittleEndian(header[28..], SampleRate);
        BinaryPrimitives.WriteInt16LittleEndian(header[32..], 1);
        BinaryPrimitives.WriteInt16LittleEndian(header[34..], 8);
        "fact"u8.CopyTo(header[38..]);
        BinaryPrimitives.WriteInt32LittleEndian(header[42..], 4);
        BinaryPrimitives.WriteInt32LittleEndian(header[46..], On + Off);
        "data"u8.CopyTo(header[50..]);
        BinaryPrimitives.WriteInt32LittleEndian(header[54..], On + Off);
        for (var i = 0; i < On; i++)
            wav[HeaderLength + i] = MuLaw((short)(6000 * Math.Sin(2 * Math.PI * 425 * i / SampleRate)));
        wav.AsSpan(HeaderLength + On).Fill(MuLaw(0));
        return wav;
    }

    /// <summary>ITU-T G.711.</summary>
    private static byte MuLaw(short sample)
    {
        var sign = sample < 0 ? 0x80 : 0;
        var magnitude = Math.Min(Math.Abs((int)sample), 32635) + 132;
        var exponent = 7;
        for (var mask = 0x4000; (magnitude & mask) == 0 && exponent > 0; mask >>= 1)
            exponent--;
        return (byte)~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0F));
    }
}
