using StackExchange.Redis;

namespace Calls.Infrastructure.Redis;

/// <summary>One string for each leg that the service has dialled: <c>session/nonce/participant</c>. It expires by itself.</summary>
/// <remarks>The last note wins: a callback that names the leg knows more than an earlier look-up.</remarks>
internal sealed class RedisLegOwners(IConnectionMultiplexer redis) : ILegOwners
{
    private IDatabase Database => redis.GetDatabase();

    public void Note(CallSid leg, LegOwner owner) =>
        Database.StringSet(RedisKeys.OwnerOf(leg), Text(owner), RedisQuotas.LegLife, flags: CommandFlags.FireAndForget);

    public async Task<bool> IsOfAnotherAsync(CallSid leg, LegOwner owner, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var noted = await RedisCommands.RunAsync(
            redis, "GET", () => Database.StringGetAsync(RedisKeys.OwnerOf(leg), CommandFlags.DemandMaster));
        return !noted.IsNull && noted != Text(owner);
    }

    private static string Text(LegOwner owner) => $"{owner.Session.Value}/{owner.Nonce}/{owner.Participant?.Value}";
}
