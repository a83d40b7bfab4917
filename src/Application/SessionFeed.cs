using System.Threading.Channels;
using Calls.Application.Ports;
using Calls.Domain;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Application;

/// <summary>Live sessions for any number of readers: each change is read once in this process and handed to everybody who follows that session.</summary>
/// <remarks>
/// A reader has room for one state, the newest: who reads slowly skips some, and holds nobody up. Versions only rise, and none comes twice. Word of a change can be
/// lost, so a followed session is also read again now and then; the newest state always arrives.
/// </remarks>
public sealed class SessionFeed(ISessionChanges changes, IServiceScopeFactory scopes, TimeProvider clock)
{
    /// <summary>How long a lost word of a change can go unnoticed.</summary>
    private static readonly TimeSpan SafetyNet = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly Dictionary<SessionId, Followed> followed = [];

    /// <summary>The session as it is, and from then on as it becomes. Dispose it when nobody reads any more.</summary>
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
            // What was read before this reader came may be old by now.
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
                // Listening comes before reading: what is committed between the two is told.
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
#pragma warning disable CA1031 // A state that cannot be read must not end the watch without a word: its readers are told by the end of theirs.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Fail(session, e);
                failed = true;
            }

            await WaitAsync(session, failed);
        }
    }

    /// <summary>Until there is word of a change, or it is time to look again without. After a failure, for a while in any case.</summary>
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
            // Time to look again, or nobody is left to look for; the loop tells which.
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

    /// <summary>One who follows a session.</summary>
    public sealed class Reader : IDisposable
    {
        private readonly SessionFeed feed;
        private readonly SessionId id;
        private readonly Followed session;
        private readonly Channel<StoredSession> slot = Channel.CreateBounded<StoredSession>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        private long last = -1;

        internal Reader(SessionFeed feed, SessionId id, Followed session) => (this.feed, this.id, this.session) = (feed, id, session);

        /// <summary>Each state that is newer than the one before. Ends where the session has gone back to an older version, as it may when a Redis fails over:
        /// who asks anew starts from what there is.</summary>
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

        /// <summary>One place: any number of changes call for one more look.</summary>
        public Channel<bool> Wake { get; } = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

        public CancellationTokenSource Abandoned { get; } = new();
    }
}
