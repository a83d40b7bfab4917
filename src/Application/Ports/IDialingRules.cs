namespace Calls.Application.Ports;

/// <summary>Which numbers the service may ring.</summary>
public interface IDialingRules
{
    /// <summary>Why the service does not ring this number; null where it may.</summary>
    RefusalReason? WhyNot(PhoneNumber number);
}
