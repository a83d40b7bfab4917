namespace Calls.Load;

/// <summary>The kinds of webhooks that a call sends, each with times of its own.</summary>
internal enum Webhook
{
    /// <summary>A call comes in; the answer has to wait for nothing.</summary>
    Voice,

    /// <summary>The callee's leg was answered.</summary>
    Join,

    /// <summary>How the callee's leg is getting on.</summary>
    Status,

    /// <summary>Somebody came into the room, or left it.</summary>
    Conference,

    /// <summary>The caller's leg is through with the room.</summary>
    Left,
}
