namespace Calls.Application.UseCases;

/// <summary>The bearer of a REST request: the client identity, and whether the bearer is an operator (scope
/// <c>calls.operate</c>).</summary>
public sealed record Asker(ClientIdentity? Identity, bool IsOperator)
{
    /// <summary>The claim that says who the bearer is, and its value to the letter. It need not be a client identity.</summary>
    public string Subject { get; init; } = "";

    /// <summary>Whose quota and whose idempotency keys a request uses. No subject gives the name of an identity: an identity has no line
    /// break.</summary>
    public string Owner => Identity?.Value ?? "\n" + Subject;

    /// <summary>What the bearer may do with a call. An operator may do everything.</summary>
    public Right RightTo(CallSession session) =>
        IsOperator ? Right.Change : Identity is null ? Right.None : Rights.Of(session, Identity);

    public bool MaySee(CallSession session) => RightTo(session) >= Right.See;
}
