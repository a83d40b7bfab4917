namespace Calls.Api.Observability;

/// <summary>Creates the counters that alerts ask for, with the value 0. It starts after the exporters of metrics.</summary>
internal sealed class ZeroCounters(CallsTelemetry calls, WebhookTelemetry webhooks) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        calls.StartAtZero();
        webhooks.StartAtZero();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
