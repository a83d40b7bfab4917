namespace Calls.Application.Ports;

/// <summary>Twilio's call statuses as a rank (<see cref="Progress"/>) or a reason (<see cref="LeaveReason"/>).</summary>
public static class LegStatuses
{
    private const int SipDecline = 603;
    private const int SipNotFound = 404;

    /// <summary>Parses Twilio's spelling; false for an unknown status.</summary>
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

    /// <summary>The rank of a leg in this status; <see cref="Progress.Gone"/> for every status that ends a leg.</summary>
    public static Progress ProgressOf(LegStatus status) => status switch
    {
        LegStatus.Queued or LegStatus.Initiated => Progress.Dialing,
        LegStatus.Ringing => Progress.Ringing,
        LegStatus.InProgress => Progress.Answered,
        _ => Progress.Gone,
    };

    /// <summary>Why a leg that ended in this status is gone.</summary>
    /// <remarks>
    /// Twilio reports a Voice SDK client that rejects as <c>busy</c>, and such a client is never busy by itself: a client's <c>busy</c> is
    /// a decline. A phone's
    /// <c>busy</c> is a decline only where SIP says 603. A rejected call may also be reported as <c>no-answer</c>.
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
        return new ObservedLeg(call.Sid, progress, progress == Progress.Gone ? GoneOf(call.Status, DialledAppOf(call.To)) : null);
    }

    /// <summary>The other end of a participant's leg: the caller has called Twilio, and Twilio has called everyone else.</summary>
    internal static Party? PartyOf(ParticipantId participant, CallView call)
    {
        return participant == ParticipantId.Caller ? CallerOf(call.From)
            : PhoneNumber.TryParse(call.To, out var number) ? new Party.Phone(number) : DialledAppOf(call.To);
    }

    /// <summary>What Twilio says in place of a number that is withheld or not known: the letters of ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN
    /// and UNAVAILABLE on a keypad.</summary>
    private static readonly string[] Withheld = ["+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"];

    /// <summary>The app user or the phone of a <c>From</c>. Null for a withheld number, for SIP, or where Twilio did not say it.</summary>
    public static Party? CallerOf(string? from) =>
        PhoneNumber.TryParse(from, out var number) ? Withheld.Contains(from) ? null : new Party.Phone(number) : ClientOf(from);

    /// <summary>The app user that was dialled. Its address can have parameters (<c>client:bob?SessionID=s-42</c>).</summary>
    public static Party.Client? DialledAppOf(string? to) => ClientOf(to?.Split('?')[0]);

    /// <summary>The app user of a <c>client:</c> address; null for any other address. An address with parameters is none: nobody calls
    /// from one.</summary>
    public static Party.Client? ClientOf(string? address) =>
        address is not null && address.StartsWith("client:", StringComparison.Ordinal)
            && ClientIdentity.TryParseAddress(address, out var identity)
            ? new Party.Client(identity)
            : null;
}
