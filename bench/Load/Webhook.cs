namespace Calls.Load;

/// <summary>The kinds of webhooks of a call. Each has its own response times.</summary>
internal enum Webhook
{
    /// <summary>An incoming call. Its answer must not wait for another request.</summary>
    Voice,

    /// <summary>The callee's leg was answered.</summary>
    Join,

    /// <summary>The status of the callee's leg.</summary>
    Status,

    /// <summary>A leg joined or left the conference.</summary>
    Conference,

    /// <summary>The caller's leg has left the room and asks for more TwiML.</summary>
    Left,
}
