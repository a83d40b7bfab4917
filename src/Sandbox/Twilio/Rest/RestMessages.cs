namespace Calls.Sandbox.Twilio;

/// <summary>A request to Twilio's REST API.</summary>
/// <param name="Method">GET, POST or DELETE.</param>
/// <param name="Target">The path and query as they were sent, percent-encoded.</param>
/// <param name="Form">The form body.</param>
/// <param name="Authorization">The Authorization header. Twilio accepts HTTP Basic.</param>
public sealed record RestRequest(string Method, string Target, Parameters Form, string? Authorization);

/// <summary>The outcome of a REST request.</summary>
public enum RestOutcome
{
    Answered,

    /// <summary>The request gets no answer, and the connection stays open until the client closes it.</summary>
    NoAnswer,

    /// <summary>The connection is cut.</summary>
    Cut,
}

/// <summary>The outcome of a REST request, with the HTTP status and body of the answer if there is one.</summary>
public sealed record RestResponse(RestOutcome Outcome, int Status, string Body)
{
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
}

/// <summary>Twilio refuses a request with an HTTP status and an error code.</summary>
/// <remarks>twilio.com/docs/usage/twilios-response#response-formats-exceptions</remarks>
internal sealed class RestRefusal(int status, int code, string message) : Exception(message)
{
    public int Status { get; } = status;

    public int Code { get; } = code;

    public static RestRefusal BadRequest(int code, string message) => new(400, code, message);

    public static RestRefusal NotFound(string path) => new(404, 20404, $"The requested resource {path} was not found");
}
