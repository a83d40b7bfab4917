using System.Diagnostics.Metrics;

namespace Calls.Application.Telemetry;

/// <summary>Counts what became of dials, by state and cause.</summary>
public sealed class DialCounter
{
    private const string Sent = "sent";
    private const string Queued = "queued";
    private const string Refused = "refused";
    private const string NotSent = "not_sent";
    private const string Unknown = "unknown";

    /// <summary>Every pair of state and cause.</summary>
    private static readonly (string State, string Cause)[] All =
    [
        (Sent, ""), (Queued, ""), (Unknown, ""),
        (Refused, "number"), (Refused, "permission"), (Refused, "request"), (Refused, "room"),
        (NotSent, "limiter"), (NotSent, "breaker"), (NotSent, "connection"), (NotSent, "twilio_limit"), (NotSent, "pace"),
        (NotSent, "stopped"), (NotSent, "call_is_over"), (NotSent, "look_up"),
    ];

    private readonly Counter<long> dials;

    internal DialCounter(Meter meter) => dials = meter.CreateCounter<long>(
        "calls.dials", "{dial}",
        "Dials by state: sent (Twilio has accepted it), queued (Twilio has not dialled it at once), refused, not_sent, unknown; and why.");

    /// <summary>An increase is seen only of a series that exists before it.</summary>
    internal void StartAtZero()
    {
        foreach (var (state, cause) in All)
            Count(state, cause, 0);
    }

    /// <summary>The answer of Twilio, or what stopped the request.</summary>
    internal void Answered(GatewayOutcome<CallSid> outcome)
    {
        var (state, cause) = outcome switch
        {
            GatewayOutcome<CallSid>.Accepted => (Sent, ""),
            GatewayOutcome<CallSid>.NotSent stopped => (NotSent, stopped.Cause.ToString().ToLowerInvariant()),
            GatewayOutcome<CallSid>.Refused refused => refused.Meaning switch
            {
                Refusal.NotProcessed => (NotSent, "twilio_limit"),
                Refusal.LabelInUse => (Unknown, ""),
                Refusal.NumberRefused => (Refused, "number"),
                Refusal.NotPermitted => (Refused, "permission"),
                Refusal.NotFound or Refusal.AlreadyOver or Refusal.RoomFull => (Refused, "room"),
                _ => (Refused, "request"),
            },
            _ => (Unknown, ""),
        };
        Count(state, cause);
    }

    /// <summary>The service does not send the dial, because its own look-up or its operators say so.</summary>
    internal void Withheld(DialOutcome why) => Count(NotSent, why switch
    {
        DialOutcome.Stopped => "stopped",
        DialOutcome.CallIsGone => "call_is_over",
        _ => "look_up",
    });

    /// <summary>The dial waits for its turn (<c>Calls:Dialing:CallsPerSecond</c>).</summary>
    internal void Paced() => Count(NotSent, "pace");

    /// <summary>Twilio has the call and does not dial it yet.</summary>
    internal void WaitsAtTwilio() => Count(Queued, "");

    private void Count(string state, string cause, long number = 1) => dials.Add(number, new("state", state), new("cause", cause));
}
