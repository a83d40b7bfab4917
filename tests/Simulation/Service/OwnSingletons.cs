using Microsoft.Extensions.DependencyInjection;

namespace Calls.Simulation.Service;

/// <summary>What a container has once for each process, in a container that serves many.</summary>
internal sealed class OwnSingletons : IDisposable
{
    private readonly Dictionary<object, object> instances = [];
    private readonly List<IDisposable> disposables = [];

    /// <summary>Turns the singletons that are yet to be made into ones of the replica whose scope asks. Those that are there already are everybody's.</summary>
    public static void MakeEachReplicasOwn(ServiceCollection services)
    {
        for (var i = 0; i < services.Count; i++)
        {
            var service = services[i];
            if (service is { Lifetime: ServiceLifetime.Singleton, ImplementationInstance: null, ServiceType.IsGenericTypeDefinition: false })
                services[i] = ServiceDescriptor.Scoped(service.ServiceType, provider => provider.GetRequiredService<WhoseScope>().Singletons.GetOrMake(service, provider));
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
        var made = service.ImplementationFactory?.Invoke(provider) ?? ActivatorUtilities.CreateInstance(provider, service.ImplementationType!);
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
