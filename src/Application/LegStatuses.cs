using Calls.Application.Ports;
using Calls.Domain;

namespace Calls.Application;

/// <summary>Twilio's call statuses in our words: how far a leg has come, or why it has gone.</summary>
public static class LegStatuses
{
    private const int SipDecline = 603;
    private const int SipNotFound = 404;

    /// <summary>Twilio's spelling; false for a status that we do not know.</summary>
    public static bool TryParse(string? text, out LegStatus status)
    {
        (var known, status) = text switch
        {
            "queued" => (true, LegStatus.Queued),
            "initiated" => (true, LegStatus.Initiated),
            "ringing" => (true, LegStatus.Ringing),
            "in-progress" => (true, LegStatus.InProgress),
            "completed" => (true, LegStatus.Completed),
            "busy" => (true, LegStatus.Busy),
            "no-answer" => (true, LegStatus.NoAnswer),
            "failed" => (true, LegStatus.Failed),
            "canceled" => (true, LegStatus.Canceled),
            _ => (false, LegStatus.Queued),
        };
        return known;
    }

    /// <summary>How far a leg in this status has come; <see cref="Progress.Gone"/> for every status that ends it.</summary>
    public static Progress ProgressOf(LegStatus status) => status switch
    {
        LegStatus.Queued or LegStatus.Initiated => Progress.Dialing,
        LegStatus.Ringing => Progress.Ringing,
        LegStatus.InProgress => Progress.Answered,
        _ => Progress.Gone,
    };

    /// <summary>Why a leg that ended in this status has gone.</summary>
    /// <remarks>
    /// A Voice SDK client that rejects is reported as <c>busy</c>, and is never engaged by itself, so a client's <c>busy</c> is a decline; a phone's is not,
    /// unless SIP says 603. The docs let a rejected call be <c>no-answer</c> too; all of them mean that nobody is coming.
    /// </remarks>
    public static LeaveReason GoneOf(LegStatus status, Party? party, int? sipResponseCode = null) => (status, sipResponseCode) switch
    {
        (LegStatus.Completed, _) => LeaveReason.HungUp,
        (LegStatus.Canceled, _) => LeaveReason.Canceled,
        (LegStatus.Failed, _) or (_, SipNotFound) => LeaveReason.Unreachable,
        (_, SipDecline) => LeaveReason.Declined,
        (LegStatus.Busy, _) => party is Party.Client ? LeaveReason.Declined : LeaveReason.Busy,
        _ => LeaveReason.NoAnswer,
    };

    internal static ObservedLeg Seen(CallView call)
    {
        var progress = ProgressOf(call.Status);
        var party = ClientIdentity.TryParse(call.To, out var identity) && call.To.StartsWith("client:", StringComparison.Ordinal) ? new Party.Client(identity) : null;
        return new ObservedLeg(call.Sid, progress, progress == Progress.Gone ? GoneOf(call.Status, party) : null);
    }
}
