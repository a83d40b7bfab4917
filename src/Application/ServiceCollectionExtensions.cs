using Calls.Application.Pipeline;
using Calls.Application.Ports;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Application;

public static class ServiceCollectionExtensions
{
    /// <summary>The use cases and their pipeline. The ports, and a <see cref="Domain.CallPolicy"/>, are for others to bring.</summary>
    public static IServiceCollection AddCallsApplication(this IServiceCollection services)
    {
        services.AddMediatR(mediator =>
        {
            mediator.RegisterServicesFromAssemblyContaining<Asker>();
            mediator.AddOpenBehavior(typeof(SessionPipeline<,>));
        });
        services.AddSingleton<CallsTelemetry>();
        services.AddSingleton<DialOutcomes>();
        services.AddSingleton<SessionLines>();
        services.AddSingleton<RecentSessions>();
        services.AddSingleton<SessionFeed>();
        services.AddScoped<CallTrace>();
        services.AddScoped<EffectExecutor>();
        services.AddScoped<SessionReviewer>();
        return services;
    }

    /// <summary>Puts the outbox before a store: what a commit calls for is run after it.</summary>
    public static IServiceCollection AddSessionStore<TStore>(this IServiceCollection services)
        where TStore : class, ISessionStore
    {
        services.AddSingleton<TStore>();
        services.AddSingleton(provider => new StoreBehindOutbox(provider.GetRequiredService<TStore>()));
        return services.AddScoped<ISessionStore, OutboxSessionStore>();
    }
}
