namespace Calls.Infrastructure.Twilio;

/// <summary>The account at Twilio and the address under which Twilio reaches this service.</summary>
public sealed class TwilioOptions
{
    public const string Section = "Twilio";
    public const string PublicBaseUrlKey = "PublicBaseUrl";

    /// <summary>The origin of the webhook URLs. Signatures are checked against it. Its key is outside the section.</summary>
    public string PublicBaseUrl { get; set; } = "";
    /// <summary>The default of the auth tokens of <see cref="Client"/> and <see cref="RequestValidation"/>, as in Twilio.AspNet.</summary>
    public string AuthToken { get; set; } = "";
    public TwilioClientOptions Client { get; set; } = new();
    public TwilioRequestValidationOptions RequestValidation { get; set; } = new();
    public TwilioVoiceOptions Voice { get; set; } = new();
}

/// <summary>Credentials and host of Twilio's REST API (twilio.com/docs/iam/api-keys, twilio.com/docs/global-infrastructure).</summary>
public sealed class TwilioClientOptions
{
    public string AccountSid { get; set; } = "";
    public string AuthToken { get; set; } = "";
    /// <summary>An API key is a SID and a secret. REST uses it instead of the auth token, and it signs access tokens.</summary>
    public string ApiKeySid { get; set; } = "";
    public string ApiKeySecret { get; set; } = "";
    /// <summary>For instance <c>ie1</c>. An API key belongs to one region.</summary>
    public string Region { get; set; } = "";
    /// <summary>For instance <c>dublin</c>. Empty: the region's own edge.</summary>
    public string Edge { get; set; } = "";
    /// <summary>Replaces the host that follows from region and edge: for a proxy or an emulator.</summary>
    public string ApiBaseUrl { get; set; } = "";
    /// <summary>How many reads of the REST API run at once, for each replica. It limits how many live calls a replica can compare with
    /// Twilio in time (docs/performance.md).</summary>
    public int ReadPermits { get; set; } = DefaultReadPermits;

    internal const int DefaultReadPermits = 32;

    public bool HasApiKey => ApiKeySid.Length > 0 && ApiKeySecret.Length > 0;
    /// <summary>The user and password of HTTP Basic.</summary>
    internal (string User, string Password) Credentials => HasApiKey ? (ApiKeySid, ApiKeySecret) : (AccountSid, AuthToken);
    /// <summary>The beginning of every URL of the REST API, without a slash at the end: <c>https://api.twilio.com</c>.</summary>
    internal string BaseUrl => (ApiBaseUrl, Region, Edge) switch
    {
        ({ Length: > 0 }, _, _) => ApiBaseUrl.TrimEnd('/'),
        (_, "", "") => "https://api.twilio.com",
        (_, "", _) => $"https://api.{Edge}.us1.twilio.com",
        (_, _, "") => $"https://api.{EdgeOf(Region)}.{Region}.twilio.com",
        _ => $"https://api.{Edge}.{Region}.twilio.com",
    };

    /// <summary>The edge of a region; null if the region is not known here.</summary>
    internal static string? EdgeOf(string region) =>
        region switch { "us1" => "ashburn", "ie1" => "dublin", "au1" => "sydney", "jp1" => "tokyo", _ => null };
}

/// <summary>The secrets with which <c>X-Twilio-Signature</c> is checked (twilio.com/docs/usage/security).</summary>
public sealed class TwilioRequestValidationOptions
{
    public string AuthToken { get; set; } = "";
    /// <summary>A second auth token that is accepted too, during a rotation.</summary>
    public string SecondaryAuthToken { get; set; } = "";
    /// <summary>Twilio's shared keys by the id that <c>X-Twilio-Webhooks-Signature-Settings</c> names. Empty: the feature is off.</summary>
    public IDictionary<string, string> SharedKeys { get; } = new Dictionary<string, string>(StringComparer.Ordinal);
    /// <summary>All auth tokens that may sign a request.</summary>
    public IReadOnlyCollection<string> Tokens => SecondaryAuthToken.Length > 0 ? [AuthToken, SecondaryAuthToken] : [AuthToken];
}

