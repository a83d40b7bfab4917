namespace Calls.Sandbox.Twilio;

/// <summary>The state of a conference. <see cref="Completed"/> is final: a later join with the same name opens a new conference.</summary>
public enum ConferenceState
{
    Init,
    InProgress,
    Completed,
}

/// <summary>A conference (twilio.com/docs/voice/api/conference-resource). At most one conference with a given name is active.</summary>
/// <remarks>The object changes while calls go on. Read it on the emulator's loop.</remarks>
public sealed class Conference
{
    private readonly List<Participant> _participants = [];
    private readonly List<Participant> _everyone = [];
    private readonly List<(DateTimeOffset At, ConferenceState State)> _states = [];

    internal Conference(string sid, string friendlyName, DateTimeOffset created, int firstSequence)
    {
        Sid = sid;
        FriendlyName = friendlyName;
        Created = created;
        Enter(ConferenceState.Init, created);
        NextSequence = firstSequence;
    }

    public string Sid { get; }

    public string FriendlyName { get; }

    public ConferenceState State { get; private set; }

    /// <summary>The status in REST answers: <c>init</c>, <c>in-progress</c> or <c>completed</c>.</summary>
    public string Status => StatusOf(State);

    internal static string StatusOf(ConferenceState state) => state switch
    {
        ConferenceState.Init => "init",
        ConferenceState.InProgress => "in-progress",
        _ => "completed",
    };

    public DateTimeOffset Created { get; }

    public DateTimeOffset Updated { get; internal set; }

    /// <summary>The participants that are in the conference, and those whose phones are still being called.</summary>
    public IReadOnlyList<Participant> Participants => _participants;

    /// <summary>The participants that are in the conference. They hear each other unless they are muted or on hold.</summary>
    public IEnumerable<Participant> Connected => _participants.Where(participant => participant.IsIn);

    /// <summary>The value of <c>reason_conference_ended</c>; null while the conference is active.</summary>
    public string? ReasonEnded { get; internal set; }

    /// <summary>The CallSid of the participant whose leave ended the conference; null if REST ended it.</summary>
    public string? CallSidEnding { get; internal set; }

    /// <summary>Whether a participant was ever in the conference. If not, no <c>conference-end</c> is sent.</summary>
    internal bool WasEntered { get; set; }

    /// <summary>The status callback of the first participant.</summary>
    /// <remarks>Later participants cannot change it. Null: the first participant gave none.</remarks>
    internal CallbackTarget? StatusCallback { get; init; }

    internal int NextSequence { get; set; }

    /// <summary>The state at an earlier time; null if the conference did not exist then.</summary>
    internal ConferenceState? StateAt(DateTimeOffset at)
    {
        var known = _states.FindLastIndex(entered => entered.At <= at);
        return known < 0 ? null : _states[known].State;
    }

    internal void Enter(ConferenceState state, DateTimeOffset now)
    {
        (State, Updated) = (state, now);
        _states.Add((now, state));
    }

    internal void Add(Participant participant)
    {
        _participants.Add(participant);
        _everyone.Add(participant);
    }

    internal void Remove(Participant participant, DateTimeOffset now)
    {
        _participants.Remove(participant);
        participant.LeftAt = now;
    }

    /// <summary>The participants at that time, each in its state of then.</summary>
    internal IEnumerable<(Participant Participant, ParticipantState State)> ParticipantsAt(DateTimeOffset at) =>
        StateAt(at) is null or ConferenceState.Completed
            ? []
            : from participant in _everyone
              where participant.LeftAt is not { } left || left > at
              let state = participant.StateAt(at)
              where state is not null
              select (participant, state);

    public override string ToString() => $"{Sid} \"{FriendlyName}\" {Status}";
}

/// <summary>A leg in a conference (twilio.com/docs/voice/api/conference-participant-resource).</summary>
public sealed class Participant
{
    private readonly List<(DateTimeOffset At, ParticipantState State)> _states = [];

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

    /// <summary>Whether the audio of the leg is in the conference: it is connected, or it rings with early media.</summary>
    public bool IsIn { get; internal set; }

    /// <summary>The music or URL that is played to the leg while it waits or is on hold; null: nothing.</summary>
    public string? Playing { get; internal set; }

    internal ParticipantSettings Settings { get; }

    internal DateTimeOffset Created { get; }

    internal DateTimeOffset Updated { get; set; }

    /// <summary>When it left the conference; null while it is in it.</summary>
    internal DateTimeOffset? LeftAt { get; set; }

    /// <summary>Completes the <c>&lt;Dial&gt;</c> of the leg; null for a leg that REST added.</summary>
    internal Action<DialEnd>? OnExit { get; init; }

    /// <summary>Whether REST added the leg.</summary>
    internal bool ViaApi => OnExit is null;

    /// <summary>The state in REST answers.</summary>
    internal ParticipantState State => new(Status, Muted, Hold);

    /// <summary>The state in REST answers at an earlier time; null if the participant did not exist then.</summary>
    internal ParticipantState? StateAt(DateTimeOffset at)
    {
        var known = _states.FindLastIndex(entered => entered.At <= at);
        return known < 0 ? null : _states[known].State;
    }

    /// <summary>Remembers the state for REST answers that are older than the truth.</summary>
    internal void Remember(DateTimeOffset now) => _states.Add((now, State));

    /// <summary>The status in REST answers.</summary>
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

/// <summary>What REST answers say of a participant, and what can change.</summary>
internal sealed record ParticipantState(string Status, bool Muted, bool Hold);

/// <summary>The settings of a participant: the attributes of <c>&lt;Conference&gt;</c>, or the parameters of a create.</summary>
internal sealed record ParticipantSettings
{
    public string? Label { get; init; }

    public bool Muted { get; init; }

    public bool StartConferenceOnEnter { get; init; } = true;

    public bool EndConferenceOnExit { get; init; }

    public bool EarlyMedia { get; init; }

    public string? CallSidToCoach { get; init; }

    /// <summary>The URL of the wait document. Null plays Twilio's own music; an empty text plays nothing.</summary>
    public string? WaitUrl { get; init; }

    public string WaitMethod { get; init; } = "POST";
}

/// <summary>Why the <c>&lt;Dial&gt;</c> of a leg is over.</summary>
internal enum DialEnd
{
    /// <summary>The leg left the conference and goes on: with the action of its <c>&lt;Dial&gt;</c>, else with the next verb.</summary>
    LeftConference,

    /// <summary>The leg has ended. The action is requested, but its answer is ignored.</summary>
    LegEnded,

    /// <summary>REST redirected the leg to other TwiML. The action is not requested.</summary>
    Redirected,

    /// <summary>The leg could not join, because the label is in use or the conference is full. It goes on with the next verb.</summary>
    Refused,
}
