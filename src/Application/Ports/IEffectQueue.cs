using Calls.Domain;

namespace Calls.Application.Ports;

/// <summary>Where the replica that wrote an effect puts it to be run at once, without holding whoever caused it.</summary>
/// <remarks>A hint: an effect that is lost here is taken by a sweeper when its lease is out.</remarks>
public interface IEffectQueue
{
    /// <param name="committed">The session as it was written with the effect.</param>
    /// <param name="effect">One of its effects.</param>
    void Enqueue(StoredSession committed, Effect effect);
}
