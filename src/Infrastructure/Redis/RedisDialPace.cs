using StackExchange.Redis;
using Role = Calls.Domain.Role;

namespace Calls.Infrastructure.Redis;

/// <summary>The pace of dials over all replicas: one turn after another, by the clock of Redis.</summary>
internal sealed class RedisDialPace(IConnectionMultiplexer redis, StartRate rate) : IDialPace
{
    /// <summary>Answers 0 if the turn was taken; otherwise the milliseconds until it is worth asking again. <c>gap</c> is the time between
    /// two turns, in milliseconds.</summary>
    /// <remarks>A callee who has to wait says so. Until one gap after that callee's turn, no guest gets a turn.</remarks>
    private const string TakeTurnScript = """
        local pace = KEYS[1]
        local gap, guest = tonumber(ARGV[1]), ARGV[2] == '1'
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local turn = tonumber(redis.call('HGET', pace, 'turn') or '0')
        if guest then turn = math.max(turn, tonumber(redis.call('HGET', pace, 'callees') or '0')) end
        if turn <= now then
          redis.call('HSET', pace, 'turn', string.format('%d', now + gap))
          redis.call('PEXPIRE', pace, string.format('%d', 10 * gap + 1000))
          return 0
        end
        if not guest then redis.call('HSET', pace, 'callees', string.format('%d', turn + gap)) end
        return turn - now
        """;

    public bool IsLimited => rate.CallsPerSecond is not null;

    public async Task<TimeSpan> TakeTurnAsync(Role role, CancellationToken cancellationToken)
    {
        if (rate.CallsPerSecond is not { } perSecond)
            return TimeSpan.Zero;
        cancellationToken.ThrowIfCancellationRequested();
        RedisValue[] values = [(long)Math.Ceiling(1000 / perSecond), role == Role.Guest ? 1 : 0];
        var wait = (long)await RedisCommands.RunAsync(redis, "turn", () => redis.GetDatabase().ScriptEvaluateAsync(
            TakeTurnScript, [RedisKeys.Pace], values, CommandFlags.DemandMaster));
        return TimeSpan.FromMilliseconds(wait);
    }
}
