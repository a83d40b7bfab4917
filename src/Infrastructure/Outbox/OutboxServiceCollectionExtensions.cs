using Calls.Application.Reviews;
using Calls.Infrastructure.Twilio;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Calls.Infrastructure.Outbox;

public static class OutboxServiceCollectionExtensions
{
    /// <summary>The worker that runs effects after their commit, and the sweeper that finds due sessions.</summary>
    public static IServiceCollection AddCallsOutbox(this IServiceCollection services)
    {
        services.TryAddSingleton(its => GatewaySettings.Of(its.GetRequiredService<IOptions<TwilioOptions>>().Value.Client));
        // A review sends one read after another, so the permits of reads are the reviews at once.
        return services
            .AddSingleton(its => new ReviewSlots(
                its.GetRequiredService<GatewaySettings>().Reads.Permits, its.GetRequiredService<CallPolicy>(),
                its.GetRequiredService<TimeProvider>()))
            .AddSingleton<EffectQueue>()
            .AddSingleton<IEffectQueue>(provider => provider.GetRequiredService<EffectQueue>())
            .AddSingleton<PacedDials>()
            .AddSingleton<Heartbeat>()
            .AddSingleton<FailingSessions>()
            .AddHostedService<OutboxWorker>()
            .AddHostedService<Sweeper>();
    }
}
