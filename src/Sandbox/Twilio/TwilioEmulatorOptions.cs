namespace Calls.Sandbox.Twilio;

/// <summary>What happens to the legs of a conference that REST ended with <c>Status=completed</c>.</summary>
/// <remarks>Twilio's pages contradict each other.</remarks>
public enum ConferenceEndedViaApi
{
    /// <summary>A leg with TwiML goes on with the action of its <c>&lt;Dial&gt;</c>, else with its next verb.</summary>
    /// <remarks>A leg that REST added is hung up.</remarks>
    RunTwiml,

    /// <summary>Every leg is hung up.</summary>
    Hangup,
}

/// <summary>What happens to a leg that still rings when its conference has ended. Twilio does not document it.</summary>
public enum RingingAfterTheEnd
{
    /// <summary>The phone rings until REST ends the leg.</summary>
    /// <remarks>If it is answered, Twilio hangs up. This is the default, because it is harder for a service.</remarks>
    KeepsRinging,

    /// <summary>Twilio cancels the leg.</summary>
    IsCanceled,
}

/// <summary>Which conferences the conference list has if the request gives no <c>Status</c>.</summary>
/// <remarks>Twilio changes it from September 30, 2026 on (twilio.com/en-us/changelog/conference-list-endpoint-rollout-extended).</remarks>
public enum ConferencesWithoutStatus
{
    /// <summary>All of them: <c>init</c>, <c>in-progress</c> and <c>completed</c>.</summary>
    All,

    /// <summary>Those that are not completed.</summary>
    NotCompleted,

    /// <summary>Those that are <c>in-progress</c>. Twilio does not say whether <c>init</c> counts as in progress.</summary>
    InProgress,
}

/// <summary>The options of the emulated Twilio: the account, the times, and choices where Twilio does not document its behaviour.</summary>
/// <remarks><see cref="Guesses"/> names these choices. docs/emulator.md has the sources.</remarks>
public sealed record TwilioEmulatorOptions
{
    /// <summary>The port of the REST API on 127.0.0.1. 0, the default, takes a free port.</summary>
    public int Port { get; init; }

    /// <summary>The seed of everything random: SIDs, idempotency tokens, first sequence numbers and faults.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>The SID of the only account.</summary>
    public string AccountSid { get; init; } = "AC5eed0000000000000000000000000000";

    /// <summary>The auth token of the account. It authenticates REST requests and signs webhooks.</summary>
    public string AuthToken { get; init; } = "5eed0000000000000000000000000001";

    /// <summary>The SID of an API key that authenticates REST requests.</summary>
    public string ApiKeySid { get; init; } = "SK5eed0000000000000000000000000002";

    /// <summary>The secret of the API key.</summary>
    public string ApiKeySecret { get; init; } = "5eed0000000000000000000000000003";

    /// <summary>The SID of the TwiML App that Voice SDK clients call (twilio.com/docs/usage/api/applications).</summary>
    public string ApplicationSid { get; init; } = "AP5eed0000000000000000000000000004";

    /// <summary>The voice webhook, which answers a client's call with TwiML. It may be set after the start.</summary>
    /// <remarks>Its fragment may hold connection overrides (twilio.com/docs/usage/webhooks/webhooks-connection-overrides).</remarks>
    public Uri? VoiceUrl { get; set; }

    /// <summary>The HTTP method of the voice webhook: GET or POST.</summary>
    public string VoiceMethod { get; set; } = "POST";

    /// <summary>The webhook that is requested if a TwiML request fails or its TwiML is invalid. Null: there is none.</summary>
    public Uri? VoiceFallbackUrl { get; set; }

    /// <summary>The status callback of the TwiML App, sent once when the leg of the calling client has ended.</summary>
    /// <remarks>Null: there is none.</remarks>
    public Uri? AppStatusCallback { get; set; }

    /// <summary>The voice webhook of the numbers of the account, which answers a telephone's call. Null: <see cref="VoiceUrl"/>.</summary>
    public Uri? NumberVoiceUrl { get; set; }

    /// <summary>The status callback of the numbers of the account, sent once when the leg of the calling telephone has ended.</summary>
    /// <remarks>Null: there is none.</remarks>
    public Uri? NumberStatusCallback { get; set; }

    /// <summary>The numbers that a REST request may use as <c>From</c>. Empty, the default, allows every valid number.</summary>
    public IReadOnlyCollection<string> OwnedNumbers { get; init; } = [];

    /// <summary>Destinations for which a create is refused, with the error code. The defaults are Twilio's magic test numbers.</summary>
    public IReadOnlyDictionary<string, int> RefusedNumbers { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["+15005550001"] = 21211,
        ["+15005550002"] = 21214,
        ["+15005550003"] = 21215,
        ["+15005550004"] = 21216,
    };

    /// <summary>How many calls leave the queue per second. Null, the default, has no limit; Twilio's default is 1.</summary>
    public double? CallsPerSecond { get; init; }

    /// <summary>How many REST requests may run at the same time; more get a 429. Null, the default, has no limit.</summary>
    public int? MaxConcurrentRequests { get; init; }

    /// <summary>The time from <c>queued</c> to <c>initiated</c>.</summary>
    public TimeSpan QueueDelay { get; init; } = TimeSpan.Zero;

