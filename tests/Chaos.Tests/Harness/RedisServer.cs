namespace Calls.Chaos.Tests.Harness;

/// <summary>A real redis-server with its own port and folder. It appends every write to a file that is synced every second.</summary>
internal sealed class RedisServer : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("calls-chaos-redis-");
    private readonly string[] more;
    private OwnProcess? process;

    private RedisServer(string[] more) => this.more = more;

    public static bool IsInstalled { get; } = new[] { "redis-server", "redis-cli" }.All(tool =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, tool))));

    public int Port { get; } = Ports.Free();

    public string Address => "127.0.0.1:" + Ports.Text(Port);

    /// <summary>Skips the test if redis-server is not installed.</summary>
    public static void MustBeInstalled() => Assert.SkipUnless(IsInstalled, "redis-server is not installed");

    public static async Task<RedisServer> StartAsync(params string[] more)
    {
        MustBeInstalled();
        var server = new RedisServer(more);
        await server.StartAgainAsync();
        return server;
    }

    /// <summary>Starts the server again after a kill, on the same port and with the data of its file.</summary>
    public async Task StartAgainAsync()
    {
        process?.Dispose();
        process = await OwnProcess.StartAsync(
            "redis-server",
            ["--port", Ports.Text(Port), "--bind", "127.0.0.1", "--dir", folder.FullName, "--save", "", "--appendonly", "yes",
                "--appendfsync", "everysec", .. more],
            "Ready to accept connections");
    }

    public void Kill() => process?.Kill();

    public void Pause() => process?.Pause();

    public void Resume() => process?.Resume();

    public void Dispose()
    {
        process?.Dispose();
        folder.Delete(recursive: true);
    }
}
