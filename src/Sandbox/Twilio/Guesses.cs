using System.Globalization;

namespace Calls.Sandbox.Twilio;

/// <summary>A behaviour of Twilio that neither a page nor a recording settles.</summary>
/// <param name="Name">The name in the command line and in docs/emulator.md.</param>
/// <param name="Question">What is not known, as a question.</param>
/// <param name="Positions">The possible answers. The first is that of the emulator's defaults.</param>
public sealed record Guess(string Name, string Question, IReadOnlyList<GuessPosition> Positions);

/// <summary>One possible answer to a guess.</summary>
/// <param name="Name">The name in the command line and in docs/emulator.md.</param>
/// <param name="Set">Gives the emulator's options this position.</param>
public sealed record GuessPosition(string Name, Func<TwilioEmulatorOptions, TwilioEmulatorOptions> Set);

/// <summary>The guesses of the emulator, one switch for each. docs/emulator.md lists them with their sources.</summary>
/// <remarks>The service keeps its guarantees in every position. The simulation and the demonstration draw the positions.</remarks>
public static class Guesses
{
    /// <summary>The lag of reads in the position "late". The service expects at most <c>CallPolicy.ReadLag</c>.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(4);

    public static IReadOnlyList<Guess> All { get; } =
    [
        new("custom-parameters", "Does a request after the first one have the app's own parameters too?",
        [
            new("once", options => options with { RepeatsAppParameters = false }),
            new("repeated", options => options with { RepeatsAppParameters = true }),
        ]),
        new("initiated", "When is the event initiated sent for a call that waits in the queue?",
        [
            new("when-dialled", options => options with { InitiatedWhileQueued = false }),
            new("when-queued", options => options with { InitiatedWhileQueued = true }),
        ]),
        new("conference-list", "How old is the list of conferences?",
        [
            new("current", options => options with { ConferenceListLag = TimeSpan.Zero }),
            new("late", options => options with { ConferenceListLag = Late }),
        ]),
        new("conferences-without-status", "Which conferences does a list without Status have?",
        [
            new("all", options => options with { ConferencesWithoutStatus = ConferencesWithoutStatus.All }),
            new("not-completed", options => options with { ConferencesWithoutStatus = ConferencesWithoutStatus.NotCompleted }),
            new("in-progress", options => options with { ConferencesWithoutStatus = ConferencesWithoutStatus.InProgress }),
        ]),
        new("room-of-one", "Which status has a conference with one participant?",
        [
            new("init", options => options with { RoomOfOneIsInProgress = false }),
            new("in-progress", options => options with { RoomOfOneIsInProgress = true }),
        ]),
        new("call-reads", "How old is the answer to a GET of a call, or of the list of calls?",
        [
            new("current", options => options with { CallReadLag = TimeSpan.Zero }),
            new("late", options => options with { CallReadLag = Late }),
        ]),
        new("participant-reads", "How old is the answer to a GET of a participant, or of the list of participants?",
        [
            new("current", options => options with { ParticipantReadLag = TimeSpan.Zero }),
            new("late", options => options with { ParticipantReadLag = Late }),
        ]),
        new("label-while-ringing", "Is a participant whose phone rings found by its label?",
        [
            new("found", options => options with { FindsRingingByLabel = true }),
            new("not-found", options => options with { FindsRingingByLabel = false }),
        ]),
        new("declined", "How does the leg of a person who declines end?",
        [
            new("busy", options => options with { DeclineIsBusy = true }),
            new("no-answer", options => options with { DeclineIsBusy = false }),
        ]),
        new("stopped-while-ringing", "How does a leg end that REST ends with Status=completed while its phone rings?",
        [
            new("canceled", options => options with { StoppedRingingIsCompleted = false }),
            new("completed", options => options with { StoppedRingingIsCompleted = true }),
        ]),
        new("stopped-leg", "Which ReasonParticipantLeft has a leg that REST has ended?",
        [
            new("participant_updated_via_api", options => options with { StoppedLegHungUp = false }),
            new("participant_hung_up", options => options with { StoppedLegHungUp = true }),
        ]),
        new("ringing-after-the-end", "What does a phone do that rings for a conference that is over?",
        [
            new("keeps-ringing", options => options with { RingingAfterTheEnd = RingingAfterTheEnd.KeepsRinging }),
            new("is-canceled", options => options with { RingingAfterTheEnd = RingingAfterTheEnd.IsCanceled }),
        ]),
        new("conference-ended-by-rest", "What do legs with TwiML do when REST has ended their conference?",
        [
            new("run-their-twiml", options => options with { ConferenceEndedViaApi = ConferenceEndedViaApi.RunTwiml }),
            new("hang-up", options => options with { ConferenceEndedViaApi = ConferenceEndedViaApi.Hangup }),
        ]),
        new("deleted-participant", "What does a leg with TwiML do when REST has deleted its participant?",
        [
            new("runs-its-twiml", options => options with { KickHangsUp = false }),
            new("hangs-up", options => options with { KickHangsUp = true }),
        ]),
        new("action-of-a-redirected-leg", "Is the action of the Dial requested when REST redirects the leg?",
        [
            new("not-requested", options => options with { RedirectRequestsAction = false }),
            new("requested", options => options with { RedirectRequestsAction = true }),
        ]),
        new("first-sequence-number", "Which SequenceNumber has the first event of a conference?",
        [
            new("drawn", options => options with { FirstSequenceNumber = null }),
            new("0", options => options with { FirstSequenceNumber = 0 }),
            new("1", options => options with { FirstSequenceNumber = 1 }),
        ]),
        new("numbers-of-unsent-events", "Does a conference event that is not sent take a SequenceNumber?",
        [
            new("none", options => options with { UnsentEventsTakeNumbers = false }),
            new("taken", options => options with { UnsentEventsTakeNumbers = true }),
        ]),
        new("conference-start", "Is conference-start sent before or after the participant-join that causes it?",
        [
            new("after", options => options with { StartBeforeSecondJoin = false }),
            new("before", options => options with { StartBeforeSecondJoin = true }),
        ]),
        new("to-of-a-client", "Does the To of a call to a client have the parameters of its address?",
        [
            new("with-parameters", options => options with { ClientToHasParameters = true }),
            new("without-parameters", options => options with { ClientToHasParameters = false }),
        ]),
    ];

    /// <summary>The options with one position, written <c>name=position</c>; null if there is no such position.</summary>
    public static TwilioEmulatorOptions? With(this TwilioEmulatorOptions options, string position) =>
        All.SelectMany(guess => guess.Positions, (guess, answer) => (Text: $"{guess.Name}={answer.Name}", answer.Set))
            .FirstOrDefault(known => known.Text == position).Set?.Invoke(options);

    /// <summary>The options with a position for each guess that chance has drawn, and the positions as <c>name=position</c>.</summary>
    public static (TwilioEmulatorOptions Options, IReadOnlyList<string> Drawn) Draw(this TwilioEmulatorOptions options, Random chance)
    {
        List<string> drawn = [];
        foreach (var guess in All)
        {
            var position = guess.Positions[chance.Next(guess.Positions.Count)];
            options = position.Set(options);
            drawn.Add(string.Create(CultureInfo.InvariantCulture, $"{guess.Name}={position.Name}"));
        }
        return (options, drawn);
    }
}
