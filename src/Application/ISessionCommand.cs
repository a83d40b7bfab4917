using Calls.Domain;

namespace Calls.Application;

/// <summary>A request that loads one session, decides, and saves it: what the pipeline retries on a version conflict.</summary>
public interface ISessionCommand
{
    SessionId SessionId { get; }
}

/// <summary>Something that has happened to a call: told by Twilio, or by an effect that was run. It may be decided on a session that this replica remembers, for its handler
/// hands whatever it decided to the store, changed or not, which proves it there.</summary>
public interface ISessionReport : ISessionCommand;
