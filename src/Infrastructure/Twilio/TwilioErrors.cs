using System.Net;

namespace Calls.Infrastructure.Twilio;

/// <summary>The meaning of Twilio's error codes and of HTTP statuses without a code (twilio.com/docs/api/errors).</summary>
/// <remarks>A code is more precise than its status, so the code is looked up first. A code that is not listed has the meaning of its
/// status: an invalid parameter (status 400) is a bad request.</remarks>
internal static class TwilioErrors
{
    /// <summary>The meaning, or null if the answer does not say whether Twilio has acted.</summary>
    public static Refusal? Meaning(TwilioOperation operation, int? code, HttpStatusCode status) => code switch
    {
        // Account and access.
        10001 => Refusal.NotPermitted, // Account is not active
        10002 => Refusal.NotPermitted, // Trial account does not support this feature
        10004 => Refusal.NotProcessed, // Call concurrency limit exceeded, until a call ends
        20003 => Refusal.NotPermitted, // Permission denied, or not authenticated
        20005 => Refusal.NotPermitted, // Account not active
        20006 => Refusal.NotPermitted, // Access denied
        20008 => Refusal.NotPermitted, // Cannot access this resource with test credentials
        20404 => Refusal.NotFound, // The requested resource was not found
        20409 => Conflict(operation), // Conflict
        20429 => Refusal.NotProcessed, // Too many requests: "never processed and always safe to retry"
        20500 or 20503 => null, // Internal server error; service unavailable

        // The call.
        21202 => Refusal.NumberRefused, // 'To' number is a premium number
        21203 => Refusal.NumberRefused, // International calling not enabled
        21210 => Refusal.NotPermitted, // 'From' phone number not verified: it is the caller id of the settings
        21211 => Refusal.NumberRefused, // Invalid 'To' phone number
        21212 => Refusal.NotPermitted, // Invalid 'From' phone number: it is the caller id of the settings
        21213 => Refusal.NotPermitted, // 'From' phone number is required: it is the caller id of the settings
        21214 => Refusal.NumberRefused, // 'To' phone number cannot be reached
        21215 => Refusal.NumberRefused, // Account not authorized to call this phone number (geographic permissions)
        21216 => Refusal.NumberRefused, // Account not allowed to call this phone number (block list)
        21217 => Refusal.NumberRefused, // Phone number does not appear to be valid
        21219 => Refusal.NumberRefused, // 'To' phone number not verified (trial accounts)
        21220 when operation == TwilioOperation.UpdateCall => Refusal.AlreadyOver, // Invalid call state: only an ended call cannot be ended
        // Invalid call state: over, or not connected yet. Both are ordinary, and the leg is hung up after this answer in both cases.
        21220 when operation == TwilioOperation.RedirectCall => Refusal.AlreadyOver,

        // The conference. 16001 and 16099 may come before a conference has started, so neither proves that it is over.
        16001 => Refusal.NotProcessed, // Conference is not bridged
        16020 => Refusal.RoomFull, // Conference is full
        16021 => Refusal.NotProcessed, // Account limit of conference participants, until a participant leaves
        16022 => Refusal.AlreadyOver, // Conference does not exist or is completed
        16026 => Refusal.LabelInUse, // Participant label is in use by another active participant
        16030 => null, // Participant could not be added, internal error
        16099 => Refusal.NotProcessed, // Unexpected conference status

        _ => Meaning(operation, status),
    };

    private static Refusal? Meaning(TwilioOperation operation, HttpStatusCode status) => status switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.PaymentRequired or HttpStatusCode.Forbidden
            or HttpStatusCode.ProxyAuthenticationRequired => Refusal.NotPermitted,
        HttpStatusCode.NotFound => Refusal.NotFound,
        HttpStatusCode.RequestTimeout => null,
        HttpStatusCode.Conflict => Conflict(operation),
        HttpStatusCode.Gone => Refusal.AlreadyOver,
        HttpStatusCode.TooManyRequests => Refusal.NotProcessed,
        >= HttpStatusCode.InternalServerError => null,
        _ => Refusal.BadRequest,
    };

    /// <summary>Another request changes the resource. For a create this may be our own earlier request: the outcome is unknown.</summary>
    private static Refusal? Conflict(TwilioOperation operation) => operation.Kind == RequestKind.Create ? null : Refusal.NotProcessed;
}
