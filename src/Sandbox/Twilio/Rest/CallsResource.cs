using System.Globalization;
using System.Text.Json.Nodes;

namespace Calls.Sandbox.Twilio;

/// <summary>The Call resource (twilio.com/docs/voice/api/call-resource).</summary>
internal sealed class CallsResource(TwilioCloud cloud)
{
    private const int MaxTwiml = 4000;

    public JsonObject Create(Parameters form)
    {
        var (from, to) = form.Parties(cloud.Options);
        var app = form["ApplicationSid"] is { Length: > 0 } sid ? AppTwiml(sid) : null;
        var leg = cloud.Calls.CallOut(new(from, to)
        {
            OnAnswer = app ?? Twiml(form) ?? throw RestRefusal.BadRequest(21205, "Url parameter is required"),
            Fallback = form.Target("FallbackUrl", "FallbackMethod"),
            StatusCallback = app is null ? form.StatusCallback() : null,
            Timeout = form.Seconds("Timeout", 1, 600, 21208) ?? TimeSpan.FromSeconds(60),
            TimeLimit = form.Seconds("TimeLimit", 1, 86_400, 20001),
            MachineDetection = form["MachineDetection"] switch
            {
                null or "" => null,
                "Enable" or "DetectMessageEnd" => form["MachineDetection"],
                _ => throw RestRefusal.BadRequest(20001, "MachineDetection must be Enable or DetectMessageEnd"),
            },
        });
        return Body(leg);
    }

    public JsonObject Fetch(string callSid) =>
        Find(callSid) is var leg && leg.StatusAt(ReadAt) is { } status ? Body(leg, status) : throw NotFound(callSid);

    /// <summary>Ends or redirects a call. If the call is over, or its state does not allow the update, the error is 21220.</summary>
    public JsonObject Update(string callSid, Parameters form)
    {
        var leg = Find(callSid);
        if (leg.Ended)
        {
            throw RestRefusal.BadRequest(21220, $"Unable to update record. Call is not in the right state: it is {leg.Status}");
        }
        leg.StatusCallback = form.StatusCallback() ?? leg.StatusCallback;
        leg.Fallback = form.Target("FallbackUrl", "FallbackMethod") ?? leg.Fallback;
        leg.TimeLimit = form.Seconds("TimeLimit", 1, 86_400, 20001) ?? leg.TimeLimit;
        switch (form["Status"])
        {
            case "completed":
                cloud.Calls.EndViaRest(leg);
                return Body(leg);
            case "canceled" when leg.State == LegState.InProgress:
                throw RestRefusal.BadRequest(21220, "Unable to update record. Call is in progress and cannot be canceled");
            case "canceled":
                cloud.Calls.EndViaRest(leg, asCanceled: true);
                return Body(leg);
            case { Length: > 0 } other:
                throw RestRefusal.BadRequest(20001, $"Status {other} is not valid");
        }
        if (Twiml(form) is { } twiml)
        {
            if (leg.State != LegState.InProgress)
            {
                throw RestRefusal.BadRequest(21220, "Unable to update record. Call is not in-progress. Cannot redirect.");
            }
            cloud.Twiml.Redirect(leg, twiml);
        }
        return Body(leg);
    }

    public JsonObject List(RestRoute route) => route.Page(
        "calls",
        cloud.Legs.Reverse().Where(leg =>
            leg.StatusAt(ReadAt) is { } status
            && route.Passes("To", leg.To) && route.Passes("From", leg.From) && route.Passes("Status", status)
            && route.Passes("ParentCallSid", "") && route.Passes("StartTime", leg.StartedAt) && route.Passes("EndTime", leg.EndedAt)),
        leg => leg.Sid,
        leg => Body(leg, leg.StatusAt(ReadAt)!));

    /// <summary>The time whose state a GET reads.</summary>
    private DateTimeOffset ReadAt => cloud.Scheduler.Now - cloud.Options.CallReadLag;

    private Leg Find(string callSid) => cloud.FindLeg(callSid) ?? throw NotFound(callSid);

    private RestRefusal NotFound(string callSid) =>
        RestRefusal.NotFound($"/2010-04-01/Accounts/{cloud.Options.AccountSid}/Calls/{callSid}.json");

    private TwimlSource AppTwiml(string sid) => sid == cloud.Options.ApplicationSid && cloud.Options.VoiceUrl is { } url
        ? new(new(url.AbsoluteUri, cloud.Options.VoiceMethod), null)
        : throw RestRefusal.BadRequest(21218, $"Invalid ApplicationSid {sid}");

    private static TwimlSource? Twiml(Parameters form)
    {
        if (form.Target("Url", "Method") is { } url)
        {
            return new(url, null);
        }
        return form["Twiml"] switch
        {
            null or "" => null,
            { Length: > MaxTwiml } => throw RestRefusal.BadRequest(20001, "Twiml is longer than 4000 characters"),
            var twiml => new(null, twiml),
        };
    }

    private JsonObject Body(Leg leg) => Body(leg, leg.Status);

    private JsonObject Body(Leg leg, string status)
    {
        var uri = $"/2010-04-01/Accounts/{cloud.Options.AccountSid}/Calls/{leg.Sid}";
        return new()
        {
            ["sid"] = leg.Sid,
            ["parent_call_sid"] = null,
            ["account_sid"] = cloud.Options.AccountSid,
            ["to"] = leg.To,
            ["to_formatted"] = Formatted(leg.To),
            ["from"] = leg.From,
            ["from_formatted"] = Formatted(leg.From),
            ["phone_number_sid"] = null,
            ["status"] = status,
            ["start_time"] = Date(leg.StartedAt),
            ["end_time"] = Date(leg.EndedAt),
            ["duration"] = leg is { AnsweredAt: { } answered, EndedAt: { } ended }
                ? ((int)(ended - answered).TotalSeconds).ToString(CultureInfo.InvariantCulture)
                : null,
            ["price"] = null,
            ["price_unit"] = "USD",
            ["direction"] = leg.Direction,
            ["answered_by"] = leg.AnsweredBy,
            ["api_version"] = "2010-04-01",
            ["forwarded_from"] = null,
            ["group_sid"] = null,
            ["caller_name"] = null,
            ["queue_time"] = leg.QueueTime.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture),
            ["trunk_sid"] = null,
            ["annotation"] = null,
            ["date_created"] = Date(leg.Created),
            ["date_updated"] = Date(leg.Updated),
            ["uri"] = uri + ".json",
            ["subresource_uris"] = new JsonObject
            {
                ["notifications"] = uri + "/Notifications.json",
                ["recordings"] = uri + "/Recordings.json",
            },
        };
    }

    private static string? Date(DateTimeOffset? at) => at is { } instant ? Callbacks.Date(instant) : null;

    private static string Formatted(string address) =>
        address.Length == 12 && address.StartsWith("+1", StringComparison.Ordinal)
            ? $"({address[2..5]}) {address[5..8]}-{address[8..]}"
            : address;
}
