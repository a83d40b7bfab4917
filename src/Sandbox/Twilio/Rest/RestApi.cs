using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Calls.Sandbox.Twilio;

/// <summary>Handles requests to <c>/2010-04-01/Accounts/{AccountSid}/…json</c>: authentication, routing, faults and journal.</summary>
internal sealed class RestApi(TwilioCloud cloud)
{
    private readonly CallsResource _calls = new(cloud);
    private readonly ConferencesResource _conferences = new(cloud);
    private readonly ParticipantsResource _participants = new(cloud);
    private int _running;

    public async Task<RestResponse> SendAsync(RestRequest request)
    {
        _running++;
        try
        {
            return await ServeAsync(request);
        }
        finally
        {
            _running--;
        }
    }

    private async Task<RestResponse> ServeAsync(RestRequest request)
    {
        var route = RestRoute.Read(request);
        var query = route.Query.Count == 0 ? request.Form : route.Query;
        var callSid = route.CallSid.Length > 0 ? route.CallSid : null;
        var number = cloud.Journal.Append(new RestRequested(route.Operation, request.Method, route.Path, query) { CallSid = callSid });
        var (fault, latency) = cloud.Faults.PlanRest(route.Operation, $"{route.Path} {query}", cloud.Chance, cloud.Scheduler.Now);
        var kind = fault?.Kind ?? RestFaultKind.None;
        var acts = kind is RestFaultKind.None
            or RestFaultKind.ServerErrorAfterActing or RestFaultKind.TimeOutAfterActing or RestFaultKind.CutAfterActing;

        var answer = acts ? Act(route, request) : new Answer(0, null, null);
        var acted = acts && answer.Status < 400;
        answer = kind switch
        {
            RestFaultKind.TooManyRequests => Answer.Error(429, 20429, "Too Many Requests"),
            RestFaultKind.ServerError or RestFaultKind.ServerErrorAfterActing => Answer.Error(500, 20500, "Internal Server Error"),
            RestFaultKind.Unavailable => Answer.Error(503, 20503, "Service Unavailable"),
            _ => answer,
        };
        var outcome = kind switch
        {
            RestFaultKind.TimeOut or RestFaultKind.TimeOutAfterActing => RestOutcome.NoAnswer,
            RestFaultKind.Cut or RestFaultKind.CutAfterActing => RestOutcome.Cut,
            _ => RestOutcome.Answered,
        };
        if (latency > TimeSpan.Zero)
        {
            await cloud.DelayAsync(latency);
        }
        var headers = Headers(answer.Status, fault);
        var status = outcome == RestOutcome.Answered ? answer.Status : 0;
        var faultText = fault is null ? null : Describe(kind, latency);
        cloud.Journal.Append(new RestAnswered(number, route.Operation, status, answer.Code, answer.Body, faultText)
        {
            Acted = acted,
            CallSid = callSid,
        });
        return new(outcome, status, outcome == RestOutcome.Answered ? answer.Body : "") { Headers = headers };
    }

    private Answer Act(RestRoute route, RestRequest request)
    {
        try
        {
            Authenticate(route, request.Authorization);
            if (cloud.Options.MaxConcurrentRequests is { } most && _running > most)
            {
                return Answer.Error(429, 20429, "Too Many Requests");
            }
            return route.Operation switch
            {
                RestOperation.CreateCall => Answer.Json(201, _calls.Create(request.Form)),
                RestOperation.UpdateCall => Answer.Json(200, _calls.Update(route.CallSid, request.Form)),
                RestOperation.FetchCall => Answer.Json(200, _calls.Fetch(route.CallSid)),
                RestOperation.ListCalls => Answer.Json(200, _calls.List(route)),
                RestOperation.UpdateConference => Answer.Json(200, _conferences.Update(route.Conference, request.Form)),
                RestOperation.FetchConference => Answer.Json(200, _conferences.Fetch(route.Conference)),
                RestOperation.ListConferences => Answer.Json(200, _conferences.List(route)),
                RestOperation.CreateParticipant => Answer.Json(201, _participants.Create(route.Conference, request.Form)),
                RestOperation.UpdateParticipant => Answer.Json(200, _participants.Update(route, request.Form)),
                RestOperation.FetchParticipant => Answer.Json(200, _participants.Fetch(route)),
                RestOperation.ListParticipants => Answer.Json(200, _participants.List(route)),
                RestOperation.DeleteParticipant => _participants.Delete(route),
                _ => throw RestRefusal.NotFound(route.Path),
            };
        }
        catch (RestRefusal refusal)
        {
            return Answer.Error(refusal.Status, refusal.Code, refusal.Message);
        }
    }

    private void Authenticate(RestRoute route, string? authorization)
    {
        var options = cloud.Options;
        var known = authorization == Basic(options.AccountSid, options.AuthToken)
            || authorization == Basic(options.ApiKeySid, options.ApiKeySecret);
        if (!known || route.AccountSid != options.AccountSid)
        {
            throw new RestRefusal(401, 20003, "Authenticate");
        }

        static string Basic(string user, string password) =>
            "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));
    }

    private Dictionary<string, string> Headers(int status, RestFault? fault)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Twilio-Request-Id"] = cloud.Sids.Request(),
            ["Twilio-Request-Duration"] = "0.001",
            ["Twilio-Concurrent-Requests"] = _running.ToString(CultureInfo.InvariantCulture),
            ["X-Home-Region"] = "us1",
        };
        if (status == 429)
        {
            headers["Retry-After"] = (fault?.RetryAfter ?? 1).ToString(CultureInfo.InvariantCulture);
        }
        return headers;
    }

    private static string Describe(RestFaultKind kind, TimeSpan latency) =>
        string.Create(CultureInfo.InvariantCulture, $"{kind}{(latency > TimeSpan.Zero ? $" {latency.TotalMilliseconds:0} ms" : "")}");
}

/// <summary>An answer before faults: the HTTP status, the code of an error, and the JSON.</summary>
internal sealed record Answer(int Status, int? Code, JsonObject? Content)
{
    public string Body => Content?.ToJsonString() ?? "";

    public static Answer Json(int status, JsonObject content) => new(status, null, content);

    public static Answer Error(int status, int code, string message) => new(status, code, new JsonObject
    {
        ["code"] = code,
        ["message"] = message,
        ["more_info"] = $"https://www.twilio.com/docs/errors/{code}",
        ["status"] = status,
    });
}
