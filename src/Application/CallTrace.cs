using System.Diagnostics;
using Calls.Application.Ports;
using Calls.Domain;

namespace Calls.Application;

/// <summary>One call is one trace: where a request's spans belong is known only when its session has been read, so the request's own span waits for that. One of these serves one request.</summary>
/// <remarks>Twilio sends no trace context, and whatever a webhook claims to be part of is not believed. The call's own is stored with the session by its first write.</remarks>
public sealed class CallTrace
{
    private static readonly Task<StoredSession> NotRead = Task.FromCanceled<StoredSession>(new CancellationToken(canceled: true));

    private (string Name, DateTimeOffset Arrived)? awaited;
    private (SessionId Id, Task<StoredSession> Loading)? ahead;
    private StoredSession? remembered;

    /// <summary>Whether a span waits to be told where it belongs.</summary>
    public bool IsAwaited => awaited is not null;

    /// <summary>The request's own span; null before <see cref="Begin"/>, and where nobody listens.</summary>
    public Activity? Span { get; private set; }

    /// <summary>What the last decision of this request came to.</summary>
    public Decision? Decision { get; internal set; }

    /// <summary>Whether the store did not answer and the caller was asked to hold on.</summary>
    public bool IsHeld { get; set; }

    /// <summary>From here on a webhook's span waits.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="arrived">When the webhook came: the span will have begun then.</param>
    public void Await(string name, DateTimeOffset arrived) => awaited = (name, arrived);

    /// <summary>Starts the span that waits, if there is one, and makes it the current one.</summary>
    /// <param name="traceParent">The call's W3C trace context; null where there is no call yet.</param>
    public void Begin(string? traceParent)
    {
        if (awaited is not { } webhook)
            return;
        awaited = null;
        // Whatever is current came with the request, from somebody whom nobody has checked.
        Activity.Current = null;
        Span = CallsTelemetry.Webhook(webhook.Name, webhook.Arrived, ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent) ? parent : default);
    }

    /// <summary>Reads the session ahead of the use case, which then takes it from here: no round trip is added.</summary>
    /// <returns>The call's trace context; null where there is none, or the store does not answer, which the use case will find out in its turn.</returns>
    internal async Task<string?> LookAheadAsync(ISessionStore sessions, SessionId id, CancellationToken cancellationToken)
    {
        var loading = sessions.LoadAsync(id, cancellationToken);
        ahead = (id, loading);
        try
        {
            return (await loading).Session?.TraceParent;
        }
        catch (SessionStoreUnavailableException)
        {
            return null;
        }
    }

    /// <summary>What the next load of that session is to find, without a round trip: what the store has just said.</summary>
    internal void Keep(StoredSession session)
    {
        ahead = (session.Id, Task.FromResult(session));
        remembered = null;
    }

    /// <summary>What the next load of that session is to find, without a round trip: what this replica remembers. It may be old: a save that compares will say so.</summary>
    internal void Remember(StoredSession session)
    {
        ahead = (session.Id, Task.FromResult(session));
        remembered = session;
    }

    /// <summary>Whether the next load of that session finds something without a round trip.</summary>
    internal bool Keeps(SessionId session) => ahead?.Id == session;

    /// <summary>Whether something was remembered that the store has not been asked about since.</summary>
    internal bool RestsOnMemory => remembered is not null;

    /// <summary>Whether this was remembered, and nothing more.</summary>
    internal bool IsOnlyRemembered(StoredSession session) => remembered?.ETag == session.ETag;

    /// <summary>The store has said that it was the truth, or it makes no difference whether it is.</summary>
    internal void Prove() => remembered = null;

    /// <summary>What was read ahead, or kept, once.</summary>
    internal bool TryTake(SessionId id, out Task<StoredSession> loading)
    {
        var taken = ahead is { } read && read.Id == id;
        loading = taken ? ahead!.Value.Loading : NotRead;
        if (taken)
            ahead = null;
        return taken;
    }
}

/// <summary>Spans of what happened before anybody knew whose trace it belongs to: made afterwards, with the times that they had.</summary>
public sealed class DeferredSpans
{
    private static readonly AsyncLocal<DeferredSpans?> Ambient = new();

    private readonly List<Action> spans = [];

    /// <summary>Where a span is to be put that has no parent yet; null where none is waited for.</summary>
    public static DeferredSpans? Current => Activity.Current is null ? Ambient.Value : null;

    public void Add(Action make) => spans.Add(make);

    /// <summary>From here on, in this flow.</summary>
    internal static DeferredSpans Collect() => Ambient.Value = new DeferredSpans();

    /// <summary>Makes them, below the current span.</summary>
    internal void Make()
    {
        Ambient.Value = null;
        foreach (var make in spans)
            make();
    }
}
