using Calls.Application.Ports;
using Calls.Domain;
using Calls.Simulation.Faults;

namespace Calls.Simulation.Service;

/// <summary>
/// The real gateway with its pipelines. They run outside of the process' steps, and their answer is a step.
/// </summary>
internal sealed class OffLoopGateway(IVoiceGateway real, Bug bug) : IVoiceGateway
{
    public (string To, string From) AddressesOf(Party callee, SessionId session, Party? caller) =>
        real.AddressesOf(callee, session, caller);

    public Task<GatewayOutcome<CallSid>> CreateCallAsync(OutboundCall call, CancellationToken cancellationToken) =>
        CreateAsync(() => real.CreateCallAsync(call, cancellationToken));

    public Task<GatewayOutcome<CallSid>> CreateParticipantAsync(OutboundParticipant participant, CancellationToken cancellationToken) =>
        CreateAsync(() => real.CreateParticipantAsync(participant, cancellationToken));

    public Task<GatewayOutcome<CallView>> CompleteCallAsync(CallSid leg, CancellationToken cancellationToken) =>
        Process.Outside(() => real.CompleteCallAsync(leg, cancellationToken));

    public Task<GatewayOutcome<CallView>> RedirectCallAsync(CallSid leg, string twiml, CancellationToken cancellationToken) =>
        Process.Outside(() => real.RedirectCallAsync(leg, twiml, cancellationToken));

    public Task<GatewayOutcome<ParticipantView>> UpdateParticipantAsync(
        ConferenceSid conference, CallSid leg, bool? muted, bool? hold, bool ringback, CancellationToken cancellationToken) =>
        Process.Outside(() => real.UpdateParticipantAsync(conference, leg, muted, hold, ringback, cancellationToken));

    public Task<GatewayOutcome<CallView>> FetchCallAsync(CallSid leg, CancellationToken cancellationToken) =>
        Process.Outside(() => real.FetchCallAsync(leg, cancellationToken));

    public Task<GatewayOutcome<IReadOnlyList<CallView>>> ListCallsAsync(
        string to, string from, DateTimeOffset since, CancellationToken cancellationToken) =>
        Process.Outside(() => real.ListCallsAsync(to, from, since, cancellationToken));

    public Task<GatewayOutcome<ConferenceView>> FetchConferenceAsync(ConferenceSid conference, CancellationToken cancellationToken) =>
        Process.Outside(() => real.FetchConferenceAsync(conference, cancellationToken));

    public Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListConferencesAsync(string room, CancellationToken cancellationToken) =>
        Process.Outside(() => real.ListConferencesAsync(room, cancellationToken));

    public Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListOpenConferencesAsync(CancellationToken cancellationToken) =>
        Process.Outside(() => real.ListOpenConferencesAsync(cancellationToken));

    public Task<GatewayOutcome<ParticipantView>> FetchParticipantAsync(
        ConferenceSid conference, ParticipantId label, CancellationToken cancellationToken) =>
        Process.Outside(() => real.FetchParticipantAsync(conference, label, cancellationToken));

    public Task<GatewayOutcome<IReadOnlyList<ParticipantView>>> ListParticipantsAsync(
        ConferenceSid conference, CancellationToken cancellationToken) =>
        Process.Outside(() => real.ListParticipantsAsync(conference, cancellationToken));

    private async Task<GatewayOutcome<CallSid>> CreateAsync(Func<Task<GatewayOutcome<CallSid>>> create)
    {
        var outcome = await Process.Outside(create);
        return bug == Bug.BlindRetryOfCreate && outcome is GatewayOutcome<CallSid>.Unknown ? await Process.Outside(create) : outcome;
    }
}
