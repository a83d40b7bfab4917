namespace Calls.Sandbox.Twilio;

/// <summary>What a phone does by itself when it is called.</summary>
public enum PhoneBehaviourKind
{
    LetRing,
    Answer,
    Decline,
    Busy,
    Unreachable,
    Offline,
}

/// <summary>What a phone does by itself when it is called; set in advance, read when the call gets there.</summary>
public sealed record PhoneBehaviour
{
    private PhoneBehaviour(PhoneBehaviourKind kind, TimeSpan after = default) => (Kind, After) = (kind, after);

    public PhoneBehaviourKind Kind { get; }

    public TimeSpan After { get; }

    /// <summary>Rings until somebody does something, or Twilio's Timeout is over. The default.</summary>
    public static PhoneBehaviour LetRing { get; } = new(PhoneBehaviourKind.LetRing);

    /// <summary>The line is engaged: <c>busy</c> without ringing.</summary>
    public static PhoneBehaviour Busy { get; } = new(PhoneBehaviourKind.Busy);

    /// <summary>Nothing answers there: <c>failed</c> without ringing.</summary>
    public static PhoneBehaviour Unreachable { get; } = new(PhoneBehaviourKind.Unreachable);

    /// <summary>An app that no push reaches: Twilio says <c>ringing</c> while nothing rings, and <c>no-answer</c> in the end.</summary>
    public static PhoneBehaviour Offline { get; } = new(PhoneBehaviourKind.Offline);

    public static PhoneBehaviour AnswerAfter(TimeSpan delay) => new(PhoneBehaviourKind.Answer, delay);

    public static PhoneBehaviour DeclineAfter(TimeSpan delay) => new(PhoneBehaviourKind.Decline, delay);
}
