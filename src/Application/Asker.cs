using Calls.Domain;

namespace Calls.Application;

/// <summary>Who asks over REST: the client identity of the bearer's <c>sub</c>, and whether the scope <c>calls.operate</c> came with it.</summary>
public sealed record Asker(ClientIdentity? Identity, bool IsOperator)
{
    /// <summary>People see and change the calls that they are on; operators all of them.</summary>
    public bool MaySee(CallSession session) =>
        IsOperator || (Identity is not null && session.Participants.Any(p => p.Party is Party.Client client && client.Identity == Identity));
}
