using System.Threading.Channels;

namespace Calls.Application.Events;

/// <summary>Live sessions for any number of readers. Each change is read once in this process and given to every reader.</summary>
/// <remarks>A reader has room for one state, the newest: a slow reader skips states and delays no other reader. Versions only rise, and no
/// version comes twice. The notice of a change can be lost. Therefore a followed session is also read again at an interval, and the newest
/// state always arrives.</remarks>
public sealed class SessionFeed(ISessionChanges changes, ISessionStore store, TimeProvider clock)
{
    /// <summary>The longest time for which a lost notice delays a change.</summary>
    private static readonly TimeSpan ReadInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);
    private readonly Lock gate = new();
    private readonly Dictionary<SessionId, FollowedSession> followed = [];

    /// <summary>The state of the session now, and then each change. Dispose the reader to stop.</summary>
    public Reader Follow(SessionId id)
    {
        lock (gate)
        {
            if (!followed.TryGetValue(id, out var session))
            {
                followed[id] = session = new FollowedSession();
                _ = WatchAsync(id, session);
            }

            var reader = new Reader(this, id, session);
            session.Readers.Add(reader);
            // The state that was read before may be outdated now.
            session.Wake.Writer.TryWrite(true);
            return reader;
        }
    }

    private async Task WatchAsync(SessionId id, FollowedSession session)
    {
        while (!session.Stopping.IsCancellationRequested)
        {
            var failed = false;
            try
            {
                // The subscription comes before the read, so that a change between the two is noticed.
                await changes.ListenAsync(id, OnChange);
                session.Wake.Reader.TryRead(out _);
                Publish(session, await store.LoadAsync(id, CancellationToken.None));
            }
#pragma warning disable CA1031 // A state that cannot be read must not end the watch silently: the streams of its readers end.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failed = true;
                // Redis is away: the readers wait. For an unreadable session they ask again, and get the reason.
                if (e is not SessionStoreUnavailableException)
                    Fail(session, e);
                else if (e is UnreadableSessionException)
                    Fail(session, null);
            }

            await WaitAsync(session, failed);
        }
    }

    /// <summary>Waits for the notice of a change, at most for the interval. After a failure it waits for a second.</summary>
    private async Task WaitAsync(FollowedSession session, bool failed)
    {
        using var timeout = new CancellationTokenSource(failed ? FailurePause : ReadInterval, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, session.Stopping.Token);
        try
        {
            await (failed
                ? Task.Delay(Timeout.InfiniteTimeSpan, clock, either.Token)
                : session.Wake.Reader.WaitToReadAsync(either.Token).AsTask());
        }
        catch (OperationCanceledException)
        {
            // The interval has passed, or the last reader has left. The condition of the loop decides.
        }
    }

    private void OnChange(SessionId id, long version)
    {
        lock (gate)
            if (followed.TryGetValue(id, out var session) && session.Newest?.Version != version)
                session.Wake.Writer.TryWrite(true);
    }

    private void Publish(FollowedSession session, StoredSession state)
    {
        lock (gate)
        {
            session.Newest = state;
            session.Readers.ForEach(reader => reader.Offer(state));
        }
    }

    private void Fail(FollowedSession session, Exception? cause)
    {
        lock (gate)
            session.Readers.ForEach(reader => reader.End(cause));
    }

    private void Leave(SessionId id, FollowedSession session, Reader reader)
    {
        lock (gate)
        {
            if (!session.Readers.Remove(reader) || session.Readers.Count > 0)
                return;
            followed.Remove(id);
            session.Stopping.Cancel();
        }
    }

    private static Channel<T> OneSlot<T>(BoundedChannelFullMode whenFull) =>
        Channel.CreateBounded<T>(new BoundedChannelOptions(1) { FullMode = whenFull });

    /// <summary>One reader of a session.</summary>
    public sealed class Reader : IDisposable
    {
        private readonly Channel<StoredSession> slot = OneSlot<StoredSession>(BoundedChannelFullMode.DropOldest);
        private readonly Action leave;
        private long last = -1;

        internal Reader(SessionFeed feed, SessionId id, FollowedSession session) => leave = () => feed.Leave(id, session, this);

        /// <summary>Each state that is newer than the last one. If a failover of Redis brings an older version back, the stream ends, and
        /// a new request starts from the stored state.</summary>
        public ChannelReader<StoredSession> States => slot.Reader;

        public void Dispose() => leave();

        internal void Offer(StoredSession state)
        {
            if (state.Version < last)
                slot.Writer.TryComplete();
            else if (state.Version > last && slot.Writer.TryWrite(state))
                last = state.Version;
        }

        internal void End(Exception? cause) => slot.Writer.TryComplete(cause);
    }

    internal sealed class FollowedSession
    {
        public List<Reader> Readers { get; } = [];
        public StoredSession? Newest { get; set; }
        /// <summary>Holds one notice: any number of changes need only one more read.</summary>
        public Channel<bool> Wake { get; } = OneSlot<bool>(BoundedChannelFullMode.DropWrite);
        public CancellationTokenSource Stopping { get; } = new();
    }
}
