using System.Globalization;
using Microsoft.Extensions.Options;

namespace Calls.Api.Lifecycle;

/// <summary>What happens between SIGTERM and the end. Readiness is red from the signal on, and the process serves for <c>Calls:Shutdown:DrainDelay</c> more, until the last load balancer has noticed.
/// Then the listeners close, what is under way is answered, and the sweeper and the worker finish what they have begun.</summary>
/// <remarks>Being graceful is only faster: what does not finish in time is found by another replica, as after <c>kill -9</c>.</remarks>
internal sealed class GracefulStop(IHostApplicationLifetime lifetime, IOptions<CallsOptions> options, TimeProvider clock) : IHostedLifecycleService
{
    /// <summary>For what is under way once the listeners close: a webhook takes 10 s at most, and a create at Twilio 8 s.</summary>
    private static readonly TimeSpan FinishWithin = TimeSpan.FromSeconds(20);

    public bool IsServing => lifetime.ApplicationStarted.IsCancellationRequested && !lifetime.ApplicationStopping.IsCancellationRequested;

    public bool HasStarted => lifetime.ApplicationStarted.IsCancellationRequested;

    /// <summary>The host's own limit counts from the signal, and so it covers the delay.</summary>
    public static void Limit(HostOptions host, IConfiguration configuration) =>
        host.ShutdownTimeout = FinishWithin + (TimeSpan.TryParse(configuration[CallsOptions.Section + ":Shutdown:DrainDelay"], CultureInfo.InvariantCulture, out var delay) ? delay : TimeSpan.Zero);

    /// <summary>A connection that is kept alive knows nothing of readiness: whoever asks on it while we stop is told to open the next one, elsewhere.</summary>
    public Task CloseConnectionAsync(HttpContext http, RequestDelegate next)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested && (HttpProtocol.IsHttp11(http.Request.Protocol) || HttpProtocol.IsHttp10(http.Request.Protocol)))
            http.Response.Headers.Connection = "close";
        return next(http);
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Shutdown.DrainDelay > TimeSpan.Zero)
            await Task.Delay(options.Value.Shutdown.DrainDelay, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
