using Calls.Domain;
using Microsoft.Extensions.Options;

namespace Calls.Api;

/// <summary>The <c>Calls</c> section: the durations and limits of a call. Durations are TimeSpans, such as <c>00:00:30</c>.</summary>
public sealed class CallsOptions
{
    public const string Section = "Calls";

    /// <summary>How long a phone rings: long enough to reach for it, short of most voice mails.</summary>
    public TimeSpan RingTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an answered leg may take into the room before Twilio is asked what became of it.</summary>
    public TimeSpan JoinGrace { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a session may be silent before it is compared with Twilio.</summary>
    public TimeSpan ReviewInterval { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long an ended call can still be seen.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromHours(24);

    /// <summary>People on the line or being rung at once; Twilio's own limit is the default.</summary>
    public int MaxParticipants { get; set; } = 250;

    /// <summary>Calls that one identity may have placed at once. A person needs one or two; more is a loop, or somebody else.</summary>
    public int MaxSessionsPerIdentity { get; set; } = 10;

    public DialingLimits Dialing { get; set; } = new();

    public RequestLimits Limits { get; set; } = new();

    public ShutdownTimes Shutdown { get; set; } = new();

    /// <summary>A directory of secrets, a file for each key; read by <see cref="Lifecycle.SecretFiles"/> before anything else.</summary>
    public string SecretsDirectory { get; set; } = "";

    public Proxies ForwardedHeaders { get; set; } = new();

    /// <summary>What bounds the phones that people add.</summary>
    public sealed class DialingLimits
    {
        /// <summary>Phones added to one session in all.</summary>
        public int PerSession { get; set; } = 50;

        /// <summary>Phones added by one identity within an hour.</summary>
        public int PerIdentityPerHour { get; set; } = 120;
    }

    /// <summary>What bounds requests, counted by each replica for itself.</summary>
    public sealed class RequestLimits
    {
        /// <summary>REST requests of one bearer within a second, in the long run.</summary>
        public int RequestsPerSecond { get; set; } = 20;

        /// <summary>REST requests of one bearer at once, after a pause.</summary>
        public int Burst { get; set; } = 100;

        /// <summary>Streams of live events that one bearer may have open at once. A person has a tab or two; a browser has no more than six connections.</summary>
        public int StreamsPerBearer { get; set; } = 20;

        /// <summary>Webhooks of one address within a minute that Twilio has not signed; what it has signed is never counted.</summary>
        public int UnsignedPerMinute { get; set; } = 60;

        /// <inheritdoc cref="DefaultConnections"/>
        public int Connections { get; set; } = DefaultConnections;

        /// <summary>Connections open at once, the management port's aside. An idle one takes some 20 KB, so all of them 100 MB; two thousand calls with two people who follow each take 4,000.</summary>
        internal const int DefaultConnections = 5_000;
    }

    /// <summary>How the process ends.</summary>
    public sealed class ShutdownTimes
    {
        /// <summary>How long to serve on after SIGTERM, with readiness red. None, since Kubernetes' preStop sleep does it; for a platform that has no such thing.</summary>
        public TimeSpan DrainDelay { get; set; }
    }

    /// <summary>Whose <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> are believed. Nobody's by default.</summary>
    public sealed class Proxies
    {
        /// <summary>Addresses of proxies.</summary>
        public IList<string> KnownProxies { get; } = [];

        /// <summary>Networks of proxies, <c>10.0.0.0/8</c>.</summary>
        public IList<string> KnownNetworks { get; } = [];
    }

    public Application.Ports.Allowances ToAllowances() => new(Dialing.PerIdentityPerHour, MaxSessionsPerIdentity);

    public CallPolicy ToPolicy() => new()
    {
        RingTimeout = RingTimeout,
        JoinGrace = JoinGrace,
        ReviewInterval = ReviewInterval,
        MaxParticipants = MaxParticipants,
        MaxGuests = Dialing.PerSession,
        Recheck = ReviewInterval < TimeSpan.FromSeconds(5) ? ReviewInterval : TimeSpan.FromSeconds(5),
    };

    /// <summary>Says which key is wrong, and what was wrong with it.</summary>
    internal sealed class Validator : IValidateOptions<CallsOptions>
    {
        public ValidateOptionsResult Validate(string? name, CallsOptions options)
        {
            List<string> wrong = [];
            Between(wrong, "RingTimeout", options.RingTimeout, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(595), "Twilio rings for 5 to 600 seconds");
            Between(wrong, "JoinGrace", options.JoinGrace, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5), "a leg takes a second or two into the room");
            Between(wrong, "ReviewInterval", options.ReviewInterval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), "a lost webhook is repaired within this time");
            Between(wrong, "Retention", options.Retention, TimeSpan.FromMinutes(1), TimeSpan.FromDays(30), "an ended call can be seen for this long");
            Between(wrong, "Shutdown:DrainDelay", options.Shutdown.DrainDelay, TimeSpan.Zero, TimeSpan.FromMinutes(2), "load balancers notice within seconds");
            if (options.MaxParticipants is < 2 or > 250)
                wrong.Add($"{Section}:MaxParticipants must be 2 to 250, as Twilio's conferences, and is {options.MaxParticipants}");
            if (options.Dialing.PerSession < 0)
                wrong.Add($"{Section}:Dialing:PerSession must not be negative, and is {options.Dialing.PerSession}");
            if (options.Dialing.PerIdentityPerHour < 0)
                wrong.Add($"{Section}:Dialing:PerIdentityPerHour must not be negative, and is {options.Dialing.PerIdentityPerHour}");
            AtLeastOne(wrong, "MaxSessionsPerIdentity", options.MaxSessionsPerIdentity);
            AtLeastOne(wrong, "Limits:RequestsPerSecond", options.Limits.RequestsPerSecond);
            AtLeastOne(wrong, "Limits:Burst", options.Limits.Burst);
            AtLeastOne(wrong, "Limits:StreamsPerBearer", options.Limits.StreamsPerBearer);
            AtLeastOne(wrong, "Limits:UnsignedPerMinute", options.Limits.UnsignedPerMinute);
            AtLeastOne(wrong, "Limits:Connections", options.Limits.Connections);
            wrong.AddRange(options.ForwardedHeaders.KnownProxies.Where(proxy => !System.Net.IPAddress.TryParse(proxy, out _)).Select(proxy => $"{Section}:ForwardedHeaders:KnownProxies has {proxy}, which is not an IP address"));
            wrong.AddRange(options.ForwardedHeaders.KnownNetworks.Where(network => !System.Net.IPNetwork.TryParse(network, out _)).Select(network => $"{Section}:ForwardedHeaders:KnownNetworks has {network}, which is not a network such as 10.0.0.0/8"));
            return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);
        }

        private static void AtLeastOne(List<string> wrong, string key, int value)
        {
            if (value < 1)
                wrong.Add($"{Section}:{key} must be 1 or more, and is {value}");
        }

        private static void Between(List<string> wrong, string key, TimeSpan value, TimeSpan least, TimeSpan most, string why)
        {
            if (value < least || value > most)
                wrong.Add($"{Section}:{key} must be {least:c} to {most:c} ({why}), and is {value:c}");
        }
    }
}
