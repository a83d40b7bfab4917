using Microsoft.Extensions.FileProviders;

namespace Calls.Api.Lifecycle;

/// <summary>Secrets as files. Each file of the directory is a key, such as <c>Twilio__RequestValidation__AuthToken</c>.
/// A file is read again when it changes. Files take precedence over environment variables.</summary>
internal static class SecretFiles
{
    public const string Key = CallsOptions.Section + ":SecretsDirectory";

    /// <returns>A sentence if the directory cannot be used, else null.</returns>
    public static string? AddSecretFiles(this IConfigurationManager configuration)
    {
        if (configuration[Key] is not { Length: > 0 } directory)
            return null;
        if (!Path.IsPathRooted(directory) || !Directory.Exists(directory))
            return $"{Key} is {directory}; it must be the full path of a directory that exists.";
        // Kubernetes exchanges the directory behind a hidden symbolic link. File events do not report this; polling finds it.
        var polled = new PhysicalFileProvider(directory) { UsePollingFileWatcher = true, UseActivePolling = true };
        configuration.AddKeyPerFile(files =>
        {
            files.FileProvider = polled;
            files.ReloadOnChange = true;
            // The directory can be missing for a moment during an exchange. The values that were read before then stay.
            files.Optional = true;
        });
        return null;
    }
}
