namespace Calls.Infrastructure.Groups;

public static class GroupServices
{
    private const string Name = "group-resolver";

    /// <summary>The group resolver, with an HTTP client of its own. The host brings <see cref="GroupResolverSettings"/>.</summary>
    public static IServiceCollection AddCallsGroups(this IServiceCollection services)
    {
        services.AddHttpClient(Name, HttpGroupResolver.Configure)
            .ConfigurePrimaryHttpMessageHandler(its => HttpGroupResolver.Handler(its.GetRequiredService<GroupResolverSettings>()))
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
            // .NET's loggers would write the URL.
            .RemoveAllLoggers();
        services.AddSingleton<IGroupResolver>(its => new HttpGroupResolver(
            its.GetRequiredService<IHttpClientFactory>().CreateClient(Name), its.GetRequiredService<GroupResolverSettings>(),
            its.GetRequiredService<TimeProvider>(), its.GetRequiredService<ILogger<HttpGroupResolver>>()));
        return services;
    }
}
