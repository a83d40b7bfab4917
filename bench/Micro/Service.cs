using Calls.Api;
using Calls.Application.Ports;
using Calls.Application.UseCases;
using Calls.Domain;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Calls.Micro;

/// <summary>
/// The service's own container as in production, with tracing and metrics, and without the store. It is never started: it opens no port and
/// needs no Redis.
/// </summary>
internal static class Service
{
    public const string Origin = "https://calls.example.com";

    /// <summary>The auth token of the signature during a rotation: the second of two tokens that are tried.</summary>
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
            new("Calls:Dialing:AllowedCountries", "US"),
        ]);
        builder.AddCalls();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(stored);
        builder.Services.AddSingleton<IQuotas, Unlimited>();
        builder.Services.AddSingleton<ILegOwners, Unnoted>();
        builder.Services.AddSingleton<ISessionStore, StandingStore>();
        var services = builder.Build().Services;
        services.GetRequiredService<TracerProvider>();
        services.GetRequiredService<MeterProvider>();
        return services;
    }

    /// <summary>A store with one session that never changes, so that each command finds the same session.</summary>
    private sealed class StandingStore(StoredSession stored) : ISessionStore
    {
        public Task<StoredSession> LoadAsync(SessionId id, CancellationToken cancellationToken) => Task.FromResult(stored);

        public Task<StoredSession> SaveAsync(StoredSession loaded, Decision decision, CancellationToken cancellationToken) =>
            Task.FromResult(loaded with { Session = decision.Session, Version = loaded.Version + 1 });
    }

    /// <summary>No owner of a leg is noted.</summary>
    private sealed class Unnoted : ILegOwners
    {
        public void Note(CallSid leg, LegOwner owner)
        {
            // No dial is looked up.
        }

        public Task<bool> IsOfAnotherAsync(CallSid leg, LegOwner owner, CancellationToken cancellationToken) => Task.FromResult(false);
    }

    /// <summary>Quotas without a limit.</summary>
    private sealed class Unlimited : IQuotas
    {
        private static readonly Task<Allowance> Granted = Task.FromResult(new Allowance(null, []));

        public Task<Allowance> TakeStartAsync(StartCall start, string? region, CancellationToken cancellationToken) => Granted;

        public Task<Allowance> TakeCalleeAsync(
            CallSid callerLeg, Party caller, ParticipantId candidate, string region, CancellationToken cancellationToken) => Granted;

        public Task<bool> TakeLegAsync(StartCall start, CancellationToken cancellationToken) => Task.FromResult(true);

        public Task<Allowance> TakeAddAsync(AddPhoneParticipant add, string? region, CancellationToken cancellationToken) => Granted;

        public Task<Allowance> TakeAddAsync(
            AddOneOf add, ParticipantId candidate, string? region, CancellationToken cancellationToken) => Granted;

        public Task GiveBackAsync(Allowance allowance) => Task.CompletedTask;

        public void GivePlaceBack(string owner, SessionId session)
        {
            // No place was taken.
        }
    }
}
