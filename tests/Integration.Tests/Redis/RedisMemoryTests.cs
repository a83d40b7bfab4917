using System.Net;
using System.Reflection;
using Calls.Infrastructure.Redis;
using Microsoft.Extensions.Time.Testing;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>Which reports of the Redis client make Redis suspect. The real client's reports are in <see cref="LostAnswerTests"/>.</summary>
public sealed class RedisMemoryTests : IDisposable
{
    private readonly FakeTimeProvider clock = new();
    private readonly IConnectionMultiplexer redis = DispatchProxy.Create<IConnectionMultiplexer, Client>();
    private RedisMemory? memory;

    private Client Reports => (Client)(object)redis;

    [Fact]
    public void A_first_connection_that_is_late_is_not_a_failover()
    {
        memory = new RedisMemory(redis, clock);
        memory.SuspectFor.ShouldBe(TimeSpan.Zero, "Redis is away");
        Reports.Servers = [ServerAt(1)];
        Restore();
        Change();
        memory.SuspectFor.ShouldBeNull();
    }

    [Fact]
    public void A_connection_that_comes_back_is_suspect_for_a_minute()
    {
        memory = new RedisMemory(redis, clock);
        Restore();
        clock.Advance(TimeSpan.FromHours(1));
        Restore();
        memory.SuspectFor.ShouldBe(TimeSpan.Zero);
        clock.Advance(TimeSpan.FromSeconds(59));
        memory.SuspectFor.ShouldBe(TimeSpan.FromSeconds(59));
        clock.Advance(TimeSpan.FromSeconds(1));
        memory.SuspectFor.ShouldBeNull();
    }

    [Fact]
    public void A_first_connection_after_a_failure_is_suspect()
    {
        memory = new RedisMemory(redis, clock);
        Reports.Failed!(this, Report());
        clock.Advance(TimeSpan.FromHours(1));
        Restore();
        memory.SuspectFor.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void Another_primary_is_suspect()
    {
        var (first, second) = (ServerAt(1), ServerAt(2, isReplica: true));
        Connect(first, second);
        (Of(first).IsReplica, Of(second).IsReplica) = (true, false);
        Change();
        memory!.SuspectFor.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void A_new_address_of_the_primary_is_suspect()
    {
        Connect(ServerAt(1));
        Reports.Servers = [ServerAt(2)];
        Change();
        memory!.SuspectFor.ShouldBe(TimeSpan.Zero);
    }

    /// <summary>The client reports a changed configuration when its connection for subscriptions comes, breaks or returns.</summary>
    [Fact]
    public void A_changed_configuration_with_the_same_primaries_is_not_suspect()
    {
        var (first, second, replica) = (ServerAt(1), ServerAt(2), ServerAt(3, isReplica: true));
        Connect(first, second, replica);
        clock.Advance(TimeSpan.FromHours(1));
        Change();
        Of(replica).IsConnected = false;
        Change();
        Of(second).IsConnected = false;
        Change();
        memory!.SuspectFor.ShouldBeNull();
    }

    public void Dispose() => memory?.Dispose();

    private void Connect(params IServer[] servers)
    {
        Reports.IsConnected = true;
        Reports.Servers = servers;
        memory = new RedisMemory(redis, clock);
    }

    private void Change() => Reports.Changed!(this, new EndPointEventArgs(this, new IPEndPoint(IPAddress.Loopback, 1)));

    private static IServer ServerAt(int port, bool isReplica = false)
    {
        var server = DispatchProxy.Create<IServer, Server>();
        Of(server).EndPoint = new IPEndPoint(IPAddress.Loopback, port);
        Of(server).IsReplica = isReplica;
        return server;
    }

    private static Server Of(IServer server) => (Server)(object)server;

    private void Restore()
    {
        Reports.IsConnected = true;
        Reports.Restored!(this, Report());
    }

    private ConnectionFailedEventArgs Report() => new(
        this, new IPEndPoint(IPAddress.Loopback, 1), ConnectionType.Interactive, ConnectionFailureType.None, new TimeoutException(),
        "test");

    /// <summary>A client of Redis whose reports a test raises.</summary>
    public class Client : DispatchProxy
    {
        public bool IsConnected { get; set; }

        public IServer[] Servers { get; set; } = [];

        public EventHandler<ConnectionFailedEventArgs>? Failed { get; private set; }

        public EventHandler<ConnectionFailedEventArgs>? Restored { get; private set; }

        public EventHandler<EndPointEventArgs>? Changed { get; private set; }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            switch (targetMethod!.Name)
            {
                case "get_IsConnected": return IsConnected;
                case nameof(IConnectionMultiplexer.GetServers): return Servers;
                case "add_ConnectionFailed": Failed += (EventHandler<ConnectionFailedEventArgs>)args![0]!; return null;
                case "add_ConnectionRestored": Restored += (EventHandler<ConnectionFailedEventArgs>)args![0]!; return null;
                case "add_ConfigurationChanged": Changed += (EventHandler<EndPointEventArgs>)args![0]!; return null;
                case var name when name.StartsWith("remove_", StringComparison.Ordinal): return null;
                default: throw new NotSupportedException(targetMethod.Name);
            }
        }
    }

    /// <summary>A server of Redis, as the client sees it.</summary>
    public class Server : DispatchProxy
    {
        public EndPoint? EndPoint { get; set; }

        public bool IsConnected { get; set; } = true;

        public bool IsReplica { get; set; }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name switch
        {
            "get_EndPoint" => EndPoint,
            "get_IsConnected" => IsConnected,
            "get_IsReplica" => IsReplica,
            _ => throw new NotSupportedException(targetMethod.Name),
        };
    }
}
