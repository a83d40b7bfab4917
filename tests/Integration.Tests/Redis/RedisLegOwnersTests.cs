using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>Who owns a leg that the service has dialled.</summary>
public sealed class RedisLegOwnersTests(RedisFixture redis)
{
    [Fact]
    public async Task A_leg_is_of_another_only_where_another_owner_is_noted()
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(await redis.NewDatabaseAsync());
        var owners = new RedisLegOwners(connection);
        CallSid.TryParse("CA" + new string('a', 32), out var leg).ShouldBeTrue();
        SessionId.TryParse("s-42", out var session).ShouldBeTrue();
        ParticipantId.TryParse("guest-1", out var guest).ShouldBeTrue();
        var owner = new LegOwner(session!, "n1", ParticipantId.Callee);
        (await owners.IsOfAnotherAsync(leg!, owner, default)).ShouldBeFalse("no owner is noted");
        owners.Note(leg!, owner);
        (await owners.IsOfAnotherAsync(leg!, owner, default)).ShouldBeFalse("it is the owner");
        foreach (var other in new[] { owner with { Nonce = "n2" }, owner with { Participant = guest }, owner with { Participant = null } })
            (await owners.IsOfAnotherAsync(leg!, other, default)).ShouldBeTrue();
        owners.Note(leg!, owner with { Nonce = "n2" });
        (await owners.IsOfAnotherAsync(leg!, owner, default)).ShouldBeTrue("the last note wins");
        (await connection.GetDatabase().KeyTimeToLiveAsync(RedisKeys.OwnerOf(leg!)))!.Value.ShouldBeGreaterThan(TimeSpan.FromHours(24));
    }
}
