using System.Collections.Immutable;

namespace Calls.Application.UseCases;

/// <summary>The <c>If-Match</c> of a request: one of these versions, or any version (RFC 9110, section 13.1.1). It is checked on every
/// attempt.</summary>
/// <param name="Versions">Null means any version.</param>
public sealed record Precondition(ImmutableArray<long>? Versions)
{
    public bool Holds(StoredSession stored) => Versions is not { } versions || versions.Contains(stored.Version);
}
