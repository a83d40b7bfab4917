namespace Calls.Application.Ports;

/// <summary>The queue from a commit to the worker of this replica. It delays no request.</summary>
/// <remarks>An effect that is lost here is still stored. A sweeper runs it after its lease.</remarks>
public interface IEffectQueue
{
    /// <param name="committed">The session as it was written with the effect.</param>
    /// <param name="effect">One of its effects.</param>
    void Enqueue(StoredSession committed, Effect effect);
}
