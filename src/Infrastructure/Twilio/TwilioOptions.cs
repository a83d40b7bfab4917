using Calls.Domain;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Calls.Infrastructure.Twilio;

/// <summary>The account at Twilio, and where Twilio reaches us.</summary>
public sealed class TwilioOptions
{
    public const string Section = "Twilio";

    public const string PublicBaseUrlKey = "PublicBaseUrl";

    /// <summary>The origin that Twilio was given for its webhooks; signatures are checked against it. A key of its own, outside the section.</summary>
    public string PublicBaseUrl { get; set; } = "";

    /// <summary>Serves where <see cref="TwilioClientOptions.AuthToken"/> or <see cref="TwilioRequestValidationOptions.AuthToken"/> is empty, as in Twilio.AspNet.</summary>
    public string AuthToken { get; set; } = "";

    public TwilioClientOptions Client { get; set; } = new();

    public TwilioRequestValidationOptions RequestValidation { get; set; } = new();

    public TwilioVoiceOptions Voice { get; set; } = new();
}

/// <summary>How we reach Twilio's REST API (twilio.com/docs/iam/api-keys, twilio.com/docs/global-infrastructure).</summary>
public sealed class TwilioClientOptions
{
    public string AccountSid { get; set; } = "";

    public string AuthToken { get; set; } = "";

    /// <summary>With <see cref="ApiKeySecret"/>: used for REST instead of the auth token, and to sign access tokens.</summary>
    public string ApiKeySid { get; set; } = "";

    public string ApiKeySecret { get; set; } = "";

    /// <summary>For instance <c>ie1</c>; an API key belongs to one region.</summary>
    public string Region { get; set; } = "";

    /// <summary>For instance <c>dublin</c>; the region's own where it is empty.</summary>
    public string Edge { get; set; } = "";

    /// <summary>Replaces the host that region and edge make: a proxy, an emulator.</summary>
    public string ApiBaseUrl { get; set; } = "";

    public bool HasApiKey => ApiKeySid.Length > 0 && ApiKeySecret.Length > 0;

    /// <summary>The user and password of HTTP Basic.</summary>
    internal (string User, string Password) Credentials => HasApiKey ? (ApiKeySid, ApiKeySecret) : (AccountSid, AuthToken);

    /// <summary>Everything that we ask for lies below this: <c>https://api.twilio.com/2010-04-01/Accounts/AC…</c>.</summary>
    internal Uri AccountUrl => new($"{Host.TrimEnd('/')}/2010-04-01/Accounts/{AccountSid}");

    /// <summary>The edge of a region where none is named; null where we do not know the region.</summary>
    internal static string? EdgeOf(string region) => region switch
    {
        "us1" => "ashburn",
        "ie1" => "dublin",
        "au1" => "sydney",
        "jp1" => "tokyo",
        _ => null,
    };

    private string Host => (ApiBaseUrl, Region, Edge) switch
    {
        ({ Length: > 0 }, _, _) => ApiBaseUrl,
        (_, "", "") => "https://api.twilio.com",
        (_, "", _) => $"https://api.{Edge}.us1.twilio.com",
        (_, _, "") => $"https://api.{EdgeOf(Region)}.{Region}.twilio.com",
        _ => $"https://api.{Edge}.{Region}.twilio.com",
    };
}

/// <summary>What <c>X-Twilio-Signature</c> is checked with (twilio.com/docs/usage/security).</summary>
public sealed class TwilioRequestValidationOptions
{
    public string AuthToken { get; set; } = "";

    /// <summary>Accepted too: the other token while the primary one is being exchanged.</summary>
    public string SecondaryAuthToken { get; set; } = "";

    /// <summary>Twilio's shared keys: the key by its id, as <c>X-Twilio-Webhooks-Signature-Settings</c> names it. Empty: the feature is off.</summary>
    public IDictionary<string, string> SharedKeys { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Every token that a request may be signed with.</summary>
    public IReadOnlyCollection<string> Tokens => SecondaryAuthToken.Length > 0 ? [AuthToken, SecondaryAuthToken] : [AuthToken];
}

/// <summary>Calls and access tokens.</summary>
public sealed class TwilioVoiceOptions
{
    /// <summary>The TwiML App that an access token lets its bearer call; needed for tokens alone.</summary>
    public string ApplicationSid { get; set; } = "";

    /// <summary>The number that phones are rung from: a Twilio number or a verified one, in E.164.</summary>
    public string CallerId { get; set; } = "";

    /// <summary>How long an access token is good for. An hour, as in Twilio's libraries; Twilio allows a day.</summary>
    public TimeSpan TokenTtl { get; set; } = TimeSpan.FromHours(1);
}

/// <summary>Reads the section, and where a key is empty the variable that the Twilio CLI and the seed know for it.</summary>
internal sealed class TwilioOptionsSetup(IConfiguration configuration) : IConfigureOptions<TwilioOptions>
{
    public void Configure(TwilioOptions options)
    {
        configuration.GetSection(TwilioOptions.Section).Bind(options);
        options.PublicBaseUrl = First(configuration[TwilioOptions.PublicBaseUrlKey], configuration["MY_URL"]);
        options.AuthToken = First(options.AuthToken, configuration["TWILIO_AUTH_TOKEN"]);
        options.Client.AccountSid = First(options.Client.AccountSid, configuration["TWILIO_ACCOUNT_SID"]);
        options.Client.AuthToken = First(options.Client.AuthToken, options.AuthToken);
        options.RequestValidation.AuthToken = First(options.RequestValidation.AuthToken, options.AuthToken);
        options.Voice.CallerId = First(options.Voice.CallerId, configuration["MY_TWILIO_PHONE_NUMBER"]);
    }

