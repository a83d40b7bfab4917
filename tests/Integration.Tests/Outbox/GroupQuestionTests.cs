using System.Collections.Immutable;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Integration.Tests.Redis;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.Outbox;

/// <summary>A replica that was to ask the group resolver has died. The next replica asks, and once.</summary>
public sealed class GroupQuestionTests(RedisFixture redis)
{
    private static readonly TimeSpan LeaseIsOut = OutboxRig.Policy.EffectLease + TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Overdue = OutboxRig.Policy.QueueTimeout + TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_question_that_its_writer_never_sent_is_sent_by_a_sweeper_when_its_lease_is_out()
    {
        var connection = await redis.NewDatabaseAsync();
        var resolver = new Resolver();
        await using var rig = await StartAsync(connection, resolver);
        await using var other = await StartAsync(connection, resolver);
        var sessions = Enumerable.Range(0, 10).Select(_ => Asked(LeaseIsOut)).ToList();
        foreach (var session in sessions)
            await rig.StoreAsync(session, queued: false);
        foreach (var session in sessions)
            await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.Find(ParticipantId.Callee.Candidate(1)) is not null);
        resolver.Questions.ShouldBe(10, "the claim of a session excludes the other replica");
    }

    [Fact]
    public async Task An_overdue_question_is_not_sent_and_the_call_ends()
    {
        var resolver = new Resolver();
        await using var rig = await StartAsync(await redis.NewDatabaseAsync(), resolver);
        var session = Asked(Overdue);
        await rig.StoreAsync(session, queued: false);
        await Eventually.TrueAsync(async () => (await rig.LoadAsync(session.Id))!.IsEnded);
        (await rig.LoadAsync(session.Id))!.EndReason.ShouldBe(EndReason.CalleeUnreachable);
        resolver.Questions.ShouldBe(0);
    }

    private static async Task<OutboxRig> StartAsync(string connection, Resolver resolver)
    {
        var rig = await OutboxRig.StartAsync(
            connection, swept: true, configure: services => services.AddSingleton<IGroupResolver>(resolver));
        rig.Twilio.Dials.SetResult();
        return rig;
    }

    /// <summary>Alice has called a group that the resolver knows, and no replica has asked.</summary>
    private static CallSession Asked(TimeSpan ago)
    {
        var call = OutboxRig.Started(ago);
        GroupName.TryParse("sales", out var sales).ShouldBeTrue();
        return SessionDecider.Decide(
            null, new SessionEvent.StartCall(call.Id, call.Nonce, call.Caller.Leg!, call.Caller.Party, Party.Unknown.Instance)
            {
                Group = new CalledGroup(sales!, null),
            },
            OutboxRig.Policy, call.StartedAt).Session!;
    }

    private sealed class Resolver : IGroupResolver
    {
        private int questions;

        public int Questions => questions;

        public Task<GroupAnswer> AskAsync(GroupName group, CallSession session, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref questions);
            ClientIdentity.TryParse("ines", out var ines).ShouldBeTrue();
            ImmutableArray<Party> candidates = [new Party.Client(ines!)];
            return Task.FromResult(new GroupAnswer("Answered", new GroupMembers(candidates, Strategy.All)));
        }
    }
}
