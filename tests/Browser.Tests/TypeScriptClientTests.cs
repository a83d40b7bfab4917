using Calls.Sandbox;
using Calls.Sandbox.Page;
using Calls.Sandbox.Twilio;

namespace Calls.Browser.Tests;

/// <summary>The TypeScript client: its own tests, against servers that they control and against the sandbox, and what is packed.</summary>
public sealed class TypeScriptClientTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "clients", "typescript");
    private static readonly Lazy<Task> Installed = new(() => Npm.RunAsync("ci --no-audit --no-fund", Folder));

    [Fact]
    public async Task The_types_and_the_build_in_the_repository_are_those_of_the_sources()
    {
        await InstallAsync();
        var before = Generated();
        await Npm.RunAsync("run generate", Folder);
        await Npm.RunAsync("run build", Folder);
        Generated().ShouldBe(before, "run npm run generate && npm run build in clients/typescript");
    }

    [Fact]
    public async Task It_passes_its_own_tests()
    {
        await InstallAsync();
        var printed = await Npm.RunAsync("test", Folder);
        printed.ShouldContain("# fail 0");
        printed.ShouldContain("# skipped 0");
    }

    [Fact]
    public async Task It_carries_a_call_of_the_sandbox()
    {
        await InstallAsync();
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        await using var page = await SandboxPage.StartAsync(host, new PageOptions());
        var printed = await Npm.RunAsync("run test:sandbox", Folder, AtSandbox(page));
        printed.ShouldContain("# pass 2");
        printed.ShouldContain("# skipped 0");
    }

    [Fact]
    public async Task A_small_frontend_needs_the_client_alone()
    {
        Npm.Require();
        var folder = Path.Combine(Repository.Root, "samples", "small-frontend");
        (await File.ReadAllLinesAsync(Path.Combine(folder, "frontend.js"))).Length.ShouldBeLessThan(60);
        await Npm.RunAsync("ci --no-audit --no-fund", folder);
        await using var host = await SandboxHost.StartAsync(new SandboxOptions());
        await using var page = await SandboxPage.StartAsync(host, new PageOptions());
        foreach (var phone in (PhoneHandle[])[host.Twilio.Client("bob"), host.Twilio.Phone("+15550100188")])
            await phone.BehaveAsync(PhoneBehaviour.Answer, TimeSpan.Zero);
        var printed = await Npm.RunAsync("start", folder, AtSandbox(page));
        printed.ShouldContain("police was not added");
        printed.ShouldContain("lawyer connected");
        printed.ShouldContain("The call has ended: ended-by-person");
    }

    [Fact]
    public async Task The_package_has_the_build_and_its_types_alone()
    {
        await InstallAsync();
        using var packed = System.Text.Json.JsonDocument.Parse(await Npm.RunAsync("pack --dry-run --json --loglevel=error", Folder));
        var files = packed.RootElement[0].GetProperty("files").EnumerateArray().Select(file => file.GetProperty("path").GetString());
        files.ShouldBe(
            ["README.md", "dist/index.d.ts", "dist/index.js", "dist/schema.d.ts", "dist/schema.js", "package.json"], ignoreOrder: true);
    }

    private static Task InstallAsync()
    {
        Npm.Require();
        return Installed.Value;
    }

    private static Dictionary<string, string> AtSandbox(SandboxPage page) => new() { ["CALLS_SANDBOX"] = page.Address.ToString() };

    private static string Generated() => string.Join(
        '\n',
        Directory.EnumerateFiles(Path.Combine(Folder, "dist")).Append(Path.Combine(Folder, "src", "schema.ts"))
            .Order(StringComparer.Ordinal).Select(file => Path.GetFileName(file) + '\n' + File.ReadAllText(file)));
}
