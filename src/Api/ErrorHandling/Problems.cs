using Microsoft.AspNetCore.Diagnostics;

namespace Calls.Api.ErrorHandling;

/// <summary>Problem details (RFC 9457) with a stable <c>type</c>, a machine-readable <c>code</c> and the id of the trace.</summary>
internal static class Problems
{
    /// <summary>The stable name of a kind of problem. docs/problems.md lists them.</summary>
    public static string TypeOf(string code) => "urn:calls:problem:" + code;

    public static ProblemHttpResult Of(int status, string code, string detail, params (string Key, object? Value)[] extensions)
    {
        var members = extensions.Append(("code", code)).ToDictionary(member => member.Item1, member => member.Item2);
        return TypedResults.Problem(detail, statusCode: status, type: TypeOf(code), extensions: members);
    }

    /// <summary>A field that cannot be used, and a sentence that says what the field must be.</summary>
    public static ValidationProblem Field(string field, string why) => TypedResults.ValidationProblem(
        new Dictionary<string, string[]>(StringComparer.Ordinal) { [field] = [why] },
        detail: $"{field}: {why}",
        type: TypeOf("invalid-request"),
        extensions: new Dictionary<string, object?>(StringComparer.Ordinal) { ["code"] = "invalid-request" });

    /// <summary>Several fields that cannot be used. All of them are named.</summary>
    public static ValidationProblem Fields(IReadOnlyDictionary<string, string> wrong) => TypedResults.ValidationProblem(
        wrong.ToDictionary(field => field.Key, field => new[] { field.Value }, StringComparer.Ordinal),
        detail: string.Join(' ', wrong.Select(field => $"{field.Key}: {field.Value}")),
        type: TypeOf("invalid-request"),
        extensions: new Dictionary<string, object?>(StringComparer.Ordinal) { ["code"] = "invalid-request" });

    /// <summary>A refusal. If it is about candidates, all of them are named by their place in the request.</summary>
    public static ProblemHttpResult Of(CallReply.Refused refused, HttpContext http)
    {
        var problem = Of(refused.Reason, refused.RetryAfter, http);
        if (!refused.Candidates.IsEmpty)
            problem.ProblemDetails.Extensions["candidates"] = refused.Candidates.Select(candidate => (candidate.Index,
                Of(candidate.Reason).ProblemDetails)).Select(candidate => new ForbiddenCandidate(
                    candidate.Index, candidate.ProblemDetails.Extensions["code"] as string ?? "", candidate.ProblemDetails.Detail ?? ""))
                .ToList();
        return problem;
    }

    /// <summary>The answer of REST to a refusal of the domain.</summary>
    public static ProblemHttpResult Of(RefusalReason reason) => reason switch
    {
        RefusalReason.NoSuchSession => Of(404, "no-such-session", "No such call exists, or you may not see it."),
        RefusalReason.NoSuchParticipant => Of(404, "no-such-participant", "The call has no participant with this id."),
        RefusalReason.NotOnTheCall => Of(403, "not-on-the-call", "You are not on this call any more, so you cannot change it."),
        RefusalReason.CallIsOver => Of(409, "call-is-over", "The call is over."),
        RefusalReason.CallIsFull => Of(409, "call-is-full", "The call has the maximum number of participants; see Calls:MaxParticipants."),
        RefusalReason.TooManyGuests => Of(409, "too-many-guests", "The maximum number of people was added; see Calls:Dialing:PerSession."),
        RefusalReason.AlreadyOnTheCall =>
            Of(409, "already-on-the-call", "This phone or person is already on the call or is ringing for it."),
        RefusalReason.AddingOneself => Of(409, "adding-oneself", "You cannot add yourself. Connect with the session id instead."),
        RefusalReason.ParticipantHasLeft => Of(409, "participant-has-left", "The participant has left the call, or is being removed."),
        RefusalReason.CountryNotAllowed =>
            Of(403, "country-not-allowed", "Numbers of this country are not allowed; see Calls:Dialing:AllowedCountries."),
        RefusalReason.DialingStopped => Of(403, "dialing-stopped", "Phones are not called at the moment; see Calls:Dialing:Stopped."),
        RefusalReason.NumberBlocked => Of(403, "number-blocked", "This number, or its kind of number, is never called."),
        RefusalReason.InvalidNumber => Of(400, "invalid-number", "The phone number does not exist; see Calls:Dialing:AllowedNumbers."),
        RefusalReason.OtherVersion => Of(412, "version-mismatch", "The call does not have the version in If-Match. Read the call again."),
        RefusalReason.TooManyAdds =>
            Of(429, "too-many-adds", "You have reached the hourly limit of phones and guests; see Calls:Dialing:PerIdentityPerHour."),
        RefusalReason.TooManyPhonesOfRegion =>
            Of(429, "too-many-phones-of-region", "The hourly limit of this country is reached; see Calls:Dialing:PerRegionPerHour."),
        RefusalReason.TooManyPhones =>
            Of(429, "too-many-phones", "The hourly limit of phones is reached; see Calls:Dialing:PerHour."),
        _ => throw new UnreachableException($"REST has no answer for {reason}"),
    };

