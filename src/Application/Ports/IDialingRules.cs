using Calls.Domain;

namespace Calls.Application.Ports;

/// <summary>Which numbers may be rung at all.</summary>
public interface IDialingRules
{
    /// <summary>Why a number is not rung; null where it may be.</summary>
    RefusalReason? WhyNot(PhoneNumber number);
}
