namespace Calls.Sandbox.Twilio;

/// <summary>What Twilio does with the legs of a conference that <c>Status=completed</c> ended: its documents disagree.</summary>
public enum ConferenceEndedViaApi
{
    /// <summary>Each <c>&lt;Dial&gt;</c> completes: its action, else the next verb, else a hang-up. Legs added by REST are hung up.</summary>
    RunTwiml,

    /// <summary>Every leg is hung up.</summary>
    Hangup,
}

/// <summary>What becomes of a leg that is still ringing towards a conference which has ended (not documented).</summary>
public enum RingingAfterTheEnd
{
    /// <summary>It rings on until somebody stops it; whoever answers is hung up on. The harder case, hence the default.</summary>
    KeepsRinging,

    /// <summary>Twilio cancels it.</summary>
    IsCanceled,
}

/// <summary>What the emulated account is, its timings, and the choices where Twilio's behaviour is not documented.</summary>
public sealed record TwilioEmulatorOptions
{
    /// <summary>The REST API's port on 127.0.0.1; 0: any free one.</summary>
    public int Port { get; init; }

    /// <summary>Seeds SIDs, tokens, sequence starts and the chance in faults.</summary>
    public int Seed { get; init; } = 1;

    public string AccountSid { get; init; } = "AC5eed0000000000000000000000000000";

    /// <summary>Authenticates REST requests and signs webhooks.</summary>
    public string AuthToken { get; init; } = "5eed0000000000000000000000000001";

    public string ApiKeySid { get; init; } = "SK5eed0000000000000000000000000002";

    public string ApiKeySecret { get; init; } = "5eed0000000000000000000000000003";

    /// <summary>The TwiML App behind the Voice SDK's calls (twilio.com/docs/usage/api/applications).</summary>
    public string ApplicationSid { get; init; } = "AP5eed0000000000000000000000000004";

    /// <summary>Asked for TwiML when a client calls; may be set after the start, and may carry connection overrides in its fragment.</summary>
    public Uri? VoiceUrl { get; set; }

    public string VoiceMethod { get; set; } = "POST";

    /// <summary>Asked where TwiML cannot be had, or is wrong.</summary>
    public Uri? VoiceFallbackUrl { get; set; }

    /// <summary>Asked once, when the leg of a client that called has ended.</summary>
    public Uri? AppStatusCallback { get; set; }

    /// <summary>Numbers that may be a <c>From</c>; empty: every valid number may.</summary>
    public IReadOnlyCollection<string> OwnedNumbers { get; init; } = [];

    /// <summary>Destinations that a create refuses, with the error code; the defaults are Twilio's magic test numbers.</summary>
    public IReadOnlyDictionary<string, int> RefusedNumbers { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["+15005550001"] = 21211,
        ["+15005550002"] = 21214,
        ["+15005550003"] = 21215,
        ["+15005550004"] = 21216,
    };

    /// <summary>How many calls leave the queue each second; null: as many as there are. Twilio's own default is 1.</summary>
    public double? CallsPerSecond { get; init; }

    /// <summary>How many REST requests may run at once before 429; null: any number.</summary>
    public int? MaxConcurrentRequests { get; init; }

    /// <summary>From <c>queued</c> to <c>initiated</c>.</summary>
    public TimeSpan QueueDelay { get; init; } = TimeSpan.Zero;

    /// <summary>From <c>initiated</c> to <c>ringing</c>, or to the failure of the destination.</summary>
    public TimeSpan RingDelay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>What Twilio adds to every <c>Timeout</c>.</summary>
    public TimeSpan RingBuffer { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long Twilio takes to notice a phone that vanished without a word.</summary>
    public TimeSpan DropNoticedAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a <c>&lt;Say&gt;</c> or <c>&lt;Play&gt;</c> takes.</summary>
    public TimeSpan SpeechTime { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a <c>&lt;Say&gt;</c> or <c>&lt;Play&gt;</c> takes in a waitUrl's or HoldUrl's document, which often asks for itself again.</summary>
    public TimeSpan WaitPlayTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Multiplies the length of <c>&lt;Pause&gt;</c>.</summary>
    public double PauseScale { get; init; } = 1;

    /// <summary>Multiplies the webhook time-outs (connect 5 s, read 15 s, total 15 s), so that a test need not wait for them.</summary>
    public double WebhookTimeScale { get; init; } = 1;

    /// <summary>The first SequenceNumber of a conference, 0 or 1; null: either, by the seed. Twilio does not say which.</summary>
    public int? FirstSequenceNumber { get; init; }

    /// <summary>Whether <c>conference-start</c> is fired before the join that caused it.</summary>
    public bool StartBeforeSecondJoin { get; init; }

    public ConferenceEndedViaApi ConferenceEndedViaApi { get; init; } = ConferenceEndedViaApi.RunTwiml;

    public RingingAfterTheEnd RingingAfterTheEnd { get; init; } = RingingAfterTheEnd.KeepsRinging;

    /// <summary>How a declined client leg ends: <c>busy</c> with 486 (recorded), or <c>no-answer</c> with 480.</summary>
    public bool DeclineIsBusy { get; init; } = true;

    /// <summary>How many entries the journal keeps; older ones are dropped and counted.</summary>
    public int JournalCapacity { get; init; } = 200_000;
}
