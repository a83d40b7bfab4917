using System.Threading.Channels;
using Calls.Application.UseCases;
using MediatR;

namespace Calls.Infrastructure.Outbox;

/// <summary>Lets the dials of this replica go in turn: callees before guests, then in the order of arrival.</summary>
/// <remarks>A dial that waits is stored as planned. If this replica ends, or keeps the dial longer than its lease, a sweeper takes a turn
/// for it. The claim decides which replica sends it.</remarks>
internal sealed class PacedDials(IDialPace pace, ISessionStore store, ISender mediator, TimeProvider clock)
{
    /// <summary>The longest time for which a new callee goes unnoticed.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);
    private readonly PriorityQueue<QueuedEffect, (Role Role, long Arrival)> waiting = new();
    private readonly Queue<QueuedEffect> unmarked = new();
    private long arrivals;

    /// <summary>Whether there is a limit of calls per second. Without one, the dials need no turn.</summary>
    public bool IsLimited => pace.IsLimited;

    /// <summary>The next dial whose turn it is. Null: the lane was closed, and the waiting dials are left to the sweepers.</summary>
    public async Task<QueuedEffect?> NextAsync(ChannelReader<QueuedEffect> lane)
    {
        while (!lane.Completion.IsCompleted)
        {
            while (lane.TryRead(out var arrived))
            {
                waiting.Enqueue(arrived, (RoleOf(arrived), arrivals++));
                unmarked.Enqueue(arrived);
            }

            if (waiting.Count == 0)
            {
                await lane.WaitToReadAsync();
                continue;
            }

            var first = waiting.Peek();
            if (!await IsWantedAsync(first))
            {
                waiting.Dequeue();
                continue;
            }

            var wait = await pace.TakeTurnAsync(RoleOf(first), CancellationToken.None);
            if (wait <= TimeSpan.Zero)
                return waiting.Dequeue();
            await MarkAsync();
            await Task.Delay(wait < LongestPause ? wait : LongestPause, clock);
        }

        return null;
    }

    /// <summary>The dials that have to wait are shown as queued. A mark for a dial that was sent meanwhile is ignored.</summary>
    private async Task MarkAsync()
    {
        while (unmarked.TryPeek(out var dial))
        {
            var session = dial.Session.Session!;
            try
            {
                await mediator.Send(
                    new DialPaced(session.Id, session.Nonce, ((Effect.Dial)dial.Effect).Participant), CancellationToken.None);
            }
            catch (Exception e) when (e is SessionConflictException or UnreadableSessionException)
            {
                // The dial stays planned without the mark.
            }

            unmarked.Dequeue();
        }
    }

    /// <summary>A caller who has hung up must not take a turn. A session that this version cannot read is left to a newer one.</summary>
    private async Task<bool> IsWantedAsync(QueuedEffect queued)
    {
        try
        {
            return (await store.LoadAsync(queued.Session.Id, CancellationToken.None)).Session is { } session
                && session.Nonce == queued.Session.Session!.Nonce
                && session.FindEffect<Effect.Dial>(
                    d => d.State == DialState.Planned && d.Participant == ((Effect.Dial)queued.Effect).Participant) is not null;
        }
        catch (UnreadableSessionException)
        {
            return false;
        }
    }

    private static Role RoleOf(QueuedEffect queued) =>
        queued.Session.Session!.Find(((Effect.Dial)queued.Effect).Participant)?.Role ?? Role.Guest;
}
