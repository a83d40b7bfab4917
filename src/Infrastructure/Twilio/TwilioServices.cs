using System.Net.Http.Headers;
using System.Text;
using Calls.Application.Ports;
using Calls.Infrastructure.Dialing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Refit;

namespace Calls.Infrastructure.Twilio;

public static class TwilioServices
{
    /// <summary>The voice gateway, the dialing rules, the callback URLs and <see cref="TwilioOptions"/>, validated when the host starts.</summary>
    public static IServiceCollection AddCallsTwilio(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<IConfigureOptions<TwilioOptions>>(new TwilioOptionsSetup(configuration));
        services.AddSingleton<IValidateOptions<TwilioOptions>, TwilioOptionsValidator>();
        // A token that is exchanged in a file or a mounted secret counts from the next request on.
        services.AddSingleton<IOptionsChangeTokenSource<TwilioOptions>>(new ConfigurationChangeTokenSource<TwilioOptions>(configuration));
        services.AddOptions<TwilioOptions>().ValidateOnStart();
        services.AddSingleton<IConfigureOptions<DialingOptions>>(new DialingOptionsSetup(configuration));
        services.AddSingleton<IValidateOptions<DialingOptions>, DialingOptionsValidator>();
        services.AddOptions<DialingOptions>().ValidateOnStart();

        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(new GatewaySettings());
        services.AddSingleton(provider => new CallbackUrls(new Uri(provider.GetRequiredService<IOptions<TwilioOptions>>().Value.PublicBaseUrl)));
        services.AddSingleton<AccessTokens>();
        services.AddSingleton<GatewayTelemetry>();
        services.AddSingleton<GatewayPipelines>();
        services.AddHostedService<CircuitGauge>();
        services.AddSingleton<TwilioRequests>();
        services.AddSingleton<IVoiceGateway, VoiceGateway>();
        services.AddSingleton<IDialingRules, DialingRules>();
        AddHttpClient(services);
        return services;
    }

    private static void AddHttpClient(IServiceCollection services) => services
        .AddRefitGeneratedClient<ITwilioApi>(TwilioJson.Default, _ => Settings())
        .ConfigureHttpClient((provider, client) =>
        {
            var its = provider.GetRequiredService<IOptions<TwilioOptions>>().Value.Client;
            var (user, password) = its.Credentials;
            client.BaseAddress = its.AccountUrl;
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
            client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            // The pipelines' time-outs tell an attempt that was sent from one that was not; this one would not.
            client.Timeout = Timeout.InfiniteTimeSpan;
        })
        .ConfigurePrimaryHttpMessageHandler(provider => new SocketsHttpHandler
        {
            ConnectTimeout = provider.GetRequiredService<GatewaySettings>().ConnectTimeout,
            // The gateway keeps its client for good, so it is the connections that must notice a change in DNS.
            PooledConnectionLifetime = TimeSpan.FromMinutes(3),
            // Below what load balancers allow: a create on a connection that is just being closed would be one of which nobody knows.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            AllowAutoRedirect = false,
            UseCookies = false,
            // Our traces are no business of Twilio's; and no span with the URL comes to be.
            ActivityHeadersPropagator = null,
        })
        .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
        // They would write URLs, which name the account and the conference.
        .RemoveAllLoggers();

    private static RefitSettings Settings() => new()
    {
        // Our pipelines decide by what .NET throws, not by Refit's wrapping of it.
        TransportExceptionFactory = (_, exception, _) => exception,
    };
}
