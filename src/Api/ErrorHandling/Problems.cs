using System.Diagnostics;
using Calls.Application.Ports;
using Calls.Domain;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Calls.Api;

/// <summary>Problem details (RFC 9457) with a stable <c>type</c>, a machine-readable <c>code</c> and the trace they belong to.</summary>
internal static class Problems
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(2);

    /// <summary>A stable name of a kind of problem; documented in docs/problems.md.</summary>
    public static string TypeOf(string code) => "urn:calls:problem:" + code;

    public static ProblemHttpResult Of(int status, string code, string detail, params (string Key, object? Value)[] extensions) => TypedResults.Problem(
        detail, statusCode: status, type: TypeOf(code), extensions: extensions.Append(("code", code)).ToDictionary(e => e.Item1, e => e.Item2));

    /// <summary>One field that cannot be used, and why.</summary>
    public static ValidationProblem Field(string field, string why) => TypedResults.ValidationProblem(
        new Dictionary<string, string[]>(StringComparer.Ordinal) { [field] = [why] }, detail: $"{field}: {why}", type: TypeOf("invalid-request"),
        extensions: new Dictionary<string, object?>(StringComparer.Ordinal) { ["code"] = "invalid-request" });

    /// <summary>A refusal of the domain as REST answers it.</summary>
    public static ProblemHttpResult Of(RefusalReason because) => because switch
    {
        RefusalReason.NoSuchSession => Of(404, "no-such-session", "There is no such call, or it is not yours to see."),
        RefusalReason.NoSuchParticipant => Of(404, "no-such-participant", "Nobody of that id is on the call."),
        RefusalReason.CallIsOver => Of(409, "call-is-over", "The call is over."),
        RefusalReason.CallIsFull => Of(409, "call-is-full", "As many people as allowed are on the call."),
        RefusalReason.TooManyGuests => Of(409, "too-many-guests", "As many phones as allowed have been added to this call."),
        RefusalReason.AlreadyOnTheCall => Of(409, "already-on-the-call", "This phone is on the call, or is ringing for it."),
        RefusalReason.ParticipantHasLeft => Of(409, "participant-has-left", "The participant is not on the line."),
        RefusalReason.CountryNotAllowed => Of(403, "country-not-allowed", "Numbers of that country are not rung; see Calls:Dialing:AllowedCountries."),
        RefusalReason.NumberBlocked => Of(403, "number-blocked", "That number, or numbers of its kind, are never rung."),
        RefusalReason.InvalidNumber => Of(400, "invalid-number", "phoneNumber: no such number can exist."),
        RefusalReason.OtherVersion => Of(412, "version-mismatch", "The call has changed since the version of If-Match: read it again."),
        RefusalReason.TooManyAdds => Of(429, "too-many-adds", "As many phones as one person may within an hour, you have added; see Calls:Dialing:PerIdentityPerHour."),
        _ => throw new UnreachableException($"REST never meets {because}"),
    };

    /// <summary>The same request is being served: its answer is to be had in a moment.</summary>
    public static ProblemHttpResult UnderWay(HttpContext http)
    {
        http.Response.Headers.RetryAfter = "1";
        return Of(409, "request-in-progress", "The same request, by its Idempotency-Key, is being served; ask again for its answer.");
    }

    /// <summary>A refusal, and when it may be asked again where that is known.</summary>
    public static ProblemHttpResult Of(RefusalReason because, TimeSpan? retryAfter, HttpContext http)
    {
        if (retryAfter is { } wait)
            http.Response.Headers.RetryAfter = Seconds(wait);
        return Of(because);
    }

    /// <summary>Whole seconds, rounded up: sooner would be too soon.</summary>
    public static string Seconds(TimeSpan time) => ((long)Math.Ceiling(time.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>What a voice request that cannot be served is told, before the line ends.</summary>
    public static string Words(RefusalReason because) => because switch
    {
        RefusalReason.SessionInUse => "This call cannot be placed, because its session is in use.",
        RefusalReason.CallingOneself => "You cannot call yourself.",
        RefusalReason.TooManyCalls => "This call cannot be placed, because you have too many calls at once.",
        RefusalReason.CountryNotAllowed => "Calls to this country are not allowed.",
        RefusalReason.NumberBlocked => "Calls to this number are not allowed.",
        RefusalReason.InvalidNumber => "The number you have called does not exist.",
        _ => "This call cannot be placed.",
    };

    public static IResult Unavailable(HttpContext http, Exception cause)
    {
        http.Response.Headers.RetryAfter = ((int)RetryAfter.TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (cause is UnreadableSessionException)
            return Of(503, "session-unreadable", "This version of the service cannot read the stored call. The call was not changed.");
        return Of(503, "session-store-unavailable", "The session store did not answer. Nothing was lost: ask again.");
    }
}

/// <summary>The session store is away, or too many wrote one session at once: 503, so that whoever asked asks again.</summary>
internal sealed class StoreUnavailableHandler : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not (SessionStoreUnavailableException or SessionConflictException))
            return false;
        await Problems.Unavailable(httpContext, exception).ExecuteAsync(httpContext);
        return true;
    }
}
