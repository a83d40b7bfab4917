using System.Diagnostics;
using System.Globalization;

namespace Calls.Lifecycle.Tests;

/// <summary>A mounted secret as Kubernetes keeps it: each file is a link through <c>..data</c> into a directory that is replaced as a
/// whole.</summary>
internal sealed class MountedSecrets : IDisposable
{
    private readonly DirectoryInfo volume = Directory.CreateTempSubdirectory("calls-secrets-");
    private int generation;

    public string Path => volume.FullName;

    /// <summary>Replaces all secrets at once, as the kubelet does: a new directory, and a link to it that is renamed over the old
    /// link.</summary>
    public void Mount(params (string Key, string Value)[] secrets)
    {
        var data = string.Create(CultureInfo.InvariantCulture, $"..generation-{++generation}");
        Directory.CreateDirectory(At(data));
        foreach (var (key, value) in secrets)
            File.WriteAllText(At(System.IO.Path.Combine(data, key)), value);
        File.CreateSymbolicLink(At("..data_tmp"), data);
        using (var rename = Process.Start("mv", ["-T", At("..data_tmp"), At("..data")]))
            rename.WaitForExit();
        foreach (var (key, _) in secrets)
            if (new FileInfo(At(key)).LinkTarget is null)
                File.CreateSymbolicLink(At(key), System.IO.Path.Combine("..data", key));
        foreach (var file in volume.GetFiles())
            if (!file.Name.StartsWith("..", StringComparison.Ordinal) && secrets.All(secret => secret.Key != file.Name))
                file.Delete();
    }

    public void Dispose() => volume.Delete(recursive: true);

    private string At(string name) => System.IO.Path.Combine(volume.FullName, name);
}
