namespace Calls.Domain;

/// <summary>The other end of a leg: an app user (VoIP) or a phone (GSM).</summary>
public abstract record Party
{
    private Party() { }
    /// <summary>An app user. Twilio rings the app as <c>client:&lt;identity&gt;</c>.</summary>
    public sealed record Client(ClientIdentity Identity) : Party { public override string ToString() => Identity.ToString(); }
    /// <summary>A phone. Twilio rings it by its number.</summary>
    public sealed record Phone(PhoneNumber Number) : Party { public override string ToString() => Number.ToString(); }
    /// <summary>The address was lost with the session, and Twilio has not said it yet, or the caller withholds the number. The service
    /// dials no such address.</summary>
    public sealed record Unknown : Party
    {
        private Unknown() { }
        public static Unknown Instance { get; } = new();
        public override string ToString() => "unknown";
    }
}

/// <summary>The name of an app user at Twilio: 1-121 letters, digits, <c>_ - . @ + = | ~ ! ' :</c>, but no <c>+</c> first, as in a
/// number. This covers e-mail addresses and the subjects of identity providers, such as <c>auth0|abc</c>.</summary>
/// <remarks>twilio.com/docs/voice/twiml/client forbids spaces, delimiters and control characters. Mobile SDKs allow even less.</remarks>
public sealed record ClientIdentity
{
    public const int MaxLength = 121;
    private const string Scheme = "client:";
    private static readonly SearchValues<char> Allowed = SearchValues.Create(ParticipantId.Allowed + ".@+=|~!':");
    private ClientIdentity(string value) => Value = value;
    public string Value { get; }
    /// <summary>The form that Twilio rings: <c>client:alice</c>.</summary>
    public string Address => Scheme + Value;
    /// <summary>Masked, because an identity is personal. Use <see cref="Value"/> or <see cref="Address"/> for the whole identity.</summary>
    public override string ToString() => "client:***";

    /// <summary>Takes the text to the letter: <c>client:alice</c> is not <c>alice</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ClientIdentity? identity)
    {
        identity = Syntax.IsName(text, MaxLength, Allowed) && text[0] != '+' ? new ClientIdentity(text) : null;
        return identity is not null;
    }

    /// <summary>Reads an address of Twilio (<c>From</c>, <c>To</c>): <c>client:alice</c> and <c>alice</c> are both alice. One scheme is
    /// removed. A text with another scheme, such as <c>sip:alice</c>, is no identity.</summary>
    public static bool TryParseAddress([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ClientIdentity? identity)
    {
        identity = null;
        return text is not null && text.StartsWith(Scheme, StringComparison.Ordinal)
            ? TryParse(text[Scheme.Length..], out identity)
            : text?.Contains(':', StringComparison.Ordinal) is false && TryParse(text, out identity);
    }
}

/// <summary>A phone number in E.164 form: <c>+</c> and 7 to 15 digits, the first not 0. The edge checks country and existence.</summary>
public sealed record PhoneNumber
{
    private PhoneNumber(string value) => Value = value;
    public string Value { get; }

    /// <summary>Masked: <c>+15*******67</c>. Careless code is then safe. Use <see cref="Value"/> for the whole number.</summary>
    public override string ToString() =>
        string.Concat(Value.AsSpan(0, 3), new string('*', Value.Length - 5), Value.AsSpan(Value.Length - 2));

    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out PhoneNumber? number)
    {
        var valid = text is { Length: >= 8 and <= 16 } && text[0] == '+' && text[1] is >= '1' and <= '9'
            && text.AsSpan(2).IndexOfAnyExceptInRange('0', '9') < 0;
        number = valid ? new PhoneNumber(text!) : null;
        return valid;
    }
}
