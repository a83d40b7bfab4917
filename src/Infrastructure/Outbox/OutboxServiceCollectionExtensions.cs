namespace Calls.Infrastructure.Outbox;

public static class OutboxServiceCollectionExtensions
{
    /// <summary>What runs effects after their commit, and what finds the sessions that are due.</summary>
    public static IServiceCollection AddCallsOutbox(this IServiceCollection services)
    {
        services.AddSingleton<EffectQueue>();
        services.AddSingleton<IEffectQueue>(provider => provider.GetRequiredService<EffectQueue>());
        services.AddSingleton<Heartbeat>();
        services.AddHostedService<OutboxWorker>();
        return services.AddHostedService<Sweeper>();
    }
}
