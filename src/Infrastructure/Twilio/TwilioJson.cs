using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Calls.Application.Ports;
using Calls.Domain;

namespace Calls.Infrastructure.Twilio;

/// <summary>A call as Twilio writes it (twilio.com/docs/voice/api/call-resource#call-properties), as far as we read it.</summary>
internal sealed record CallResource(string? Sid, string? Status, string? To, string? From, string? DateCreated)
{
    /// <summary>Null where it is not what Twilio documents.</summary>
    [JsonIgnore]
    public CallView? View => CallSid.TryParse(Sid, out var sid) && LegStatuses.TryParse(Status, out var status)
        ? new CallView(sid, status, To ?? "", From ?? "", Rfc2822(DateCreated))
        : null;

    private static DateTimeOffset? Rfc2822(string? text) =>
        DateTimeOffset.TryParseExact(text, "ddd, dd MMM yyyy HH:mm:ss zzz", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time) ? time : null;
}

/// <summary>A conference (twilio.com/docs/voice/api/conference-resource#conference-properties).</summary>
internal sealed record ConferenceResource(string? Sid, string? FriendlyName, string? Status)
{
    [JsonIgnore]
    public ConferenceView? View => ConferenceSid.TryParse(Sid, out var sid) ? new ConferenceView(sid, FriendlyName ?? "", Status == "completed") : null;
}

/// <summary>A participant (twilio.com/docs/voice/api/conference-participant-resource#participant-properties).</summary>
internal sealed record ParticipantResource(string? CallSid, string? Label, string? Status, bool Muted, bool Hold)
{
    [JsonIgnore]
    public ParticipantView? View => Domain.CallSid.TryParse(CallSid, out var sid)
        ? new ParticipantView(sid, string.IsNullOrEmpty(Label) ? null : Label, Status == "connected", Muted, Hold)
        : null;
}

/// <summary>One page of a list (twilio.com/docs/usage/twilios-response#pagination).</summary>
internal interface IPage<out TView>
{
    /// <summary>Null where there is no list; an item is null where it is not what Twilio documents.</summary>
    IEnumerable<TView?>? Views { get; }

    string? NextPageUri { get; }
}

internal sealed record CallsPage(IReadOnlyList<CallResource>? Calls, string? NextPageUri) : IPage<CallView>
{
    [JsonIgnore]
    public IEnumerable<CallView?>? Views => Calls?.Select(c => c.View);
}

internal sealed record ConferencesPage(IReadOnlyList<ConferenceResource>? Conferences, string? NextPageUri) : IPage<ConferenceView>
{
    [JsonIgnore]
    public IEnumerable<ConferenceView?>? Views => Conferences?.Select(c => c.View);
}

internal sealed record ParticipantsPage(IReadOnlyList<ParticipantResource>? Participants, string? NextPageUri) : IPage<ParticipantView>
{
    [JsonIgnore]
    public IEnumerable<ParticipantView?>? Views => Participants?.Select(p => p.View);
}

/// <summary>An error (twilio.com/docs/usage/twilios-response#response-formats-exceptions). Its message is not read: it may quote a number.</summary>
internal sealed record ErrorResource(int? Code);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(CallResource))]
[JsonSerializable(typeof(ConferenceResource))]
[JsonSerializable(typeof(ParticipantResource))]
[JsonSerializable(typeof(CallsPage))]
[JsonSerializable(typeof(ConferencesPage))]
[JsonSerializable(typeof(ParticipantsPage))]
[JsonSerializable(typeof(ErrorResource))]
internal sealed partial class TwilioJson : JsonSerializerContext
{
    /// <summary>Null where the body is not that JSON: a proxy's page, a cut answer.</summary>
    public static T? Read<T>(ReadOnlySpan<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return body.IsEmpty ? null : JsonSerializer.Deserialize(body, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