    /// <summary>The first request with this key still waits for Twilio. Its answer is available in a moment.</summary>
    public static ProblemHttpResult InProgress(HttpContext http)
    {
        http.Response.Headers.RetryAfter = "1";
        return Of(409, "request-in-progress", "A request with this Idempotency-Key is still in progress. Send it again to get its answer.");
    }

    /// <summary>A refusal, with the time after which to ask again if that is known.</summary>
    public static ProblemHttpResult Of(RefusalReason reason, TimeSpan? retryAfter, HttpContext http)
    {
        if (retryAfter is { } wait)
            http.Response.Headers.RetryAfter = Seconds(wait);
        return Of(reason);
    }

    /// <summary>429, with <c>Retry-After</c>. Counts the refusal.</summary>
    public static IResult TooMany(HttpContext http, CallsTelemetry telemetry, string policy, string key, TimeSpan wait)
    {
        telemetry.Refused(policy);
        http.Response.Headers.RetryAfter = Seconds(wait);
        return Of(429, "too-many-requests", $"You have sent too many requests; see {key}.", ("policy", policy));
    }

    /// <summary>Whole seconds, rounded up, so that a client does not ask too early.</summary>
    public static string Seconds(TimeSpan time) => ((long)Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);

    /// <summary>The words that the caller hears before the line ends, if the call is refused.</summary>
    public static string Words(RefusalReason reason) => reason switch
    {
        RefusalReason.SessionInUse => "This call cannot be placed, because its session is in use.",
        RefusalReason.SessionOfAnotherCaller => "This call cannot be placed, because its session belongs to another person.",
        RefusalReason.LegHasPlacedCall => "This call cannot be placed, because it was placed before.",
        RefusalReason.CallingOneself => "You cannot call yourself.",
        RefusalReason.TooManyCalls => "This call cannot be placed, because you have too many calls at once.",
        RefusalReason.CountryNotAllowed => "Calls to this country are not allowed.",
        RefusalReason.NumberBlocked => "Calls to this number are not allowed.",
        RefusalReason.InvalidNumber => "The number you have called does not exist.",
        RefusalReason.DialingStopped => "Calls to phones are not possible at the moment. Please call again later.",
        RefusalReason.TooManyAdds => "You have reached the hourly limit of calls to phones. Please call again later.",
        RefusalReason.TooManyStarts => "You have reached the hourly limit of calls. Please call again later.",
        RefusalReason.TooManyPhonesOfRegion => "The hourly limit of calls to this country is reached. Please call again later.",
        RefusalReason.TooManyPhones => "The hourly limit of calls to phones is reached. Please call again later.",
        _ => "This call cannot be placed.",
    };
}

/// <summary>Answers 503 if the session store is away, or if too many requests wrote one session at once.</summary>
internal sealed class StoreUnavailableHandler : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not (SessionStoreUnavailableException or SessionConflictException))
            return false;
        httpContext.Response.Headers.RetryAfter = "2";
        var (code, detail) = exception is UnreadableSessionException
            ? ("session-unreadable", "This version of the service cannot read the stored call. The call was not changed.")
            : ("session-store-unavailable", "The session store did not answer. Nothing was lost. Send the request again.");
        await Problems.Of(503, code, detail).ExecuteAsync(httpContext);
        return true;
    }
}

/// <summary>A candidate that the service does not ring.</summary>
/// <param name="Index">The place in <c>oneOf</c>, from 0.</param>
/// <param name="Code">The code of the problem.</param>
/// <param name="Detail">A sentence.</param>
internal sealed record ForbiddenCandidate(int Index, string Code, string Detail);
