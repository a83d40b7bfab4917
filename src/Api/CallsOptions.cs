using System.Net;
using Calls.Application.Reviews;

namespace Calls.Api;

/// <summary>The <c>Calls</c> section: the durations and limits of a call. A duration is a TimeSpan, such as <c>00:00:30</c>.</summary>
public sealed class CallsOptions
{
    public const string Section = "Calls";

    /// <summary>How long a phone rings. The default is long enough to reach the phone and shorter than most voicemails wait.</summary>
    public TimeSpan RingTimeout { get; set; } = TimeSpan.FromSeconds(30);
    /// <summary>How long an answered leg may take to enter the room. Then the service asks Twilio for the leg's state.</summary>
    public TimeSpan JoinGrace { get; set; } = TimeSpan.FromSeconds(15);
    /// <summary>How long a call waits for an app user whose line has dropped. Zero: the call ends at once if one person is left.</summary>
    public TimeSpan RejoinGrace { get; set; } = TimeSpan.Zero;
    /// <summary>How long a call may wait in Twilio's queue, and a dial to be sent. The ring time comes after it.</summary>
    public TimeSpan QueueTimeout { get; set; } = TimeSpan.FromSeconds(60);
    /// <summary>The interval at which the service compares a live session with Twilio.</summary>
    public TimeSpan ReviewInterval { get; set; } = TimeSpan.FromSeconds(60);
    /// <summary>How long an ended session can be seen.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromHours(24);
    /// <summary>The maximum duration of one call. Twilio ends a leg after 4 hours unless it is told otherwise.</summary>
    public TimeSpan MaxDuration { get; set; } = TimeSpan.FromHours(4);
    /// <summary>The maximum number of participants on the line or on the way, in one call. The default is Twilio's own limit.</summary>
    public int MaxParticipants { get; set; } = 250;
    /// <summary>The maximum number of live calls that one identity has placed. A person needs one or two; more is a loop.</summary>
    public int MaxSessionsPerIdentity { get; set; } = 10;
    public const string DefaultIdentityClaim = "sub";
    /// <summary>The claim of a bearer that is the client identity, to the letter.</summary>
    public string IdentityClaim { get; set; } = DefaultIdentityClaim;
    /// <summary>An empty value counts as absent.</summary>
    internal string ClaimOfIdentity => string.IsNullOrWhiteSpace(IdentityClaim) ? DefaultIdentityClaim : IdentityClaim.Trim();
    /// <summary>The maximum number of calls that one identity places within an hour, to phones or app users: two a minute.</summary>
    public int StartsPerIdentityPerHour { get; set; } = 120;
    public DialingLimits Dialing { get; set; } = new();
    public Reconciliation Reconcile { get; set; } = new();
    /// <summary>The groups that can be called, by name.</summary>
    public Dictionary<string, GroupOptions> Groups { get; } = new(StringComparer.OrdinalIgnoreCase);
    public GroupResolverOptions GroupResolver { get; set; } = new();
    /// <summary>Who is rung when a person calls a number of the account: the number, and an identity, a number or a group.</summary>
    public Dictionary<string, string> Inbound { get; } = new(StringComparer.Ordinal);
    /// <summary>The numbers of phones that may not call in.</summary>
    public IList<string> BlockedCallers { get; } = [];
    public ScreeningDefaults Screening { get; set; } = new();
    public PromptOptions Prompts { get; set; } = new();
    public ToneDefaults Tones { get; set; } = new();
    public TrafficLimits Limits { get; set; } = new();
    public ShutdownTimes Shutdown { get; set; } = new();
    public ApiDocumentation Docs { get; set; } = new();
    public BrowserAccess Cors { get; set; } = new();
    /// <summary>A directory of secrets with one file for each key. <see cref="Lifecycle.SecretFiles"/> reads it first.</summary>
    public string SecretsDirectory { get; set; } = "";
    public Proxies ForwardedHeaders { get; set; } = new();

    /// <summary>The limits of phones, called and added together, and of app users who are added.</summary>
    public sealed class DialingLimits
    {
        /// <summary>The maximum number of phones and app users that are added to one session.</summary>
        public int PerSession { get; set; } = 50;
        /// <summary>The maximum number of phones that one identity calls, and of people that it adds, within an hour.</summary>
        public int PerIdentityPerHour { get; set; } = 120;
        /// <summary>The maximum number of phones of one region that the service rings within an hour: a third of the whole.</summary>
        public int PerRegionPerHour { get; set; } = 1_200;
        /// <summary>The maximum number of phones within an hour. By default Twilio starts one call a second.</summary>
        public int PerHour { get; set; } = 3_600;
        /// <summary>The maximum number of calls that the service starts per second, over all replicas. Unset: no limit.</summary>
        public double? CallsPerSecond { get; set; }
    }

