namespace Calls.Sandbox.Twilio;

/// <summary>What the emulated account is, and where Twilio's behaviour is undocumented or a matter of settings.</summary>
public sealed record TwilioEmulatorOptions
{
    public string AccountSid { get; init; } = "AC00000000000000000000000000005a4d";

    public string AuthToken { get; init; } = "sandbox-auth-token";

    public string? ApiKeySid { get; init; }

    public string? ApiKeySecret { get; init; }

    public string ApplicationSid { get; init; } = "AP00000000000000000000000000005a4d";

    /// <summary>The TwiML App's Voice URL, with which method it is asked, its fallback and its status callback.</summary>
    public Uri? VoiceUrl { get; set; }

    public string VoiceMethod { get; init; } = "POST";

    public Uri? VoiceFallbackUrl { get; init; }

    public Uri? AppStatusCallback { get; init; }

    /// <summary>Seeds every SID, token and random fault.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>The port of the REST API; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>The first SequenceNumber of a conference: 0 or 1, which Twilio does not document; null draws one for each conference.</summary>
    public int? FirstSequenceNumber { get; init; }

    /// <summary>Whether a conference that is ended over REST lets its legs go on with their TwiML; Twilio's texts disagree.</summary>
    public bool ConferenceEndRunsTwiml { get; init; } = true;

    /// <summary>What Twilio adds to a ring time-out.</summary>
    public TimeSpan RingBuffer { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From a create to <c>initiated</c>, and from there to <c>ringing</c>.</summary>
    public TimeSpan SetUpTime { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long <c>Say</c> and <c>Play</c> take.</summary>
    public TimeSpan SpeechTime { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a second of <c>Pause</c> takes.</summary>
    public TimeSpan PauseSecond { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long until Twilio notices that an app has vanished without a word.</summary>
    public TimeSpan DropNoticedAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Twilio's ceiling on every call-related request, connect and read (twilio.com/docs/usage/webhooks/webhooks-connection-overrides).</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Between the tries of a webhook.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Most legs in one conference.</summary>
    public int MaxParticipants { get; init; } = 250;

    /// <summary>Numbers that Twilio refuses when they are to be rung, and with which error code.</summary>
    public IReadOnlyDictionary<string, int> RefusedNumbers { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <summary>Entries of the journal that are kept.</summary>
    public int JournalCapacity { get; init; } = 200_000;
}