    private static string First(string? key, string? variable) => (string.IsNullOrWhiteSpace(key) ? variable ?? "" : key).Trim();
}

/// <summary>Names every key that is missing or malformed, never the value of a secret.</summary>
internal sealed class TwilioOptionsValidator : IValidateOptions<TwilioOptions>
{
    private static readonly TimeSpan LongestToken = TimeSpan.FromHours(24);

    public ValidateOptionsResult Validate(string? name, TwilioOptions options)
    {
        var failures = Failures(options).ToList();
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static IEnumerable<string> Failures(TwilioOptions options)
    {
        var (client, voice) = (options.Client, options.Voice);
        if (client.AccountSid.Length == 0)
            yield return "Twilio:Client:AccountSid (or TWILIO_ACCOUNT_SID) is missing: AC and 32 hexadecimal digits, from the Twilio console.";
        else if (!IsSid(client.AccountSid, "AC"))
            yield return "Twilio:Client:AccountSid is not an account SID: AC and 32 hexadecimal digits.";

        if (client.ApiKeySid.Length > 0 != client.ApiKeySecret.Length > 0)
            yield return $"Twilio:Client:{(client.ApiKeySid.Length > 0 ? "ApiKeySecret" : "ApiKeySid")} is missing: an API key is a SID and a secret.";
        else if (client.HasApiKey && !IsSid(client.ApiKeySid, "SK"))
            yield return "Twilio:Client:ApiKeySid is not an API key's SID: SK and 32 hexadecimal digits.";
        else if (!client.HasApiKey && client.AuthToken.Length == 0)
            yield return "Twilio:Client:AuthToken (or Twilio:AuthToken, or TWILIO_AUTH_TOKEN) is missing, and so is an API key (Twilio:Client:ApiKeySid and ApiKeySecret): one of them is needed to call Twilio.";

        if (options.RequestValidation.AuthToken.Length == 0)
            yield return "Twilio:RequestValidation:AuthToken (or Twilio:AuthToken, or TWILIO_AUTH_TOKEN) is missing: without it no webhook's signature can be checked. An API key does not serve for this.";
        foreach (var id in options.RequestValidation.SharedKeys.Where(key => string.IsNullOrWhiteSpace(key.Value)).Select(key => key.Key))
            yield return $"Twilio:RequestValidation:SharedKeys:{id} is empty: the shared key that Twilio signs webhooks with is needed.";

        if (voice.CallerId.Length == 0)
            yield return "Twilio:Voice:CallerId (or MY_TWILIO_PHONE_NUMBER) is missing: the number that phones are rung from, in E.164, for instance +15551234567.";
        else if (!PhoneNumber.TryParse(voice.CallerId, out _))
            yield return "Twilio:Voice:CallerId is not a number in E.164: + and 7 to 15 digits, without spaces.";

        if (voice.ApplicationSid.Length > 0 && !IsSid(voice.ApplicationSid, "AP"))
            yield return "Twilio:Voice:ApplicationSid is not a TwiML App's SID: AP and 32 hexadecimal digits.";
        if (voice.TokenTtl <= TimeSpan.Zero || voice.TokenTtl > LongestToken)
            yield return $"Twilio:Voice:TokenTtl is {voice.TokenTtl}: more than nothing and at most {LongestToken.TotalHours:0} hours, for instance 01:00:00.";

        if (client.ApiBaseUrl.Length > 0 && !IsHttp(client.ApiBaseUrl, out _))
            yield return "Twilio:Client:ApiBaseUrl is not an http or https URL.";
        if (client is { ApiBaseUrl: "", Region.Length: > 0, Edge: "" } && TwilioClientOptions.EdgeOf(client.Region) is null)
            yield return $"Twilio:Client:Edge is missing: the edge of region {client.Region} is not known here (us1, ie1, au1 and jp1 are).";
        if (!IsLabel(client.Region) || !IsLabel(client.Edge))
            yield return "Twilio:Client:Region and Twilio:Client:Edge are names such as ie1 and dublin: letters, digits and hyphens.";

        if (options.PublicBaseUrl.Length == 0)
            yield return "PublicBaseUrl (or MY_URL) is missing: the origin under which Twilio reaches this service, for instance https://calls.example.com.";
        else if (!IsHttp(options.PublicBaseUrl, out var url) || url.PathAndQuery != "/" || url.Fragment.Length > 0 || url.UserInfo.Length > 0)
            yield return "PublicBaseUrl is not an http or https origin: scheme, host and port alone, without path, query or credentials.";
        else if (url.Host.Contains('_', StringComparison.Ordinal))
            yield return "PublicBaseUrl has an underscore in its host name, which Twilio does not accept in callback URLs.";
    }

    private static bool IsHttp(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Uri? url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps);

    private static bool IsLabel(string text) => text.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static bool IsSid(string text, string prefix) =>
        text.Length == 34 && text.StartsWith(prefix, StringComparison.Ordinal) && text.AsSpan(2).ContainsAnyExcept(Hex) is false;

    private static readonly System.Buffers.SearchValues<char> Hex = System.Buffers.SearchValues.Create("0123456789abcdefABCDEF");
}
