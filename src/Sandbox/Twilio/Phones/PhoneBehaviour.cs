namespace Calls.Sandbox.Twilio;

/// <summary>What a phone does by itself when it is called; set in advance, read when the call gets there.</summary>
public enum PhoneBehaviour
{
    /// <summary>Rings until somebody does something, or Twilio's Timeout is over.</summary>
    LetRing,

    /// <summary>Is picked up after <see cref="Phone.After"/>.</summary>
    Answer,

    /// <summary>Is declined after <see cref="Phone.After"/>.</summary>
    Decline,

    /// <summary>The line is engaged: <c>busy</c> without ringing.</summary>
    Busy,

    /// <summary>Nothing answers there: <c>failed</c> without ringing.</summary>
    Unreachable,

    /// <summary>An app that no push reaches: Twilio says <c>ringing</c> while nothing rings, and <c>no-answer</c> in the end.</summary>
    Offline,
}
