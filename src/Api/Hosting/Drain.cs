using Microsoft.Extensions.Options;

namespace Calls.Api;

/// <summary>The way out: on SIGTERM readiness turns red and streams end at once, and for <c>Calls:DrainDelay</c> everything is served as before, each answer closing its connection,
/// until whoever balances the load has noticed. Then the listeners close, requests under way are finished, and effects after them.</summary>
internal sealed class Drain(IHostApplicationLifetime lifetime, IOptions<CallsOptions> options, TimeProvider clock) : IHostedLifecycleService
{
    /// <summary>For the requests and effects that are under way when the listeners have closed: a create takes eight seconds at most.</summary>
    public static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(20);

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (options.Value.DrainDelay > TimeSpan.Zero && lifetime.ApplicationStopping.IsCancellationRequested)
            await Task.Delay(options.Value.DrainDelay, clock, cancellationToken);
    }

    /// <summary>A connection that is kept open would be closed under the next request.</summary>
    public Task CloseConnectionsAsync(HttpContext http, RequestDelegate next)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            http.Response.Headers.Connection = "close";
        return next(http);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
