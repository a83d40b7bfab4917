namespace Calls.Sandbox.Twilio;

/// <summary>What a phone does by itself when it is called.</summary>
public enum PhoneBehaviour
{
    /// <summary>It rings until it is answered or declined, the leg is canceled, or Twilio's Timeout is over.</summary>
    LetRing,

    /// <summary>It answers after <see cref="Phone.After"/>.</summary>
    Answer,

    /// <summary>A voicemail answers after <see cref="Phone.After"/>. It beeps <see cref="Phone.BeepAfter"/> later.</summary>
    Voicemail,

    /// <summary>A fax answers after <see cref="Phone.After"/>.</summary>
    Fax,

    /// <summary>A person answers after <see cref="Phone.After"/>, and Twilio does not recognise the person as one.</summary>
    Unrecognised,

    /// <summary>It declines after <see cref="Phone.After"/>.</summary>
    Decline,

    /// <summary>The line is busy: the leg ends as <c>busy</c> without ringing.</summary>
    Busy,

    /// <summary>The phone cannot be reached: the leg ends as <c>failed</c> without ringing.</summary>
    Unreachable,

    /// <summary>
    /// An app that no push notification reaches: Twilio reports <c>ringing</c> and later <c>no-answer</c>, but the phone does not ring.
    /// </summary>
    Offline,
}
