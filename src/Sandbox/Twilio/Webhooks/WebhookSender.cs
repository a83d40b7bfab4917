using System.Globalization;

namespace Calls.Sandbox.Twilio;

/// <summary>What is to be asked, of whom, and about which leg or conference.</summary>
internal sealed record Webhook(WebhookKind Kind, string Event, CallbackTarget Target, Parameters Parameters)
{
    public string? CallSid { get; init; }

    public string? ConferenceSid { get; init; }
}

/// <summary>Delivers webhooks as Twilio does: signed, within its time-outs, retried by the URL's overrides, following redirects.</summary>
/// <remarks>Faults are done here, where the network would do them.</remarks>
internal sealed class WebhookSender(TwilioCloud cloud, IWebhookTransport transport)
{
    private const int MaxRedirects = 10;
    private readonly WebhookHold _hold = new(cloud);

    /// <summary>Sends and forgets: status callbacks. They leave in order; nothing says that they arrive so.</summary>
    public void Fire(Webhook hook) => cloud.Launch(async () =>
    {
        var response = await SendAsync(hook);
        if (response is { Failure: WebhookFailure.None, IsSuccess: false })
        {
            cloud.LogError(hook.Kind == WebhookKind.Conference ? 16011 : 15003, "The status callback was answered with an error", hook.Target.Url, hook.CallSid);
        }
    });

    /// <summary>Sends, with whatever faults and retries apply, and gives the last answer.</summary>
    public async Task<WebhookResponse> SendAsync(Webhook hook)
    {
        var token = cloud.Sids.Token();
        var plan = cloud.Faults.PlanWebhook(hook, cloud.Chance);
        foreach (var delay in plan.Copies)
        {
            Note(hook, $"duplicate after {delay.TotalMilliseconds:0} ms");
            cloud.Launch(async () =>
            {
                await cloud.DelayAsync(delay);
                await DeliverAsync(hook, token, plan, copy: true);
            });
        }
        if (plan.Drop)
        {
            Note(hook, "drop");
            return WebhookResponse.Failed(WebhookFailure.Dropped);
        }
        if (plan.Delay > TimeSpan.Zero)
        {
            Note(hook, string.Create(CultureInfo.InvariantCulture, $"delay {plan.Delay.TotalMilliseconds:0} ms"));
            await cloud.DelayAsync(plan.Delay);
        }
        if (plan.HoldBehind is { } rule)
        {
            Note(hook, "reorder");
            await _hold.UntilOvertakenAsync(rule);
        }
        var response = await DeliverAsync(hook, token, plan, copy: false);
        _hold.Release(hook);
        return response;
    }

    private async Task<WebhookResponse> DeliverAsync(Webhook hook, string token, WebhookPlan plan, bool copy)
    {
        var (url, overrides) = ConnectionOverrides.Read(hook.Target.Url);
        var deadline = cloud.Scheduler.Now + Scaled(overrides.TotalTimeout);
        for (var attempt = 1; ; attempt++)
        {
            var response = await FollowAsync(hook, url, overrides, token, deadline, attempt, attempt <= plan.FailingAttempts ? plan : WebhookPlan.None, copy);
            if (attempt > overrides.RetryCount || !overrides.Retries(response) || cloud.Scheduler.Now >= deadline)
            {
                return response;
            }
        }
    }

    private async Task<WebhookResponse> FollowAsync(
        Webhook hook, string url, ConnectionOverrides overrides, string token, DateTimeOffset deadline, int attempt, WebhookPlan plan, bool copy)
    {
        var (method, parameters) = (hook.Target.Method, hook.Parameters);
        for (var redirects = 0; ; redirects++)
        {
            var response = await AttemptAsync(hook, method, url, parameters, overrides, token, deadline, attempt, plan, copy);
            if (response is not { Failure: WebhookFailure.None, Status: 301 or 302 or 303 or 307 or 308, Location: { } location } || redirects == MaxRedirects)
            {
                return response;
            }
            url = new Uri(new Uri(url), location).AbsoluteUri;
            // Twilio asks the new place with GET and without the parameters, except for 307 and 308.
            (method, parameters) = response.Status is 307 or 308 ? (method, parameters) : ("GET", Parameters.None);
        }
    }

