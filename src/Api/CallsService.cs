using System.Text.Json;
using System.Text.Json.Serialization;
using Calls.Application;
using Calls.Infrastructure.Groups;
using Calls.Infrastructure.Redis;
using Calls.Infrastructure.Webhooks;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Calls.Api;

/// <summary>Composes the service. <c>Program</c> runs it alone, and the sandbox runs it beside an emulated Twilio.</summary>
public static class CallsService
{
    public static WebApplicationBuilder AddCalls(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(new ConfigurationErrors(builder.Configuration));
        var (services, configuration) = (builder.Services, builder.Configuration);
        services.TryAddSingleton(TimeProvider.System);
        services.AddOptions<CallsOptions>().BindConfiguration(CallsOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<CallsOptions>, CallsOptions.Validator>();
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<CallsOptions>>().Value.ToPolicy());
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<CallsOptions>>().Value.ToAllowances());
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<CallsOptions>>().Value.ToStartRate());
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<CallsOptions>>().Value.ToReconcileInterval());
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<CallsOptions>>().Value.Prompts);
        services.AddSingleton(provider => new CalledGroups(provider.GetRequiredService<IOptions<CallsOptions>>().Value));
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<CallsOptions>>().Value.GroupResolver.ToSettings());
        services.AddSingleton(provider => new InboundNumbers(provider.GetRequiredService<IOptions<CallsOptions>>().Value));
        services.AddSingleton(provider => CallTones.Of(
            provider.GetRequiredService<IOptions<CallsOptions>>().Value.Tones.Region,
            provider.GetRequiredService<IOptions<TwilioOptions>>().Value.Voice.CallerId));

        services.AddCallsApplication();
        services.AddCallsTwilio(configuration);
        services.AddCallsGroups();
        services.AddCallsRedis();
        services.AddCallsOutbox();
        services.AddCallsEvents();
        services.AddSingleton<WriteEvent>(provider =>
        {
            var json = provider.GetRequiredService<IOptions<Microsoft.AspNetCore.Http.Json.JsonOptions>>().Value.SerializerOptions;
            return (type, stored, session) => EventBody.Write(type, stored, session, json);
        });

        services.AddSingleton<GracefulStop>();
        services.AddHostedService(provider => provider.GetRequiredService<GracefulStop>());
        services.AddOptions<HostOptions>().Configure<IConfiguration>(GracefulStop.Limit);
        services.AddHostedService<ZeroCounters>().AddHostedService<FileDescriptors>();
        services.AddSingleton<WebhookTelemetry>().AddSingleton<UnsignedWebhookLimit>().AddSingleton<SignedRequest>();
        services.AddSingleton<TwiML>().AddSingleton<ICallerNotices>(provider => provider.GetRequiredService<TwiML>());
        services.AddSingleton<HoldOutages>();
        services.AddTransient<VoiceWebhooks>().AddTransient<StatusCallbacks>();
        services.AddScoped<PhoneAdder>().AddScoped<OneOfAdder>().AddScoped<SessionEvents>();
        services.AddBearerAuthentication();
        services.AddRestLimits();
        services.AddBrowserOrigins();
        // The first writer that can write is used.
        services.AddSingleton<IProblemDetailsWriter, ProblemWriter>().AddProblemDetails();
        services.AddExceptionHandler<StoreUnavailableHandler>();
        // In Development the framework would throw at a body that is no JSON.
        services.Configure<RouteHandlerOptions>(handlers => handlers.ThrowOnBadRequest = false);
        services.AddOpenApi("v1", ApiDescription.Describe);
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower));
            // A number is a number, not a string with digits.
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
        });
        builder.AddCallsObservability();
        // The host logs a failed start with a stack trace; StartErrors says it in one sentence. A failed background service is Critical.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        builder.AddHardening(ManagementPort.Of(configuration));
        if (ManagementPort.Of(configuration) is { } port)
        {
            services.AddSingleton<MatcherPolicy>(new ManagementPort(port));
            builder.WebHost.UseUrls([.. MainUrls(configuration), $"http://*:{port}"]);
        }

        return builder;
    }

    public static WebApplication MapCalls(this WebApplication app)
    {
        app.Services.GetRequiredService<ConfigurationErrors>().ThrowIfAny(app.Services);
        // It logs at the start which countries a calling code opens.
        app.Services.GetRequiredService<IDialingRules>();
        // It listens for reconnections from now on, so that it sees the first one.
        app.Services.GetRequiredService<IStoreMemory>();
        app.Use(app.Services.GetRequiredService<GracefulStop>().CloseConnectionAsync);
        app.UseSecurityHeaders(app.Services.GetRequiredService<CallbackUrls>().Origin.StartsWith("https:", StringComparison.Ordinal));
        app.UseKnownProxies(app.Services.GetRequiredService<IOptions<CallsOptions>>().Value.ForwardedHeaders);
        app.UseExceptionHandler();
        app.UseSingleSlash();
        app.UseTutorialJson();
        // Webhooks are answered in the routing. Their signature takes the place of a bearer, and they bound their own time.
        app.UseRouting();
        app.UseBrowserOrigins();
        app.UseStatusCodePages();
        app.UseRequestTimeouts();
        app.UseAuthentication();
        app.UseRestLimits();
        app.UseAuthorization();
        app.UseRequestBodies();
        app.MapWebhooks();
        app.MapTokensApi();
        app.MapLiveSessionsApi();
        app.MapOwnSessionsApi();
        app.MapSessionsApi();
        app.MapHealth();
        if (MetricsExporters.Of(app.Configuration).Prometheus)
            app.MapPrometheusScrapingEndpoint().AllowAnonymous().WithMetadata(ManagementPort.Endpoint);
        app.MapDocumentation();
        return app;
    }

    /// <summary>The addresses without the management port: <c>ASPNETCORE_URLS</c>, <c>ASPNETCORE_HTTP_PORTS</c> or the default.</summary>
    private static IEnumerable<string> MainUrls(IConfiguration configuration) =>
        (configuration[WebHostDefaults.ServerUrlsKey], configuration[WebHostDefaults.HttpPortsKey]) switch
        {
            ({ Length: > 0 } urls, _) => urls.Split(';', StringSplitOptions.RemoveEmptyEntries),
            (_, { Length: > 0 } ports) => ports.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(port => $"http://*:{port}"),
            _ => ["http://localhost:5000"],
        };
}
