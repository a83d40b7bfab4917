namespace Calls.Application.Ports;

/// <summary>Which numbers the service may ring.</summary>
public interface IDialingRules
{
    /// <summary>Whether the operators have stopped the dialling of phones. It can change while the service runs.</summary>
    bool IsStopped { get; }

    /// <summary>Why the service does not ring this number; null where it may.</summary>
    RefusalReason? WhyNot(PhoneNumber number);

    /// <summary>The region of the number, such as <c>CH</c>; <c>unknown</c> where the tables have none. It counts in quotas and
    /// metrics.</summary>
    string RegionOf(PhoneNumber number);
}
