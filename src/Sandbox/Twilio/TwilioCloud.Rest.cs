using System.Globalization;
using System.Text.Json.Nodes;

namespace Calls.Sandbox.Twilio;

public sealed partial class TwilioCloud
{
    /// <summary>Serves one request of the REST API (twilio.com/docs/voice/api): Calls, Conferences, Participants.</summary>
    public RestAnswer Serve(RestRequest request)
    {
        var parts = request.Path.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString).ToArray();
        if (OperationOf(request.Method, parts) is not { } operation)
            return RestAnswer.NotFound(request.Path);
        if (Faults.Outage)
            return new RestAnswer(0, null) { Silence = RestSilence.Cut };
        var fault = Faults.Of(operation, random);
        if (fault is not null)
            Journal.Add(JournalKind.Fault, operation.ToString(), fault.Kind.ToString());
        if (fault?.Kind is RestFaultKind.TooManyRequests or RestFaultKind.ServerError or RestFaultKind.Unavailable or RestFaultKind.TimeOut or RestFaultKind.Cut)
            return Spoil(fault);
        var answer = Act(operation, parts, request);
        Journal.Add(JournalKind.Rest, operation.ToString(), string.Create(CultureInfo.InvariantCulture, $"{request.Method} {request.Path} → {answer.Status}{Code(answer)}"),
            answer.Body?["sid"]?.GetValue<string>() ?? answer.Body?["call_sid"]?.GetValue<string>(),
            [.. request.Parameters.SelectMany(group => group.Select(value => KeyValuePair.Create(group.Key, value)))]);
        return fault is null ? answer : Spoil(fault);
    }

    private static string Code(RestAnswer answer) => answer.Body?["code"] is { } code ? $" ({code})" : "";

    private static RestAnswer Spoil(RestFault fault) => fault.Kind switch
    {
        RestFaultKind.TooManyRequests => RestAnswer.Error(429, 20429, "Too Many Requests") with { RetryAfter = fault.RetryAfter },
        RestFaultKind.ServerError or RestFaultKind.ServerErrorAfterActing => RestAnswer.Error(500, 20500, "An internal server error has occurred"),
        RestFaultKind.Unavailable => RestAnswer.Error(503, 20503, "Service unavailable") with { RetryAfter = fault.RetryAfter },
        RestFaultKind.TimeOut or RestFaultKind.TimeOutAfterActing => new RestAnswer(0, null) { Silence = RestSilence.Hold },
        _ => new RestAnswer(0, null) { Silence = RestSilence.Cut },
    };

    private static RestOperation? OperationOf(string method, string[] parts) => (method, parts) switch
    {
        ("POST", ["Calls"]) => RestOperation.CreateCall,
        ("GET", ["Calls"]) => RestOperation.ListCalls,
        ("POST", ["Calls", _]) => RestOperation.UpdateCall,
        ("GET", ["Calls", _]) => RestOperation.FetchCall,
        ("GET", ["Conferences"]) => RestOperation.ListConferences,
        ("GET", ["Conferences", _]) => RestOperation.FetchConference,
        ("POST", ["Conferences", _]) => RestOperation.UpdateConference,
        ("POST", ["Conferences", _, "Participants"]) => RestOperation.CreateParticipant,
        ("GET", ["Conferences", _, "Participants"]) => RestOperation.ListParticipants,
        ("POST", ["Conferences", _, "Participants", _]) => RestOperation.UpdateParticipant,
        ("GET", ["Conferences", _, "Participants", _]) => RestOperation.FetchParticipant,
        ("DELETE", ["Conferences", _, "Participants", _]) => RestOperation.DeleteParticipant,
        _ => null,
    };

    private RestAnswer Act(RestOperation operation, string[] parts, RestRequest request) => operation switch
    {
        RestOperation.CreateCall => CreateCall(request),
        RestOperation.ListCalls => Page("calls", legsInOrder.AsEnumerable().Reverse().Where(leg => Matches(leg, request)).Select(RestJson.Of(Options)), request),
        RestOperation.UpdateCall => legs.TryGetValue(parts[1], out var leg) ? UpdateCall(leg, request) : RestAnswer.NotFound(request.Path),
        RestOperation.FetchCall => legs.TryGetValue(parts[1], out var leg) ? new RestAnswer(200, RestJson.Of(Options)(leg)) : RestAnswer.NotFound(request.Path),
        RestOperation.ListConferences => Page("conferences", conferences.Values.Reverse().Where(c => Matches(c, request)).Select(c => (JsonNode)RestJson.Of(Options, c)), request),
        RestOperation.FetchConference => conferences.TryGetValue(parts[1], out var c) ? new RestAnswer(200, RestJson.Of(Options, c)) : RestAnswer.NotFound(request.Path),
        RestOperation.UpdateConference => conferences.TryGetValue(parts[1], out var c) ? UpdateConference(c, request) : RestAnswer.NotFound(request.Path),
        RestOperation.CreateParticipant => CreateParticipant(parts[1], request),
        RestOperation.ListParticipants => Find(parts[1]) is { } c
            ? Page("participants", c.Seats.Where(s => Matches(s, request)).Select(s => (JsonNode)RestJson.Of(Options, s)), request)
            : RestAnswer.NotFound(request.Path),
        _ => Find(parts[1])?.Seats.FirstOrDefault(s => s.Leg.Sid == parts[3] || s.Label == parts[3]) is { } seat ? OfSeat(operation, seat, request) : RestAnswer.NotFound(request.Path),
    };

    private Conference? Find(string sid) => conferences.TryGetValue(sid, out var conference) && conference.Status != "completed" ? conference : null;

    private RestAnswer CreateCall(RestRequest request)
    {
        if (Refusal(request) is { } refusal)
            return refusal;
        if (request["Url"] is not { Length: > 0 } url || !Uri.TryCreate(url, UriKind.Absolute, out var answerUrl))
            return RestAnswer.Error(400, 21205, "Url parameter is required, and must be absolute");
        var leg = NewOutbound(request, answerUrl, request["Method"] ?? "POST");
        StartDialing(leg);
        return new RestAnswer(201, RestJson.Of(Options)(leg));
    }

    private RestAnswer? Refusal(RestRequest request)
    {
        if (request["To"] is not { Length: > 0 } to)
            return RestAnswer.Error(400, 21201, "No 'To' number specified");
        if (request["From"] is not { Length: > 0 } from)
            return RestAnswer.Error(400, 21213, "Caller phone number required");
        if (Options.RefusedNumbers.TryGetValue(to, out var code))
            return RestAnswer.Error(400, code, "The number cannot be called");
        if (!to.StartsWith("client:", StringComparison.Ordinal) && to is not ['+', ..])
            return RestAnswer.Error(400, 21211, "The phone number you are attempting to call is not valid");
        if (to is ['+', ..] && from is not ['+', ..])
            return RestAnswer.Error(400, 21212, "Invalid From number");
        if (to == from)
            return RestAnswer.Error(400, 21211, "To and From must differ");
        return request.List("StatusCallbackEvent", "completed").Except(["initiated", "ringing", "answered", "completed"]).Any()
            ? RestAnswer.Error(400, 21626, "Invalid StatusCallbackEvent")
            : int.TryParse(request["Timeout"] ?? "60", CultureInfo.InvariantCulture, out var timeout) && timeout is >= 1 and <= 600
                ? null
                : RestAnswer.Error(400, 21208, "Invalid Timeout");
    }

    private Leg NewOutbound(RestRequest request, Uri? answerUrl, string answerMethod) =>
        Add(new Leg(NewSid("CA"), Phone(request["To"]!.Split('?')[0]), request["From"]!, request["To"]!, "outbound-api", Now)
        {
            AnswerUrl = answerUrl,
            AnswerMethod = answerMethod,
            StatusCallback = request["StatusCallback"] is { Length: > 0 } callback ? new Uri(callback) : null,
            StatusCallbackMethod = request["StatusCallbackMethod"] ?? "POST",
            StatusCallbackEvents = request.List("StatusCallbackEvent", "completed"),
            RingTimeout = TimeSpan.FromSeconds(int.Parse(request["Timeout"] ?? "60", CultureInfo.InvariantCulture)),
        });

    private RestAnswer UpdateCall(Leg leg, RestRequest request)
    {
        if (request["Status"] is not { } status)
            return RestAnswer.Error(400, 20001, "Only Status is emulated here");
        if (status is not ("completed" or "canceled"))
            return RestAnswer.Error(400, 20001, "Status is not valid");
        if (!leg.IsLive)
            return RestAnswer.Error(400, 21220, "Call is not in-progress. Cannot redirect.");
        if (leg.Status == "in-progress" && status == "canceled")
            return new RestAnswer(200, RestJson.Of(Options)(leg));
        // A caller's leg that is still fetching its first document counts as ringing, and completes.
        End(leg, leg.Status == "in-progress" || leg.Direction == "inbound" ? "completed" : "canceled", "participant_hung_up");
        return new RestAnswer(200, RestJson.Of(Options)(leg));
    }

    private RestAnswer UpdateConference(Conference conference, RestRequest request)
    {
        if (request["Status"] != "completed")
            return RestAnswer.Error(400, 20001, "Status is not valid");
        if (conference.Status != "in-progress")
            return RestAnswer.Error(400, 16099, $"Conference is {conference.Status}");
        Complete(conference, "conference-ended-via-api", null, "conference_ended_via_api", Options.ConferenceEndRunsTwiml);
        return new RestAnswer(200, RestJson.Of(Options, conference));
    }

    private RestAnswer CreateParticipant(string name, RestRequest request)
    {
        if (Refusal(request) is { } refusal)
            return refusal;
        var bySid = name.StartsWith("CF", StringComparison.Ordinal) && name.Length == 34;
        if (bySid && Find(name) is null)
            return RestAnswer.Error(404, 16022, "The conference does not exist or is completed");
        var conference = bySid ? Find(name)! : OpenOrCreate(name);
        if (request["Label"] is { } label && (label.Length > 128 || label.Contains('/', StringComparison.Ordinal) || (label.StartsWith("CA", StringComparison.Ordinal) && label.Length == 34)))
            return RestAnswer.Error(400, 16024, "Label is not valid");
        if (request["Label"] is { } used && conference.Taken.Any(s => s.Label == used))
            return RestAnswer.Error(409, 16026, "Label is in use by an active participant");
        if (conference.Taken.Count >= conference.MaxParticipants)
            return RestAnswer.Error(400, 16020, "The conference is full");
        var leg = NewOutbound(request, null, "POST");
        Subscribe(conference, request["ConferenceStatusCallback"], request["ConferenceStatusCallbackMethod"], string.Join(' ', request.List("ConferenceStatusCallbackEvent", "start end")), "start end");
        var seat = new Seat(conference, leg, request["Label"], Now)
        {
            Muted = request.Flag("Muted") ?? false,
            StartOnEnter = request.Flag("StartConferenceOnEnter") ?? true,
            EndOnExit = request.Flag("EndConferenceOnExit") ?? false,
            EarlyMedia = request.Flag("EarlyMedia") ?? true,
            WaitUrl = request["WaitUrl"],
            WaitMethod = request["WaitMethod"] ?? "POST",
        };
        leg.Seat = seat;
        conference.Taken.Add(seat);
        StartDialing(leg);
        return new RestAnswer(201, RestJson.Of(Options, seat));
    }

    private RestAnswer OfSeat(RestOperation operation, Seat seat, RestRequest request)
    {
        if (operation == RestOperation.DeleteParticipant)
        {
            var leg = seat.Leg;
            Leave(seat, "participant_updated_via_api");
            if (leg.Dial is not null)
                DialIsOver(leg);
            else
                End(leg, leg.AnsweredAt is null ? "canceled" : "completed", "participant_updated_via_api");
            return new RestAnswer(204, null);
        }

        if (operation == RestOperation.UpdateParticipant)
        {
            if (!seat.Connected)
                return RestAnswer.Error(400, 20001, "The participant is not connected");
            SetFlags(seat, request.Flag("Muted"), request.Flag("Hold"));
            if (request.Flag("EndConferenceOnExit") is { } end)
                seat.EndOnExit = end;
        }

        return new RestAnswer(200, RestJson.Of(Options, seat));
    }

    private static bool Matches(Leg leg, RestRequest request) =>
        (request["To"] is not { } to || leg.To == to) && (request["From"] is not { } from || leg.From == from) && (request["Status"] is not { } status || leg.Status == status)
        && (request["StartTime>"] is not { } since || leg.Created.UtcDateTime.Date >= DateTime.Parse(since, CultureInfo.InvariantCulture).Date);

    private static bool Matches(Conference conference, RestRequest request) =>
        (request["FriendlyName"] is not { } name || conference.FriendlyName == name) && (request["Status"] is not { } status || conference.Status == status);

    private static bool Matches(Seat seat, RestRequest request) => (request.Flag("Muted") ?? seat.Muted) == seat.Muted && (request.Flag("Hold") ?? seat.Hold) == seat.Hold;

    private static RestAnswer Page(string key, IEnumerable<JsonNode> items, RestRequest request)
    {
        var size = int.TryParse(request["PageSize"], CultureInfo.InvariantCulture, out var asked) ? Math.Clamp(asked, 1, 1000) : 50;
        var page = int.TryParse(request["Page"], CultureInfo.InvariantCulture, out var number) ? number : 0;
        var all = items.ToList();
        var shown = all.Skip(page * size).Take(size).ToArray();
        string UriOf(int n) => $"/2010-04-01/Accounts/{request["AccountSid"]}/{request.Path.Trim('/')}.json?" + string.Join('&', request.Parameters
            .Where(p => p.Key is not ("Page" or "PageSize" or "AccountSid")).SelectMany(g => g.Select(v => $"{Uri.EscapeDataString(g.Key)}={Uri.EscapeDataString(v)}"))
            .Append($"PageSize={size}").Append($"Page={n}"));
        return new RestAnswer(200, new JsonObject
        {
            [key] = new JsonArray(shown),
            ["first_page_uri"] = UriOf(0),
            ["next_page_uri"] = (page + 1) * size < all.Count ? UriOf(page + 1) : null,
            ["previous_page_uri"] = page > 0 ? UriOf(page - 1) : null,
            ["uri"] = UriOf(page),
            ["page"] = page,
            ["page_size"] = size,
            ["start"] = page * size,
            ["end"] = Math.Max(0, page * size + shown.Length - 1),
        });
    }
}
