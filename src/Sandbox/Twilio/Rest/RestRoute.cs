namespace Calls.Sandbox.Twilio;

/// <summary>The operation and the resource that the method and path of a request name.</summary>
internal sealed record RestRoute(RestOperation Operation, string Path, Parameters Query)
{
    public string? AccountSid { get; private init; }

    /// <summary>The CallSid of a Calls resource; empty for other resources.</summary>
    public string CallSid { get; private init; } = "";

    /// <summary>A ConferenceSid; for participants also a friendly name. Empty for calls.</summary>
    public string Conference { get; private init; } = "";

    /// <summary>The CallSid or the label of a participant; empty for other resources.</summary>
    public string Participant { get; private init; } = "";

    public static RestRoute Read(RestRequest request)
    {
        var at = request.Target.IndexOf('?', StringComparison.Ordinal);
        var path = at < 0 ? request.Target : request.Target[..at];
        var query = at < 0 ? Parameters.None : Parameters.Parse(request.Target[at..]);
        var json = path.EndsWith(".json", StringComparison.Ordinal);
        var parts = (json ? path[..^5] : path).Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString).ToArray();
        var unknown = new RestRoute(RestOperation.Unknown, path, query);
        if (!json || parts is not ["2010-04-01", "Accounts", var account, .. var rest])
        {
            return unknown;
        }
        return (request.Method, rest) switch
        {
            ("POST", ["Calls"]) => unknown with { Operation = RestOperation.CreateCall, AccountSid = account },
            ("GET", ["Calls"]) => unknown with { Operation = RestOperation.ListCalls, AccountSid = account },
            ("POST", ["Calls", var call]) => unknown with { Operation = RestOperation.UpdateCall, AccountSid = account, CallSid = call },
            ("GET", ["Calls", var call]) => unknown with { Operation = RestOperation.FetchCall, AccountSid = account, CallSid = call },
            ("GET", ["Conferences"]) => unknown with { Operation = RestOperation.ListConferences, AccountSid = account },
            (var method, ["Conferences", var room]) when method is "GET" or "POST" => unknown with
            {
                Operation = method == "GET" ? RestOperation.FetchConference : RestOperation.UpdateConference,
                AccountSid = account,
                Conference = room,
            },
            (var method, ["Conferences", var room, "Participants"]) when method is "GET" or "POST" => unknown with
            {
                Operation = method == "GET" ? RestOperation.ListParticipants : RestOperation.CreateParticipant,
                AccountSid = account,
                Conference = room,
            },
            (var method, ["Conferences", var room, "Participants", var who]) when method is "GET" or "POST" or "DELETE" => unknown with
            {
                Operation = method switch
                {
                    "GET" => RestOperation.FetchParticipant,
                    "POST" => RestOperation.UpdateParticipant,
                    _ => RestOperation.DeleteParticipant,
                },
                AccountSid = account,
                Conference = room,
                Participant = who,
            },
            _ => unknown with { AccountSid = account },
        };
    }
}
