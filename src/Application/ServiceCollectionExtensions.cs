using Calls.Application.Events;
using Calls.Application.Reviews;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Application;

public static class ServiceCollectionExtensions
{
    /// <summary>The use cases, their transaction, the effects and the reviews. The host brings the ports and a <see
    /// cref="CallPolicy"/>.</summary>
    public static IServiceCollection AddCallsApplication(this IServiceCollection services)
    {
        services.AddMediatR(mediator =>
        {
            mediator.RegisterServicesFromAssemblyContaining<ISessionCommand>();
            mediator.AddOpenBehavior(typeof(UseCaseSpan<,>));
            mediator.AddOpenBehavior(typeof(AuditOfRequests<,>));
        });
        services.AddHandlerOfAll<ISessionReport, SessionReportHandler>();
        services.AddHandlerOfAll<IBearerCommand, BearerCommandHandler>();
        services.AddSingleton<Decide>(SessionDecider.Decide);
        services.AddSingleton<SessionTransaction>();
        services.AddSingleton<SessionQueue>();
        services.AddSingleton<RecentSessions>();
        services.AddSingleton<CallsTelemetry>();
        services.AddSingleton<CallLog>();
        services.AddSingleton<AuditLog>();
        services.AddSingleton<SessionRebuilder>();
        services.AddSingleton<RoomReconciler>();
        services.AddHostedService<Reconciler>();
        services.AddSingleton<DialOutcomes>();
        services.AddSingleton<SessionFeed>();
        services.AddTransient<EffectExecutor>();
        services.AddTransient<SessionReviewer>();
        return services;
    }

    /// <summary>One handler for all messages of a kind that have no handler of their own. MediatR looks handlers up by the exact
    /// message.</summary>
    private static void AddHandlerOfAll<TKind, THandler>(this IServiceCollection services)
        where TKind : ISessionCommand
        where THandler : IRequestHandler<TKind, Decision>
    {
        foreach (var message in typeof(TKind).Assembly.GetTypes().Where(type => type is { IsClass: true }
            && typeof(TKind).IsAssignableFrom(type)))
        {
            var handler = typeof(IRequestHandler<,>).MakeGenericType(message, typeof(Decision));
            if (services.All(service => service.ServiceType != handler))
                services.AddTransient(handler, typeof(THandler));
        }
    }
}
