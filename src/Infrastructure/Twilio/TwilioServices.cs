using System.Net.Http.Headers;
using Calls.Infrastructure.Dialing;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Calls.Infrastructure.Twilio;

public static class TwilioServices
{
    /// <summary>Registers the gateway, the dialing rules, the callback URLs and the options, which are validated at the start.</summary>
    public static IServiceCollection AddCallsTwilio(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<IConfigureOptions<TwilioOptions>>(new TwilioOptionsSetup(configuration));
        services.AddSingleton<IValidateOptions<TwilioOptions>, TwilioOptionsValidator>();
        services.AddSingleton<IOptionsFactory<TwilioOptions>, TwilioOptionsFactory>();
        // A credential that changes in a file or a mounted secret is used from the next request on.
        services.AddSingleton<IOptionsChangeTokenSource<TwilioOptions>>(new ConfigurationChangeTokenSource<TwilioOptions>(configuration));
        services.AddOptions<TwilioOptions>().ValidateOnStart();
        services.AddSingleton<IConfigureOptions<DialingOptions>>(new DialingOptionsSetup(configuration));
        services.AddSingleton<IValidateOptions<DialingOptions>, DialingOptionsValidator>();
        services.AddOptions<DialingOptions>().ValidateOnStart();

        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(its => GatewaySettings.Of(its.GetRequiredService<IOptions<TwilioOptions>>().Value.Client));
        services.AddSingleton(its => new CallbackUrls(new Uri(its.GetRequiredService<IOptions<TwilioOptions>>().Value.PublicBaseUrl)));
        services.AddSingleton<AccessTokens>();
        services.AddSingleton<GatewayTelemetry>();
        services.AddSingleton<GatewayPipelines>();
        services.AddHostedService<CircuitGauge>();
        services.AddSingleton<TwilioRequests>();
        services.AddSingleton<IVoiceGateway, VoiceGateway>();
        services.AddSingleton<IDialingRules>(its => new DialingRules(
            its.GetRequiredService<IOptions<DialingOptions>>(), its.GetRequiredService<IOptions<TwilioOptions>>(), configuration,
            its.GetRequiredService<ILogger<DialingRules>>()));
        AddHttpClient(services);
        return services;
    }

    private static void AddHttpClient(IServiceCollection services) => services
        .AddHttpClient<ITwilioTransport, TwilioTransport>(client =>
        {
            client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            // The pipelines have the time-outs. They distinguish an attempt that was sent from one that was not.
            client.Timeout = Timeout.InfiniteTimeSpan;
        })
        .ConfigurePrimaryHttpMessageHandler(its => new SocketsHttpHandler
        {
            ConnectTimeout = its.GetRequiredService<GatewaySettings>().ConnectTimeout,
            // The HTTP client lives as long as the service, so the connections must be renewed to notice a change in DNS.
            PooledConnectionLifetime = TimeSpan.FromMinutes(3),
            // Shorter than load balancers allow, because the outcome of a create on a connection that is being closed is unknown.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            AllowAutoRedirect = false,
            UseCookies = false,
            // Twilio gets no trace context, and .NET makes no span that has the URL.
            ActivityHeadersPropagator = null,
        })
        .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
        // .NET's loggers would write the URL, which has the account's SID, the conference's SID and, in a list, phone numbers.
        .RemoveAllLoggers();
}
