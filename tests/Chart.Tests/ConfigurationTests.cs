using Calls.Api;
using Calls.Chart.Tests.Tools;
using Calls.Infrastructure.Dialing;
using Calls.Infrastructure.Twilio;
using k8s.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Calls.Chart.Tests;

/// <summary>The service reads each configuration key that the chart writes. A misspelled key would have no effect.</summary>
public sealed class ConfigurationTests
{
    [Fact]
    public async Task Every_setting_of_the_values_arrives_in_the_service()
    {
        await using var app = await ServiceAsync("full-values.yaml", "--set",
            "config.calls.ringTimeout=00:00:41,config.calls.joinGrace=00:00:42,config.calls.reviewInterval=00:00:43,"
            + "config.calls.retention=2.00:00:44,config.calls.maxParticipants=45,config.calls.maxSessionsPerIdentity=46,"
            + "config.calls.dialing.perSession=47,config.calls.dialing.perIdentityPerHour=48,"
            + "config.calls.limits.requestsPerSecond=49,config.calls.limits.burst=50,config.calls.limits.unsignedPerMinute=51,"
            + "config.twilio.tokenTtl=00:00:52,config.calls.maxDuration=00:53:00,config.calls.startsPerIdentityPerHour=54,"
            + "config.calls.dialing.perRegionPerHour=55,config.calls.dialing.perHour=56,"
            + "config.calls.limits.connectionsPerAddress=53,config.calls.limits.connections=59,config.calls.limits.streamsPerBearer=60,"
            + "config.calls.identityClaim=phone_id,"
            + "config.calls.queueTimeout=00:00:53,config.calls.dialing.callsPerSecond=5.4,"
            + "config.calls.rejoinGrace=00:00:57,config.calls.reconcileInterval=00:00:58,"
            + "config.calls.screening.phones=machine,config.calls.prompts.language=de,config.calls.prompts.pressOne.de=Frage,"
            + "config.calls.prompts.voicemail.de=Nachricht,config.calls.prompts.caller.no-answer.de=Niemand,config.calls.tones.region=DE");

        var calls = app.Services.GetRequiredService<IOptions<CallsOptions>>().Value;
        (calls.RingTimeout, calls.JoinGrace, calls.ReviewInterval, calls.Retention)
            .ShouldBe((TimeSpan.FromSeconds(41), TimeSpan.FromSeconds(42), TimeSpan.FromSeconds(43),
                TimeSpan.FromDays(2) + TimeSpan.FromSeconds(44)));
        (calls.MaxParticipants, calls.MaxSessionsPerIdentity, calls.Dialing.PerSession, calls.Dialing.PerIdentityPerHour)
            .ShouldBe((45, 46, 47, 48));
        (calls.MaxDuration, calls.StartsPerIdentityPerHour, calls.Dialing.PerRegionPerHour, calls.Dialing.PerHour)
            .ShouldBe((TimeSpan.FromMinutes(53), 54, 55, 56));
        (calls.QueueTimeout, calls.Dialing.CallsPerSecond).ShouldBe((TimeSpan.FromSeconds(53), 5.4));
        (calls.RejoinGrace, calls.Reconcile.Interval).ShouldBe((TimeSpan.FromSeconds(57), TimeSpan.FromSeconds(58)));
        (calls.Limits.RequestsPerSecond, calls.Limits.Burst, calls.Limits.UnsignedPerMinute).ShouldBe((49, 50, 51));
        (calls.Limits.ConnectionsPerAddress, calls.IdentityClaim).ShouldBe((53, "phone_id"));
        (calls.Screening.Phones, calls.Prompts.Language, calls.Prompts.PressOne["de"], calls.Prompts.Voicemail["de"])
            .ShouldBe(("machine", "de", "Frage", "Nachricht"));
        (calls.Prompts.NoAnswer["de"], calls.Tones.Region).ShouldBe(("Niemand", "DE"));
        (calls.Inbound["41445550100"], calls.BlockedCallers.Single()).ShouldBe(("bob", "+41445550199"));
        (calls.Limits.Connections, calls.Limits.StreamsPerBearer).ShouldBe((59, 60));
        calls.ForwardedHeaders.KnownProxies.ShouldBe(["10.1.2.3"]);
        calls.ForwardedHeaders.KnownNetworks.ShouldBe(["10.0.0.0/8", "fd00::/8"]);
        (string.Join(' ', calls.Groups["interpreters"].Members), calls.Groups["interpreters"].Strategy)
            .ShouldBe(("ines +41445550106", "in-order"));
        (calls.GroupResolver.Url, calls.GroupResolver.AllowPrivateAddresses).ShouldBe(("https://groups.example.org/resolve", true));
        calls.Cors.AllowedOrigins.ShouldBe(["https://app.example.org", "http://localhost:5173"]);

        var twilio = app.Services.GetRequiredService<IOptions<TwilioOptions>>().Value;
        twilio.PublicBaseUrl.ShouldBe("https://calls.example.org");
        (twilio.Client.Region, twilio.Client.Edge, twilio.Client.HasApiKey).ShouldBe(("ie1", "dublin", true));
        (twilio.Voice.CallerId, twilio.Voice.ApplicationSid, twilio.Voice.TokenTtl)
            .ShouldBe(("+41445550100", "AP" + new string('0', 32), TimeSpan.FromSeconds(52)));
        (twilio.Voice.PushCredentialSids.Ios, twilio.Voice.PushCredentialSids.Android)
            .ShouldBe(("CR" + new string('0', 32), "CR" + new string('0', 31) + "1"));
        twilio.RequestValidation.Tokens.ShouldBe(["primary", "secondary"]);

        var dialing = app.Services.GetRequiredService<IOptions<DialingOptions>>().Value;
        dialing.AllowedCountries.ShouldBe(["CH", "+49"]);
        dialing.AllowedNumbers.ShouldBe(["+4158"]);
        dialing.BlockedPrefixes.ShouldBe(["+4190"]);

        app.Configuration["Calls:Webhooks:crm:Url"].ShouldBe("https://crm.example.org/calls");
        app.Configuration["Calls:Webhooks:crm:Events"].ShouldBe("session.ended,session.answered");
        app.Configuration["Calls:Webhooks:bi:AllowPrivateAddresses"].ShouldBe("true");

        app.Configuration["Authentication:Schemes:Bearer:Authority"].ShouldBe("https://id.example.org/");
        app.Configuration["Authentication:Schemes:Bearer:ValidAudiences:0"].ShouldBe("calls");
        app.Configuration["Logging:LogLevel:Calls"].ShouldBe("Debug");
        app.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"].ShouldBe("http://collector.observability:4317");
        app.Configuration["OTEL_TRACES_SAMPLER"].ShouldBe("parentbased_traceidratio");
        app.Configuration["OTEL_TRACES_SAMPLER_ARG"].ShouldBe("0.1");
        app.Configuration.GetValue<int>("Management:Port").ShouldBe(8081);
    }

