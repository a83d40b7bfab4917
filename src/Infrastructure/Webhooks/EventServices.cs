using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Calls.Infrastructure.Webhooks;

public static class EventServices
{
    /// <summary>The events that leave the service. Without a receiver, nothing is sent and nothing is stored.</summary>
    public static IServiceCollection AddCallsEvents(this IServiceCollection services)
    {
        services.AddOptions<EventReceivers.Options>().ValidateOnStart();
        services.AddSingleton<IValidateOptions<EventReceivers.Options>, EventReceivers.Validator>();
        services.AddSingleton<EventReceivers>().AddSingleton<EventWakes>().AddSingleton<EventTelemetry>();
        services.TryAddSingleton<EventSettings>();
        return services.AddHostedService<EventDelivery>();
    }
}
