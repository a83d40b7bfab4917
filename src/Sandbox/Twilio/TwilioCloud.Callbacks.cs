using System.Globalization;

namespace Calls.Sandbox.Twilio;

public sealed partial class TwilioCloud
{
    /// <summary>The parameters of every voice request (twilio.com/docs/voice/twiml, "Request parameters"). <c>To</c> of an app's leg is empty unless the app sends its own.</summary>
    private List<KeyValuePair<string, string>> VoiceParameters(Leg leg)
    {
        var inbound = leg.Direction == "inbound";
        List<KeyValuePair<string, string>> parameters =
        [
            new("AccountSid", Options.AccountSid), new("ApiVersion", "2010-04-01"), new("CallSid", leg.Sid), new("CallStatus", leg.Status), new("Direction", leg.Direction),
            new("From", leg.From), new("Caller", leg.From), new("To", inbound ? leg.Parameters.LastOrDefault(p => p.Key == "To").Value ?? "" : leg.To), new("Called", inbound ? "" : leg.To),
        ];
        if (inbound)
            parameters.Add(new("ApplicationSid", Options.ApplicationSid));
        return parameters;
    }

    private List<KeyValuePair<string, string>> ProgressParameters(Leg leg, int sequence)
    {
        List<KeyValuePair<string, string>> parameters =
            [new("CallbackSource", "call-progress-events"), new("SequenceNumber", sequence.ToString(CultureInfo.InvariantCulture)), new("Timestamp", Rfc2822(Now))];
        if (leg.IsLive)
            return parameters;
        var seconds = leg.AnsweredAt is { } answered ? (int)Math.Ceiling((Now - answered).TotalSeconds) : 0;
        parameters.Add(new("CallDuration", seconds.ToString(CultureInfo.InvariantCulture)));
        parameters.Add(new("Duration", ((seconds + 59) / 60).ToString(CultureInfo.InvariantCulture)));
        if (leg.SipResponseCode is { } sip)
            parameters.Add(new("SipResponseCode", sip.ToString(CultureInfo.InvariantCulture)));
        return parameters;
    }

    private void CallProgress(Leg leg, string subscription, string status)
    {
        if (leg.StatusCallback is null || !leg.StatusCallbackEvents.Contains(subscription))
            return;
        var parameters = VoiceParameters(leg).ConvertAll(p => p.Key == "CallStatus" ? new("CallStatus", status) : p);
        parameters.AddRange(ProgressParameters(leg, leg.CallbacksSent++));
        Send(WebhookKind.CallStatus, leg.StatusCallback, leg.StatusCallbackMethod, parameters, leg.Sid, status);
    }

    /// <summary>Sends a webhook, with whatever goes wrong on the way; <paramref name="done"/> gets the answer of the first copy that is sent.</summary>
    private void Send(
        WebhookKind kind, Uri url, string method, IReadOnlyList<KeyValuePair<string, string>> parameters, string? callSid, string? eventName = null, Action<WebhookResult>? done = null)
    {
        var overrides = ConnectionOverrides.Parse(url.Fragment, Options);
        var target = new UriBuilder(url) { Fragment = "" }.Uri;
        var isGet = string.Equals(method, "GET", StringComparison.OrdinalIgnoreCase);
        if (isGet)
            target = new UriBuilder(target) { Query = string.Join('&', new[] { target.Query.TrimStart('?') }.Where(q => q.Length > 0).Concat(parameters.Select(Encoded))) }.Uri;
        IReadOnlyList<KeyValuePair<string, string>> form = isGet ? [] : parameters;
        var request = new WebhookRequest(kind, isGet ? "GET" : "POST", target, form, Signer.Sign(Options.AuthToken, target, form), NewSid(""));
        var faults = Faults.Of(kind, eventName, target.ToString(), random);
        if (Faults.Outage || faults.Any(fault => fault.Drop))
        {
            Journal.Add(JournalKind.Fault, kind.ToString(), $"{eventName} is lost", callSid, parameters);
            done?.Invoke(new WebhookResult(0, "", null, WebhookFailure.Connect));
            return;
        }

        var copies = 1 + faults.Sum(fault => fault.Duplicates);
        for (var copy = 0; copy < copies; copy++)
        {
            var answer = copy == 0 ? done : null;
            var delay = faults.Aggregate(TimeSpan.Zero, (sum, fault) => sum + fault.MinDelay + (fault.MaxDelay - fault.MinDelay) * random.NextDouble());
            Journal.Add(JournalKind.Webhook, kind.ToString(), $"{request.Method} {target.AbsolutePath} {eventName}{(copy > 0 ? " (duplicate)" : "")}", callSid, parameters);
            if (delay > TimeSpan.Zero)
                scheduler.Schedule(delay, () => Try(request, overrides, overrides.Retries, callSid, eventName, answer));
            else
                Try(request, overrides, overrides.Retries, callSid, eventName, answer);
        }
    }

    private void Try(WebhookRequest request, ConnectionOverrides overrides, int retries, string? callSid, string? eventName, Action<WebhookResult>? done) =>
        transport.Send(request, overrides.ConnectTimeout, overrides.ReadTimeout, result =>
        {
            var what = result.Failure == WebhookFailure.None ? result.Status.ToString(CultureInfo.InvariantCulture) : result.Failure + " failure";
            Journal.Add(JournalKind.Answer, request.Kind.ToString(), $"{what} to {request.Url.AbsolutePath} {eventName}", callSid, result.Body.Length > 0 ? [new("body", result.Body)] : null);
            if (retries > 0 && overrides.Retry(result))
                scheduler.Schedule(Options.RetryDelay, () => Try(request, overrides, retries - 1, callSid, eventName, done));
            else
                done?.Invoke(result);
        });

    private static string Encoded(KeyValuePair<string, string> field) => $"{Uri.EscapeDataString(field.Key)}={Uri.EscapeDataString(field.Value)}";

    /// <summary>How a webhook is tried, as its URL's fragment says (twilio.com/docs/usage/webhooks/webhooks-connection-overrides).</summary>
    private sealed record ConnectionOverrides(int Retries, IReadOnlyCollection<string> Policy, TimeSpan ConnectTimeout, TimeSpan ReadTimeout)
    {
        public static ConnectionOverrides Parse(string fragment, TwilioEmulatorOptions options)
        {
            var settings = fragment.TrimStart('#').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2))
                .Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => Uri.UnescapeDataString(pair[1]), StringComparer.Ordinal);
            return new ConnectionOverrides(
                settings.TryGetValue("rc", out var rc) ? Math.Clamp(int.Parse(rc, CultureInfo.InvariantCulture), 0, 5) : 1,
                settings.TryGetValue("rp", out var rp) ? rp.Split(',') : ["ct"],
                Milliseconds("ct", options.ConnectTimeout),
                Milliseconds("rt", options.ReadTimeout));

            TimeSpan Milliseconds(string key, TimeSpan most) =>
                settings.TryGetValue(key, out var text) && int.TryParse(text, CultureInfo.InvariantCulture, out var ms) && TimeSpan.FromMilliseconds(ms) < most
                    ? TimeSpan.FromMilliseconds(ms) : most;
        }

        public bool Retry(WebhookResult result) => !result.IsSuccess && (Policy.Contains("all") || result switch
        {
            { Failure: WebhookFailure.Connect } => Policy.Contains("ct"),
            { Failure: WebhookFailure.Read } => Policy.Contains("rt"),
            { Status: >= 500 } => Policy.Contains("5xx"),
            { Status: >= 400 } => Policy.Contains("4xx"),
            _ => false,
        });
    }
}
