using System.Net;
using System.Security.Cryptography;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Lifecycle.Tests;

/// <summary>
/// The published service runs under the restrictions of its pod: an unprivileged user, no capabilities, no privilege escalation, a
/// read-only root file system.
/// </summary>
public sealed class It_runs_as_its_pod_would
{
    private const string Uid = "1654";
    private const string Token = "the-token";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// As the container runtime does it: first the mounts, then all rights are dropped. The program moves to /mnt, because /tmp is a mount
    /// of the pod.
    /// </summary>
    private const string Script =
        """
        mount --bind "$1" /mnt && mount -o remount,bind,ro /mnt && mount -o remount,bind,ro / || exit 97
        mount -t tmpfs tmpfs /tmp || exit 98
        cd /mnt
        exec setpriv --reuid 1654 --regid 1654 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs dotnet Calls.Api.dll
        """;

    [Fact]
    public async Task Published_for_release_it_gets_ready_and_answers_a_signed_webhook_without_any_right()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess,
            "only root can take rights away as a container runtime does");
        Assert.SkipUnless(IsInstalled("unshare") && IsInstalled("setpriv"), "unshare and setpriv are not installed");
        var folder = Directory.CreateDirectory(
            Path.Combine(AppContext.BaseDirectory, "published-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))));
        try
        {
            await PublishAsync(folder.FullName);
            await RunAsync(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void What_the_image_copies_is_there_and_holds_every_project_that_it_restores()
    {
        var copied = File.ReadAllLines(Path.Combine(Root(), "Dockerfile"))
            .Where(line => line.StartsWith("COPY --link ", StringComparison.Ordinal) && !line.Contains("--from=", StringComparison.Ordinal))
            .SelectMany(line => line.Split(' ')[2..^1]).ToList();
        copied.Count.ShouldBeGreaterThan(8);
        copied.ShouldAllBe(path => Path.Exists(Path.Combine(Root(), path)));
        copied.Where(path => path.EndsWith(".csproj", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .ShouldBe(Needed("src/Api/Api.csproj").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
    }

    /// <summary>A project and all projects that it references.</summary>
    private static IEnumerable<string> Needed(string project) =>
    [
        project,
        .. System.Xml.Linq.XDocument.Load(Path.Combine(Root(), project)).Descendants("ProjectReference")
            .Select(reference => Path.GetRelativePath(Root(),
                Path.GetFullPath(
                Path.Combine(Root(), Path.GetDirectoryName(project)!, reference.Attribute("Include")!.Value.Replace('\\', '/')))))
            .SelectMany(Needed),
    ];

    private static async Task PublishAsync(string folder)
    {
        var project = Path.Combine(Root(), "src", "Api", "Api.csproj");
        using var publish = await OwnProcess.StartAsync(
            "dotnet", ["publish", project, "-c", "Release", "-o", folder, "-v", "q", "-clp:NoSummary", "--disable-build-servers"], null);
        (await publish.ExitAsync(TimeSpan.FromMinutes(4))).ShouldBe(0, publish.Tail);
    }

    private static async Task RunAsync(string folder)
    {
        var address = new Uri("http://127.0.0.1:" + Ports.Text(Ports.Free()));
        using var process = await OwnProcess.StartAsync(
            "unshare", ["--mount", "--propagation", "private", "bash", "-c", Script, "_", folder], null, start =>
        {
            var path = start.Environment["PATH"];
            var dotnet = start.Environment.TryGetValue("DOTNET_ROOT", out var root) ? root : null;
            start.Environment.Clear();
            start.Environment["PATH"] = path;
            start.Environment["DOTNET_ROOT"] = dotnet;
            start.Environment["ASPNETCORE_URLS"] = address.ToString();
            // There is no Redis. The service starts and keeps the caller on the line.
            start.Environment["ConnectionStrings__Redis"] = "127.0.0.1:" + Ports.Text(Ports.Free());
            start.Environment["PublicBaseUrl"] = "https://calls.example.org";
            start.Environment["Twilio__Client__AccountSid"] = "AC" + new string('0', 32);
            start.Environment["Twilio__AuthToken"] = Token;
            start.Environment["Twilio__Voice__CallerId"] = "+15550100000";
        });
        var took = await Eventually.TrueAsync(async () => await ReadyAsync(address, process), "the pod is ready", Patience);
        Report.Line($"Ready after {took.TotalSeconds:0.00} s");

        var status = File.ReadAllLines($"/proc/{process.Id}/status").Select(line => line.Split('\t', StringSplitOptions.RemoveEmptyEntries))
            .ToLookup(field => field[0].TrimEnd(':'), field => field[^1]);
        status["Uid"].ShouldBe([Uid]);
        status["CapBnd"].ShouldBe(["0000000000000000"]);
        status["CapEff"].ShouldBe(["0000000000000000"]);
        status["NoNewPrivs"].ShouldBe(["1"]);
        // In the mount namespace of the process and with root's rights: the mount itself refuses the write.
        foreach (var place in new[] { "/", "/mnt" })
            Should.Throw<IOException>(() => File.WriteAllText($"/proc/{process.Id}/root{place}/written", ""))
                .Message.ShouldContain("Read-only file system");

        List<KeyValuePair<string, string>> form = [new("CallSid", "CA" + new string('a', 32)), new("From", "client:alice"),
            new("To", "bob"), new("SessionID", "s-1")];
        var signature = Signer.Sign(Token, "https://calls.example.org/twilio/voice", form);
        var (answer, twiml) = await Http.FormAsync(new Uri(address, "/twilio/voice"), form, signature);
        answer.ShouldBe(HttpStatusCode.OK, process.Tail);
        twiml.ShouldContain("<Redirect");
        (await Http.FormAsync(new Uri(address, "/twilio/voice"), form, "AAAA")).Status.ShouldBe(HttpStatusCode.Forbidden);

        process.Terminate();
        (await process.ExitAsync(Patience)).ShouldBe(0, process.Tail);
    }

    private static async Task<bool> ReadyAsync(Uri address, OwnProcess process)
    {
        if (process.HasExited)
            throw new InvalidOperationException("It ended before it was ready:\n" + process.Tail);
        try
        {
            return (await Http.SendAsync(HttpMethod.Get, new Uri(address, "/healthz/ready"))).Status == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static bool IsInstalled(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, tool)));

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Calls.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Calls.sln lies in no folder above the tests");
    }
}
