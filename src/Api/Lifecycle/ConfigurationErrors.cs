using System.Buffers.Text;
using Microsoft.AspNetCore.Authentication.JwtBearer;

namespace Calls.Api.Lifecycle;

/// <summary>Finds all keys that are missing or malformed, so that the service names them at once. It prints no secret.</summary>
/// <remarks>The framework throws at the first malformed value. This class notes the value and covers it with the default, so that the
/// other keys are bound and validated too. The service does not start with a covered value.</remarks>
internal sealed class ConfigurationErrors
{
    private const string Bearer = "Authentication:Schemes:Bearer";
    private readonly List<string> failures = [];
    private readonly Dictionary<string, string?> covers = new(StringComparer.OrdinalIgnoreCase);
    private readonly IConfigurationManager configuration;

    /// <summary>Reads the secret files first, because they hold keys too.</summary>
    public ConfigurationErrors(IConfigurationManager configuration)
    {
        this.configuration = configuration;
        if (configuration.AddSecretFiles() is { } unusable)
            Cover(SecretFiles.Key, unusable);
        CheckTypes(configuration.GetSection(CallsOptions.Section), new CallsOptions());
        CheckTypes(configuration.GetSection(TwilioOptions.Section), new TwilioOptions());
        CheckTypes(configuration.GetSection(Bearer), new JwtBearerOptions());
        var allowsHttp = bool.TryParse(configuration[Bearer + ":RequireHttpsMetadata"], out var needed) && !needed;
        foreach (var name in (string[])["Authority", "MetadataAddress"])
            Check($"{Bearer}:{name}", url => IsUrl(url, "https", allowsHttp ? "http" : "https"), "https unless RequireHttpsMetadata=false");
        foreach (var key in configuration.GetSection(Bearer + ":SigningKeys").GetChildren())
            Check(key.Path + ":Value", text => Base64.IsValid(text), "base64");
        Check("Management:Port", IsPort, "a port from 1 to 65535");
        Check(WebHostDefaults.ServerUrlsKey, urls => urls.Split(';').All(IsListenUrl), "URLs such as http://*:8080", "ASPNETCORE_URLS");
        Check(WebHostDefaults.HttpPortsKey, ports => ports.Split(';').All(IsPort), "ports from 1 to 65535", "ASPNETCORE_HTTP_PORTS");
        Check("OTEL_EXPORTER_OTLP_ENDPOINT", url => IsUrl(url, "http", "https"), "an http or https URL such as http://collector:4317");
        Check("OTEL_EXPORTER_OTLP_PROTOCOL", protocol => protocol is "grpc" or "http/protobuf", "grpc or http/protobuf");
        if (MetricsExporters.FailureOf(configuration) is { } other)
            Cover(MetricsExporters.Key, other);
        foreach (var level in configuration.GetSection("Logging:LogLevel").GetChildren())
            Check(level.Path, text => Enum.TryParse<LogLevel>(text, ignoreCase: true, out _), "a log level such as Information");
        configuration.AddInMemoryCollection(covers);
    }

    /// <summary>Runs the validators of all options too.</summary>
    /// <exception cref="OptionsValidationException">A key is missing or malformed. Its failures have one sentence for each key.</exception>
    public void ThrowIfAny(IServiceProvider services)
    {
        try
        {
            services.GetRequiredService<IStartupValidator>().Validate();
        }
        catch (Exception e) when (e is OptionsValidationException or AggregateException)
        {
            var all = new AggregateException(e).Flatten().InnerExceptions.Cast<OptionsValidationException>();
            failures.AddRange(all.SelectMany(invalid => invalid.Failures));
        }

        if (failures.Count > 0)
            throw new OptionsValidationException(Options.DefaultName, typeof(CallsOptions), failures);
    }

    /// <summary>Checks each duration, number and switch of an options class, and of the classes in it.</summary>
    private void CheckTypes(IConfigurationSection section, object defaults)
    {
        foreach (var property in defaults.GetType().GetProperties())
        {
            var (key, value) = (section.GetSection(property.Name), property.GetValue(defaults));
            var isSection = value is { } part && part.GetType().Namespace is "Calls.Api" or "Calls.Infrastructure.Twilio";
            if ((isSection || value is IList<string>) && key.Value is { Length: > 0 })
                failures.Add($"{key.Path} takes no value itself; set the keys below it, {key.Path}:…");
            if (isSection && value is not null)
                CheckTypes(key, value);
            else if (property.CanWrite && key.Value is { } text && Expected(value, text) is { } expected)
                Cover(key.Path, $"{key.Path} is \"{text}\"; it must be {expected}.", value);
        }
    }

    private void Check(string key, Func<string, bool> isGood, string expected, string? variable = null)
    {
        if (configuration[key] is { Length: > 0 } text && !isGood(text))
            Cover(key, $"{variable ?? key} must be {expected}.");
    }

    /// <summary>Covers a value with its default. An empty value is not an error: it counts as absent.</summary>
    private void Cover(string key, string failure, object? with = null)
    {
        if (configuration[key] is { Length: > 0 })
            failures.Add(failure);
        covers[key] = Convert.ToString(with, CultureInfo.InvariantCulture);
    }

    /// <summary>What a value of this type must be, if the text is not one. Null if it is one, or if any text is good.</summary>
    private static string? Expected(object? value, string text) => value switch
    {
        TimeSpan when !TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out _) => "a duration such as 00:00:30",
        int when !int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out _) => "a whole number",
        bool when !bool.TryParse(text, out _) => "true or false",
        _ => null,
    };

    private static bool IsPort(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535;

    private static bool IsUrl(string text, params string[] schemes) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && schemes.Contains(url.Scheme);

    private static bool IsListenUrl(string text)
    {
        try
        {
            return text.Length == 0 || BindingAddress.Parse(text) is { Scheme: "http" or "https", PathBase: "", Port: <= 65535 };
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
