using System.Collections.Concurrent;
using System.Net;

namespace Calls.Chaos.Tests.Harness;

/// <summary>One process of the Api, configured by environment variables alone, as in production.</summary>
internal sealed class Replica(IReadOnlyDictionary<string, string> settings) : IDisposable
{
    /// <summary>The time in which a load balancer's health check notices a dead process.</summary>
    private static readonly TimeSpan NoticedAfter = TimeSpan.FromSeconds(1);

    /// <summary>Environment variables of the machine that the Api must not inherit.</summary>
    private static readonly string[] ServiceKeys = ["Twilio", "ASPNETCORE", "Calls__", "MY_", "ConnectionStrings"];

    private static readonly string[] Levels = ["Warning", "Error", "Critical"];

    private readonly ConcurrentQueue<(long At, string Line)> warnings = new();
    private OwnProcess? process;
    private long? killedAt;
    private long lines;
    private long characters;

    public int Port { get; } = Ports.Free();

    public Uri Address => new("http://127.0.0.1:" + Ports.Text(Port));

    public int Kills { get; private set; }

    /// <summary>
    /// Whether the load balancer sends requests here: from the first green health check until a while after the death of the process.
    /// </summary>
    public bool InRotation { get; private set; }

    public TimeSpan ProcessorTime => process?.ProcessorTime ?? TimeSpan.Zero;

    public string Tail => process?.Tail ?? "";

    /// <summary>Raised for each line that the replica writes, on the thread that reads it.</summary>
    public event Action<string>? Wrote;

    /// <summary>The lines of level Warning and above.</summary>
    public int Warnings => warnings.Count;

    /// <summary>The most warnings within one minute.</summary>
    public int MostWarningsInAMinute()
    {
        var all = warnings.ToArray();
        var (most, first) = (0, 0);
        for (var last = 0; last < all.Length; last++)
        {
            while (TimeProvider.System.GetElapsedTime(all[first].At, all[last].At) > TimeSpan.FromMinutes(1))
                first++;
            most = Math.Max(most, last - first + 1);
        }

        return most;
    }

    /// <summary>How many lines the replica has written, and how many characters.</summary>
    public (long Lines, long Characters) Written => (Interlocked.Read(ref lines), Interlocked.Read(ref characters));

    public async Task StartAsync()
    {
        process?.Dispose();
        process = await OwnProcess.StartAsync("dotnet", [Path.Combine(AppContext.BaseDirectory, "Calls.Api.dll")], null, start =>
        {
            start.WorkingDirectory = AppContext.BaseDirectory;
            foreach (var name in start.Environment.Keys.Where(IsOfTheService).ToList())
                start.Environment.Remove(name);
            foreach (var (key, value) in settings)
                start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
            start.Environment["ASPNETCORE_URLS"] = Address.ToString();
            // There are many processes on few cores for a short time.
            start.Environment["DOTNET_gcServer"] = "0";
            start.Environment["DOTNET_TieredPGO"] = "0";
        }, Read);
        await Eventually.TrueAsync(
            async () => process.HasExited
                ? throw new InvalidOperationException("The Api ended before it was ready:\n" + Tail)
                : await HealthAsync("ready") == HttpStatusCode.OK,
            "the Api is ready", TimeSpan.FromSeconds(30));
        killedAt = null;
        InRotation = true;
    }

    /// <summary>Whether the load balancer may send a new connection here now.</summary>
    public bool IsChosen() => InRotation && (killedAt is not { } at || TimeProvider.System.GetElapsedTime(at) < NoticedAfter);

    public void Kill()
    {
        process?.Kill();
        Kills++;
        killedAt = TimeProvider.System.GetTimestamp();
    }

    /// <summary>SIGTERM, as Kubernetes sends it. The load balancer stops using the replica as soon as its readiness is not green.</summary>
    /// <returns>The exit code, and the times until the load balancer stopped using the replica and until the process ended.</returns>
    public async Task<(int ExitCode, TimeSpan OutOfRotation, TimeSpan Ended)> TerminateAsync(TimeSpan patience)
    {
        var stopping = process ?? throw new InvalidOperationException("The replica was not started");
        var from = TimeProvider.System.GetTimestamp();
        stopping.Terminate();
        await Eventually.TrueAsync(async () => await HealthAsync("ready") != HttpStatusCode.OK, "the readiness turns red", patience);
        InRotation = false;
        var noticed = TimeProvider.System.GetElapsedTime(from);
        return (await stopping.ExitAsync(patience), noticed, TimeProvider.System.GetElapsedTime(from));
    }

    /// <summary>The answer of a health route. Null if there was no answer.</summary>
    public async Task<HttpStatusCode?> HealthAsync(string route)
    {
        try
        {
            return (await Http.SendAsync(HttpMethod.Get, new Uri(Address, "/healthz/" + route))).Status;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return null;
        }
    }

    public void Dispose() => process?.Dispose();

    private void Read(string line)
    {
        Wrote?.Invoke(line);
        Interlocked.Increment(ref lines);
        Interlocked.Add(ref characters, line.Length);
        // In production a line is JSON.
        if (Levels.Any(level => line.Contains($"\"LogLevel\":\"{level}\"", StringComparison.Ordinal)))
            warnings.Enqueue((TimeProvider.System.GetTimestamp(), line));
    }

    private static bool IsOfTheService(string name) =>
        ServiceKeys.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));
}
