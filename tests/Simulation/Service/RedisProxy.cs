using System.Reflection;
using StackExchange.Redis;

namespace Calls.Simulation.Service;

/// <summary>
/// A replica's connection to the emulated Redis, with the interfaces of StackExchange.Redis. The real store, index and memory run on it.
/// </summary>
#pragma warning disable CA1852 // The proxy is a class derived from it at run time.
internal class RedisProxy : DispatchProxy
{
    private EventHandler<ConnectionFailedEventArgs>? restored;

    public EmulatedRedis Redis { get; private set; } = null!;

    private Process Asker { get; set; } = null!;

    private IDatabase Database { get; set; } = null!;

    public static (IConnectionMultiplexer Connection, Action Restored) Connect(EmulatedRedis redis, Process asker)
    {
        var connection = Create<IConnectionMultiplexer, RedisProxy>();
        var proxy = (RedisProxy)(object)connection;
        var database = Create<IDatabase, RedisProxy>();
        foreach (var each in new[] { proxy, (RedisProxy)(object)database })
            (each.Redis, each.Asker, each.Database) = (redis, asker, database);
        return (connection, () => proxy.restored?.Invoke(proxy,
            new ConnectionFailedEventArgs(proxy, null!, ConnectionType.Interactive, ConnectionFailureType.None, null!, "")));
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        switch (targetMethod?.Name)
        {
            case nameof(IConnectionMultiplexer.GetDatabase):
                return Database;
            case nameof(IDatabase.HashGetAsync) when args is [RedisKey key, RedisValue[] fields, ..]:
                return Redis.HashGetAsync(Asker, key, fields);
            case nameof(IDatabase.StringGetAsync) when args is [RedisKey key, ..]:
                return Redis.StringGetAsync(key);
            case nameof(IDatabase.StringSet) when args is [RedisKey key, RedisValue value, ..]:
                Redis.StringSet(key, value);
                return true;
            case nameof(IDatabase.StringSetAsync) when args is [RedisKey key, RedisValue, TimeSpan expiry, ..]:
                return Redis.TakeAsync(key, expiry);
            // The index of sessions by person: the store does not wait for it, and no decision reads it.
            case not null when args is [.., CommandFlags flags] && flags.HasFlag(CommandFlags.FireAndForget):
                return Activator.CreateInstance(targetMethod!.ReturnType);
            case nameof(IDatabase.ScriptEvaluateAsync) when args is [string script, RedisKey[] keys, RedisValue[] values, ..]:
                return Redis.ScriptEvaluateAsync(Asker, script, keys, values);
            case "add_" + nameof(IConnectionMultiplexer.ConnectionRestored):
                restored += (EventHandler<ConnectionFailedEventArgs>)args![0]!;
                return null;
            case { } other when other.StartsWith("add_", StringComparison.Ordinal) || other.StartsWith("remove_", StringComparison.Ordinal):
                return null;
            case nameof(IConnectionMultiplexer.GetEndPoints):
                return Array.Empty<System.Net.EndPoint>();
            case nameof(IConnectionMultiplexer.GetServers):
                return Array.Empty<IServer>();
            case "get_" + nameof(IConnectionMultiplexer.IsConnected):
                return !Redis.IsAway;
            default:
                throw new NotSupportedException($"The emulated Redis has no {targetMethod?.Name}");
        }
    }
}
