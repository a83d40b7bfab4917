using System.Collections.Concurrent;
using Calls.Application.Ports;
using Calls.Domain;

namespace Calls.Integration.Tests.Outbox;

/// <summary>A gateway whose answers to dials and hang-ups come when a test says so.</summary>
internal sealed class SlowTwilio : IVoiceGateway
{
    private readonly ConcurrentQueue<string> asked = new();
    private int legs;
    private int reads;

    /// <summary>What dials wait for.</summary>
    public TaskCompletionSource Dials { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What reads of conferences wait for. Null: they are answered at once.</summary>
    public TaskCompletionSource? Reads { get; set; }

    /// <summary>What changes of mute and hold wait for. Null: they are answered at once.</summary>
    public TaskCompletionSource? Changes { get; set; }

    /// <summary>Whether reads are answered: the room is empty, and each leg is live.</summary>
    public bool AnswersReads { get; set; }

    /// <summary>The most reads that were under way at once.</summary>
    public int MostReads { get; private set; }

    /// <summary>Whether it finds every leg that it is to end over already.</summary>
    public bool FindsAllOver { get; set; } = true;

    /// <summary>The status of every leg. Null: it is live if <see cref="AnswersReads"/>, or there is no answer.</summary>
    public LegStatus? Legs { get; set; }

    /// <summary>What has been asked: <c>dial</c>, <c>add</c>, <c>fetch</c>, <c>list</c>, <c>hang up</c>, <c>change</c>, or <c>read</c> of a
    /// room.</summary>
    public int Asked(string what) => asked.Count(a => a == what);

    public (string To, string From) AddressesOf(Party callee, SessionId session, Party? caller) => ("", "");

    public async Task<GatewayOutcome<CallSid>> CreateCallAsync(OutboundCall call, CancellationToken cancellationToken)
    {
        asked.Enqueue("dial");
        await Dials.Task.WaitAsync(cancellationToken);
        var text = "CA" + Interlocked.Increment(ref legs).ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
        return CallSid.TryParse(text, out var leg) ? new GatewayOutcome<CallSid>.Accepted(leg) : throw new InvalidOperationException();
    }

    public Task<GatewayOutcome<CallView>> CompleteCallAsync(CallSid leg, CancellationToken cancellationToken)
    {
        asked.Enqueue("hang up");
        return Task.FromResult<GatewayOutcome<CallView>>(
            FindsAllOver
                ? new GatewayOutcome<CallView>.Refused(Refusal.AlreadyOver, null)
                : new GatewayOutcome<CallView>.Accepted(new CallView(leg, LegStatus.Completed, "", "", null)));
    }

    public Task<GatewayOutcome<CallView>> RedirectCallAsync(CallSid leg, string twiml, CancellationToken cancellationToken)
    {
        asked.Enqueue("tone");
        return CompleteCallAsync(leg, cancellationToken);
    }

    /// <summary>It knows of none: what is looked for before it is dialled, after Redis has been away, was never sent.</summary>
    public Task<GatewayOutcome<IReadOnlyList<CallView>>> ListCallsAsync(
        string to, string from, DateTimeOffset since, CancellationToken cancellationToken)
    {
        asked.Enqueue("list");
        return Task.FromResult<GatewayOutcome<IReadOnlyList<CallView>>>(new GatewayOutcome<IReadOnlyList<CallView>>.Accepted([]));
    }

    public Task<GatewayOutcome<CallSid>> CreateParticipantAsync(OutboundParticipant participant, CancellationToken cancellationToken)
    {
        asked.Enqueue("add");
        return Nothing<CallSid>();
    }

    public Task<GatewayOutcome<ParticipantView>> UpdateParticipantAsync(
        ConferenceSid conference, CallSid leg, bool? muted, bool? hold, bool ringback, CancellationToken cancellationToken) =>
        ChangeAsync(new ParticipantView(leg, null, Connected: true, muted is true, hold is true));

    public Task<GatewayOutcome<CallView>> FetchCallAsync(CallSid leg, CancellationToken cancellationToken)
    {
        asked.Enqueue("fetch");
        return (Legs ?? (AnswersReads ? LegStatus.InProgress : null)) is { } status
            ? Task.FromResult<GatewayOutcome<CallView>>(new GatewayOutcome<CallView>.Accepted(new CallView(leg, status, "", "", null)))
            : Nothing<CallView>();
    }

    public Task<GatewayOutcome<ConferenceView>> FetchConferenceAsync(ConferenceSid conference, CancellationToken cancellationToken) =>
        Nothing<ConferenceView>();

    public Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListOpenConferencesAsync(CancellationToken cancellationToken) =>
        Nothing<IReadOnlyList<ConferenceView>>();

    public async Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListConferencesAsync(
        string room, CancellationToken cancellationToken)
    {
        asked.Enqueue("read " + room);
        lock (asked)
            MostReads = Math.Max(MostReads, ++reads);
        if (Reads is { } gate)
            await gate.Task.WaitAsync(cancellationToken);
        lock (asked)
            reads--;
        return AnswersReads ? new GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted([])
            : await Nothing<IReadOnlyList<ConferenceView>>();
    }

    public Task<GatewayOutcome<ParticipantView>> FetchParticipantAsync(
        ConferenceSid conference, ParticipantId label, CancellationToken cancellationToken) => Nothing<ParticipantView>();

    public Task<GatewayOutcome<IReadOnlyList<ParticipantView>>> ListParticipantsAsync(
        ConferenceSid conference, CancellationToken cancellationToken) => Nothing<IReadOnlyList<ParticipantView>>();

    private async Task<GatewayOutcome<ParticipantView>> ChangeAsync(ParticipantView view)
    {
        asked.Enqueue("change");
        if (Changes is { } gate)
            await gate.Task;
        return new GatewayOutcome<ParticipantView>.Accepted(view);
    }

    private static Task<GatewayOutcome<T>> Nothing<T>() =>
        Task.FromResult<GatewayOutcome<T>>(new GatewayOutcome<T>.Unknown("not asked in these tests"));
}
