using System.Text.Json.Serialization;

namespace Calls.Floor;

/// <summary>All that the floor knows of a call.</summary>
internal sealed record Call(string? Caller = null, string? Callee = null, string? Conference = null, string? Status = null, int On = 0, int Left = 0, bool Over = false);

[JsonSerializable(typeof(Call))]
internal sealed partial class FloorJson : JsonSerializerContext;
