using System.Globalization;
using System.Text.Json.Nodes;

namespace Calls.Sandbox.Twilio;

/// <summary>One REST request to the emulated Twilio: method, path below the account without <c>.json</c>, and its parameters, form or query.</summary>
public sealed record RestRequest(string Method, string Path, ILookup<string, string> Parameters)
{
    public string? this[string name] => Parameters[name].FirstOrDefault();

    /// <summary>A list value: the parameter repeated, or its values in one, separated by spaces.</summary>
    public IReadOnlyCollection<string> List(string name, string defaults) =>
        Parameters.Contains(name) ? [.. Parameters[name].SelectMany(value => value.Split(' ', StringSplitOptions.RemoveEmptyEntries))] : defaults.Split(' ');

    public bool? Flag(string name) => this[name] is { } text ? string.Equals(text, "true", StringComparison.OrdinalIgnoreCase) : null;
}

/// <summary>What a REST request is answered: Twilio's status and body, or nothing at all.</summary>
public sealed record RestAnswer(int Status, JsonNode? Body)
{
    public int? RetryAfter { get; init; }

    /// <summary>No answer: the connection is held open, or cut.</summary>
    public RestSilence Silence { get; init; }

    public static RestAnswer Error(int status, int code, string message) => new(status, new JsonObject
    {
        ["code"] = code,
        ["message"] = message,
        ["more_info"] = string.Create(CultureInfo.InvariantCulture, $"https://www.twilio.com/docs/errors/{code}"),
        ["status"] = status,
    });

    public static RestAnswer NotFound(string path) => Error(404, 20404, $"The requested resource {path} was not found");
}

public enum RestSilence
{
    None,
    Hold,
    Cut,
}
