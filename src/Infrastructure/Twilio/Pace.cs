using System.Net;
using Calls.Application.Randomness;
using Polly;
using Polly.RateLimiting;

namespace Calls.Infrastructure.Twilio;

/// <summary>After a 429, Twilio gets all requests of this kind more slowly, for all calls of this replica.</summary>
/// <remarks>
/// First there is a pause, of the length that <c>Retry-After</c> asks for. After the pause there is a space between two requests. Each
/// further 429 doubles the space, and each other answer makes it a little smaller. A request whose turn would come too late is not sent.
/// Without this, each call would repeat its own requests, and so the requests that Twilio refuses would multiply.
/// </remarks>
internal sealed class Pace(PipelineSettings its, TimeProvider clock) : ResilienceStrategy<TwilioAnswer>
{
    private const double Recovery = 0.95;
    private static readonly TimeSpan SmallestSpace = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan FirstSpace = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LargestSpace = TimeSpan.FromSeconds(2);
    /// <summary>As long as the longest wait of an effect: then one request asks Twilio again.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);
    /// <summary>A pace without a 429 for so long is over.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly long began = clock.GetTimestamp();
    private TimeSpan space;
    /// <summary>When the next request may be sent. All times here count from the start of the process.</summary>
    private TimeSpan next;
    private TimeSpan slowedAt;
    private int slowdowns;

    /// <summary>The wait of a request that would be sent now.</summary>
    public TimeSpan Wait
    {
        get
        {
            lock (gate)
                return WaitAt(Now);
        }
    }

    private TimeSpan Now => clock.GetElapsedTime(began);

    protected override async ValueTask<Outcome<TwilioAnswer>> ExecuteCore<TState>(
        Func<ResilienceContext, TState, ValueTask<Outcome<TwilioAnswer>>> callback, ResilienceContext context, TState state)
    {
        var exchange = TwilioExchange.Of(context);
        exchange.StartedAt ??= clock.GetTimestamp();
        for (var (wait, slowed) = TakeTurn(exchange); wait > TimeSpan.Zero;)
        {
            if (wait > TimeLeft(exchange))
                return Outcome.FromException<TwilioAnswer>(new RateLimiterRejectedException(wait));
            try
            {
                await Task.Delay(wait, clock, context.CancellationToken);
            }
            catch (OperationCanceledException e)
            {
                return Outcome.FromException<TwilioAnswer>(e);
            }

            // A 429 in the meantime has taken the turn away.
            if (slowed == Volatile.Read(ref slowdowns))
                break;
            (wait, slowed) = TakeTurn(exchange);
        }

        var sentAt = Now;
        var outcome = await callback(context, state);
        if (outcome.Result is { } answer)
            Learn(answer, sentAt);
        return outcome;
    }

    /// <summary>The wait until the turn of this request. A turn that would come too late is not taken.</summary>
    private (TimeSpan Wait, int Slowed) TakeTurn(TwilioExchange exchange)
    {
        lock (gate)
        {
            var now = Now;
            if (now - slowedAt > Memory)
                space = TimeSpan.Zero;
            var wait = WaitAt(now);
            if (wait == TimeSpan.Zero || wait <= TimeLeft(exchange))
                next = now + wait + (space * (0.75 + (0.5 * Chance.Jitter())));
            return (wait, slowdowns);
        }
    }

    private TimeSpan WaitAt(TimeSpan now) => next > now ? next - now : TimeSpan.Zero;

    /// <summary>The longest wait after which a whole attempt fits into the total time-out.</summary>
    private TimeSpan TimeLeft(TwilioExchange exchange) =>
        its.Total - its.Attempt - (exchange.StartedAt is { } from ? clock.GetElapsedTime(from) : TimeSpan.Zero);

    /// <summary>The requests that were under way together count as one.</summary>
    private void Learn(TwilioAnswer answer, TimeSpan sentAt)
    {
        lock (gate)
        {
            var isNews = sentAt >= slowedAt;
            if (answer.Status != HttpStatusCode.TooManyRequests)
            {
                if (isNews)
                    space = space * Recovery is var smaller && smaller >= SmallestSpace ? smaller : TimeSpan.Zero;
                return;
            }

            var now = Now;
            if (isNews)
            {
                space = Least(Most(space * 2, FirstSpace), LargestSpace);
                slowedAt = now;
                Volatile.Write(ref slowdowns, slowdowns + 1);
                next = now + (space * (1 + Chance.Jitter()));
            }

            if (answer.RetryAfter is { } pause)
                next = Most(next, now + Least(pause, LongestPause));
        }
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static TimeSpan Most(TimeSpan one, TimeSpan other) => one > other ? one : other;

    /// <summary>Polly gives every strategy options. This one needs only their name.</summary>
    internal sealed class Options : ResilienceStrategyOptions
    {
        public Options() => Name = "pace";
    }
}
