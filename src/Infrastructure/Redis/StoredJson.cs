using System.Text.Json;
using System.Text.Json.Serialization;

namespace Calls.Infrastructure.Redis;

/// <summary>The members of a stored session. <see cref="Unknown"/> takes the members that only a newer version knows.</summary>
internal sealed class SessionForm
{
    [JsonPropertyName("v")] public int Schema { get; set; }
    [JsonPropertyName("n")] public string? Nonce { get; set; }
    [JsonPropertyName("p")] public ParticipantForm[]? Participants { get; set; }
    [JsonPropertyName("e")] public Effect[]? Effects { get; set; }
    [JsonPropertyName("c")] public string? Conference { get; set; }
    [JsonPropertyName("cc")] public string[]? ClosedConferences { get; set; }
    [JsonPropertyName("lc")] public string? LastConference { get; set; }
    [JsonPropertyName("s")] public long StartedAt { get; set; }
    [JsonPropertyName("ra")] public long? RangAt { get; set; }
    [JsonPropertyName("a")] public long? AnsweredAt { get; set; }
    [JsonPropertyName("x")] public long? EndedAt { get; set; }
    [JsonPropertyName("r")] public EndReason? EndReason { get; set; }
    [JsonPropertyName("eb")] public string? EndedBy { get; set; }
    [JsonPropertyName("ev")] public Evidence? EndEvidence { get; set; }
    [JsonPropertyName("t")] public long TouchedAt { get; set; }
    [JsonPropertyName("rv")] public long? ReviewedAt { get; set; }
    [JsonPropertyName("rn")] public bool ReviewNow { get; set; }
    [JsonPropertyName("rf")] public int ReviewFailures { get; set; }
    [JsonPropertyName("rb")] public long? ReviewNotBefore { get; set; }
    [JsonPropertyName("rt")] public long? RebuiltAt { get; set; }
    [JsonPropertyName("tp")] public string? TraceParent { get; set; }
    [JsonPropertyName("la")] public string? Language { get; set; }
    [JsonExtensionData] public Dictionary<string, JsonElement>? Unknown { get; set; }
}

internal sealed class ParticipantForm
{
    [JsonPropertyName("i")] public string? Id { get; set; }
    [JsonPropertyName("r")] public Role Role { get; set; }
    [JsonPropertyName("c")] public string? Client { get; set; }
    [JsonPropertyName("n")] public string? Number { get; set; }
    [JsonPropertyName("l")] public string? Label { get; set; }
    [JsonPropertyName("p")] public Progress Progress { get; set; }
    [JsonPropertyName("s")] public long Since { get; set; }
    [JsonPropertyName("sid")] public string? Leg { get; set; }
    [JsonPropertyName("a")] public bool Answered { get; set; }
    [JsonPropertyName("j")] public bool EverJoined { get; set; }
    [JsonPropertyName("ja")] public long? JoinedAt { get; set; }
    [JsonPropertyName("g")] public LeaveReason? Gone { get; set; }
    [JsonPropertyName("rc")] public int? RefusalCode { get; set; }
    [JsonPropertyName("lv")] public Leaving Leaving { get; set; }
    [JsonPropertyName("m")] public bool Muted { get; set; }
    [JsonPropertyName("h")] public bool Hold { get; set; }
    [JsonPropertyName("ab")] public string? AddedBy { get; set; }
    [JsonPropertyName("xb")] public string? RemovedBy { get; set; }
    [JsonPropertyName("hb")] public string? HeldBy { get; set; }
    [JsonPropertyName("fs")] public int? FlagsSequence { get; set; }
    [JsonPropertyName("fv")] public int FlagsVersion { get; set; }
    [JsonPropertyName("ft")] public long? FlagsAt { get; set; }
    [JsonPropertyName("q")] public long? QueuedAt { get; set; }
    [JsonPropertyName("d")] public long? DialedAt { get; set; }
    [JsonPropertyName("sc")] public Screening Screen { get; set; }
    [JsonPropertyName("ac")] public bool Accepted { get; set; }
    [JsonPropertyName("el")] public string[]? EarlierLegs { get; set; }
    [JsonPropertyName("rj")] public bool Reconnecting { get; set; }
    [JsonPropertyName("rb")] public RingbackState Ringback { get; set; }
    [JsonPropertyName("na")] public bool HasNoAddress { get; set; }
    [JsonPropertyName("lo")] public bool Lost { get; set; }
    [JsonPropertyName("rt")] public long? RingTime { get; set; }
    [JsonExtensionData] public Dictionary<string, JsonElement>? Unknown { get; set; }
}

internal sealed class EffectForm
{
    [JsonPropertyName("k")] public string? Kind { get; set; }
    [JsonPropertyName("p")] public string? Participant { get; set; }
    [JsonPropertyName("l")] public string? Leg { get; set; }
    [JsonPropertyName("s")] public DialState State { get; set; }
    [JsonPropertyName("at")] public long? SentAt { get; set; }
    [JsonPropertyName("m")] public bool? Muted { get; set; }
    [JsonPropertyName("h")] public bool? Hold { get; set; }
    [JsonPropertyName("bc")] public LeaveReason? Because { get; set; }
    [JsonPropertyName("g")] public string? Group { get; set; }
    [JsonPropertyName("n")] public int Attempt { get; set; }
    [JsonPropertyName("b")] public long NotBefore { get; set; }
    [JsonExtensionData] public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>Effects of known kinds go through <see cref="EffectForm"/>. Of others only the time is read, and the JSON is kept.</summary>
internal sealed class EffectConverter : JsonConverter<Effect>
{
    /// <summary>So that a null is refused like any other effect that is no object.</summary>
    public override bool HandleNull => true;

    public override Effect Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var json = JsonElement.ParseValue(ref reader);
        if (json.TryGetProperty("k"u8, out var kind) && kind.ValueKind == JsonValueKind.String
            && kind.GetString() is "d" or "h" or "f" or "g")
            return StoredForm.FromStored(json.Deserialize(StoredJson.Default.EffectForm) ?? throw new JsonException("An effect is null."));
        var notBefore = json.TryGetProperty("b"u8, out var time) && time.ValueKind == JsonValueKind.Number ? time.GetInt64() : 0;
        return new Effect.Foreign(json.GetRawText()) { NotBefore = StoredForm.At(notBefore) };
    }

    public override void Write(Utf8JsonWriter writer, Effect value, JsonSerializerOptions options)
    {
        if (value is Effect.Foreign foreign)
            writer.WriteRawValue(foreign.Json);
        else
            JsonSerializer.Serialize(writer, StoredForm.ToStored(value), StoredJson.Default.EffectForm);
    }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault, Converters = [typeof(EffectConverter)])]
[JsonSerializable(typeof(SessionForm))]
[JsonSerializable(typeof(EffectForm))]
[JsonSerializable(typeof(Dictionary<string, JsonElement>))]
internal sealed partial class StoredJson : JsonSerializerContext;
