using Calls.Sandbox.Twilio;
using Calls.Simulation.World;

namespace Calls.Simulation.Faults;

/// <summary>How often each fault really happened. A fault that never happens proves nothing.</summary>
internal sealed class Tally
{
    public const string Killed = "replica killed";
    public const string KilledAtAwait = "replica killed at an await";
    public const string StoreAway = "store away";
    public const string AcknowledgementLost = "store's acknowledgement lost";
    public const string TwilioAway = "Twilio away";
    public const string RestRefused = "REST: no connection";
    public const string CreateDoubled = "create sent twice on the way";
    public const string ClockWrong = "clock wrong";
    public const string Replayed = "voice webhook replayed after the call";
    public const string ReplayedLate = "voice webhook replayed after the retention";
    public const string Queued = "call waits in Twilio's queue";
    public const string Machine = "a machine answers a screened phone";
    public const string Asked = "a phone is asked to press 1";
    public const string HolderLeft = "person leaves, others are on hold";
    public const string Tone = "caller hears a tone";
    public const string Words = "caller hears words instead of a tone";
    public const string CameBack = "person comes back after a drop";
    public const string CameBackHeld = "person comes back while Twilio holds the old leg";
    public const string Reconnecting = "call waits for a person who dropped";
    public const string AppAdded = "an app user is added";
    public const string AddedAgain = "an app user who is on the call, or was, is added";
    public const string QueuedTooLong = "call waits in Twilio's queue for too long";

    public const string OneOfMany = "one of many candidates is in the room";
    public const string Group = "a candidate of a configured group is in the room";
    public const string GroupResolved = "a candidate whom the group resolver named is in the room";
    public const string GroupAsked = "the group resolver is asked";
    public const string NoCandidates = "caller hears that a group has no candidate";
    public const string Elsewhere = "candidate hears that the call was answered";

    public const string StoreForgot = "store forgets all sessions";

    private readonly SortedDictionary<string, long> counts = new(StringComparer.Ordinal);

    /// <summary>All faults, and all positions of the emulator's guesses.</summary>
    public static IEnumerable<string> All =>
    [
        Killed, KilledAtAwait, StoreAway, AcknowledgementLost, TwilioAway, RestRefused, CreateDoubled, ClockWrong,
        Replayed, ReplayedLate, Queued, QueuedTooLong, Machine, Asked, HolderLeft, Tone, Words, CameBack, CameBackHeld, Reconnecting,
        StoreForgot, AppAdded, AddedAgain, OneOfMany, Elsewhere, Group, GroupResolved, GroupAsked, NoCandidates,
        "webhook: duplicate", "webhook: drop", "webhook: delay", "webhook: reorder", "webhook: answer lost", "webhook: no connection",
        .. Guesses.All.SelectMany(guess => guess.Positions, (guess, position) => $"{guess.Name}={position.Name}"),
        .. Enum.GetValues<RestFaultKind>().Where(kind => kind != RestFaultKind.None).Select(kind => "REST: " + kind),
    ];

    public IReadOnlyDictionary<string, long> Counts => counts;

    public void Add(string fault, long times = 1) => counts[fault] = counts.GetValueOrDefault(fault) + times;

    public void Add(Tally other)
    {
        foreach (var (fault, times) in other.counts)
            Add(fault, times);
    }

    /// <summary>Counts the faults of Twilio's side.</summary>
    public void Hear(JournalEntry entry)
    {
        switch (entry)
        {
            case WebhookFaulted { Fault: var fault }:
                Add("webhook: " + (fault.StartsWith("answer", StringComparison.Ordinal) ? "answer lost" : fault.Split(' ')[0]));
                break;
            case WebhookSent { Webhook: WebhookKind.Gather, Attempt: 1 }:
                Add(Asked);
                break;
            case WebhookSent { Webhook: WebhookKind.Answer, Attempt: 1 } sent when sent.Parameters["AnsweredBy"] is "fax" or ['m', ..]:
                Add(Machine);
                break;
            case PhoneHeard { Sound: "\"This call has been answered.\"" }:
                Add(Elsewhere);
                break;
            case PhoneHeard { Sound: "\"" + Judge.NoCandidates + "\"" }:
                Add(NoCandidates);
                break;
            case PhoneHeard { Sound: var sound } when Judge.IsNotice(sound):
                Add(sound.StartsWith('"') ? Words : Tone);
                break;
            case WebhookAnswered { Failure: WebhookFailure.Connect }:
                Add("webhook: no connection");
                break;
            case RestAnswered { Fault: { } fault } when Enum.GetNames<RestFaultKind>()
                .FirstOrDefault(kind => fault.StartsWith(kind, StringComparison.Ordinal)) is not null:
                Add("REST: " + Enum.GetNames<RestFaultKind>().Where(kind => fault.StartsWith(kind, StringComparison.Ordinal))
                    .MaxBy(kind => kind.Length));
                break;
        }
    }
}
