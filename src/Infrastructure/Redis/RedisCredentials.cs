using StackExchange.Redis;
using StackExchange.Redis.Configuration;

namespace Calls.Infrastructure.Redis;

/// <summary>The user and the password of Redis. Each new connection takes them from the connection string as it is at that time.</summary>
/// <remarks>
/// So a rotation needs no restart. Redis does not close the connections that have authenticated with the old password. If a changed
/// connection string cannot be read, or is missing for a moment, the last one counts. The other parts of the connection string and the
/// password of Sentinels are read only at the start.
/// </remarks>
internal sealed class RedisCredentials(IConfiguration configuration) : DefaultOptionsProvider
{
    private volatile ConfigurationOptions? last;
    private string? lastText;

    public override string? User => Current?.User;

    public override string? Password => Current?.Password;

    private ConfigurationOptions? Current
    {
        get
        {
            if (configuration[RedisOptions.Key] is { Length: > 0 } text && text != Volatile.Read(ref lastText)
                && RedisOptions.TryParse(text) is { } read)
            {
                last = read;
                Volatile.Write(ref lastText, text);
            }

            return last;
        }
    }

    /// <summary>Lets a client ask here instead of keeping what its connection string had at the start. The client of a cloud that has
    /// settings of its own keeps them.</summary>
    public static ConfigurationOptions Follow(ConfigurationOptions options, IConfiguration configuration)
    {
        if (options.Defaults.GetType() != typeof(DefaultOptionsProvider))
            return options;
        options.Defaults = new RedisCredentials(configuration);
        (options.User, options.Password) = (null, null);
        return options;
    }
}
