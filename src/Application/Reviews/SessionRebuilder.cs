using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;

namespace Calls.Application.Reviews;

/// <summary>Builds a session again that Redis has lost: from the room's conference, its participants by their labels, and the address and
/// the status of each leg (docs/adr/0025-a-lost-session-is-built-again.md).</summary>
/// <remarks>A rebuild takes the place of a review, so that a store that has lost all calls does not exceed the limits of Twilio's REST API.
/// The requests of one process for one session share one rebuild.</remarks>
internal sealed class SessionRebuilder(
    IVoiceGateway gateway, SessionTransaction transaction, ReviewSlots slots, CallsTelemetry telemetry, CallPolicy policy,
    TimeProvider clock)
{
    /// <summary>The wait for a place. Twilio waits 3 seconds for the answer to a request for TwiML.</summary>
    private const int Waits = 10;
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100);
    /// <summary>How long a call of which nothing is left is remembered. Its late callbacks then cost nothing.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);
    /// <summary>The reads of one rebuild at once.</summary>
    private const int ReadsAtOnce = 10;

    private readonly ConcurrentDictionary<string, Task<bool>> underWay = new(StringComparer.Ordinal);
    private readonly Over?[] over = new Over?[RecentSessions.Slots];

    /// <summary>Whether the session is stored now.</summary>
    /// <exception cref="SessionNotRebuiltException">Twilio did not say enough.</exception>
    public async Task<bool> RebuildAsync(LostCall call, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref over[RecentSessions.SlotOf(call.Session)]) is { } known && known.Room == call.Room
            && clock.GetElapsedTime(known.At) < Remembered)
            return false;
        var own = new TaskCompletionSource<bool>();
        for (var rebuild = underWay.GetOrAdd(call.Room, own.Task); rebuild != own.Task; rebuild = underWay.GetOrAdd(call.Room, own.Task))
        {
            // A report about the room may find nothing where a report about a leg does.
            if (await rebuild)
                return true;
        }

        try
        {
            var isStored = await RebuildOnceAsync(call, null, cancellationToken);
            underWay.TryRemove(call.Room, out _);
            own.SetResult(isStored);
            return isStored;
        }
        catch (Exception e)
        {
            underWay.TryRemove(call.Room, out _);
            own.SetException(e);
            // The exception reaches the caller in any case.
            _ = own.Task.Exception;
            throw;
        }
    }

    /// <summary>Reads the call once more, for a leg that Twilio's list did not have when the session was built.</summary>
    /// <returns>Whether the session is stored now.</returns>
    /// <exception cref="SessionNotRebuiltException">Twilio did not say enough.</exception>
    public Task<bool> ReadAgainAsync(LostCall call, CallSession? built, CancellationToken cancellationToken) =>
        RebuildOnceAsync(call, built, cancellationToken);

    private async Task<bool> RebuildOnceAsync(LostCall call, CallSession? built, CancellationToken cancellationToken)
    {
        for (var waited = 0; !slots.TryEnter(out _); waited++)
        {
            if (waited == Waits)
                throw Unknown("postponed", "The service reads as many calls from Twilio as it may");
            await Task.Delay(Wait, clock, cancellationToken);
        }

        var began = clock.GetTimestamp();
        SessionEvent.SessionRebuilt seen;
        try
        {
            seen = await ReadAsync(call, built, cancellationToken);
        }
        finally
        {
            slots.Leave(clock.GetElapsedTime(began));
        }

        var isStored = false;
        var load = built is null ? LoadOption.AssumeNew : LoadOption.Cached;
        var decision = await transaction.RunAsync(call.Session, load, stored =>
        {
            isStored = stored.Session is not null;
            return transaction.Decide(stored, seen);
        }, cancellationToken);
        if (decision.Ignored == IgnoreReason.NoSuchSession && !seen.Legs.IsEmpty)
            Volatile.Write(ref over[RecentSessions.SlotOf(call.Session)], new Over(call.Room, clock.GetTimestamp()));
        telemetry.Rebuilt((decision.Changed, isStored) switch
        {
            (true, false) => "rebuilt",
            (true, true) => built is null ? "left_behind" : "completed",
            (false, true) => "stored",
            (false, false) => "nothing_left",
        });
        return decision.Session?.Nonce == call.Nonce;
    }

    /// <summary>The call as Twilio knows it.</summary>
    /// <param name="call">What is known of the call.</param>
    /// <param name="built">The session, if it was built before. Null: no session is stored.</param>
    /// <param name="cancellationToken">Ends the reads.</param>
    private async Task<SessionEvent.SessionRebuilt> ReadAsync(LostCall call, CallSession? built, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var (conference, listed) = await ReadRoomAsync(call, cancellationToken);
        var named = new List<(ParticipantId? Id, CallSid Leg, ParticipantView? Seen)>();
        foreach (var view in listed)
            if (ParticipantId.TryParseLabel(view.Label, out var id))
                named.Add((id, view.CallSid, view));
        if (call.Leg is { } own && named.TrueForAll(one => one.Leg != own))
            named.Add((call.Participant, own, null));
        // The newest leg of a person counts, so the known one is compared.
        foreach (var person in built?.Participants ?? [])
            if (person.Leg is { } known && named.Exists(one => one.Id == person.Id) && named.TrueForAll(one => one.Leg != known))
                named.Add((person.Id, known, null));
        var views = new List<CallView?>();
        foreach (var chunk in named.Chunk(ReadsAtOnce))
            views.AddRange(await Task.WhenAll(chunk.Select(one => ReadLegAsync(one.Leg, cancellationToken))));

        var legs = ImmutableArray.CreateBuilder<RebuiltLeg>();
        ClientIdentity? caller = null;
        DateTimeOffset? startedAt = null;
        // The newest leg of a person counts. An older one is of a person who has come back.
        var newestFirst = named.Zip(views).OrderByDescending(one => one.Second?.DateCreated ?? DateTimeOffset.MaxValue);
        foreach (var ((id, leg, seen), view) in newestFirst)
        {
            if (view?.DateCreated is { } created && !(created > startedAt))
                startedAt = created;
            // A leg that came to Twilio is the caller's.
            var participant = id ?? (view is { IsInbound: true } ? ParticipantId.Caller : null);
            // Twilio knows no call of a leg that is neither in the room nor found. But while the room is open, the report of a new leg is a
            // proof by itself.
            var isNew = call.IsAlive && leg == call.Leg && conference is not null;
            if (participant is null || (view is null && seen is null && !isNew && built?.Find(leg) is null))
                continue;
            if (legs.FirstOrDefault(other => other.Participant == participant) is { } newer)
            {
                legs[legs.IndexOf(newer)] = newer with { EarlierLegs = newer.EarlierLegs.Add(leg) };
                continue;
            }

            if ((participant.Group ?? participant) == ParticipantId.Callee)
                caller = LegStatuses.ClientOf(view?.From)?.Identity;
            legs.Add(LegOf(participant, leg, view, seen));
        }

        // A room that has just opened may not be listed yet. Then the leg of the report proves nothing about the others.
        if (conference is null && startedAt > now - policy.JoinGrace && legs.Any(leg => leg.Gone is null))
            throw Unknown("too_early", "Twilio does not list the room of a call that has just begun");
        return new SessionEvent.SessionRebuilt(
            call.Session, call.Nonce, startedAt ?? now, conference, legs.ToImmutable(), TraceParent())
        {
            Caller = caller is null ? null : new Party.Client(caller),
            Callee = call.Callee,
        };
    }

    private static RebuiltLeg LegOf(ParticipantId participant, CallSid leg, CallView? view, ParticipantView? seen)
    {
        var progress = seen is { Connected: true } ? Progress.Answered
            : view is null ? Progress.Dialing : LegStatuses.ProgressOf(view.Status);
        var party = view is null ? null : LegStatuses.PartyOf(participant, view);
        return new RebuiltLeg(
            participant, leg, party, progress,
            progress == Progress.Gone ? LegStatuses.GoneOf(view!.Status, party) : null)
        {
            IsListed = seen is not null,
            InTheRoom = seen is { Connected: true },
            IsInbound = view?.IsInbound,
            Muted = seen is { Muted: true },
            Hold = seen is { Hold: true },
        };
    }

    /// <summary>The open conference of the room and its participants. The conference of the report may be missing from Twilio's list.
    /// </summary>
    private async Task<(ConferenceSid? Conference, IReadOnlyList<ParticipantView> Listed)> ReadRoomAsync(
        LostCall call, CancellationToken cancellationToken)
    {
        var open = await gateway.ListConferencesAsync(call.Room, cancellationToken) switch
        {
            GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted { Value: var rooms } =>
                rooms.FirstOrDefault(room => !room.Completed)?.Sid,
            _ => throw Unknown("failed", "Twilio did not say which conferences are open"),
        };
        foreach (var conference in new[] { open, call.Conference }.OfType<ConferenceSid>().Distinct())
            switch (await gateway.ListParticipantsAsync(conference, cancellationToken))
            {
                case GatewayOutcome<IReadOnlyList<ParticipantView>>.Accepted { Value: { Count: > 0 } listed }:
                    return (conference, listed);
                case GatewayOutcome<IReadOnlyList<ParticipantView>>.Accepted:
                case GatewayOutcome<IReadOnlyList<ParticipantView>>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver }:
                    break;
                default:
                    throw Unknown("failed", "Twilio did not say who is in the room");
            }
        return (null, []);
    }

    /// <summary>The call of a leg. Null if Twilio does not find it.</summary>
    private async Task<CallView?> ReadLegAsync(CallSid leg, CancellationToken cancellationToken) =>
        await gateway.FetchCallAsync(leg, cancellationToken) switch
        {
            GatewayOutcome<CallView>.Accepted { Value: var view } => view,
            GatewayOutcome<CallView>.Refused { Meaning: Refusal.NotFound or Refusal.AlreadyOver } => null,
            _ => throw Unknown("failed", "Twilio did not say the state of a leg"),
        };

    private SessionNotRebuiltException Unknown(string outcome, string what)
    {
        telemetry.Rebuilt(outcome);
        return new SessionNotRebuiltException(what);
    }

    /// <summary>A call of which nothing is left, and when this was found.</summary>
    private sealed record Over(string Room, long At);

    /// <summary>The trace context of the URL: the parent of the webhook's span.</summary>
    private static string? TraceParent()
    {
        var span = Activity.Current;
        while (span?.Parent is { } parent)
            span = parent;
        return span?.ParentId ?? span?.Id;
    }
}
