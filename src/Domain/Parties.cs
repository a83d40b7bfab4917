using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Calls.Domain;

/// <summary>Who is at the end of a leg: an app user (VoIP) or a phone (GSM).</summary>
public abstract record Party
{
    private Party()
    {
    }

    /// <summary>An app user, rung over the Voice SDK as <c>client:&lt;identity&gt;</c>.</summary>
    public sealed record Client(ClientIdentity Identity) : Party
    {
        public override string ToString() => Identity.ToString();
    }

    /// <summary>A telephone, rung by its number.</summary>
    public sealed record Phone(PhoneNumber Number) : Party
    {
        public override string ToString() => Number.ToString();
    }
}

/// <summary>The name under which an app user is registered with Twilio: at most 121 letters, digits and <c>_ - . @ + =</c>, no <c>+</c> first: that is a number
/// (twilio.com/docs/voice/twiml/client forbids spaces, delimiters and control characters; mobile SDKs allow less still).</summary>
public sealed record ClientIdentity
{
    public const int MaxLength = 121;

    private const string Scheme = "client:";

    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.@+=");

    private ClientIdentity(string value) => Value = value;

    public string Value { get; }

    /// <summary>Takes <c>alice</c> and <c>client:alice</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ClientIdentity? identity)
    {
        if (text is not null && text.StartsWith(Scheme, StringComparison.Ordinal))
            text = text[Scheme.Length..];
        var valid = text is { Length: > 0 and <= MaxLength } && text[0] != '+' && !text.AsSpan().ContainsAnyExcept(Allowed);
        identity = valid ? new ClientIdentity(text!) : null;
        return valid;
    }

    /// <summary>Masked: an identity is personal. Use <see cref="Value"/> or <see cref="Address"/> on purpose.</summary>
    public override string ToString() => "client:***";

    /// <summary>The form that Twilio rings: <c>client:alice</c>.</summary>
    public string Address => Scheme + Value;
}

/// <summary>A telephone number in E.164 form: <c>+</c> and 7 to 15 digits, the first not 0. Whether it exists, and in which country, is checked at the edge.</summary>
public sealed record PhoneNumber
{
    private PhoneNumber(string value) => Value = value;

    public string Value { get; }

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out PhoneNumber? number)
    {
        var valid = text is { Length: >= 8 and <= 16 } && text[0] == '+' && text[1] is >= '1' and <= '9' && text.AsSpan(2).IndexOfAnyExceptInRange('0', '9') < 0;
        number = valid ? new PhoneNumber(text!) : null;
        return valid;
    }

    /// <summary>Masked, so that the careless path is the safe one: <c>+15*******67</c>. Use <see cref="Value"/> on purpose.</summary>
    public override string ToString() => string.Concat(Value.AsSpan(0, 3), new string('*', Value.Length - 5), Value.AsSpan(Value.Length - 2));
}
