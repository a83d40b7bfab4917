using Calls.Api;
using Calls.Application;
using Calls.Application.Ports;
using Calls.Domain;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Calls.Micro;

/// <summary>The service's own container, as it is composed for production but for the store, with its tracing and its metrics on. It is never started: nothing listens, and no Redis is asked for.</summary>
internal static class Service
{
    public const string Origin = "https://calls.example.com";

    /// <summary>The one that Twilio signs with while tokens are exchanged: the second of two that are tried.</summary>
    public const string Token = "fedcba9876543210fedcba9876543210";

    private const string OtherToken = "0123456789abcdef0123456789abcdef";

    public static IServiceProvider Compose(StoredSession stored)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(
        [
            new("ConnectionStrings:Redis", "localhost"),
            new("PublicBaseUrl", Origin),
            new("Twilio:Client:AccountSid", "AC" + OtherToken),
            new("Twilio:AuthToken", OtherToken),
            new("Twilio:RequestValidation:SecondaryAuthToken", Token),
            new("Twilio:Voice:CallerId", "+15005550006"),
        ]);
        builder.AddCalls();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(stored);
        builder.Services.AddSingleton<IQuotas, Unlimited>();
        builder.Services.AddSessionStore<StandingStore>();
        var services = builder.Build().Services;
        services.GetRequiredService<TracerProvider>();
        services.GetRequiredService<MeterProvider>();
        return services;
    }

    /// <summary>Holds one session and never changes: each command finds what the one before it found.</summary>
    private sealed class StandingStore(StoredSession stored) : ISessionStore
    {
        public Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken) => Task.FromResult(stored);

        public Task<bool> IsCurrentAsync(StoredSession seen, CancellationToken cancellationToken) => Task.FromResult(seen.ETag == stored.ETag);

        public Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken) =>
            Task.FromResult(loaded with { Session = decision.Session, Version = loaded.Version + 1 });
    }

    /// <summary>Nobody is counted.</summary>
    private sealed class Unlimited : IQuotas
    {
        public Task<TimeSpan?> TakeAddAsync(Asker asker, CancellationToken cancellationToken) => Task.FromResult<TimeSpan?>(null);

        public Task GiveAddBackAsync(Asker asker) => Task.CompletedTask;

        public Task<Place> TakePlaceAsync(ClientIdentity caller, SessionId session, CancellationToken cancellationToken) => Task.FromResult(Place.Taken);

        public void GivePlaceBack(ClientIdentity caller, SessionId session)
        {
            // Nothing was taken.
        }
    }
}
