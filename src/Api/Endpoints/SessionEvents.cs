using System.ComponentModel.DataAnnotations;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Calls.Application.Events;

namespace Calls.Api.Endpoints;

/// <summary>A session as server-sent events (html.spec.whatwg.org): its state now, then each change, until the call is over.</summary>
internal sealed class SessionEvents(ISender mediator, SessionFeed feed, TimeProvider clock, IHostApplicationLifetime lifetime)
{
    public const string ContentType = "text/event-stream";
    public const string EventName = "session";
    /// <summary>Shorter than the idle time-outs of proxies. The shortest in common use is 30 s.</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    public async Task<IResult> StreamAsync(SessionId id, Asker asker, string? lastEventId, HttpContext http)
    {
        if (await mediator.Send(new GetSession(id, asker), http.RequestAborted) is not { Session: { } session } stored)
            return Problems.Of(RefusalReason.NoSuchSession);
        // The service never sent a version that does not exist yet: Redis has failed over, or the client has made the id up.
        var seen = Parse(lastEventId) is { } last && last <= stored.Version ? last : 0;
        if (seen == stored.Version && IsOver(session))
            return TypedResults.NoContent();

        using var expiry = new CancellationTokenSource(LifeOf(http.User), clock);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping, expiry.Token);
        // The framework's result observes this token only.
        http.RequestAborted = end.Token;
        http.Response.Headers.CacheControl = "no-store, no-cache";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        try
        {
            await TypedResults.ServerSentEvents(EventsAsync(id, asker, seen, http.Response, end.Token)).ExecuteAsync(http);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The reader has left, the host stops, or the bearer has expired. Each of these ends the stream.
        }

        return TypedResults.Empty;
    }

    private async IAsyncEnumerable<SseItem<SessionDocument>> EventsAsync(
        SessionId id, Asker asker, long seen, HttpResponse response, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // A reader that has seen the newest version gets the headers before there is an event.
        await response.Body.FlushAsync(cancellationToken);
        using var reader = feed.Follow(id);
        while (await NextAsync(reader, response, cancellationToken))
        {
            while (reader.States.TryRead(out var stored))
            {
                // The person may have declined or been removed, and a new call of other people may have the same id by now.
                if (stored.Session is not { } session || !asker.MaySee(session))
                    yield break;
                if (stored.Version > seen)
                    yield return new(SessionDocument.Of(stored, session), EventName) { EventId = stored.Version.ToString(Invariant) };
                if (IsOver(session))
                    yield break;
            }
        }
    }

    /// <summary>Waits for the next state, with a comment at each heartbeat. False if no more states come.</summary>
    private async Task<bool> NextAsync(SessionFeed.Reader reader, HttpResponse response, CancellationToken cancellationToken)
    {
        var next = reader.States.WaitToReadAsync(cancellationToken).AsTask();
        while (true)
        {
            try
            {
                return await next.WaitAsync(Heartbeat, clock, cancellationToken);
            }
            catch (TimeoutException)
            {
                // An SseItem cannot be a comment, so it is written here, while the framework waits for the next event.
                await response.Body.WriteAsync(": ping\n\n"u8.ToArray(), cancellationToken);
                await response.Body.FlushAsync(cancellationToken);
            }
        }
    }

    /// <summary>The call is over and every leg has ended, so no more changes come.</summary>
    private static bool IsOver(CallSession session) => session.IsEnded && session.Participants.All(p => p.Progress == Progress.Gone);

    /// <summary>The time until the bearer expires, from one second to one day. The stream ends with the bearer that opened it.</summary>
    private TimeSpan LifeOf(ClaimsPrincipal user)
    {
        var seconds = (Parse(user.FindFirst("exp")?.Value) ?? long.MaxValue) - clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        return TimeSpan.FromSeconds(Math.Clamp(seconds, 1, TimeSpan.SecondsPerDay));
    }

    private static long? Parse(string? text) => long.TryParse(text, NumberStyles.None, Invariant, out var number) ? number : null;
}

/// <summary>One event of the stream, as its fields: <c>id:</c>, <c>event:</c> and <c>data:</c>. A line that begins with a colon is no
/// event; it keeps the connection open.</summary>
/// <param name="Id">The version of the call, for <c>Last-Event-ID</c>.</param>
/// <param name="Event">The kind of the event.</param>
/// <param name="Data">The call after the change, as JSON on one line.</param>
public sealed record SessionEventDocument(
    string Id, [property: AllowedValues(SessionEvents.EventName)] string Event, SessionDocument Data);
