using System.Globalization;

namespace Calls.Sandbox.Twilio;

/// <summary>A webhook to send: its kind, event, URL and parameters, and the leg or conference that it is about.</summary>
internal sealed record Webhook(WebhookKind Kind, string Event, CallbackTarget Target, Parameters Parameters)
{
    public string? CallSid { get; init; }

    public string? ConferenceSid { get; init; }
}

/// <summary>
/// Sends webhooks as Twilio does: signed, with time-outs, with retries by the overrides in the URL, and following redirects.
/// </summary>
/// <remarks>It also applies the faults of the network.</remarks>
internal sealed class WebhookSender(TwilioCloud cloud, IWebhookTransport transport)
{
    private const int MaxRedirects = 10;
    private readonly WebhookHold _hold = new(cloud);

    /// <summary>Sends a status callback without waiting for its answer.</summary>
    /// <remarks>Callbacks are sent in order, but they may arrive in another order.</remarks>
    public void Fire(Webhook hook) => cloud.Launch(async () =>
    {
        var response = await SendAsync(hook);
        if (response is { Failure: WebhookFailure.None, IsSuccess: false })
        {
            var code = hook.Kind == WebhookKind.Conference ? 16011 : 15003;
            cloud.LogError(code, "The status callback was answered with an error", hook.Target.Url, hook.CallSid);
        }
    });

    /// <summary>Sends a webhook with its faults and retries, and gives the last answer.</summary>
    public async Task<WebhookResponse> SendAsync(Webhook hook)
    {
        var token = cloud.Sids.Token();
        var plan = cloud.Faults.PlanWebhook(hook, cloud.Chance);
        foreach (var delay in plan.Copies)
        {
            Record(hook, $"duplicate after {delay.TotalMilliseconds:0} ms");
            cloud.Launch(async () =>
            {
                await cloud.DelayAsync(delay);
                await DeliverAsync(hook, token, plan, copy: true);
            });
        }
        if (plan.Drop)
        {
            Record(hook, "drop");
            return WebhookResponse.Failed(WebhookFailure.Dropped);
        }
        if (plan.Delay > TimeSpan.Zero)
        {
            Record(hook, string.Create(CultureInfo.InvariantCulture, $"delay {plan.Delay.TotalMilliseconds:0} ms"));
            await cloud.DelayAsync(plan.Delay);
        }
        if (plan.HoldBehind is { } rule)
        {
            Record(hook, "reorder");
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
            var faults = attempt <= plan.FailingAttempts ? plan : WebhookPlan.None;
            var response = await FollowAsync(hook, url, overrides, token, deadline, attempt, faults, copy);
            if (attempt > overrides.RetryCount || !overrides.Retries(response) || cloud.Scheduler.Now >= deadline)
            {
                return response;
            }
        }
    }

    private async Task<WebhookResponse> FollowAsync(
        Webhook hook,
        string url,
        ConnectionOverrides overrides,
        string token,
        DateTimeOffset deadline,
        int attempt,
        WebhookPlan plan,
        bool copy)
    {
        var (method, parameters) = (hook.Target.Method, hook.Parameters);
        for (var redirects = 0; ; redirects++)
        {
            var response = await AttemptAsync(hook, method, url, parameters, overrides, token, deadline, attempt, plan, copy);
            var isRedirect = response is { Failure: WebhookFailure.None, Status: 301 or 302 or 303 or 307 or 308 };
            if (!isRedirect || response.Location is not { } location || redirects == MaxRedirects)
            {
                return response;
            }
            url = new Uri(new Uri(url), location).AbsoluteUri;
            // Twilio requests the new URL with GET and without the parameters, except for 307 and 308.
            (method, parameters) = response.Status is 307 or 308 ? (method, parameters) : ("GET", Parameters.None);
        }
    }

    private async Task<WebhookResponse> AttemptAsync(
        Webhook hook,
        string method,
        string url,
        Parameters parameters,
        ConnectionOverrides overrides,
        string token,
        DateTimeOffset deadline,
        int attempt,
        WebhookPlan plan,
        bool copy)
    {
        var get = method == "GET";
        var separator = url.Contains('?', StringComparison.Ordinal) ? "&" : "?";
        var sentUrl = get && parameters.Count > 0 ? url + separator + parameters.ToForm() : url;
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
        var timeout = Min(Scaled(overrides.ReadTimeout), deadline - cloud.Scheduler.Now);
        var response = plan.RefuseConnection ? WebhookResponse.Failed(WebhookFailure.Connect) : await ExchangeAsync(request, timeout);
        if (plan.LoseAnswer && response.Failure == WebhookFailure.None)
        {
            Record(hook, $"answer {response.Status} lost");
            response = WebhookResponse.Failed(WebhookFailure.Read);
        }
        cloud.Journal.Append(new WebhookAnswered(number, hook.Kind, hook.Event, url, response.Failure, response.Status, response.Body)
        {
            CallSid = hook.CallSid,
            ConferenceSid = hook.ConferenceSid,
        });
        return response;
    }

    /// <summary>Sends one request and waits at most <paramref name="timeout"/>.</summary>
    /// <remarks>It continues on the scheduler, on any thread of the transport.</remarks>
    private async Task<WebhookResponse> ExchangeAsync(WebhookRequest request, TimeSpan timeout)
    {
        using var cancellation = new CancellationTokenSource();
        var done = new TaskCompletionSource<WebhookResponse>();
        using var timer = cloud.Scheduler.Schedule(timeout, () =>
        {
            cancellation.Cancel();
            done.TrySetResult(WebhookResponse.Failed(WebhookFailure.Read));
        });
        cloud.Launch(async () =>
        {
            var response = await transport.SendAsync(request, cancellation.Token);
            cloud.Post(() => done.TrySetResult(response));
        });
        return await done.Task;
    }

    private void Record(Webhook hook, string fault) =>
        cloud.Journal.Append(new WebhookFaulted(hook.Kind, hook.Event, hook.Target.Url, fault)
        {
            CallSid = hook.CallSid,
            ConferenceSid = hook.ConferenceSid,
        });

    private TimeSpan Scaled(TimeSpan time) => time * cloud.Options.WebhookTimeScale;

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}

/// <summary>Holds back webhooks with a reorder fault until a later webhook that matches the same rule has been answered.</summary>
internal sealed class WebhookHold(TwilioCloud cloud)
{
    private readonly List<(WebhookFault Rule, TaskCompletionSource Overtaken)> _held = [];

    public async Task UntilOvertakenAsync(WebhookFault rule)
    {
        var held = (rule, new TaskCompletionSource());
        _held.Add(held);
        // If no later webhook matches, the held webhook is sent when the window is over.
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