    public sealed class Reconciliation
    {
        /// <summary>The interval at which one replica looks for open conferences without a stored session.</summary>
        public TimeSpan Interval { get; set; } = TimeSpan.FromMinutes(10);
    }

    public sealed class ScreeningDefaults
    {
        /// <summary>How phones are screened, added phones and callees: <c>none</c>, <c>machine</c> or <c>press-1</c>.</summary>
        public string Phones { get; set; } = "none";
    }

    public sealed class ToneDefaults
    {
        /// <summary>The country whose tones the caller hears (ISO 3166, such as <c>CH</c>). Empty: the region of the caller id.</summary>
        public string Region { get; set; } = "";
    }

    /// <summary>The limits of requests and connections. Each replica counts for itself.</summary>
    public sealed class TrafficLimits
    {
        /// <summary>REST requests of one bearer per second, on average.</summary>
        public int RequestsPerSecond { get; set; } = 20;
        /// <summary>REST requests that one bearer may send at once after a pause.</summary>
        public int Burst { get; set; } = 100;
        /// <summary>Event streams that one bearer may have open at once. A person uses one or two; a browser has at most six.</summary>
        public int StreamsPerBearer { get; set; } = 20;
        /// <summary>Webhooks without a valid signature that one address may send per minute. Signed webhooks are not counted.</summary>
        public int UnsignedPerMinute { get; set; } = 60;
        /// <summary>Open connections, without those to the management port. An idle connection takes about 20 KB, so 5,000 take 100 MB.
        /// Two thousand calls with two readers each need 4,000.</summary>
        public int Connections { get; set; } = 5_000;
        /// <summary>Open connections of one address, for IPv6 of one network of 64 bits. 0: a quarter of <see cref="Connections"/>. A known
        /// proxy has no such limit.</summary>
        public int ConnectionsPerAddress { get; set; }
        internal int ConnectionsOfAddress => ConnectionsPerAddress > 0 ? ConnectionsPerAddress : Math.Max(1, Connections / 4);
    }

    public sealed class ShutdownTimes
    {
        /// <summary>How long the process serves after SIGTERM, with readiness red. For platforms without a preStop sleep.</summary>
        public TimeSpan DrainDelay { get; set; }
    }

    /// <summary>The pages that describe the REST API.</summary>
    public sealed class ApiDocumentation
    {
        /// <summary>Serves <c>/docs</c> and <c>/openapi/v1.json</c>. Null: only in Development.</summary>
        public bool? Enabled { get; set; }
    }

    /// <summary>The browsers that may use REST.</summary>
    public sealed class BrowserAccess
    {
        /// <summary>The origins of the pages, such as <c>https://app.example.com</c>. None by default.</summary>
        public IList<string> AllowedOrigins { get; } = [];
    }

    /// <summary>The proxies whose <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> the service believes. None by default.</summary>
    public sealed class Proxies
    {
        /// <summary>The addresses, each in one spelling: an IPv4 address that is written as IPv6 is the IPv4 address.</summary>
        internal IEnumerable<IPAddress> ParseAddresses() => KnownProxies.Select(IPAddress.Parse)
            .Select(address => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
        internal IEnumerable<IPNetwork> ParseNetworks() => KnownNetworks.Select(IPNetwork.Parse)
            .Select(network => network.BaseAddress.IsIPv4MappedToIPv6 && network.PrefixLength >= 96
                ? new IPNetwork(network.BaseAddress.MapToIPv4(), network.PrefixLength - 96)
                : network);

        public IList<string> KnownProxies { get; } = [];
        /// <summary>Networks of proxies, such as <c>10.0.0.0/8</c>.</summary>
        public IList<string> KnownNetworks { get; } = [];
    }

    public Allowances ToAllowances() => new(
        MaxSessionsPerIdentity, StartsPerIdentityPerHour, Dialing.PerIdentityPerHour, Dialing.PerRegionPerHour, Dialing.PerHour);
    public ReconcileInterval ToReconcileInterval() => new(Reconcile.Interval);
    public StartRate ToStartRate() => new(Dialing.CallsPerSecond);
    public CallPolicy ToPolicy() => new()
    {
        RingTimeout = RingTimeout,
        QueueTimeout = QueueTimeout,
        JoinGrace = JoinGrace,
        RejoinGrace = RejoinGrace,
        ReviewInterval = ReviewInterval,
        MaxDuration = MaxDuration,
        MaxParticipants = MaxParticipants,
        MaxGuests = Dialing.PerSession,
        ScreenPhones = ScreenNames.TryParse(Screening.Phones, out var screen) ? screen : Domain.Screening.None,
        LeavesMessage = Prompts.HasMessage,
        Recheck = ReviewInterval < TimeSpan.FromSeconds(5) ? ReviewInterval : TimeSpan.FromSeconds(5),
    };

