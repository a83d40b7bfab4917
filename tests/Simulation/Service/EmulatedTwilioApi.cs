using System.Net;
using System.Text;
using Calls.Infrastructure.Twilio;
using Calls.Sandbox.Twilio;
using Calls.Simulation.Faults;
using Twilio.Http;

namespace Calls.Simulation.Service;

/// <summary>Carries one replica's requests to the emulated Twilio. Requests and answers take time, and both can be lost with the
/// replica.</summary>
internal sealed class EmulatedTwilioApi(
    VirtualScheduler scheduler, TwilioCloud cloud, Process process, Random chance, Swarm swarm, Tally tally, Func<bool> isHealed,
    Action<Leg> isHungUp, Bug bug) : ITwilioTransport
{
    private readonly string authorization =
        "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(cloud.Options.AccountSid + ":" + cloud.Options.AuthToken));

    public Task<TwilioAnswer> SendAsync(Request request, CancellationToken cancellationToken)
    {
        var (method, path) = (request.Method.ToString(), request.Uri.AbsolutePath);
        var isPost = method == "POST";
        var isCreate = isPost
            && (path.EndsWith("/Calls.json", StringComparison.Ordinal) || path.EndsWith("/Participants.json", StringComparison.Ordinal));
        var ended = isPost && path.Split("/Calls/") is [_, var file] ? file[..^".json".Length] : null;
        if (ended is not null && !process.IsDead && cloud.FindLeg(ended) is { } leg)
            isHungUp(leg);
        var answer = new TaskCompletionSource<TwilioAnswer>();
        // A dead process sends nothing.
        if (process.IsDead)
            return answer.Task;
        if (!isHealed() && chance.NextDouble() < swarm.RefuseRest)
        {
            tally.Add(Tally.RestRefused);
            var failure = new HttpRequestException(HttpRequestError.ConnectionError, "No connection");
            scheduler.Schedule(Wire(), () => answer.TrySetException(failure));
            return answer.Task;
        }

        cancellationToken.UnsafeRegister(_ => answer.TrySetCanceled(cancellationToken), null);
        var sent = new RestRequest(method, request.ConstructUrl().PathAndQuery, Form(request.PostParams, bug), authorization);
        scheduler.Schedule(Wire(), () => Arrive(sent, answer));
        if (isCreate && !isHealed() && chance.NextDouble() < swarm.Doubled)
        {
            tally.Add(Tally.CreateDoubled);
            scheduler.Schedule(Wire() + TimeSpan.FromMilliseconds(1), () => cloud.SendAsync(sent));
        }

        return answer.Task;
    }

    private async void Arrive(RestRequest request, TaskCompletionSource<TwilioAnswer> answer)
    {
        var response = await cloud.SendAsync(request);
        if (response.Outcome == RestOutcome.NoAnswer)
            return;
        scheduler.Schedule(Wire(), () =>
        {
            if (response.Outcome == RestOutcome.Cut)
                answer.TrySetException(new HttpRequestException(HttpRequestError.ResponseEnded, "The connection was cut"));
            else
                answer.TrySetResult(Message(response));
        });
    }

    private static TwilioAnswer Message(RestResponse response)
    {
        using var message = new HttpResponseMessage();
        foreach (var (name, value) in response.Headers)
            message.Headers.TryAddWithoutValidation(name, value);
        return new TwilioAnswer((HttpStatusCode)response.Status, response.Body, message.Headers.RetryAfter?.Delta, null);
    }

    private static Parameters Form(List<KeyValuePair<string, string>> form, Bug bug)
    {
        if (form.Count == 0)
            return Parameters.None;
        var parameters = new Parameters();
        foreach (var (name, value) in form)
            parameters.Add(name, bug == Bug.BlindRing && name == "To" ? value.Split('?')[0] : value);
        return parameters;
    }

    private TimeSpan Wire() => TimeSpan.FromMilliseconds(5 + (chance.NextDouble() * chance.NextDouble() * 200));
}
