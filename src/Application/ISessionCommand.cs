using Calls.Domain;

namespace Calls.Application;

/// <summary>A request that loads one session, decides, and saves it: what the pipeline retries on a version conflict.</summary>
public interface ISessionCommand
{
    SessionId SessionId { get; }
}
