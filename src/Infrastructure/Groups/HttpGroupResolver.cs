using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Calls.Application.Randomness;
using Calls.Application.Telemetry;
using Calls.Application.UseCases;
using Calls.Infrastructure.Dialing;
using Calls.Infrastructure.Webhooks;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Calls.Infrastructure.Groups;

/// <summary>Asks the customer's system for the candidates of a group: a POST, signed by Standard Webhooks (standardwebhooks.com).</summary>
/// <remarks>No redirect is followed, the answer has a limited size, and the whole question a limited time. In this time a failed request is
/// repeated. Nothing of the answer is trusted: each candidate is read as one of a REST request.</remarks>
internal sealed partial class HttpGroupResolver(
    HttpClient client, GroupResolverSettings settings, TimeProvider clock, ILogger<HttpGroupResolver> logger) : IGroupResolver
{
    /// <summary>Twenty candidates take at most 4 KB. The rest is for fields that this version does not know.</summary>
    internal const int MaxAnswer = 64 * 1024;
    private const int Retries = 2;
    private readonly Outage outage = new(clock, (count, lasted) => Log.AnswersAgain(logger, count, lasted.TotalSeconds));

    private readonly ResiliencePipeline<HttpStatusCode?> pipeline = new ResiliencePipelineBuilder<HttpStatusCode?> { TimeProvider = clock }
        .AddTimeout(new TimeoutStrategyOptions { Timeout = settings.TimeLimit })
        .AddRetry(new RetryStrategyOptions<HttpStatusCode?>
        {
            MaxRetryAttempts = Retries,
            Delay = TimeSpan.FromMilliseconds(200),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Randomizer = Chance.Jitter,
            ShouldHandle = args => ValueTask.FromResult(
                args.Outcome.Exception is HttpRequestException { HttpRequestError: not HttpRequestError.ConfigurationLimitExceeded }
                || args.Outcome.Result is HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError),
        })
        .Build();

    public static void Configure(HttpClient client)
    {
        client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        client.MaxResponseContentBufferSize = MaxAnswer;
        // The pipeline has the time limit.
        client.Timeout = Timeout.InfiniteTimeSpan;
    }

    public static SocketsHttpHandler Handler(GroupResolverSettings settings)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(3),
            // The other system gets no trace context.
            ActivityHeadersPropagator = null,
        };
        if (!settings.AllowPrivateAddresses)
        {
            handler.UseProxy = false;
            handler.ConnectCallback = (context, cancellationToken) =>
                PublicAddresses.ConnectAsync(context.DnsEndPoint, allowPrivate: false, cancellationToken);
        }

        return handler;
    }

    public async Task<GroupAnswer> AskAsync(GroupName group, CallSession session, CancellationToken cancellationToken)
    {
        var answer = settings.Url is { } url ? await AskAsync(url, group, session, cancellationToken) : new GroupAnswer("NoResolver", null);
        if (answer.Members is null)
            outage.Failed(() => Log.NoAnswer(logger, answer.Outcome));
        else
            outage.Worked();
        return answer;
    }

    private async Task<GroupAnswer> AskAsync(Uri url, GroupName group, CallSession session, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new Question(group.Value, session.Id.Value, StartCall.OwnerOf(session.Caller.Party)), JsonSerializerOptions.Web);
        // The same for each request of this call, also of another replica. The nonce itself stays within the service.
        var id = "msg_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(session.Room)))[..32];
        byte[] answered = [];
        try
        {
            var status = await pipeline.ExecuteAsync(async token =>
            {
                using var request = Signed(url, id, body);
                using var response = await client.SendAsync(request, HttpCompletionOption.ResponseContentRead, token);
                answered = await response.Content.ReadAsByteArrayAsync(token);
                return (HttpStatusCode?)response.StatusCode;
            }, cancellationToken);
            return status is >= HttpStatusCode.OK and < HttpStatusCode.MultipleChoices
                ? Parse(answered) is { } members ? new("Answered", members) : new("Invalid", null)
                : new("Refused", null);
        }
        catch (TimeoutRejectedException)
        {
            return new("TimedOut", null);
        }
        catch (HttpRequestException e)
        {
            return new(e.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded ? "TooLarge" : "Failed", null);
        }
        catch (IOException)
        {
            return new("Failed", null);
        }
    }

    private HttpRequestMessage Signed(Uri url, string id, byte[] body)
    {
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", now.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", StandardWebhookSignature.Sign(settings.Secret, id, now, body));
        return request;
    }

    /// <summary>Null: the answer is not what was asked for. One candidate that cannot be read is enough.</summary>
    private static GroupMembers? Parse(byte[] body)
    {
        try
        {
            var answer = JsonSerializer.Deserialize<Answer>(body, JsonSerializerOptions.Web);
            if (answer is not { OneOf: { Length: <= Candidates.Most } oneOf }
                || CandidateForm.StrategyOf(answer.Strategy) is not { } strategy)
                return null;
            var parties = ImmutableArray.CreateBuilder<Party>(oneOf.Length);
            foreach (var candidate in oneOf)
                if (CandidateForm.PartyOf(candidate?.Identity, candidate?.PhoneNumber, out _, out _) is { } party)
                    parties.Add(party);
                else
                    return null;
            return new GroupMembers(parties.ToImmutable(), strategy);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The body of the request.</summary>
    /// <param name="Group">The name of the group.</param>
    /// <param name="SessionId">The session id.</param>
    /// <param name="Caller">The identity or the number of the caller. Null for a withheld number.</param>
    private sealed record Question(string Group, string SessionId, string? Caller);

    private sealed record Answer(Candidate?[]? OneOf, string? Strategy);

    private sealed record Candidate(string? Identity, string? PhoneNumber);

    private static partial class Log
    {
        [LoggerMessage(5201, LogLevel.Warning,
            "The group resolver gave no usable answer: {Outcome}. The caller hears words. Further failures are not logged.")]
        public static partial void NoAnswer(ILogger logger, string outcome);

        [LoggerMessage(5202, LogLevel.Information,
            "The group resolver answers again. The outage had {Count} failures within {Seconds} seconds.")]
        public static partial void AnswersAgain(ILogger logger, int count, double seconds);
    }
}