/// <summary>The settings of calls and of access tokens.</summary>
public sealed class TwilioVoiceOptions
{
    /// <summary>The TwiML App that the bearer of an access token may call. Only access tokens need it.</summary>
    public string ApplicationSid { get; set; } = "";
    /// <summary>The number from which phones are rung: a Twilio number or a verified number, in E.164.</summary>
    public string CallerId { get; set; } = "";
    /// <summary>The lifetime of an access token. An hour is the default of Twilio's libraries. Twilio allows a day at most.</summary>
    public TimeSpan TokenTtl { get; set; } = TimeSpan.FromHours(1);
    public PushCredentials PushCredentialSids { get; set; } = new();

    /// <summary>The push credentials with which Twilio wakes an app that is not running (twilio.com/docs/voice/sdks, Push Credentials).
    /// </summary>
    public sealed class PushCredentials
    {
        /// <summary>The credential of Apple's VoIP push service.</summary>
        public string Ios { get; set; } = "";
        /// <summary>The credential of Firebase Cloud Messaging.</summary>
        public string Android { get; set; } = "";
    }
}

/// <summary>Reads the section. For a key that is empty it reads the variable that the Twilio CLI or the tutorial's service uses.</summary>
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

/// <summary>Makes the settings at the start and after each change. If a change is not valid, the last valid settings stay in use.</summary>
/// <remarks>A rotation may change several files one after another. Webhooks and REST requests between two changes must not fail.</remarks>
internal sealed partial class TwilioOptionsFactory(
    IEnumerable<IConfigureOptions<TwilioOptions>> setups, IEnumerable<IPostConfigureOptions<TwilioOptions>> postSetups,
    IEnumerable<IValidateOptions<TwilioOptions>> validators, ILogger<TwilioOptionsFactory> logger) : IOptionsFactory<TwilioOptions>
{
    private readonly OptionsFactory<TwilioOptions> factory = new(setups, postSetups, validators);
    private volatile TwilioOptions? lastValid;

    public TwilioOptions Create(string name)
    {
        try
        {
            return lastValid = factory.Create(name);
        }
        catch (OptionsValidationException e) when (lastValid is { } valid)
        {
            Log.NotValid(logger, string.Join(' ', e.Failures));
            return valid;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(5003, LogLevel.Error,
            "The changed settings of Twilio are not valid, so the last valid settings stay in use: {Failures}")]
        public static partial void NotValid(ILogger logger, string failures);
    }
}

/// <summary>Names every key that is missing or malformed. It never shows the value of a secret.</summary>
internal sealed class TwilioOptionsValidator : IValidateOptions<TwilioOptions>
{
    /// <summary>Twilio's secrets have 32 characters. HMAC-SHA256, which signs access tokens, takes no shorter key.</summary>
    private const int ShortestSecret = 32;
    private static readonly TimeSpan LongestToken = TimeSpan.FromHours(24);

