namespace Calls.Infrastructure.Redis;

/// <summary>The words in which Redis refuses a command.</summary>
/// <remarks>
/// An error has the code of its cause in front: <c>MISCONF</c>, <c>READONLY</c>, <c>OOM</c>, <c>NOPERM</c>. Inside a script, servers before
/// version 7 put the code behind the place in the script (<c>ERR Error running script (call to f_…): @user_script:12: @user_script: 12:
/// -OOM …</c>), and some refusals have no code (<c>The user executing the script can't run this command</c>). The words differ between
/// versions and vendors, so a list of refusals is never complete. Therefore this class knows the defects of a client, which are few. Every
/// other error counts as a Redis that is away.
/// </remarks>
internal static class RedisRefusal
{
    /// <summary>Errors without a code of their own that a healthy Redis gives for the same command or script.</summary>
    private static readonly string[] Defects =
    [
        "Error compiling script", "wrong number of arg", "syntax error", "is not an integer", "is not a valid float", "is not a float",
        "invalid expire time", "Number of keys", "Protocol error", "Unknown Redis command", "attempt to ", "bad argument",
        "nonexistent global variable", "non local key",
    ];

    /// <summary>Whether the error is a defect of the service, or data of another program under its keys.</summary>
    /// <remarks>Some servers put their own words in front of <c>WRONGTYPE</c> if it comes from a script.</remarks>
    public static bool IsDefect(string message) => CodeOf(message) switch
    {
        "CROSSSLOT" or "EXECABORT" => true,
        _ when message.Contains("WRONGTYPE", StringComparison.Ordinal) => true,
        "ERR" => Defects.Any(defect => message.Contains(defect, StringComparison.OrdinalIgnoreCase)),
        _ => false,
    };

    /// <summary>The code of the error, for metrics and traces: <c>MISCONF</c>. It is <c>ERR</c> if Redis gives none.</summary>
    public static string CodeOf(string message)
    {
        var text = message.AsSpan();
        if (text.StartsWith("ERR Error running script", StringComparison.Ordinal))
            text = After(text, "): ");
        // The place in the script, which some versions give twice: @user_script:12: or @user_script: 12:
        while (text is ['@' or (>= '0' and <= '9'), ..] && text.Contains(": ", StringComparison.Ordinal))
            text = After(text, ": ");
        text = text.TrimStart('-');
        var code = text.IndexOf(' ') is > 0 and var end ? text[..end] : text;
        return code.Length > 1 && !code.ContainsAnyExceptInRange('A', 'Z') ? code.ToString() : "ERR";
    }

    private static ReadOnlySpan<char> After(ReadOnlySpan<char> text, string mark) =>
        text.IndexOf(mark, StringComparison.Ordinal) is >= 0 and var at ? text[(at + mark.Length)..] : text;
}
