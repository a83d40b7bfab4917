using System.Numerics;

namespace Calls.Api.Twilio;

/// <summary>The tones that a caller hears, as the country of <c>Calls:Tones:Region</c> has them. Each WAV holds mu-law at 8 kHz, which
/// Twilio plays without conversion.</summary>
/// <remarks>ITU-T E.180 and its supplement 2 ("Various tones used in national networks"). A country that is not in the table has the tones
/// that E.180 recommends. One country has the tones of another if it belongs to its network.</remarks>
internal sealed class CallTones
{
    /// <summary>E.180 recommends 425 Hz.</summary>
    private static readonly Country Recommended =
        new(new([425], 1, 4), new([425], 0.5, 0.5), new([425], 0.25, 0.25));

    private static readonly Country NorthAmerica =
        new(new([440, 480], 2, 4), new([480, 620], 0.5, 0.5), new([480, 620], 0.25, 0.25));

    private static readonly Country Britain =
        new(new([400, 450], 0.4, 0.2, 0.4, 2), new([400], 0.375, 0.375), new([400], 0.4, 0.35, 0.225, 0.525));

    /// <summary>Ringback, busy tone and reorder tone by ISO 3166 code. A ringback that is modulated, such as 400 Hz by 25 Hz, is the sum
    /// of the frequency and its two sidebands.</summary>
    private static readonly Dictionary<string, Country> Countries = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AS"] = NorthAmerica,
        ["AT"] = new(new([420], 1, 5), new([420], 0.4, 0.4), new([420], 0.2, 0.2)),
        ["AU"] = new(new([400, 425, 450], 0.4, 0.2, 0.4, 2), new([425], 0.375, 0.375), new([425], 0.375, 0.375)),
        ["BE"] = new(new([425], 1, 3), new([425], 0.5, 0.5), new([425], 0.167, 0.167)),
        ["BR"] = new(new([425], 1, 4), new([425], 0.25, 0.25), new([425], 0.25, 0.25, 0.75, 0.25)),
        ["CA"] = NorthAmerica,
        ["CH"] = new(new([425], 1, 4), new([425], 0.5, 0.5), new([425], 0.2, 0.2)),
        ["CN"] = new(new([450], 1, 4), new([450], 0.35, 0.35), new([450], 0.7, 0.7)),
        ["DE"] = new(new([425], 1, 4), new([425], 0.48, 0.48), new([425], 0.24, 0.24)),
        ["ES"] = new(new([425], 1.5, 3), new([425], 0.2, 0.2), new([425], 0.2, 0.2, 0.2, 0.2, 0.2, 0.6)),
        ["FI"] = new(new([425], 1, 4), new([425], 0.3, 0.3), new([425], 0.2, 0.2)),
        ["FR"] = new(new([440], 1.5, 3.5), new([440], 0.5, 0.5), new([440], 0.25, 0.25)),
        ["GB"] = Britain,
        ["GG"] = Britain,
        ["GU"] = NorthAmerica,
        ["IE"] = new(new([400, 450], 0.4, 0.2, 0.4, 2), new([425], 0.5, 0.5), new([425], 0.25, 0.25)),
        ["IM"] = Britain,
        ["IN"] = new(new([375, 400, 425], 0.4, 0.2, 0.4, 2), new([400], 0.75, 0.75), new([400], 0.25, 0.25)),
        ["IT"] = new(new([425], 1, 4), new([425], 0.5, 0.5), new([425], 0.2, 0.2)),
        ["JE"] = Britain,
        ["JP"] = new(new([384, 400, 416], 1, 2), new([400], 0.5, 0.5), new([400], 0.5, 0.5)),
        ["MP"] = NorthAmerica,
        ["MX"] = new(new([425], 1, 4), new([425], 0.25, 0.25), new([425], 0.25, 0.25)),
        ["NO"] = new(new([425], 1, 4), new([425], 0.5, 0.5), new([425], 0.2, 0.2)),
        ["NZ"] = new(new([400, 450], 0.4, 0.2, 0.4, 2), new([400], 0.5, 0.5), new([400], 0.25, 0.25)),
        ["PR"] = NorthAmerica,
        ["SE"] = new(new([425], 1, 5), new([425], 0.25, 0.25), new([425], 0.25, 0.75)),
        ["SG"] = new(new([401, 425, 449], 0.4, 0.2, 0.4, 2), new([425], 0.75, 0.75), new([425], 0.25, 0.25)),
        ["US"] = NorthAmerica,
        ["VI"] = NorthAmerica,
        ["ZA"] = new(new([367, 400, 433], 0.4, 0.2, 0.4, 2), new([400], 0.5, 0.5), new([400], 0.25, 0.25)),
    };

    /// <summary>The number of cycles of a busy or reorder tone. The longest tone lasts 4.8 s (Spain), the shortest 1.0 s (Belgium).
    /// </summary>
    private const int Cycles = 3;

    /// <param name="region">ISO 3166. A region without an entry, or an empty one, has the recommended tones.</param>
    public CallTones(string region)
    {
        var country = Countries.GetValueOrDefault(region, Recommended);
        (RingbackCycle, Ringback) = (country.Ringback.Cycle, country.Ringback.Wav(1));
        (Busy, Reorder) = (country.Busy.Wav(Cycles), country.Reorder.Wav(Cycles));
    }

    /// <summary>The ringback and the silence after it, once.</summary>
    public byte[] Ringback { get; }
    public TimeSpan RingbackCycle { get; }
    public byte[] Busy { get; }
    public byte[] Reorder { get; }

    /// <summary>The regions with an entry of their own.</summary>
    internal static IEnumerable<string> Regions => Countries.Keys;

    /// <summary>The tones of the configured region, or of the region of the caller id.</summary>
    public static CallTones Of(string region, string callerId) =>
        new(string.IsNullOrWhiteSpace(region) ? PhoneNumbers.RegionOf(callerId) ?? "" : region.Trim());

    private sealed record Country(Cadence Ringback, Cadence Busy, Cadence Reorder);

    /// <summary>A sound of one or more frequencies, with alternating times of sound and silence.</summary>
    private sealed record Cadence(int[] Hertz, params double[] Seconds)
    {
        private const int SampleRate = 8000;
        private const int Loudness = 6000;

        public TimeSpan Cycle => TimeSpan.FromSeconds(Seconds.Sum());

        public byte[] Wav(int cycles)
        {
            var data = Enumerable.Repeat(Samples(), cycles).SelectMany(cycle => cycle).ToArray();
            var wav = new MemoryStream();
            using var writer = new BinaryWriter(wav);
            writer.Write("RIFF"u8);
            writer.Write(50 + data.Length);
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
            writer.Write(data.Length);
            writer.Write("data"u8);
            writer.Write(data.Length);
            writer.Write(data);
            return wav.ToArray();
        }

        private IEnumerable<byte> Samples()
        {
            for (var part = 0; part < Seconds.Length; part++)
                for (var i = 0; i < (int)Math.Round(Seconds[part] * SampleRate); i++)
                    yield return MuLaw(part % 2 > 0 ? 0 : (int)Hertz.Sum(hertz =>
                        Loudness / Hertz.Length * Math.Sin(2 * Math.PI * hertz * i / SampleRate)));
        }

        /// <summary>ITU-T G.711. The magnitude is less than 32,636.</summary>
        private static byte MuLaw(int sample)
        {
            var magnitude = Math.Abs(sample) + 132;
            var exponent = BitOperations.Log2((uint)magnitude) - 7;
            return (byte)~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0F));
        }
    }
}
