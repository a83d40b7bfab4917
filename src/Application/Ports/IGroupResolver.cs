namespace Calls.Application.Ports;

/// <summary>The customer's system that names the candidates of a group which is not configured.</summary>
public interface IGroupResolver
{
    /// <summary>Asks for the candidates. Nothing is thrown for what the system or the network did. The request of one call has the same id
    /// each time, so the system recognises a repeated request.</summary>
    Task<GroupAnswer> AskAsync(GroupName group, CallSession session, CancellationToken cancellationToken);
}

/// <summary>The answer of the group resolver.</summary>
/// <param name="Outcome">One of the fixed words of <c>calls.effects</c>, such as <c>Answered</c> or <c>TimedOut</c>.</param>
/// <param name="Members">The candidates. Null: there is no usable answer. No candidate is a usable answer.</param>
public sealed record GroupAnswer(string Outcome, GroupMembers? Members);
