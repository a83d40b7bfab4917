using Microsoft.AspNetCore.WebUtilities;

namespace Calls.Api.ErrorHandling;

/// <summary>All problems that the service answers. docs/problems.md and the API description have the same list.</summary>
internal static class ProblemCatalogue
{
    public static IReadOnlyList<KnownProblem> All { get; } =
    [
        new("invalid-request", 400, "A field cannot be used. `errors` names the field and says why."),
        new("malformed-body", 400, "The body is not JSON, or a value in it has another type than the description says."),
        new("invalid-number", 400,
            "The phone number does not exist. `Calls:Dialing:AllowedNumbers` opens numbers that are newer than the tables."),
        new("unauthenticated", 401, "The request has no bearer, or the bearer is not valid or has expired."),
        new("signature", 403, "Twilio did not sign this webhook for this address."),
        new("country-not-allowed", 403, "Numbers of this country are not rung (`Calls:Dialing:AllowedCountries`)."),
        new("no-identity", 403, "The claim of the identity (`sub`, or `Calls:IdentityClaim`) is not an identity that Twilio takes."),
        new("not-on-the-call", 403, "The bearer has left the call. The bearer may see it, and may not change it."),
        new("number-blocked", 403,
            "The number is premium rate, shared cost, satellite, emergency or special, or its prefix is blocked."),
        new("dialing-stopped", 403, "An operator has stopped the dialling of phones (`Calls:Dialing:Stopped`)."),
        new("operators-only", 403, "The request needs the scope `calls.operate`."),
        new("no-such-session", 404,
            "The call does not exist, or the bearer may not see it. A person who declined or was removed may not see it."),
        new("no-such-participant", 404, "The call has no participant with this id."),
        new("no-such-route", 404, "The service has no such path."),
        new("method-not-allowed", 405, "The path does not take this method. `Allow` names the methods."),
        new("body-too-slow", 408, "The body did not arrive within ten seconds. The service closes the connection."),
        new("call-is-over", 409, "The call has ended."),
        new("call-is-not-over", 409, "The call goes on, or one of its lines is still being ended."),
        new("call-is-full", 409, "The call has `Calls:MaxParticipants` people."),
        new("too-many-guests", 409, "`Calls:Dialing:PerSession` people have been added to the call."),
        new("adding-oneself", 409, "A person cannot add themselves. The app connects with the session id instead."),
        new("already-on-the-call", 409, "This phone or person is on the call, or rings for the call. Of candidates: all of them are."),
        new("participant-has-left", 409, "The participant has left, or is being removed."),
        new("request-in-progress", 409,
            "The same request (by `Idempotency-Key`) still waits for Twilio. Ask again after `Retry-After`."),
        new("version-mismatch", 412, "The call has changed since the version of `If-Match`. Read it again."),
        new("body-too-large", 413, "The body has more than 64 KB."),
        new("unsupported-media-type", 415, "The body is not JSON in UTF-8 (`application/json`)."),
        new("idempotency-key-reused", 422, "The same `Idempotency-Key` came with other candidates, or another number, label or screening."),
        new("refused-by-twilio", 422, "Twilio refused to ring the phone or the app. `twilioCode` is Twilio's error code."),
        new("too-many-adds", 429,
            "The identity has called phones or added people `Calls:Dialing:PerIdentityPerHour` times in an hour."),
        new("too-many-phones-of-region", 429,
            "The service has rung `Calls:Dialing:PerRegionPerHour` phones of this region in an hour."),
        new("too-many-phones", 429, "The service has rung `Calls:Dialing:PerHour` phones in an hour."),
        new("too-many-requests", 429, "A limit of requests is reached. `policy` names the limit."),
        new("internal-error", 500, "A defect of the service. Its log has the details, by `traceId`."),
        new("tokens-not-configured", 503,
            "An API key, a TwiML App or a push credential is missing. `missingKeys` names the configuration keys."),
        new("session-store-unavailable", 503, "Redis did not answer. Ask again after `Retry-After`."),
        new("session-unreadable", 503, "This version of the service cannot read the stored call."),
        new("timed-out", 504, "The service did not finish the request within ten seconds. Ask again."),
    ];

    /// <summary>What any REST request can be answered with.</summary>
    private static readonly string[] OfAnyRequest =
        ["unauthenticated", "too-many-requests", "internal-error", "session-store-unavailable", "session-unreadable", "timed-out"];
    private static readonly string[] OfAnyBody = ["malformed-body", "body-too-slow", "body-too-large", "unsupported-media-type"];

    /// <summary>Says which problems the endpoints answer, beside those of any request.</summary>
    public static T WithProblems<T>(this T endpoints, params string[] codes)
        where T : IEndpointConventionBuilder => endpoints.WithMetadata(new ProblemsOfEndpoint(codes));

    /// <summary>The problems of an endpoint with this metadata, in the order of the catalogue.</summary>
    public static IEnumerable<KnownProblem> Of(IEnumerable<object> metadata, bool hasBody)
    {
        var codes = metadata.OfType<ProblemsOfEndpoint>().SelectMany(problems => problems.Codes).Concat(OfAnyRequest)
            .Concat(hasBody ? OfAnyBody : []).ToHashSet(StringComparer.Ordinal);
        var found = All.Where(problem => codes.Remove(problem.Code)).ToList();
        return codes.Count == 0 ? found
            : throw new UnreachableException($"The catalogue has no problem {string.Join(", ", codes)}");
    }

    /// <summary>The problem of an answer that has only a status: no code of ours has answered.</summary>
    public static KnownProblem OfStatus(int status) => status switch
    {
        400 => Find("malformed-body"),
        >= 500 and not 504 => Find("internal-error"),
        _ => All.FirstOrDefault(problem => problem.Status == status) switch
        {
            { Status: 404 } => Find("no-such-route"),
            null => Find("invalid-request"),
            var known => known,
        },
    };

    private static KnownProblem Find(string code) => All.First(problem => problem.Code == code);

    private sealed record ProblemsOfEndpoint(IReadOnlyList<string> Codes);
}

/// <summary>One kind of problem.</summary>
internal sealed record KnownProblem(string Code, int Status, string Meaning);

/// <summary>Writes every problem, with its type, its code and its trace. The framework's own writer writes none for a request that accepts
/// no JSON, such as the request of an event stream.</summary>
internal sealed class ProblemWriter : IProblemDetailsWriter
{
    public bool CanWrite(ProblemDetailsContext context) => true;

    public async ValueTask WriteAsync(ProblemDetailsContext context)
    {
        var (http, problem) = (context.HttpContext, context.ProblemDetails);
        problem.Status ??= http.Response.StatusCode;
        if (!problem.Extensions.ContainsKey("code"))
        {
            var known = ProblemCatalogue.OfStatus(problem.Status.Value);
            problem.Type = Problems.TypeOf(known.Code);
            problem.Title = ReasonPhrases.GetReasonPhrase(problem.Status.Value);
            problem.Detail = known.Meaning.Replace("`", "", StringComparison.Ordinal);
            problem.Extensions["code"] = known.Code;
        }

        problem.Extensions.TryAdd("traceId", Activity.Current?.TraceId.ToHexString() ?? http.TraceIdentifier);
        await http.Response.WriteAsJsonAsync(
            problem, problem.GetType(), options: null, "application/problem+json", http.RequestAborted);
    }
}
