using Microsoft.Extensions.Configuration.KeyPerFile;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Options;

namespace Calls.Api;

/// <summary>Secrets from a folder with a file for each key (<c>Twilio__RequestValidation__AuthToken</c>), as Kubernetes mounts them. They win over everything else, and a file that changes
/// counts without a restart.</summary>
internal static class SecretFiles
{
    public const string Key = "Calls:SecretsDirectory";

    /// <exception cref="OptionsValidationException">There is no such folder.</exception>
    public static void AddSecretFiles(this ConfigurationManager configuration)
    {
        if (configuration[Key] is not { Length: > 0 } folder)
            return;
        if (!Directory.Exists(folder))
            throw new OptionsValidationException(Key, typeof(CallsOptions), [$"{Key} names no folder that is there: {folder}"]);
        // Kubernetes exchanges a symbolic link, of which no file watcher tells.
        var files = new PhysicalFileProvider(Path.GetFullPath(folder)) { UsePollingFileWatcher = true, UseActivePolling = true };
        ((IConfigurationBuilder)configuration).Add(new KeyPerFileConfigurationSource { FileProvider = files, Optional = true, ReloadOnChange = true });
    }
}
