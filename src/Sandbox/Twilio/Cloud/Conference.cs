namespace Calls.Sandbox.Twilio;

/// <summary>Where a conference stands; <see cref="Completed"/> is final, and a later join under the name opens a new one.</summary>
public enum ConferenceState
{
    Init,
    InProgress,
    Completed,
}

/// <summary>A conference (twilio.com/docs/voice/api/conference-resource). At most one of a name is active at a time.</summary>
/// <remarks>Live: read it on the emulator's loop.</remarks>
public sealed class Conference
{
    private readonly List<Participant> _participants = [];

    internal Conference(string sid, string friendlyName, DateTimeOffset created, int firstSequence)
    {
        Sid = sid;
        FriendlyName = friendlyName;
        Created = created;
        Updated = created;
        NextSequence = firstSequence;
    }

    public string Sid { get; }

    public string FriendlyName { get; }

    public ConferenceState State { get; internal set; }

    /// <summary>As Twilio says it: <c>init</c>, <c>in-progress</c> or <c>completed</c>.</summary>
    public string Status => State switch
    {
        ConferenceState.Init => "init",
        ConferenceState.InProgress => "in-progress",
        _ => "completed",
    };

    public DateTimeOffset Created { get; }

    public DateTimeOffset Updated { get; internal set; }

    /// <summary>Everybody who is in, or whose phone is still being reached.</summary>
    public IReadOnlyList<Participant> Participants => _participants;

    /// <summary>Those who are in: hear and are heard, unless muted or on hold.</summary>
    public IEnumerable<Participant> Connected => _participants.Where(participant => participant.IsIn);

    public string? ReasonEnded { get; internal set; }

    public string? CallSidEnding { get; internal set; }

    /// <summary>Whether anybody ever was in; a conference that nobody entered ends without a word.</summary>
    internal bool WasEntered { get; set; }

    /// <summary>Fixed by whoever came first, even where that was nothing at all.</summary>
    internal CallbackTarget? StatusCallback { get; init; }

    internal int NextSequence { get; set; }

    internal void Add(Participant participant) => _participants.Add(participant);

    internal void Remove(Participant participant) => _participants.Remove(participant);

    internal Participant? Find(string callSidOrLabel) =>
        _participants.Find(participant => participant.Leg.Sid == callSidOrLabel || participant.Label == callSidOrLabel);

    public override string ToString() => $"{Sid} \"{FriendlyName}\" {Status}";
}

/// <summary>A leg's part in a conference (twilio.com/docs/voice/api/conference-participant-resource).</summary>
public sealed class Participant
{
    internal Participant(Leg leg, Conference conference, ParticipantSettings settings, DateTimeOffset created)
    {
        Leg = leg;
        Conference = conference;
        Settings = settings;
        Muted = settings.Muted;
        EndConferenceOnExit = settings.EndConferenceOnExit;
        Coaching = settings.CallSidToCoach is not null;
        CallSidToCoach = settings.CallSidToCoach;
        Created = created;
        Updated = created;
    }

    public Leg Leg { get; }

    public Conference Conference { get; }

    public string? Label => Settings.Label;

    public bool Muted { get; internal set; }

    public bool Hold { get; internal set; }

    public bool Coaching { get; internal set; }

    public string? CallSidToCoach { get; internal set; }

    public bool EndConferenceOnExit { get; internal set; }

    /// <summary>Whether the leg is in the mix: connected, or ringing with early media.</summary>
    public bool IsIn { get; internal set; }

    /// <summary>What the leg is played while it waits or is held; null: nothing.</summary>
    public string? Playing { get; internal set; }

    internal ParticipantSettings Settings { get; }

    internal DateTimeOffset Created { get; }

    internal DateTimeOffset Updated { get; set; }

    /// <summary>Completes the leg's <c>&lt;Dial&gt;</c>; null for legs that REST added.</summary>
    internal Action<DialEnd>? OnExit { get; init; }

    internal bool ViaApi => OnExit is null;

    /// <summary>The Participant resource's status.</summary>
    public string Status => Leg.State switch
    {
        LegState.Queued => "queued",
        LegState.Initiated => "connecting",
        LegState.Ringing when ViaApi => "ringing",
        LegState.Ringing or LegState.InProgress => "connected",
        LegState.Completed => "complete",
        _ => "failed",
    };
}

/// <summary>How a participant enters: the attributes of <c>&lt;Conference&gt;</c>, or the parameters of a create.</summary>
internal sealed record ParticipantSettings
{
    public string? Label { get; init; }

    public bool Muted { get; init; }

    public bool StartConferenceOnEnter { get; init; } = true;

    public bool EndConferenceOnExit { get; init; }

    public bool EarlyMedia { get; init; }

    public string? CallSidToCoach { get; init; }

    /// <summary>Null: Twilio's own music; empty: silence.</summary>
    public string? WaitUrl { get; init; }

    public string WaitMethod { get; init; } = "POST";
}

/// <summary>Why a leg's <c>&lt;Dial&gt;</c> is over.</summary>
internal enum DialEnd
{
    /// <summary>The leg lives on: action, else next verb.</summary>
    LeftConference,

    /// <summary>The leg is over too; the action is asked all the same, and its answer ignored.</summary>
    LegEnded,

    /// <summary>REST gave the leg another document: no action.</summary>
    Redirected,

    /// <summary>The leg could not get in: label in use, conference full. The next verb.</summary>
    Refused,
}
