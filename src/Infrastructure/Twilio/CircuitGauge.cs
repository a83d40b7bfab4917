using System.Diagnostics.Metrics;
using Polly.CircuitBreaker;

namespace Calls.Infrastructure.Twilio;

/// <summary>Reports the state of each circuit breaker while the host runs.</summary>
internal sealed class CircuitGauge(GatewayPipelines pipelines, IMeterFactory meters) : IHostedService, IDisposable
{
    private readonly Meter meter = meters.Create(GatewayTelemetry.Name);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        meter.CreateObservableGauge(
            "calls.twilio.circuit",
            () => pipelines.Circuits.Select(circuit => new Measurement<int>(
                State(circuit.State.CircuitState), new KeyValuePair<string, object?>("pipeline", circuit.Kind.ToString()))),
            "{state}", "State of the circuit to Twilio by pipeline: 0 closed, 1 half-open, 2 open.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => meter.Dispose();

    private static int State(CircuitState state) => state switch
    {
        CircuitState.Closed => 0,
        CircuitState.HalfOpen => 1,
        _ => 2,
    };
}
