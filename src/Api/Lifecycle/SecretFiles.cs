using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.FileProviders.Physical;
using Microsoft.Extensions.Options;

namespace Calls.Api.Lifecycle;

/// <summary>Secrets as files: each file of the directory is a key, <c>Twilio__RequestValidation__AuthToken</c>, and is read again when it changes. It counts for more than the environment.</summary>
internal static class SecretFiles
{
    public const string Key = CallsOptions.Section + ":SecretsDirectory";

    public static void AddSecretFiles(this IConfigurationManager configuration)
    {
        if (configuration[Key] is not { Length: > 0 } directory)
            return;
        if (!Path.IsPathRooted(directory) || !Directory.Exists(directory))
            throw new OptionsValidationException(Key, typeof(CallsOptions), [$"{Key} must be the full path of a directory that is there, and is {directory}"]);
        // Kubernetes swaps a directory behind a symbolic link whose name begins with a dot: file events do not tell of it, looking at the files every few seconds does.
        configuration.AddKeyPerFile(files =>
        {
            files.FileProvider = new PhysicalFileProvider(directory, ExclusionFilters.Sensitive) { UsePollingFileWatcher = true, UseActivePolling = true };
            files.ReloadOnChange = true;
            // Between two swaps, or while a volume is mounted anew, what was read stays.
            files.Optional = true;
        });
    }
}
