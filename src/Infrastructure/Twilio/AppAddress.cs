namespace Calls.Infrastructure.Twilio;

/// <summary>The address under which Twilio rings an app user. Its parameters tell the app the call before the person answers:
/// <c>client:bob?SessionID=s-42&amp;CallerIdentity=alice</c>. The Voice SDK hands them to the app as custom parameters.</summary>
/// <remarks>twilio.com/docs/voice/api/call-resource, <c>To</c>. The service sends only values that it has set or checked
/// itself.</remarks>
public static class AppAddress
{
    public const string SessionParameter = "SessionID";
    /// <summary>The identity of the caller, or the number of a caller who calls from a phone. Missing if it is not known.</summary>
    public const string CallerParameter = "CallerIdentity";
    /// <summary>The longest name and value of a parameter in bytes, as Twilio limits them. The encoded value counts, because Twilio does
    /// not say which form it measures.</summary>
    public const int MaxName = 32, MaxValue = 128;

    public static string Of(ClientIdentity app, SessionId session, Party? caller) =>
        $"{app.Address}?{SessionParameter}={Encode(session.Value)}" + (ValueOf(caller) is { } value ? $"&{CallerParameter}={value}" : "");

    /// <summary>The address without its parameters.</summary>
    public static string Bare(string address) => address.Split('?')[0];

    /// <summary>Whether the parameters of this call are as short as Twilio wants them.</summary>
    public static bool Fits(SessionId session, Party? caller) =>
        Encode(session.Value).Length <= MaxValue && (ValueOf(caller)?.Length ?? 0) <= MaxValue;

    private static string? ValueOf(Party? caller) => caller switch
    {
        Party.Client client => Encode(client.Identity.Value),
        Party.Phone phone => Encode(phone.Number.Value),
        _ => null,
    };

    /// <summary>Percent-encoded, except for <c>:</c>, which RFC 3986 allows in a query. So every session id is short enough.</summary>
    private static string Encode(string value) => Uri.EscapeDataString(value).Replace("%3A", ":", StringComparison.Ordinal);
}
