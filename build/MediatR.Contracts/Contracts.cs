namespace MediatR;

/// <summary>What every request has in common, whether it answers with a value or not.</summary>
public interface IBaseRequest;

/// <summary>A request that answers with nothing.</summary>
public interface IRequest : IBaseRequest;

/// <summary>A request that answers with a <typeparamref name="TResponse"/>.</summary>
public interface IRequest<out TResponse> : IBaseRequest;

/// <summary>Something that has happened, for any number of handlers.</summary>
public interface INotification;

/// <summary>A request that answers with a stream of <typeparamref name="TResponse"/>.</summary>
public interface IStreamRequest<out TResponse>;

/// <summary>The value of a request that answers with nothing.</summary>
public readonly struct Unit : IEquatable<Unit>
{
    private static readonly Unit Only;

    public static ref readonly Unit Value => ref Only;

    public static Task<Unit> Task { get; } = System.Threading.Tasks.Task.FromResult(Only);

    public static bool operator ==(Unit first, Unit second) => true;

    public static bool operator !=(Unit first, Unit second) => false;

    public bool Equals(Unit other) => true;

    public override bool Equals(object? obj) => obj is Unit;

    public override int GetHashCode() => 0;

    public override string ToString() => "()";
}
