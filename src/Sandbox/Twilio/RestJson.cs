using System.Globalization;
using System.Text.Json.Nodes;

namespace Calls.Sandbox.Twilio;

/// <summary>The resources as Twilio's REST API shows them (twilio.com/docs/voice/api): snake case, strings or null, dates by RFC 2822.</summary>
internal static class RestJson
{
    private const string Version = "2010-04-01";

    public static Func<Leg, JsonNode> Of(TwilioEmulatorOptions options) => leg =>
    {
        var uri = $"/{Version}/Accounts/{options.AccountSid}/Calls/{leg.Sid}";
        return new JsonObject
        {
            ["sid"] = leg.Sid,
            ["parent_call_sid"] = null,
            ["account_sid"] = options.AccountSid,
            ["to"] = leg.To,
            ["to_formatted"] = leg.To,
            ["from"] = leg.From,
            ["from_formatted"] = leg.From,
            ["phone_number_sid"] = null,
            ["status"] = leg.Status,
            ["start_time"] = leg.AnsweredAt is { } started ? TwilioCloud.Rfc2822(started) : null,
            ["end_time"] = leg.EndedAt is { } ended ? TwilioCloud.Rfc2822(ended) : null,
            ["duration"] = leg is { AnsweredAt: { } from, EndedAt: { } to } ? ((int)(to - from).TotalSeconds).ToString(CultureInfo.InvariantCulture) : null,
            ["price"] = null,
            ["price_unit"] = "USD",
            ["direction"] = leg.Direction,
            ["answered_by"] = null,
            ["api_version"] = Version,
            ["annotation"] = null,
            ["forwarded_from"] = null,
            ["group_sid"] = null,
            ["caller_name"] = null,
            ["queue_time"] = "0",
            ["trunk_sid"] = null,
            ["uri"] = uri + ".json",
            ["subresource_uris"] = new JsonObject { ["recordings"] = uri + "/Recordings.json" },
            ["date_created"] = TwilioCloud.Rfc2822(leg.Created),
            ["date_updated"] = TwilioCloud.Rfc2822(leg.EndedAt ?? leg.AnsweredAt ?? leg.Created),
        };
    };

    public static JsonObject Of(TwilioEmulatorOptions options, Conference conference)
    {
        var uri = $"/{Version}/Accounts/{options.AccountSid}/Conferences/{conference.Sid}";
        return new JsonObject
        {
            ["sid"] = conference.Sid,
            ["account_sid"] = options.AccountSid,
            ["friendly_name"] = conference.FriendlyName,
            ["status"] = conference.Status,
            ["region"] = "us1",
            ["reason_conference_ended"] = conference.ReasonEnded,
            ["call_sid_ending_conference"] = conference.CallSidEnding,
            ["api_version"] = Version,
            ["date_created"] = TwilioCloud.Rfc2822(conference.Created),
            ["date_updated"] = TwilioCloud.Rfc2822(conference.Updated),
            ["uri"] = uri + ".json",
            ["subresource_uris"] = new JsonObject { ["participants"] = uri + "/Participants.json", ["recordings"] = uri + "/Recordings.json" },
        };
    }

    public static JsonObject Of(TwilioEmulatorOptions options, Seat seat) => new()
    {
        ["account_sid"] = options.AccountSid,
        ["call_sid"] = seat.Leg.Sid,
        ["label"] = seat.Label,
        ["conference_sid"] = seat.Conference.Sid,
        ["date_created"] = TwilioCloud.Rfc2822(seat.Created),
        ["date_updated"] = TwilioCloud.Rfc2822(seat.Created),
        ["end_conference_on_exit"] = seat.EndOnExit,
        ["muted"] = seat.Muted,
        ["hold"] = seat.Hold,
        ["start_conference_on_enter"] = seat.StartOnEnter,
        ["status"] = seat.Connected ? "connected" : seat.Leg.Status == "ringing" ? "ringing" : seat.Leg.CallbacksSent > 0 ? "connecting" : "queued",
        ["coaching"] = false,
        ["call_sid_to_coach"] = null,
        ["queue_time"] = "0",
        ["uri"] = $"/{Version}/Accounts/{options.AccountSid}/Conferences/{seat.Conference.Sid}/Participants/{seat.Leg.Sid}.json",
    };
}
