using System.Security.Cryptography;
using System.Text;
using Calls.Application.Randomness;
using Calls.Application.Telemetry;
using Calls.Infrastructure.Redis;

namespace Calls.Infrastructure.Webhooks;

/// <summary>Writes the body of an event: the type, the time and the document of the call.</summary>
public delegate byte[] WriteEvent(string type, StoredSession stored, CallSession session);

/// <summary>Sends the newest state of each call to each receiver, one request for each call and receiver at a time. No call waits for it,
/// and no receiver waits for another one.</summary>
/// <remarks>What must be sent follows from the stored session and from what the receiver was told (<see cref="Told"/>). A claim excludes
/// other replicas for a lease. If this replica ends before it has stored the outcome, another replica sends the event again.</remarks>
internal sealed partial class EventDelivery(
    EventReceivers receivers, EventWakes wakes, RedisEvents events, WriteEvent write, EventTelemetry telemetry, EventSettings settings,
    SessionStoreSettings sessions, CallPolicy policy, TimeProvider clock, ILogger<EventDelivery> logger) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(receivers.Names.Select(name => ServeAsync(name, stoppingToken)));

    private async Task ServeAsync(string name, CancellationToken stoppingToken)
    {
        using var client = new EventClient(name, receivers, settings, clock);
        var receiver = new Line(
            name, client, new Outage(clock, (count, lasted) => Log.DeliversAgain(logger, name, count, lasted.TotalSeconds)));
        var looks = LookAsync(receiver, stoppingToken);
        try
        {
            // A request that was sent is finished, so that its outcome is stored.
            await Parallel.ForEachAsync(
                wakes.ReadAsync(name, stoppingToken),
                new ParallelOptions { MaxDegreeOfParallelism = EventSettings.Concurrency, CancellationToken = stoppingToken },
                async (member, _) => await DeliverAsync(receiver, member));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }

        await looks;
    }

    /// <summary>Finds what no save of this replica has told: retries, and what another replica has not finished.</summary>
    private async Task LookAsync(Line receiver, CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(settings.Sweep, clock);
        try
        {
            do
            {
                try
                {
                    var (pending, due) = await events.FindAsync(receiver.Name);
                    telemetry.Pending(receiver.Name, pending);
                    foreach (var member in due)
                        wakes.Wake(receiver.Name, member);
                }
#pragma warning disable CA1031 // Only the worker loop catches every exception, and continues.
                catch (Exception e)
#pragma warning restore CA1031
                {
                    telemetry.Pending(receiver.Name, null);
                    receiver.Outage.Failed(() => Log.Failed(logger, receiver.Name, e.GetType().Name));
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private async Task DeliverAsync(Line receiver, string member)
    {
        try
        {
            while (await events.ClaimAsync(receiver.Name, member, settings.Lease) is { Stored.Session: { } session } news
                && await DeliverAsync(receiver, news, session))
            {
            }
        }
#pragma warning disable CA1031 // Only the worker loop catches every exception. The entry is stored and is due again after its lease.
        catch (Exception e)
#pragma warning restore CA1031
        {
            receiver.Outage.Failed(() => Log.Failed(logger, receiver.Name, e.GetType().Name));
        }
    }

    /// <returns>Whether the call has news again.</returns>
    private async Task<bool> DeliverAsync(Line line, ClaimedNews news, CallSession session)
    {
        var (receiver, now) = (receivers[line.Name], clock.GetUtcNow());
        var told = Told.Parse(news.Told, session.Nonce);
        var type = told.Version >= news.Stored.Version ? null : told.NextType(session, receiver);
        if (type is null)
            return await SettleAsync(line, news, session, told.Version >= news.Stored.Version ? told : Whole());
        if (type == EventTypes.Ended && !session.AllHaveLeft && told.Stage < Stage.Ended && !news.IsReplaced
            && now < session.EndedAt + settings.LegsAfterEnd)
            return await events.SettleAsync(line.Name, news, told, TimeSpan.FromSeconds(1), null);
        if (line.GoneFor == receiver || told.IsHopeless(session, settings.GiveUpAfter, now))
        {
            telemetry.Delivery(line.Name, type, EventOutcomes.GivenUp);
            Log.GivenUp(logger, session.Id, line.Name, type);
            return await SettleAsync(line, news, session, Whole());
        }

        var answer = await SendAsync(line, receiver, news, session, type, told.Failures + 1);
        now = clock.GetUtcNow();
        if (answer.IsDelivered)
        {
            telemetry.Delivery(line.Name, type, EventOutcomes.Delivered);
            telemetry.Delivered(line.Name, now - session.TouchedAt);
            line.Outage.Worked();
            return await SettleAsync(line, news, session, Whole());
        }

        if (answer.IsGone)
        {
            line.GoneFor = receiver;
            telemetry.Delivery(line.Name, type, EventOutcomes.Gone);
            Log.Gone(logger, line.Name);
            return await SettleAsync(line, news, session, Whole());
        }

        telemetry.Delivery(line.Name, type, EventOutcomes.Failed);
        line.Outage.Failed(() => Log.Failed(logger, line.Name, answer.Cause));
        var failed = told.Failed(now);
        return await events.SettleAsync(line.Name, news, failed, settings.Backoff(failed.Failures, Chance.Jitter()), null);

        Told Whole() => Told.Whole(session, news.Stored.Version);
    }

    /// <summary>One attempt, with its span. The operations in Redis before and after it have no span.</summary>
    private async Task<EventAnswer> SendAsync(
        Line line, EventReceiver receiver, ClaimedNews news, CallSession session, string type, int attempt)
    {
        using var span = CallsTelemetry.Event(line.Name, type, attempt, session);
        var answer = await line.Client.SendAsync(receiver, IdOf(line.Name, news), write(type, news.Stored, session));
        span?.SetTag("calls.outcome", answer.Outcome);
        if (!answer.IsDelivered)
            span?.SetTag("error.type", answer.Cause).SetStatus(ActivityStatusCode.Error);
        return answer;
    }

    /// <summary>Nothing of this state is left to send. A session at rest lives on for the rest of its retention, and a replaced one is not
    /// needed any more.</summary>
    private Task<bool> SettleAsync(Line line, ClaimedNews news, CallSession session, Told told)
    {
        TimeSpan? life = news.IsReplaced ? TimeSpan.Zero
            : session.IsEnded && Deadlines.Next(session, policy) is null ? session.TouchedAt + sessions.Retention - clock.GetUtcNow()
            : null;
        return events.SettleAsync(line.Name, news, told, null, life);
    }

    /// <summary>The same for each attempt to send this state to this receiver. The etag of a state is never repeated, so neither is the id.
    /// </summary>
    private static string IdOf(string receiver, ClaimedNews news) => "msg_" + Convert.ToHexStringLower(SHA256.HashData(
        Encoding.UTF8.GetBytes($"{news.Stored.Id.Value}\n{news.Stored.ETag}\n{receiver}")).AsSpan(0, 16));

    /// <summary>The delivery to one receiver.</summary>
    private sealed class Line(string name, EventClient client, Outage outage)
    {
        public string Name => name;
        public EventClient Client => client;
        public Outage Outage => outage;
        /// <summary>The receiver as it was configured when it answered 410. It gets nothing until its configuration changes.</summary>
        public EventReceiver? GoneFor { get; set; }
    }

    private static partial class Log
    {
        [LoggerMessage(4101, LogLevel.Warning,
            "Events cannot be delivered to the receiver {Receiver}: {Cause}. They are sent again. Further failures are not logged.")]
        public static partial void Failed(ILogger logger, string receiver, string cause);

        [LoggerMessage(4102, LogLevel.Information,
            "Events are delivered to the receiver {Receiver} again. The outage had {Count} failures within {Seconds} seconds.")]
        public static partial void DeliversAgain(ILogger logger, string receiver, int count, double seconds);

        [LoggerMessage(4103, LogLevel.Error,
            "The receiver {Receiver} answered 410. It gets no events until this process starts again or the configuration changes.")]
        public static partial void Gone(ILogger logger, string receiver);

        [LoggerMessage(4104, LogLevel.Error, "Call {SessionId}: the receiver {Receiver} never got the event {Type}. It was given up.")]
        public static partial void GivenUp(ILogger logger, SessionId sessionId, string receiver, string type);
    }
}
