using Microsoft.Extensions.DependencyInjection;

namespace Calls.Simulation.Service;

/// <summary>Singletons for each replica, in one container that serves many replicas.</summary>
internal sealed class OwnSingletons : IDisposable
{
    private readonly Dictionary<object, object> instances = [];
    private readonly List<IDisposable> disposables = [];

    /// <summary>
    /// Turns the singletons that do not exist yet into singletons of the replica whose scope asks. Existing singletons are shared by all
    /// replicas.
    /// </summary>
    public static void MakeEachReplicasOwn(ServiceCollection services)
    {
        for (var i = 0; i < services.Count; i++)
        {
            var service = services[i];
            if (service is not { Lifetime: ServiceLifetime.Singleton, ImplementationInstance: null })
                continue;
            if (!service.ServiceType.IsGenericTypeDefinition)
                services[i] = ServiceDescriptor.Scoped(
                    service.ServiceType, provider => provider.GetRequiredService<WhoseScope>().Singletons.GetOrMake(service, provider));
        }
    }

    public OwnSingletons Put<T>(T instance)
        where T : class
    {
        instances[typeof(T)] = instance;
        return this;
    }

    public object Get(Type type) => instances[type];

    public T Get<T>() => (T)Get(typeof(T));

    public void Dispose()
    {
        foreach (var disposable in disposables)
            disposable.Dispose();
    }

    private object GetOrMake(ServiceDescriptor service, IServiceProvider provider)
    {
        if (instances.TryGetValue(service, out var known))
            return known;
        var made = service.ImplementationFactory?.Invoke(provider) ?? ActivatorUtilities.CreateInstance(
            provider, service.ImplementationType!);
        instances[service] = made;
        if (made is IDisposable disposable)
            disposables.Add(disposable);
        return made;
    }
}

/// <summary>The replica to which a scope belongs.</summary>
internal sealed class WhoseScope
{
    public OwnSingletons Singletons { get; set; } = null!;
}