    /// <summary>The time from <c>initiated</c> to <c>ringing</c>, or to <c>busy</c> or <c>failed</c>.</summary>
    public TimeSpan RingDelay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The time that Twilio adds to every ring <c>Timeout</c>.</summary>
    public TimeSpan RingBuffer { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The time after which Twilio notices that a phone has lost its connection.</summary>
    public TimeSpan DropNoticedAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The time in which Twilio recognises who has answered. It is a few seconds at Twilio.</summary>
    public TimeSpan DetectionTime { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The duration of a <c>&lt;Say&gt;</c>.</summary>
    public TimeSpan SpeechTime { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The duration of a <c>&lt;Play&gt;</c>, before <see cref="PauseScale"/>. The default is one cycle of the ringback of
    /// the United States, where the numbers of the sandbox are.</summary>
    public TimeSpan PlayTime { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>The duration of a <c>&lt;Play&gt;</c> in TwiML that is sent by REST, before <see cref="PauseScale"/>. A busy tone of three
    /// cycles lasts 3 s; the default is shorter, so that a test runs fast.</summary>
    public TimeSpan InlinePlayTime { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// The duration of a <c>&lt;Say&gt;</c> or <c>&lt;Play&gt;</c> in the document of a waitUrl or HoldUrl, which often redirects to
    /// itself.
    /// </summary>
    public TimeSpan WaitPlayTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A factor for the time of <c>&lt;Pause&gt;</c> and <c>&lt;Play&gt;</c>, and the time-out of <c>&lt;Gather&gt;</c>.</summary>
    public double PauseScale { get; init; } = 1;

    /// <summary>Whether a request after the voice webhook has the app's own parameters too (<c>To</c>, <c>SessionID</c>).</summary>
    /// <remarks>Twilio does not document it. No recorded request has them after the first one, so the default is that they are
    /// missing.</remarks>
    public bool RepeatsAppParameters { get; init; }

    /// <summary>A factor for the webhook time-outs (connect 5 s, read 15 s, total 15 s), so that a test runs fast.</summary>
    public double WebhookTimeScale { get; init; } = 1;

    /// <summary>The first SequenceNumber of a conference. Null, the default, draws 0 or 1, because Twilio does not document it.</summary>
    public int? FirstSequenceNumber { get; init; }

    /// <summary>Whether <c>conference-start</c> is sent before the <c>participant-join</c> that caused it.</summary>
    public bool StartBeforeSecondJoin { get; init; }

    /// <summary>What happens to the legs of a conference that REST ended.</summary>
    public ConferenceEndedViaApi ConferenceEndedViaApi { get; init; } = ConferenceEndedViaApi.RunTwiml;

    /// <summary>What happens to a leg that still rings when its conference has ended.</summary>
    public RingingAfterTheEnd RingingAfterTheEnd { get; init; } = RingingAfterTheEnd.KeepsRinging;

    /// <summary>Whether a declined leg ends as <c>busy</c> with SIP code 486 (as recorded), else as <c>no-answer</c> with 480.</summary>
    public bool DeclineIsBusy { get; init; } = true;

    /// <summary>Whether <c>initiated</c> is sent when the call enters the queue, else when Twilio dials.</summary>
    public bool InitiatedWhileQueued { get; init; }

    /// <summary>How much older than the truth the conference list is. A conference is fetched as it is.</summary>
    public TimeSpan ConferenceListLag { get; init; }

    /// <summary>How much older than the truth a call is that a GET reads, alone or in a list. A new call is not found.</summary>
    public TimeSpan CallReadLag { get; init; }

    /// <summary>How much older than the truth a participant is that a GET reads, alone or in a list.</summary>
    public TimeSpan ParticipantReadLag { get; init; }

    /// <summary>The conferences in a list without <c>Status</c>.</summary>
    public ConferencesWithoutStatus ConferencesWithoutStatus { get; init; }

    /// <summary>Whether a participant whose phone rings is found by its label, else only by its CallSid.</summary>
    public bool FindsRingingByLabel { get; init; } = true;

    /// <summary>Whether a leg that REST ended while its phone rang ends as <c>completed</c>, else as <c>canceled</c>.</summary>
    public bool StoppedRingingIsCompleted { get; init; }

    /// <summary>Whether a leg that REST ended leaves with the reason <c>participant_hung_up</c>, else as updated via the API.</summary>
    public bool StoppedLegHungUp { get; init; }

    /// <summary>Whether the action of a <c>&lt;Dial&gt;</c> is requested when REST redirects the leg. Its answer is ignored.</summary>
    public bool RedirectRequestsAction { get; init; }

    /// <summary>Whether a leg with TwiML is hung up when REST deletes its participant, else it goes on with its TwiML.</summary>
    public bool KickHangsUp { get; init; }

    /// <summary>Whether a conference event that is not sent takes a SequenceNumber too.</summary>
    public bool UnsentEventsTakeNumbers { get; init; }

    /// <summary>Whether REST says <c>in-progress</c> of a conference with one participant, else <c>init</c>.</summary>
    public bool RoomOfOneIsInProgress { get; init; }

    /// <summary>Whether the <c>to</c> of a call to a client has the parameters of its address, else only the client.</summary>
    public bool ClientToHasParameters { get; init; } = true;

    /// <summary>How many entries the journal keeps. The oldest entries are dropped and counted.</summary>
    public int JournalCapacity { get; init; } = 200_000;
}