    /// <summary>Names each key whose value is out of range, and the range.</summary>
    internal sealed class Validator : IValidateOptions<CallsOptions>
    {
        public ValidateOptionsResult Validate(string? name, CallsOptions options)
        {
            string?[] failures =
            [
                Between("RingTimeout", options.RingTimeout, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(595)),
                Between("QueueTimeout", options.QueueTimeout, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(30)),
                Between("JoinGrace", options.JoinGrace, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5)),
                Between("RejoinGrace", options.RejoinGrace, TimeSpan.Zero, TimeSpan.FromMinutes(5)),
                Between("ReviewInterval", options.ReviewInterval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
                Between("Retention", options.Retention, TimeSpan.FromMinutes(1), TimeSpan.FromDays(30)),
                Between("Shutdown:DrainDelay", options.Shutdown.DrainDelay, TimeSpan.Zero, TimeSpan.FromMinutes(2)),
                Between("MaxDuration", options.MaxDuration, TimeSpan.FromMinutes(1), TimeSpan.FromHours(24)),
                Between("MaxParticipants", options.MaxParticipants, 2, 250),
                Between("MaxSessionsPerIdentity", options.MaxSessionsPerIdentity, 1, int.MaxValue),
                Between("StartsPerIdentityPerHour", options.StartsPerIdentityPerHour, 1, int.MaxValue),
                Between("Reconcile:Interval", options.Reconcile.Interval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(24)),
                Between("Dialing:PerSession", options.Dialing.PerSession, 0, int.MaxValue),
                Between("Dialing:PerIdentityPerHour", options.Dialing.PerIdentityPerHour, 0, int.MaxValue),
                Between("Dialing:PerRegionPerHour", options.Dialing.PerRegionPerHour, 0, int.MaxValue),
                Between("Dialing:PerHour", options.Dialing.PerHour, 0, int.MaxValue),
                Between("Dialing:CallsPerSecond", options.Dialing.CallsPerSecond ?? 1, 0.01, 1_000),
                ScreenNames.TryParse(options.Screening.Phones, out _) ? null
                    : $"{Section}:Screening:Phones is \"{options.Screening.Phones}\"; it must be none, machine or press-1.",
                .. CalledGroups.Failures(options),
                .. options.GroupResolver.Failures(),
                .. InboundNumbers.Failures(options),
                .. options.Prompts.Failures(),
                string.IsNullOrWhiteSpace(options.Tones.Region) || PhoneNumbers.IsRegion(options.Tones.Region.Trim()) ? null
                    : $"{Section}:Tones:Region is \"{options.Tones.Region}\"; it must be a country such as CH (ISO 3166).",
                Between("Limits:RequestsPerSecond", options.Limits.RequestsPerSecond, 1, int.MaxValue),
                Between("Limits:Burst", options.Limits.Burst, 1, int.MaxValue),
                Between("Limits:StreamsPerBearer", options.Limits.StreamsPerBearer, 1, int.MaxValue),
                Between("Limits:UnsignedPerMinute", options.Limits.UnsignedPerMinute, 1, int.MaxValue),
                Between("Limits:Connections", options.Limits.Connections, 1, int.MaxValue),
                Between("Limits:ConnectionsPerAddress", options.Limits.ConnectionsPerAddress, 0, int.MaxValue),
                .. options.Cors.AllowedOrigins.Where(origin => !BrowserOrigins.IsOrigin(origin)).Select(origin =>
                    $"{Section}:Cors:AllowedOrigins has \"{origin}\", not an origin: a scheme, a host and perhaps a port, such as "
                    + "https://app.example.com, without a path or a slash at the end."),
                .. options.ForwardedHeaders.KnownProxies.Where(proxy => !IPAddress.TryParse(proxy, out _))
                    .Select(proxy => $"{Section}:ForwardedHeaders:KnownProxies has \"{proxy}\", not an IP address."),
                .. options.ForwardedHeaders.KnownNetworks.Where(network => !IPNetwork.TryParse(network, out _))
                    .Select(network => $"{Section}:ForwardedHeaders:KnownNetworks has \"{network}\", not a network such as 10.0.0.0/8."),
            ];
            var found = failures.OfType<string>().ToList();
            return found.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(found);
        }

        private static string? Between<T>(string key, T value, T least, T most) where T : IComparable<T> =>
            value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0
                ? null : $"{Section}:{key} is {value}; it must be from {least} to {most}.";
    }
}
