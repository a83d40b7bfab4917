using Calls.Application.Ports;
using Calls.Application.Transactions;

namespace Calls.Integration.Tests.Outbox;

/// <summary>The cache of the sessions that a replica wrote last.</summary>
public sealed class RecentSessionsTests
{
    [Fact]
    public void A_session_is_found_as_it_was_last_written()
    {
        var (recent, stored) = (new RecentSessions(), Stored());
        recent.Find(stored.Id).ShouldBeNull();
        recent.Set(stored);
        recent.Find(stored.Id).ShouldBeSameAs(stored);
        recent.Set(stored with { Version = 2 });
        recent.Find(stored.Id)!.Version.ShouldBe(2);
    }

    [Fact]
    public void More_sessions_than_slots_overwrite_each_other_and_are_never_mistaken_for_each_other()
    {
        var recent = new RecentSessions();
        List<StoredSession> many = [.. Enumerable.Range(0, 5_000).Select(_ => Stored())];
        foreach (var stored in many)
            recent.Set(stored);
        List<StoredSession> found = [.. many.Where(stored => recent.Find(stored.Id) is not null)];
        found.Count.ShouldBeInRange(1, RecentSessions.Slots);
        found.ShouldAllBe(stored => ReferenceEquals(recent.Find(stored.Id), stored));
    }

    private static StoredSession Stored()
    {
        var session = OutboxRig.Started();
        return new StoredSession(session.Id, session, 1, "etag");
    }
}
