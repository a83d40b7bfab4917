using Microsoft.AspNetCore.Authentication.JwtBearer;

namespace Calls.Api.Lifecycle;

/// <summary>Finds all keys that are missing or malformed, so that the service names them at once. It prints no secret.</summary>
/// <remarks>The framework throws at the first malformed value. This class notes the value and covers it with the default, so that the
/// other keys are bound and validated too. The service does not start with a covered value.</remarks>
internal sealed class ConfigurationErrors
{
    private const string Bearer = "Authentication:Schemes:Bearer";
    /// <summary>In bytes. HMAC-SHA256 takes no shorter key.</summary>
    private const int ShortestKey = 32;
    private static readonly string[] Samplers =
    [
        "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
    ];
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
        CheckSigningKeys([.. configuration.GetSection(Bearer + ":SigningKeys").GetChildren()]);
        Check("Management:Port", IsPort, "a port from 1 to 65535");
        Check(WebHostDefaults.ServerUrlsKey, urls => urls.Split(';').All(IsListenUrl), "URLs such as http://*:8080", "ASPNETCORE_URLS");
        Check(WebHostDefaults.HttpPortsKey, ports => ports.Split(';').All(IsPort), "ports from 1 to 65535", "ASPNETCORE_HTTP_PORTS");
        Check(WebHostDefaults.HttpsPortsKey, ports => ports.Split(';').All(IsPort), "ports from 1 to 65535", "ASPNETCORE_HTTPS_PORTS");
        foreach (var endpoint in configuration.GetSection("Kestrel:Endpoints").GetChildren())
            Check(endpoint.Path + ":Url", IsListenUrl, "a URL such as https://*:8443");
        Check("OTEL_EXPORTER_OTLP_ENDPOINT", url => IsUrl(url, "http", "https"), "an http or https URL such as http://collector:4317");
        Check("OTEL_EXPORTER_OTLP_PROTOCOL", protocol => protocol is "grpc" or "http/protobuf", "grpc or http/protobuf");
        // The SDK would ignore any other value, and trace every call.
        Check("OTEL_TRACES_SAMPLER", sampler => Samplers.Contains(sampler), "one of " + string.Join(", ", Samplers));
        Check("OTEL_TRACES_SAMPLER_ARG", IsShare, "a share from 0 to 1, such as 0.1");
        if (MetricsExporters.FailureOf(configuration) is { } other)
            Cover(MetricsExporters.Key, other);
        // The levels of one provider are in a section below it: Logging:Console:LogLevel.
        foreach (var level in configuration.GetSection("Logging").GetChildren()
            .Select(provider => provider.GetSection("LogLevel")).Append(configuration.GetSection("Logging:LogLevel"))
            .SelectMany(levels => levels.GetChildren()))
            Check(level.Path, text => Enum.TryParse<LogLevel>(text, ignoreCase: true, out _), "a log level such as Information");
        foreach (var switches in configuration.GetSection("Logging").GetChildren()
            .SelectMany(provider => new[] { provider, provider.GetSection("FormatterOptions") }))
            foreach (var name in (string[])["IncludeScopes", "UseUtcTimestamp", "SingleLine"])
                Check($"{switches.Path}:{name}", text => bool.TryParse(text, out _), "true or false");
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

        if (failures.Count == 0 && WhyNoBearers(services) is { } why)
            failures.Add(why);
        if (failures.Count > 0)
            throw new OptionsValidationException(Options.DefaultName, typeof(CallsOptions), failures);
    }

    /// <summary>Checks each duration, number and switch of an options class, and of the classes in it.</summary>
    private void CheckTypes(IConfigurationSection section, object defaults)
    {
        foreach (var property in defaults.GetType().GetProperties())
        {
            var (key, value) = (section.GetSection(property.Name), property.GetValue(defaults));
            var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            var isSection = value is { } part && part.GetType().Namespace is "Calls.Api" or "Calls.Infrastructure.Twilio";
            if ((isSection || value is IList<string>) && key.Value is { Length: > 0 })
                failures.Add($"{key.Path} takes no value itself; set the keys below it, {key.Path}:…");
            if (isSection && value is not null)
                CheckTypes(key, value);
            else if (property.CanWrite && key.Value is { } text && Expected(type, text) is { } expected)
                Cover(key.Path, $"{key.Path} is \"{text}\"; it must be {expected}.", value);
        }
    }

    /// <summary>The framework decodes the keys at the first request, and takes one key for each issuer.</summary>
    private void CheckSigningKeys(IReadOnlyList<IConfigurationSection> keys)
    {
        foreach (var path in keys.Select(key => key.Path + ":Value").Where(path => !IsSigningKey(configuration[path] ?? "")))
        {
            failures.Add($"{path} must be base64 of at least {ShortestKey} bytes.");
            covers[path] = null;
        }

        foreach (var issuer in keys.GroupBy(key => key["Issuer"], StringComparer.Ordinal).Where(keys => keys.Count() > 1))
            failures.Add($"{issuer.Last().Path}:Issuer must be another issuer: each issuer has one signing key.");
    }

    /// <summary>A net for the other settings of the bearers: the framework would make its options at the first request.</summary>
    private static string? WhyNoBearers(IServiceProvider services)
    {
        try
        {
            var bearer = services.GetRequiredService<IOptionsMonitor<JwtBearerOptions>>().Get(JwtBearerDefaults.AuthenticationScheme);
            _ = bearer.TokenValidationParameters.IssuerSigningKeys?.Count();
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException)
        {
            // The exception's text may quote a key.
            return $"{Bearer} cannot be used: {e.GetType().Name}.";
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
    private static string? Expected(Type type, string text) =>
        type == typeof(TimeSpan) && !TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out _) ? "a duration such as 00:00:30"
        : type == typeof(int) && !int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out _) ? "a whole number"
        : type == typeof(double) && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _) ? "a number"
        : type == typeof(bool) && !bool.TryParse(text, out _) ? "true or false"
        : null;

    private static bool IsShare(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1;

    private static bool IsPort(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535;

    private static bool IsSigningKey(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) && length >= ShortestKey;
    }

    private static bool IsUrl(string text, params string[] schemes) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && schemes.Contains(url.Scheme);

    private static bool IsListenUrl(string text)
    {
        try
        {
            // A port that is not a number counts as a part of the host.
            return text.Length == 0
                || (BindingAddress.Parse(text) is { Scheme: "http" or "https", PathBase: "", Port: >= 0 and <= 65535 } address
                    && (address.IsUnixPipe || address.IsNamedPipe || address.Host is ['[', .., ']'] || !address.Host.Contains(':')));
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