    private async Task<WebhookResponse> AttemptAsync(
        Webhook hook, string method, string url, Parameters parameters, ConnectionOverrides overrides, string token, DateTimeOffset deadline, int attempt, WebhookPlan plan, bool copy)
    {
        var get = method == "GET";
        var sentUrl = get && parameters.Count > 0 ? url + (url.Contains('?', StringComparison.Ordinal) ? "&" : "?") + parameters.ToForm() : url;
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["X-Twilio-Signature"] = Signer.Sign(cloud.Options.AuthToken, Signer.UrlAsSigned(sentUrl), get ? [] : parameters),
            ["I-Twilio-Idempotency-Token"] = token,
            ["User-Agent"] = "TwilioProxy/1.1",
            ["Accept"] = "*/*",
        };
        var number = cloud.Journal.Append(new WebhookSent(hook.Kind, hook.Event, method, url, parameters, token, attempt)
        {
            CallSid = hook.CallSid,
            ConferenceSid = hook.ConferenceSid,
            Copy = copy,
        });
        var request = new WebhookRequest(hook.Kind, method, sentUrl, get ? null : parameters, headers, Scaled(overrides.ConnectTimeout));
        var patience = Min(Scaled(overrides.ReadTimeout), deadline - cloud.Scheduler.Now);
        var response = plan.RefuseConnection ? WebhookResponse.Failed(WebhookFailure.Connect) : await ExchangeAsync(request, patience);
        if (plan.LoseAnswer && response.Failure == WebhookFailure.None)
        {
            Note(hook, $"answer {response.Status} lost");
            response = WebhookResponse.Failed(WebhookFailure.Read);
        }
        cloud.Journal.Append(new WebhookAnswered(number, hook.Kind, hook.Event, url, response.Failure, response.Status, response.Body)
        {
            CallSid = hook.CallSid,
            ConferenceSid = hook.ConferenceSid,
        });
        return response;
    }

    /// <summary>One exchange, given up after <paramref name="patience"/>; whatever thread the transport answers on, this goes on on the cloud's.</summary>
    private async Task<WebhookResponse> ExchangeAsync(WebhookRequest request, TimeSpan patience)
    {
        using var giveUp = new CancellationTokenSource();
        var done = new TaskCompletionSource<WebhookResponse>();
        using var timer = cloud.Scheduler.Schedule(patience, () =>
        {
            giveUp.Cancel();
            done.TrySetResult(WebhookResponse.Failed(WebhookFailure.Read));
        });
        cloud.Launch(async () =>
        {
            var response = await transport.SendAsync(request, giveUp.Token);
            cloud.Post(() => done.TrySetResult(response));
        });
        return await done.Task;
    }

    private void Note(Webhook hook, string fault) =>
        cloud.Journal.Append(new WebhookFaulted(hook.Kind, hook.Event, hook.Target.Url, fault) { CallSid = hook.CallSid, ConferenceSid = hook.ConferenceSid });

    private TimeSpan Scaled(TimeSpan time) => time * cloud.Options.WebhookTimeScale;

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}

/// <summary>Webhooks that a reorder fault holds back until another one of the same rule has got there first.</summary>
internal sealed class WebhookHold(TwilioCloud cloud)
{
    private readonly List<(WebhookFault Rule, TaskCompletionSource Overtaken)> _held = [];

    public async Task UntilOvertakenAsync(WebhookFault rule)
    {
        var held = (rule, new TaskCompletionSource());
        _held.Add(held);
        // Nothing may follow: then it arrives late, in its turn.
        using var timer = cloud.Scheduler.Schedule(rule.ReorderWindow, () => held.Item2.TrySetResult());
        await held.Item2.Task;
        _held.Remove(held);
    }

    public void Release(Webhook overtaking)
    {
        foreach (var (_, overtaken) in _held.Where(held => held.Rule.Matches(overtaking)).ToList())
        {
            cloud.Post(() => overtaken.TrySetResult());
        }
    }
}
