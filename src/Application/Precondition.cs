using System.Collections.Immutable;
using Calls.Application.Ports;

namespace Calls.Application;

/// <summary>What a request's <c>If-Match</c> asks for: one of these versions, or any (RFC 9110, 13.1.1). Looked at on every attempt, so what is saved is what was matched.</summary>
/// <param name="Versions">Null: any.</param>
public sealed record Precondition(ImmutableArray<long>? Versions)
{
    public bool Holds(StoredSession stored) => Versions is not { } versions || versions.Contains(stored.Version);
}
