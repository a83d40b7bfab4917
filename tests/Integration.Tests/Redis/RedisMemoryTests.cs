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
        Restore();
        Reports.Changed!(this, new EndPointEventArgs(this, new IPEndPoint(IPAddress.Loopback, 1)));
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
    public void A_changed_primary_is_suspect()
    {
        Reports.IsConnected = true;
        memory = new RedisMemory(redis, clock);
        clock.Advance(TimeSpan.FromSeconds(1));
        Reports.Changed!(this, new EndPointEventArgs(this, new IPEndPoint(IPAddress.Loopback, 1)));
        memory.SuspectFor.ShouldBe(TimeSpan.Zero);
    }

    public void Dispose() => memory?.Dispose();

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

        public EventHandler<ConnectionFailedEventArgs>? Failed { get; private set; }

        public EventHandler<ConnectionFailedEventArgs>? Restored { get; private set; }

        public EventHandler<EndPointEventArgs>? Changed { get; private set; }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            switch (targetMethod!.Name)
            {
                case "get_IsConnected": return IsConnected;
                case "add_ConnectionFailed": Failed += (EventHandler<ConnectionFailedEventArgs>)args![0]!; return null;
                case "add_ConnectionRestored": Restored += (EventHandler<ConnectionFailedEventArgs>)args![0]!; return null;
                case "add_ConfigurationChanged": Changed += (EventHandler<EndPointEventArgs>)args![0]!; return null;
                case var name when name.StartsWith("remove_", StringComparison.Ordinal): return null;
                default: throw new NotSupportedException(targetMethod.Name);
            }
        }
    }
}
