namespace Calls.Application.Ports;

/// <summary>What a caller hears whose callee was not reached: a tone, or words that were configured for the reason.</summary>
public interface ICallerNotices
{
    /// <summary>The TwiML document that plays the tone or speaks the words once, and then hangs up. It depends on nothing but the
    /// arguments and the configuration, and has no data of a person.</summary>
    /// <param name="because">Why the callee was not reached. It has a tone (<see cref="Tones.Of"/>).</param>
    /// <param name="language">The language of the call. Null: the configured language.</param>
    string TwimlOf(LeaveReason because, Language? language);
}