    [Fact]
    public async Task The_charts_defaults_are_those_of_the_service()
    {
        await using var app = await ServiceAsync("minimal-values.yaml");
        app.Services.GetRequiredService<IOptions<CallsOptions>>().Value.ShouldBeEquivalentTo(new CallsOptions());
        app.Services.GetRequiredService<IOptions<TwilioOptions>>().Value.Voice.TokenTtl.ShouldBe(new TwilioVoiceOptions().TokenTtl);
    }

    /// <summary>The service with the environment of the ConfigMap and the files of the secret. It is built and not started.</summary>
    private static async Task<WebApplication> ServiceAsync(string values, params string[] more)
    {
        var objects = await Helm.Four.ObjectsAsync(values, more);
        var service = objects.OfType<V1Deployment>()
            .First(deployment => deployment.Metadata.Labels["app.kubernetes.io/component"] == "service");
        var settings = objects.OfType<V1ConfigMap>().Single(map => map.Metadata.Name == service.Metadata.Name).Data;
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(settings.Where(pair => pair.Key != "Calls__SecretsDirectory")
            .Select(pair => KeyValuePair.Create(pair.Key.Replace("__", ":", StringComparison.Ordinal), (string?)pair.Value)));
        builder.Configuration.AddInMemoryCollection(
        [
            new("Twilio:AuthToken", "primary"),
            new("Twilio:RequestValidation:SecondaryAuthToken", "secondary"),
            new("Twilio:Client:ApiKeySid", "SK" + new string('0', 32)),
            new("Twilio:Client:ApiKeySecret", new string('0', 32)),
            new("Twilio:Client:AccountSid", "AC" + new string('0', 32)),
            .. settings.Keys.Where(key => key.StartsWith("Calls__Webhooks__", StringComparison.Ordinal))
                .Select(key => key.Split("__")[2]).Distinct(StringComparer.Ordinal).Select(name => KeyValuePair.Create(
                    $"Calls:Webhooks:{name}:Secret", (string?)"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
            .. settings.ContainsKey("Calls__GroupResolver__Url")
                ? [KeyValuePair.Create("Calls:GroupResolver:Secret", (string?)("whsec_" + Convert.ToBase64String(new byte[24])))]
                : Array.Empty<KeyValuePair<string, string?>>(),
        ]);
        return builder.AddCalls().Build();
    }
}
