using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

public static class RedisServiceCollectionExtensions
{
    /// <summary>The session store and the index of deadlines. The service starts while Redis is away.</summary>
    public static IServiceCollection AddCallsRedis(this IServiceCollection services)
    {
        services.AddOptions<RedisOptions>()
            .Configure<IConfiguration>((options, configuration) =>
            {
                options.ConnectionString = configuration.GetConnectionString("Redis");
                options.Retention = configuration.GetValue("Calls:Retention", options.Retention);
            })
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<RedisOptions>, RedisOptions.Validator>();
        services.AddSingleton(provider => new SessionStoreSettings(provider.GetRequiredService<IOptions<RedisOptions>>().Value.Retention));
        services.AddOptions<StoredEncryption.Options>().ValidateOnStart();
        services.AddSingleton<IValidateOptions<StoredEncryption.Options>, StoredEncryption.Validator>();
        services.AddSingleton<StoredEncryption>();
        services.AddSingleton<IConnectionMultiplexer>(provider => ConnectionMultiplexer.Connect(RedisCredentials.Follow(
            provider.GetRequiredService<IOptions<RedisOptions>>().Value.ToConfiguration(), provider.GetRequiredService<IConfiguration>())));
        services.AddSingleton<IDueSessions, RedisDueSessions>();
        services.AddSingleton<ISessionChanges, RedisSessionChanges>();
        services.AddSingleton<IQuotas, RedisQuotas>();
        services.AddSingleton<ILegOwners, RedisLegOwners>();
        services.AddSingleton<IDialPace, RedisDialPace>();
        services.AddSingleton<ILiveSessions, RedisLiveSessions>();
        services.AddSingleton<IOwnSessions, RedisOwnSessions>();
        services.AddSingleton<IStoreMemory, RedisMemory>();
        services.AddSingleton<IStorePing, RedisPing>();
        services.AddSingleton<RedisEvents>();
        services.AddSingleton<IRecords, RedisRecords>();
        services.AddSingleton<IReconcileTurns, RedisReconcileTurns>();
        services.AddHostedService<RedisCensus>();
        return services.AddSingleton<ISessionStore, RedisSessionStore>();
    }
}

/// <summary><c>ConnectionStrings:Redis</c>, and the client settings that go with it.</summary>
internal sealed class RedisOptions
{
    public const string Key = "ConnectionStrings:Redis";
    /// <summary>In milliseconds. It fails fast, because a webhook has 15 seconds in all. The connection string can have other
    /// values.</summary>
    private const string TimeOuts = "connectTimeout=1000,syncTimeout=800,asyncTimeout=800,";

    public string? ConnectionString { get; set; }
    public TimeSpan Retention { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Notices time-outs early, and reconnects within a quarter of a second.</summary>
    public ConfigurationOptions ToConfiguration()
    {
        var configuration = ConfigurationOptions.Parse(TimeOuts + ConnectionString);
        configuration.ClientName ??= "calls";
        configuration.AbortOnConnectFail = false;
        configuration.BacklogPolicy = BacklogPolicy.FailFast;
        configuration.HeartbeatInterval = TimeSpan.FromMilliseconds(200);
        configuration.ReconnectRetryPolicy = new LinearRetry(250);
        configuration.IncludeDetailInExceptions = false;
        return configuration;
    }

    /// <summary>Null if the text is not a connection string. The exception's text may quote the password, so it is dropped.</summary>
    public static ConfigurationOptions? TryParse(string text)
    {
        try
        {
            return ConfigurationOptions.Parse(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            return null;
        }
    }

    internal sealed class Validator : IValidateOptions<RedisOptions>
    {
        public ValidateOptionsResult Validate(string? name, RedisOptions options)
        {
            if (string.IsNullOrWhiteSpace(options.ConnectionString))
                return ValidateOptionsResult.Fail($"{Key} is missing: a StackExchange.Redis connection string, such as localhost:6379");
            return TryParse(options.ConnectionString) switch
            {
                null => ValidateOptionsResult.Fail($"{Key} is not a StackExchange.Redis connection string"),
                { EndPoints.Count: 0 } => ValidateOptionsResult.Fail($"{Key} names no endpoint"),
                _ => ValidateOptionsResult.Success,
            };
        }
    }
}