    public ValidateOptionsResult Validate(string? name, TwilioOptions options)
    {
        var emptyKeys = options.RequestValidation.SharedKeys.Where(key => string.IsNullOrWhiteSpace(key.Value)).Select(key =>
            $"Twilio:RequestValidation:SharedKeys:{key.Key} is empty: the shared key that Twilio signs webhooks with is needed.");
        List<string> failures = [.. Rules(options).Where(rule => rule.IsBroken).Select(rule => rule.Failure), .. emptyKeys];
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static (bool IsBroken, string Failure)[] Rules(TwilioOptions options)
    {
        var (client, voice, publicUrl) = (options.Client, options.Voice, HttpUrl(options.PublicBaseUrl));
        return
        [
            (client.AccountSid.Length == 0,
                "Twilio:Client:AccountSid (or TWILIO_ACCOUNT_SID) is missing: AC and 32 hexadecimal digits, from the Twilio console."),
            (IsMalformed(client.AccountSid, "AC"), "Twilio:Client:AccountSid is not an account SID: AC and 32 hexadecimal digits."),
            (client.ApiKeySid.Length > 0 != client.ApiKeySecret.Length > 0,
                $"Twilio:Client:{(client.ApiKeySid == "" ? "ApiKeySid" : "ApiKeySecret")} is missing: an API key is a SID and a secret."),
            (client.HasApiKey && IsMalformed(client.ApiKeySid, "SK"),
                "Twilio:Client:ApiKeySid is not an API key's SID: SK and 32 hexadecimal digits."),
            (client.HasApiKey && client.ApiKeySecret.Length < ShortestSecret,
                $"Twilio:Client:ApiKeySecret is not an API key's secret: it has fewer than {ShortestSecret} characters."),
            (client is { ApiKeySid: "", ApiKeySecret: "", AuthToken: "" },
                "Twilio:Client:AuthToken (or Twilio:AuthToken, or TWILIO_AUTH_TOKEN) is missing, and so is an API key " +
                "(Twilio:Client:ApiKeySid and ApiKeySecret): one of them is needed for Twilio's REST API."),
            (options.RequestValidation.AuthToken.Length == 0,
                "Twilio:RequestValidation:AuthToken (or Twilio:AuthToken, or TWILIO_AUTH_TOKEN) is missing: " +
                "it is needed to check the signatures of webhooks. An API key cannot be used for this."),
            (voice.CallerId.Length == 0,
                "Twilio:Voice:CallerId (or MY_TWILIO_PHONE_NUMBER) is missing: " +
                "the number from which phones are rung, in E.164, for instance +15551234567."),
            (voice.CallerId.Length > 0 && !PhoneNumber.TryParse(voice.CallerId, out _),
                "Twilio:Voice:CallerId is not a number in E.164: + and 7 to 15 digits, without spaces."),
            (IsMalformed(voice.ApplicationSid, "AP"),
                "Twilio:Voice:ApplicationSid is not a TwiML App's SID: AP and 32 hexadecimal digits."),
            (IsMalformed(voice.PushCredentialSids.Ios, "CR"),
                "Twilio:Voice:PushCredentialSids:ios is not a push credential's SID: CR and 32 hexadecimal digits."),
            (IsMalformed(voice.PushCredentialSids.Android, "CR"),
                "Twilio:Voice:PushCredentialSids:android is not a push credential's SID: CR and 32 hexadecimal digits."),
            (voice.TokenTtl <= TimeSpan.Zero || voice.TokenTtl > LongestToken,
                $"Twilio:Voice:TokenTtl is {voice.TokenTtl}: " +
                $"it must be more than zero and at most {LongestToken.TotalHours:0} hours, for instance 01:00:00."),
            (client.ReadPermits is < 1 or > 1000, $"Twilio:Client:ReadPermits is {client.ReadPermits}: it must be 1 to 1000."),
            (client.ApiBaseUrl.Length > 0 && HttpUrl(client.ApiBaseUrl) is null, "Twilio:Client:ApiBaseUrl is not an http or https URL."),
            (client is { ApiBaseUrl: "", Region.Length: > 0, Edge: "" } && TwilioClientOptions.EdgeOf(client.Region) is null,
                $"Twilio:Client:Edge is missing: the service does not know the edge of the region {client.Region}, " +
                "only those of us1, ie1, au1 and jp1."),
            (!(client.Region + client.Edge).All(c => char.IsAsciiLetterOrDigit(c) || c == '-'),
                "Twilio:Client:Region and Twilio:Client:Edge are names such as ie1 and dublin: letters, digits and hyphens."),
            (options.PublicBaseUrl.Length == 0,
                "PublicBaseUrl (or MY_URL) is missing: the origin under which Twilio reaches this service, " +
                "for instance https://calls.example.com."),
            (options.PublicBaseUrl.Length > 0 && publicUrl is not { PathAndQuery: "/", Fragment: "", UserInfo: "" },
                "PublicBaseUrl is not an http or https origin: it must have a scheme, a host and perhaps a port, " +
                "but no path, no query and no credentials."),
            (publicUrl?.Host.Contains('_', StringComparison.Ordinal) is true,
                "PublicBaseUrl has an underscore in its host name. Twilio does not accept that in callback URLs."),
        ];
    }

    private static Uri? HttpUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme is "http" or "https") ? url : null;

    private static bool IsMalformed(string sid, string prefix) => sid.Length > 0
        && !(sid.Length == 34 && sid.StartsWith(prefix, StringComparison.Ordinal) && sid.Skip(2).All(char.IsAsciiHexDigit));
}
