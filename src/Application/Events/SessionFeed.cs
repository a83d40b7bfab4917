using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Application.Events;

/// <summary>Live sessions for any number of readers. Each change is read once in this process and given to every reader of the
/// session.</summary>
/// <remarks>
/// A reader has room for one state, the newest one: a slow reader skips states and delays no other reader. Versions only rise, and no
/// version comes twice.
/// The notice of a change can be lost. Therefore a followed session is also read again at an interval, and the newest state always arrives.
/// </remarks>
public sealed class SessionFeed(ISessionChanges changes, IServiceScopeFactory scopes, TimeProvider clock)
{
    /// <summary>The longest time for which a lost notice of a change delays the change.</summary>
    private static readonly TimeSpan SafetyNet = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly Dictionary<SessionId, Followed> followed = [];

    /// <summary>The state of the session now, and then each change. Dispose the reader to stop.</summary>
    public Reader Follow(SessionId id)
    {
        lock (gate)
        {
            if (!followed.TryGetValue(id, out var session))
            {
                followed[id] = session = new Followed();
                _ = WatchAsync(id, session);
            }

            var reader = new Reader(this, id, session);
            session.Readers.Add(reader);
            // The state that was read before may be outdated now.
            session.Wake.Writer.TryWrite(true);
            return reader;
        }
    }

    private async Task WatchAsync(SessionId id, Followed session)
    {
        while (!session.Abandoned.IsCancellationRequested)
        {
            var failed = false;
            try
            {
                // The subscription comes before the read, so that a change between the two is noticed.
                await changes.ListenAsync(id, Told);
                session.Wake.Reader.TryRead(out _);
                await using var scope = scopes.CreateAsyncScope();
                Publish(session, await scope.ServiceProvider.GetRequiredService<ISessionStore>().LoadAsync(id, CancellationToken.None));
            }
            catch (SessionStoreUnavailableException e)
            {
                failed = true;
                // The readers ask again, and are told why there is nothing to read.
                if (e is UnreadableSessionException)
                    Fail(session, null);
            }
#pragma warning disable CA1031 // A state that cannot be read must not end the watch silently: the streams of its readers end.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Fail(session, e);
                failed = true;
            }

            await WaitAsync(session, failed);
        }
    }

    /// <summary>Waits for the notice of a change, at most for the interval. After a failure it waits for a second.</summary>
    private async Task WaitAsync(Followed session, bool failed)
    {
        using var enough = new CancellationTokenSource(failed ? AfterFailure : SafetyNet, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(enough.Token, session.Abandoned.Token);
        try
        {
            if (failed)
                await Task.Delay(Timeout.InfiniteTimeSpan, clock, either.Token);
            else
                await session.Wake.Reader.WaitToReadAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            // The interval has passed, or the last reader has left. The condition of the loop decides.
        }
    }

    private void Told(SessionId id, long version)
    {
        lock (gate)
        {
            if (followed.TryGetValue(id, out var session) && session.Newest?.Version != version)
                session.Wake.Writer.TryWrite(true);
        }
    }

    private void Publish(Followed session, StoredSession state)
    {
        lock (gate)
        {
            session.Newest = state;
            foreach (var reader in session.Readers)
                reader.Offer(state);
        }
    }

    private void Fail(Followed session, Exception? cause)
    {
        lock (gate)
        {
            foreach (var reader in session.Readers)
                reader.End(cause);
        }
    }

    private void Leave(SessionId id, Followed session, Reader reader)
    {
        lock (gate)
        {
            if (!session.Readers.Remove(reader) || session.Readers.Count > 0)
                return;
            followed.Remove(id);
            session.Abandoned.Cancel();
        }
    }

    /// <summary>One reader of a session.</summary>
    public sealed class Reader : IDisposable
    {
        private readonly SessionFeed feed;
        private readonly SessionId id;
        private readonly Followed session;
        private readonly Channel<StoredSession> slot =
            Channel.CreateBounded<StoredSession>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

        private long last = -1;

        internal Reader(SessionFeed feed, SessionId id, Followed session) => (this.feed, this.id, this.session) = (feed, id, session);

        /// <summary>Each state that is newer than the last one. It ends where the session went back to an older version, which a failover
        /// of Redis can cause.
        /// A new request starts from the stored state.</summary>
        public ChannelReader<StoredSession> States => slot.Reader;

        public void Dispose() => feed.Leave(id, session, this);

        internal void Offer(StoredSession state)
        {
            if (state.Version < last)
                slot.Writer.TryComplete();
            else if (state.Version > last && slot.Writer.TryWrite(state))
                last = state.Version;
        }

        internal void End(Exception? cause) => slot.Writer.TryComplete(cause);
    }

    internal sealed class Followed
    {
        public List<Reader> Readers { get; } = [];

        public StoredSession? Newest { get; set; }
        /// <summary>Holds one notice: any number of changes need one more read.</summary>
        public Channel<bool> Wake { get; } =
            Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

        public CancellationTokenSource Abandoned { get; } = new();
    }
}
