namespace Calls.Api.Lifecycle;

/// <summary>The steps after SIGTERM. Readiness is red. The process serves for <c>Calls:Shutdown:DrainDelay</c>, until the load balancers
/// have noticed. Then the listeners close, and the requests, the sweeper and the worker finish what they have begun.</summary>
/// <remarks>A graceful stop is only faster. If work does not finish in time, another replica finds it, as after <c>kill -9</c>.</remarks>
internal sealed class GracefulStop(IHostApplicationLifetime lifetime, IOptions<CallsOptions> options, TimeProvider clock)
    : IHostedLifecycleService
{
    /// <summary>For running work after the listeners close. A webhook takes at most 10 s, the creation of a call 8 s.</summary>
    private static readonly TimeSpan FinishWithin = TimeSpan.FromSeconds(20);

    public bool IsServing => HasStarted && !lifetime.ApplicationStopping.IsCancellationRequested;
    public bool HasStarted => lifetime.ApplicationStarted.IsCancellationRequested;

    /// <summary>The host's limit counts from the signal, so it includes the delay.</summary>
    public static void Limit(HostOptions host, IConfiguration configuration) =>
        host.ShutdownTimeout = FinishWithin + configuration.GetValue(CallsOptions.Section + ":Shutdown:DrainDelay", TimeSpan.Zero);

    /// <summary>A client on a kept connection does not see readiness. The answer tells it to open a new connection.</summary>
    public Task CloseConnectionAsync(HttpContext http, RequestDelegate next)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested && http.Request.Protocol.StartsWith("HTTP/1", StringComparison.Ordinal))
            http.Response.Headers.Connection = "close";
        return next(http);
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Shutdown.DrainDelay is var delay && delay > TimeSpan.Zero)
            await Task.Delay(delay, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
