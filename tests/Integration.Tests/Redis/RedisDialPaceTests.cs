using Calls.Application.Ports;
using Calls.Infrastructure.Redis;
using StackExchange.Redis;
using Role = Calls.Domain.Role;

namespace Calls.Integration.Tests.Redis;

/// <summary>The pace of dials over all replicas. One turn a minute, so that the time of the test makes no difference.</summary>
public sealed class RedisDialPaceTests(RedisFixture redis)
{
    private static readonly TimeSpan Gap = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task The_replicas_share_the_turns_and_callees_come_before_guests()
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(await redis.NewDatabaseAsync());
        var (one, other) = (Pace(connection), Pace(connection));
        (await one.TakeTurnAsync(Role.Callee, default)).ShouldBe(TimeSpan.Zero);
        (await other.TakeTurnAsync(Role.Guest, default)).ShouldBeInRange(Gap - Slow, Gap);
        (await other.TakeTurnAsync(Role.Callee, default)).ShouldBeInRange(Gap - Slow, Gap, "this callee waits for the next turn");
        (await one.TakeTurnAsync(Role.Guest, default)).ShouldBeInRange((2 * Gap) - Slow, 2 * Gap, "a guest leaves that turn to the callee");
    }

    [Fact]
    public async Task Without_a_limit_every_dial_has_its_turn()
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(await redis.NewDatabaseAsync());
        var pace = new RedisDialPace(connection, new StartRate(null));
        pace.IsLimited.ShouldBeFalse();
        for (var i = 0; i < 3; i++)
            (await pace.TakeTurnAsync(Role.Guest, default)).ShouldBe(TimeSpan.Zero);
    }

    private static RedisDialPace Pace(IConnectionMultiplexer connection) => new(connection, new StartRate(1 / Gap.TotalSeconds));
}
