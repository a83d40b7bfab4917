namespace Calls.Sandbox.Twilio;

/// <summary>Makes SIDs and idempotency tokens from the seed. The same seed and the same actions give the same SIDs.</summary>
internal sealed class SidSource(int seed)
{
    private readonly Random _random = new(seed);

    public string Call() => "CA" + Hex();

    public string Conference() => "CF" + Hex();

    public string Request() => "RQ" + Hex();

    /// <summary>The value of <c>I-Twilio-Idempotency-Token</c>.</summary>
    public string Token()
    {
        var hex = Hex();
        return $"{hex[..8]}-{hex[8..12]}-{hex[12..16]}-{hex[16..20]}-{hex[20..]}";
    }

    private string Hex()
    {
        Span<byte> bytes = stackalloc byte[16];
        _random.NextBytes(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
