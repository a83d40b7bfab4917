namespace Calls.Infrastructure.Outbox;

public static class OutboxServiceCollectionExtensions
{
    /// <summary>The worker that runs effects after their commit, and the sweeper that finds due sessions.</summary>
    public static IServiceCollection AddCallsOutbox(this IServiceCollection services) => services
        .AddSingleton<EffectQueue>()
        .AddSingleton<IEffectQueue>(provider => provider.GetRequiredService<EffectQueue>())
        .AddSingleton<PacedDials>()
        .AddSingleton<Heartbeat>()
        .AddHostedService<OutboxWorker>()
        .AddHostedService<Sweeper>();
}
