using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox.Redis;
using Testcontainers.Redis;

[assembly: AssemblyFixture(typeof(RedisFixture))]

namespace Calls.Integration.Tests.Redis;

/// <summary>A real Redis for the run: a container where Docker answers, else a local <c>redis-server</c>, else the embedded Garnet; the run
/// says which.</summary>
public sealed class RedisFixture : IAsyncLifetime
{
    /// <summary>More than the run has tests: a database is never handed out twice, since what one service has stored another would
    /// sweep.</summary>
    internal const string Databases = "10000";
    /// <summary>On a loaded machine, Redis may answer after more than the 800 ms that the service waits.</summary>
    internal const string Patience = "syncTimeout=5000,asyncTimeout=5000";

    private readonly System.Collections.Concurrent.ConcurrentBag<EmbeddedRedis> garnets = [];
    private RedisContainer? container;
    private RedisServerProcess? process;
    private EmbeddedRedis? besides;
    private int garnetDatabase;
    private int database;

    /// <summary>Which one it is.</summary>
    public string Kind { get; private set; } = "";

    /// <summary>The one server that all databases are on; empty with Garnet, where each is a server of its own.</summary>
    public string ConnectionString { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        // Garnet's start waits for threads of the pool, and tests in full swing leave it none: it is started before them.
        ThreadPool.SetMinThreads(64, 64);
        garnets.Add(besides = await Task.Run(EmbeddedRedis.Start));
        if (await StartContainerAsync() is { } fromContainer)
            (Kind, ConnectionString) = ("redis in a container", fromContainer);
        else if (RedisServerProcess.IsInstalled)
        {
            process = await RedisServerProcess.StartAsync();
            (Kind, ConnectionString) = ("a local redis-server", process.ConnectionString);
        }
        else if (Environment.GetEnvironmentVariable("CALLS_TESTS_REQUIRE_REDIS_SERVER") == "1")
            throw new InvalidOperationException("redis-server is required here, and is not installed");
        else
        {
            Kind = "the embedded Garnet";
        }

        TestContext.Current.SendDiagnosticMessage($"Tests run against {Kind}.");
        Console.WriteLine($"Tests run against {Kind}.");
    }

    /// <summary>An empty database of the one Garnet that stands beside whatever Redis there is.</summary>
    public string NewGarnetDatabase()
    {
        lock (garnets)
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"{besides!.ConnectionString},{Patience},defaultDatabase={garnetDatabase++}");
        }
    }

    /// <summary>An empty database of its own.</summary>
    public Task<string> NewDatabaseAsync()
    {
        if (ConnectionString.Length > 0)
            return Task.FromResult(string.Create(
                CultureInfo.InvariantCulture, $"{ConnectionString},{Patience},defaultDatabase={Interlocked.Increment(ref database)}"));
        var garnet = EmbeddedRedis.Start();
        garnets.Add(garnet);
        return Task.FromResult($"{garnet.ConnectionString},{Patience}");
    }

    public async ValueTask DisposeAsync()
    {
        if (container is not null)
            await container.DisposeAsync();
        process?.Dispose();
        foreach (var garnet in garnets)
            await garnet.DisposeAsync();
    }

    private async Task<string?> StartContainerAsync()
    {
        if (!File.Exists("/var/run/docker.sock") && Environment.GetEnvironmentVariable("DOCKER_HOST") is null)
            return null;
        try
        {
            container = new RedisBuilder("redis:7-alpine").WithCommand("redis-server", "--databases", Databases).Build();
            await container.StartAsync();
            return container.GetConnectionString();
        }
#pragma warning disable CA1031 // Whatever Docker says, there are two more ways.
        catch (Exception e)
#pragma warning restore CA1031
        {
            TestContext.Current.SendDiagnosticMessage($"Docker does not answer: {e.Message}");
            container = null;
            return null;
        }
    }
}

/// <summary>A <c>redis-server</c> of our own on a free port, that writes nothing to disk unless it is told to.</summary>
public sealed class RedisServerProcess : IDisposable
{
    private readonly Process process;
    private readonly DirectoryInfo folder;

    private RedisServerProcess(Process process, DirectoryInfo folder, int port)
    {
        (this.process, this.folder) = (process, folder);
        ConnectionString = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
    }

    public static bool IsInstalled { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, "redis-server")));

    public string ConnectionString { get; }

    public static async Task<RedisServerProcess> StartAsync(int? onPort = null, params string[] more)
    {
        var port = onPort ?? FreePort();
        var folder = Directory.CreateTempSubdirectory("calls-redis-");
        var start =
            new ProcessStartInfo("redis-server") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir",
            folder.FullName, "--save", "", "--appendonly", "no", "--databases", RedisFixture.Databases }.Concat(more))
            start.ArgumentList.Add(argument);
        var process = System.Diagnostics.Process.Start(start) ?? throw new InvalidOperationException("redis-server did not start");
        while (await process.StandardOutput.ReadLineAsync() is { } line)
            if (line.Contains("Ready to accept connections", StringComparison.Ordinal))
                return new RedisServerProcess(process, folder, port);
        throw new InvalidOperationException("redis-server ended before it was ready: " + await process.StandardError.ReadToEndAsync());
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
        folder.Delete(recursive: true);
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
