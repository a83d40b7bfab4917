namespace Calls.Application.UseCases;

/// <summary>The bearer of a REST request: the client identity, and whether the bearer is an operator (scope
/// <c>calls.operate</c>).</summary>
public sealed record Asker(ClientIdentity? Identity, bool IsOperator)
{
    /// <summary>A person sees and changes the calls that the person is on. An operator sees and changes all calls.</summary>
    public bool MaySee(CallSession session) =>
        IsOperator || (
            Identity is not null && session.Participants.Any(p => p.Party is Party.Client client && client.Identity == Identity));
}
