namespace Calls.Sandbox.Twilio;

/// <summary>A request to Twilio's REST API.</summary>
/// <param name="Method">GET, POST or DELETE.</param>
/// <param name="Target">Path and query as sent, still percent-encoded.</param>
/// <param name="Form">The form body.</param>
/// <param name="Authorization">The Authorization header; HTTP Basic is what Twilio takes.</param>
public sealed record RestRequest(string Method, string Target, Parameters Form, string? Authorization);

/// <summary>How a request ends.</summary>
public enum RestOutcome
{
    Answered,

    /// <summary>No answer will come; the client must give up.</summary>
    NoAnswer,

    /// <summary>The connection is cut.</summary>
    Cut,
}

/// <summary>The answer of Twilio's REST API, or that there is none.</summary>
public sealed record RestResponse(RestOutcome Outcome, int Status, string Body)
{
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
}

/// <summary>Twilio says no: the HTTP status and the code of its error body (twilio.com/docs/usage/twilios-response#response-formats-exceptions).</summary>
internal sealed class RestRefusal(int status, int code, string message) : Exception(message)
{
    public int Status { get; } = status;

    public int Code { get; } = code;

    public static RestRefusal BadRequest(int code, string message) => new(400, code, message);

    public static RestRefusal NotFound(string path) => new(404, 20404, $"The requested resource {path} was not found");
}
