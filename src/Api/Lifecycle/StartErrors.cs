using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Connections;

namespace Calls.Api.Lifecycle;

/// <summary>Prints the errors of a start that an operator can correct: sentences on stderr, without a stack trace.</summary>
internal static partial class StartErrors
{
    /// <summary>Runs a host. <paramref name="changePort"/> is the rest of the sentence "Port 8080 is already in use: …".</summary>
    /// <returns>The exit code: 0 after a normal end, 1 for a taken port, 2 for an unusable configuration.</returns>
    public static async Task<int> ReportAsync(Func<Task> run, Func<int, string> changePort)
    {
        try
        {
            await run();
            return 0;
        }
        catch (OptionsValidationException invalid)
        {
            var failures = string.Concat(invalid.Failures.Select(failure => $"  {failure}{Environment.NewLine}"));
            await Console.Error.WriteAsync($"The configuration cannot be used:{Environment.NewLine}{failures}");
            await Console.Error.WriteLineAsync("docs/configuration.md lists all keys.");
            return 2;
        }
        catch (InvalidOperationException unbound) when (UnboundKey().Match(unbound.Message) is { Success: true } key)
        {
            // A setting that only the framework knows. The text of the exception may have its value.
            await Console.Error.WriteLineAsync(
                $"The configuration cannot be used:{Environment.NewLine}  {key.Groups["key"]} must be a {key.Groups["type"]}.");
            return 2;
        }
        catch (IOException taken) when (taken.InnerException is AddressInUseException)
        {
            var port = int.Parse(Port().Match(taken.Message).ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
            await Console.Error.WriteLineAsync($"Port {port} is already in use: {changePort(port)}.");
            return 1;
        }
        catch (Exception unusable) when (IsOfListeners(unusable))
        {
            await Console.Error.WriteLineAsync(
                $"The configuration cannot be used:{Environment.NewLine}  The service cannot listen: {unusable.Message.Split('\n')[0]} "
                + "Check ASPNETCORE_URLS, ASPNETCORE_HTTP_PORTS, ASPNETCORE_HTTPS_PORTS and the section Kestrel.");
            return 2;
        }
    }

    /// <summary>The server cannot use an address or a certificate that the configuration names.</summary>
    private static bool IsOfListeners(Exception e) => e.StackTrace?.Contains("Server.Kestrel", StringComparison.Ordinal) == true;

    /// <summary>"Failed to convert configuration value … at 'Logging:Console:…' to type 'System.Boolean'."</summary>
    [GeneratedRegex(@"configuration value.* at '(?<key>[^']+)' to type '(?<type>[^']+)'", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex UnboundKey();

    /// <summary>Kestrel names the taken address in the exception's message only: <c>http://[::]:8080</c>.</summary>
    [GeneratedRegex(@"(?<=https?://\S+:)\d+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Port();
}
