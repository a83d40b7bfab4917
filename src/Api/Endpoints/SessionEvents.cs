using System.Globalization;
using System.Security.Claims;
using System.Text;
using System.Text.Json;
using Calls.Application.Events;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace Calls.Api.Endpoints;

/// <summary>A call as it happens: server-sent events (html.spec.whatwg.org, "Server-sent events"), one for each change, until the call is over.</summary>
/// <remarks>Who reads slowly skips states, and gets the newest. After a break the browser sends <c>Last-Event-ID</c>, and gets one newer state if there is one.</remarks>
internal sealed class SessionEvents(ISender mediator, SessionFeed feed, RequestLimits limits, TimeProvider clock, IHostApplicationLifetime lifetime, IOptions<JsonOptions> json)
{
    public const string ContentType = "text/event-stream";

    /// <summary>Shorter than the idle time-outs of proxies, of which 30 s is the least in use.</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    private static readonly byte[] Ping = Encoding.UTF8.GetBytes(": ping\n\n");

    public async Task<IResult> StreamAsync(SessionId id, Asker asker, string? lastEventId, HttpContext http)
    {
        if (await mediator.Send(new GetSession(id, asker), http.RequestAborted) is not { Session: { } session } stored)
            return Problems.Of(RefusalReason.NoSuchSession);
        // A version that there is not yet was never sent: Redis has failed over, or somebody guesses.
        var seen = long.TryParse(lastEventId, NumberStyles.None, CultureInfo.InvariantCulture, out var last) && last <= stored.Version ? last : 0;
        if (seen == stored.Version && IsOver(session))
            return TypedResults.NoContent();

        using var open = limits.Stream(http, out var refusal);
        if (refusal is not null)
            return refusal;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        using var expired = new CancellationTokenSource(LifeOf(http.User), clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ending.Token, expired.Token);
        http.Response.ContentType = ContentType;
        http.Response.Headers.CacheControl = "no-store, no-cache";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await http.Response.StartAsync(either.Token);
            await http.Response.Body.FlushAsync(either.Token);
            using var reader = feed.Follow(id);
            await WriteAsync(http.Response, reader, asker, seen, either.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The reader has gone, the host stops, or the bearer's time is out: all three are the end of the stream.
        }

        return TypedResults.Empty;
    }

    private async Task WriteAsync(HttpResponse response, SessionFeed.Reader reader, Asker asker, long seen, CancellationToken cancellationToken)
    {
        while (await NextAsync(response, reader, cancellationToken))
        {
            while (reader.States.TryRead(out var stored))
            {
                // The id may have been taken by a new call, of other people.
                if (stored.Session is not { } session || !asker.MaySee(session))
                    return;
                if (stored.Version > seen)
                    await SendAsync(response, Frame(stored, session), cancellationToken);
                if (IsOver(session))
                    return;
            }
        }
    }

    /// <summary>Waits for a state, with a sign of life now and then. False where none will come.</summary>
    private async Task<bool> NextAsync(HttpResponse response, SessionFeed.Reader reader, CancellationToken cancellationToken)
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
                await SendAsync(response, Ping, cancellationToken);
            }
        }
    }

    private byte[] Frame(StoredSession stored, CallSession session) => Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $"id: {stored.Version}\nevent: session\ndata: {JsonSerializer.Serialize(SessionDocument.Of(stored, session), json.Value.SerializerOptions)}\n\n"));

    private static async Task SendAsync(HttpResponse response, byte[] bytes, CancellationToken cancellationToken)
    {
        await response.Body.WriteAsync(bytes, cancellationToken);
        await response.Body.FlushAsync(cancellationToken);
    }

    /// <summary>Over, and everybody's line has ended: nothing is left to tell.</summary>
    private static bool IsOver(CallSession session) => session.IsEnded && session.Participants.All(p => p.Progress == Progress.Gone);

    /// <summary>A stream ends with the bearer that opened it.</summary>
    private TimeSpan LifeOf(ClaimsPrincipal user)
    {
        var most = TimeSpan.FromDays(1);
        if (!long.TryParse(user.FindFirst("exp")?.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var expires) || expires > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
            return most;
        var left = DateTimeOffset.FromUnixTimeSeconds(expires) - clock.GetUtcNow();
        return left < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : left < most ? left : most;
    }
}
