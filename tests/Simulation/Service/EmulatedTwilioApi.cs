using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text;
using Calls.Infrastructure.Twilio;
using Calls.Sandbox.Twilio;
using Calls.Simulation.Faults;

namespace Calls.Simulation.Service;

/// <summary>
/// One replica's connection to the emulated Twilio's REST API. Requests and answers take time, and both can be lost with the replica.
/// </summary>
internal sealed class EmulatedTwilioApi(VirtualScheduler scheduler, TwilioCloud cloud, Process process, Random chance, Swarm swarm,
    Tally tally, Func<bool> isHealed, Action<Leg> isHungUp) : ITwilioApi
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Fields = new();

    private readonly string authorization =
        "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(cloud.Options.AccountSid + ":" + cloud.Options.AuthToken));

    public Task<HttpResponseMessage> CreateCallAsync(CreateCallForm form, CancellationToken cancellationToken) =>
        SendAsync("POST", "/Calls", form, cancellationToken, isCreate: true);

    public Task<HttpResponseMessage> UpdateCallAsync(string sid, UpdateStatusForm form, CancellationToken cancellationToken)
    {
        if (!process.IsDead && cloud.FindLeg(sid) is { } leg)
            isHungUp(leg);
        return SendAsync("POST", $"/Calls/{sid}", form, cancellationToken);
    }

    public Task<HttpResponseMessage> FetchCallAsync(string sid, CancellationToken cancellationToken) =>
        GetAsync($"/Calls/{sid}", "", cancellationToken);

    public Task<HttpResponseMessage> ListCallsAsync(
        string to, string from, int pageSize, string? page, string? pageToken, CancellationToken cancellationToken) =>
        GetAsync("/Calls", Query(("To", to), ("From", from), ("PageSize", Text(pageSize)), ("Page", page), ("PageToken", pageToken)),
            cancellationToken);

    public Task<HttpResponseMessage> UpdateConferenceAsync(string sid, UpdateStatusForm form, CancellationToken cancellationToken) =>
        SendAsync("POST", $"/Conferences/{sid}", form, cancellationToken);

    public Task<HttpResponseMessage> FetchConferenceAsync(string sid, CancellationToken cancellationToken) =>
        GetAsync($"/Conferences/{sid}", "", cancellationToken);

    public Task<HttpResponseMessage> ListConferencesAsync(
        string friendlyName, int pageSize, string? page, string? pageToken, CancellationToken cancellationToken) =>
        GetAsync("/Conferences", Query(("FriendlyName", friendlyName), ("PageSize", Text(pageSize)), ("Page", page),
            ("PageToken", pageToken)), cancellationToken);

    public Task<HttpResponseMessage> CreateParticipantAsync(
        string conferenceSid, CreateParticipantForm form, CancellationToken cancellationToken) =>
        SendAsync("POST", $"/Conferences/{conferenceSid}/Participants", form, cancellationToken, isCreate: true);

    public Task<HttpResponseMessage> UpdateParticipantAsync(
        string conferenceSid, string callSid, UpdateParticipantForm form, CancellationToken cancellationToken) =>
        SendAsync("POST", $"/Conferences/{conferenceSid}/Participants/{callSid}", form, cancellationToken);

    public Task<HttpResponseMessage> DeleteParticipantAsync(string conferenceSid, string callSid, CancellationToken cancellationToken) =>
        SendAsync("DELETE", $"/Conferences/{conferenceSid}/Participants/{callSid}", null, cancellationToken);

    public Task<HttpResponseMessage> FetchParticipantAsync(
        string conferenceSid, string callSidOrLabel, CancellationToken cancellationToken) =>
        GetAsync($"/Conferences/{conferenceSid}/Participants/{callSidOrLabel}", "", cancellationToken);

    public Task<HttpResponseMessage> ListParticipantsAsync(
        string conferenceSid, int pageSize, string? page, string? pageToken, CancellationToken cancellationToken) =>
        GetAsync($"/Conferences/{conferenceSid}/Participants",
            Query(("PageSize", Text(pageSize)), ("Page", page), ("PageToken", pageToken)), cancellationToken);

    private Task<HttpResponseMessage> GetAsync(string path, string query, CancellationToken cancellationToken) =>
        SendAsync("GET", path, null, cancellationToken, query);

    private Task<HttpResponseMessage> SendAsync(string method, string path, object? form, CancellationToken cancellationToken,
        string query = "", bool isCreate = false)
    {
        var answer = new TaskCompletionSource<HttpResponseMessage>();
        // A killed process sends nothing, even if a library goes on.
        if (process.IsDead)
            return answer.Task;
        if (!isHealed() && chance.NextDouble() < swarm.RefuseRest)
        {
            tally.Add(Tally.RestRefused);
            scheduler.Schedule(Wire(),
                () => answer.TrySetException(new HttpRequestException(HttpRequestError.ConnectionError, "No connection")));
            return answer.Task;
        }

        cancellationToken.UnsafeRegister(_ => answer.TrySetCanceled(cancellationToken), null);
        var request = new RestRequest(method, $"/2010-04-01/Accounts/{cloud.Options.AccountSid}{path}.json{query}", form is null
            ? Parameters.None : Form(form), authorization);
        scheduler.Schedule(Wire(), () => Arrive(request, answer));
        if (isCreate && !isHealed() && chance.NextDouble() < swarm.Doubled)
        {
            tally.Add(Tally.CreateDoubled);
            scheduler.Schedule(Wire() + TimeSpan.FromMilliseconds(1), () => cloud.SendAsync(request));
        }

        return answer.Task;
    }

    private async void Arrive(RestRequest request, TaskCompletionSource<HttpResponseMessage> answer)
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

    private static HttpResponseMessage Message(RestResponse response)
    {
        var message = new HttpResponseMessage((HttpStatusCode)response.Status)
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(response.Body)),
        };
        foreach (var (name, value) in response.Headers)
            message.Headers.TryAddWithoutValidation(name, value);
        return message;
    }

    private static Parameters Form(object form)
    {
        var parameters = new Parameters();
        foreach (var field in Fields.GetOrAdd(form.GetType(), type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)))
        {
            switch (field.GetValue(form))
            {
                case IEnumerable<string> many:
                    foreach (var one in many)
                        parameters.Add(field.Name, one);
                    break;
                case { } value:
                    parameters.Add(field.Name, Convert.ToString(value, CultureInfo.InvariantCulture));
                    break;
            }
        }

        return parameters;
    }

    private static string Query(params (string Name, string? Value)[] pairs) =>
        "?" + string.Join('&', pairs.Where(pair => pair.Value is not null)
            .Select(pair => pair.Name + "=" + Uri.EscapeDataString(pair.Value!)));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private TimeSpan Wire() => TimeSpan.FromMilliseconds(5 + (chance.NextDouble() * chance.NextDouble() * 200));
}
