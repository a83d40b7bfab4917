using System.Text.RegularExpressions;
using Calls.Chart.Tests.Tools;

namespace Calls.Chart.Tests;

/// <summary>The workflows cannot be run here. They are linted, and the steps that need no registry are run.</summary>
public sealed partial class ReleaseTests : IDisposable
{
    private static readonly string Workflows = Path.Combine(Tool.Root, ".github/workflows");
    private static readonly string Digest = "sha256:" + new string('a', 64);

    private readonly DirectoryInfo output = Directory.CreateTempSubdirectory("calls-release-");

    public static TheoryData<string> Names => [.. Directory.EnumerateFiles(Workflows).Select(file => Path.GetFileName(file))];

    [Theory, MemberData(nameof(Names))]
    public async Task Actionlint_finds_nothing_in_a_workflow(string name)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Workflows, name));
        var (exitCode, problems) = await LintAsync(text);
        exitCode.ShouldBe(0, problems);
        (await LintAsync(text.Replace("runs-on:", "run-on:", StringComparison.Ordinal))).ExitCode.ShouldBe(1);
    }

    [Theory, MemberData(nameof(Names))]
    public async Task Every_action_is_pinned_by_its_commit_and_says_its_version(string name)
    {
        var uses = (await File.ReadAllLinesAsync(Path.Combine(Workflows, name))).Select(line => Used().Match(line))
            .Where(match => match.Success).Select(match => match.Groups["action"].Value).ToList();
        uses.ShouldNotBeEmpty();
        uses.ShouldAllBe(action => action.StartsWith("./.github/workflows/", StringComparison.Ordinal) || Pinned().IsMatch(action));
    }

    [Fact]
    public async Task The_page_of_releases_names_each_job_of_the_workflows()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Tool.Root, "docs/releasing.md"));
        foreach (var file in Directory.EnumerateFiles(Workflows))
            foreach (Match job in Job().Matches((await File.ReadAllTextAsync(file)).Split("\njobs:\n")[1]))
                page.ShouldContain($"| `{job.Groups["name"].Value}` |");
    }

    [Theory]
    [InlineData("v1.2.3", "1.2.3")]
    [InlineData("v10.0.0-rc.1", "10.0.0-rc.1")]
    [InlineData("1.2.3", null)]
    [InlineData("v1.2", null)]
    [InlineData("v01.2.3", null)]
    [InlineData("v1.2.3;id", null)]
    public async Task The_version_is_that_of_the_tag(string tag, string? version)
    {
        var (exitCode, text) = await RunAsync("version", tag);
        (exitCode == 0 ? text.Trim() : null).ShouldBe(version, text);
    }

    [Fact]
    public async Task The_notes_are_the_section_of_the_version()
    {
        var (exitCode, text) = await RunAsync("notes", "1.2.3");
        exitCode.ShouldBe(1);
        text.ShouldContain("CHANGELOG.md has no section");

        var changelog = Path.Combine(output.FullName, "CHANGELOG.md");
        await File.WriteAllTextAsync(
            changelog, "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n- New.\n\n## [1.2.2]\n\n- Old.\n");
        (exitCode, text) = await Tool.RunAsync("env", [$"CHANGELOG={changelog}", Script, "notes", "1.2.3"]);
        (exitCode, text.Trim()).ShouldBe((0, "- New."));
    }

    [Fact]
    public async Task The_chart_of_a_release_has_its_version_and_names_the_image_by_digest()
    {
        foreach (var helm in new[] { Helm.Three, Helm.Four })
        {
            var (exitCode, text) = await Tool.RunAsync("env",
                [$"HELM={helm.Program}", Script, "chart", "1.2.3", "ghcr.io/example/calls", Digest, output.FullName]);
            exitCode.ShouldBe(0, text);
            (exitCode, text) = await Tool.RunAsync(helm.Program,
                ["template", "calls", Path.Combine(output.FullName, "calls-1.2.3.tgz"), "--set", "config.publicBaseUrl=https://a.example",
                    "--set-string", "config.twilio.callerId=+15550100000", "--set", "secrets.existingSecret=a,redis.connectionString=b:1"]);
            exitCode.ShouldBe(0, text);
            text.ShouldContain($"image: \"ghcr.io/example/calls@{Digest}\"");
            text.ShouldContain("helm.sh/chart: calls-1.2.3\n");
            text.ShouldContain("app.kubernetes.io/version: \"1.2.3\"");
        }
    }

    [Fact]
    public async Task The_client_of_a_release_has_its_version_and_its_code()
    {
        Tool.NpmPackages();
        var (exitCode, text) = await RunAsync("client", "1.2.3", output.FullName);
        exitCode.ShouldBe(0, text);
        var (_, package) = await Tool.RunAsync("tar",
            ["-xOf", Path.Combine(output.FullName, "calls-client-1.2.3.tgz"), "package/package.json"]);
        package.ShouldContain("\"version\": \"1.2.3\"");
        (await Tool.RunAsync("tar", ["-tf", Path.Combine(output.FullName, "calls-client-1.2.3.tgz")])).Output
            .ShouldContain("package/dist/index.js");
    }

    [Fact]
    public async Task The_values_of_the_upgrade_workflow_render()
    {
        var values = Path.Combine(Tool.Root, ".github/upgrade-values.yaml");
        (await Helm.Four.ObjectsAsync(values, "--set", "image.tag=after")).Count.ShouldBeGreaterThan(4);
    }

    [Theory]
    [InlineData("Dockerfile")]
    [InlineData("deploy/compose/sandbox.Dockerfile")]
    public async Task A_Dockerfile_has_no_mistake_that_a_linter_finds_and_copies_what_exists(string file)
    {
        var path = Path.Combine(Tool.Root, file);
        var lint = Path.Combine(Tool.NpmPackages(), "node_modules/.bin/dockerfile-utils");
        var (exitCode, text) = await Tool.RunAsync(lint, ["lint", path]);
        (exitCode, text.Trim()).ShouldBe((0, ""));
        foreach (Match copy in Copied().Matches(await File.ReadAllTextAsync(path)))
            foreach (var source in copy.Groups["paths"].Value.Split(' ')[..^1])
                Path.Exists(Path.Combine(Tool.Root, source)).ShouldBeTrue(source);
    }

    public void Dispose() => output.Delete(recursive: true);

    private static string Script => Path.Combine(Tool.Root, "build/release");

    private static Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) => Tool.RunAsync(Script, arguments);

    private static Task<(int ExitCode, string Output)> LintAsync(string workflow) =>
        Tool.RunAsync("node", ["lint-workflows.mjs"], workflow, Tool.NpmPackages());

    [GeneratedRegex("^\\s+(- )?uses: (?<action>.+)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Used();

    [GeneratedRegex("^[\\w.-]+/[\\w.-]+@[0-9a-f]{40} # v[0-9]+\\.[0-9]+\\.[0-9]+$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Pinned();

    [GeneratedRegex("^  (?<name>[a-z]+):$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Job();

    [GeneratedRegex("^COPY --link (?<paths>[^-].*)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Copied();
}
