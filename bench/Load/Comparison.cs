using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Calls.Load;

/// <summary>Measures the service and the floor in turns. Each has its own process. They share one Redis and one Twilio.</summary>
internal sealed class Comparison(Options options, Children children, QuickTwilio twilio, RedisServer redis)
{
    /// <summary>The number of turns of a closed loop.</summary>
    public const int Turns = 8;

    /// <summary>
    /// The number of turns of the open loop at half the rate. Its tail is judged, so a short disturbance of the machine must affect both
    /// contenders.
    /// </summary>
    public const int TurnsAtHalf = 16;

    /// <summary>The duration of an open loop as a share of the duration of a closed loop, at every rate.</summary>
    private const double OpenLength = 0.25;

    /// <summary>The steps of one contender in one pair.</summary>
    private static readonly int Steps = 5 + Sample.Shares.Length;

    private readonly Progress progress = new(1 + (options.Pairs * 2 * Steps));

    /// <returns>The program's exit code: 0 if every bound and every guarantee held.</returns>
    public static async Task<int> RunAsync(Options options, Children children)
    {
        Console.WriteLine("Publishing the service and the floor");
        await Contender.Service.PublishAsync();
        await Contender.Floor.PublishAsync();
        if (options.Pin)
            await PinLoadAsync();
        await using var twilio = await QuickTwilio.StartAsync(FreePort());
        var redis = children.Keep(await RedisServer.StartAsync(FreePort(), options.Pin ? 1 : null));
        var result = await new Comparison(options, children, twilio, redis).MeasureAsync();
        Console.WriteLine(result.ToString());
        if (!options.Quick)
            PerformanceSection.Write(result, options);
        return result.Passed ? 0 : 1;
    }

    private async Task<Result> MeasureAsync()
    {
        var saturation = await SaturateAsync();
        var samples = new Dictionary<Contender, List<Sample>> { [Contender.Service] = [], [Contender.Floor] = [] };
        for (var pair = 1; pair <= options.Pairs; pair++)
        {
            // The order of the two alternates, so that neither always has the warmer machine.
            foreach (var (contender, sample) in await PairAsync(
                pair % 2 == 1 ? [Contender.Service, Contender.Floor] : [Contender.Floor, Contender.Service], $"pair {pair}", saturation))
                samples[contender].Add(sample);
        }

        return new Result(saturation, samples[Contender.Service], samples[Contender.Floor], twilio.Exported);
    }

    /// <summary>
    /// The highest rate of calls that the service can serve. Open loops offer shares of it to both contenders. This also warms up this
    /// process.
    /// </summary>
    private async Task<double> SaturateAsync()
    {
        await EmptyAsync();
        using var server = await StartAsync(Contender.Service);
        await ClosedLoop.RunAsync(twilio, server.Origin, options.WarmUp, options.Concurrency);
        List<double> rates = [];
        while (rates.Count < 3)
            rates.Add((await ClosedLoop.RunAsync(twilio, server.Origin, options.Calls / Turns, options.Concurrency)).CallsPerSecond);
        progress.Done(string.Create(CultureInfo.InvariantCulture, $"The service saturates at {rates.Median():0} calls/s"));
        return rates.Median();
    }

    /// <summary>Both contenders run and are warm, and take short turns, so that a change of the machine's speed affects both.</summary>
    private async Task<IReadOnlyDictionary<Contender, Sample>> PairAsync(Contender[] order, string pair, double saturation)
    {
        var live = new Dictionary<Contender, LiveSample>();
        foreach (var contender in order)
            live[contender] = await LiveAsync(contender, $"{pair}, {contender.Name}");

        await EmptyAsync();
        using var first = await StartAsync(order[0]);
        using var second = await StartAsync(order[1]);
        Dictionary<Contender, Server> servers = new() { [order[0]] = first, [order[1]] = second };
        foreach (var (contender, server) in servers)
        {
            await ClosedLoop.RunAsync(twilio, server.Origin, options.WarmUp, options.Concurrency);
            progress.Done($"{pair}, {contender.Name}, warmed up");
        }

        var before = servers.ToDictionary(up => up.Key, up => up.Value.Processor);
        var closed = await InTurnsAsync(order, pair, "closed loop", Turns,
            contender => ClosedLoop.RunAsync(twilio, servers[contender].Origin, options.Calls / Turns, options.Concurrency));
        var processor = servers.ToDictionary(up => up.Key, up => up.Value.Processor - before[up.Key]);
        var peak = servers.ToDictionary(up => up.Key, up => up.Value.PeakMegabytes);
        var half = await InTurnsAsync(order, pair, "half of that", TurnsAtHalf,
            contender => OpenAsync(servers[contender], 1d / TurnsAtHalf, Sample.Half * closed[contender].CallsPerSecond));
        var open = order.ToDictionary(contender => contender, _ => new List<Run>());
        foreach (var share in Sample.Shares)
        {
            foreach (var contender in order)
            {
                open[contender].Add(await OpenAsync(servers[contender], share * OpenLength, share * saturation));
                progress.Done($"{pair}, {contender.Name}, open loop: {open[contender][^1]}");
            }
        }

        var slow = new Dictionary<Contender, Run>();
        twilio.Latency = Sample.Slow;
        foreach (var contender in order)
        {
            slow[contender] = await OpenAsync(servers[contender], Sample.Low * OpenLength, Sample.Low * saturation);
            progress.Done($"{pair}, {contender.Name}, slow Twilio: {slow[contender]}");
        }

        twilio.Latency = TimeSpan.Zero;
        return order.ToDictionary(contender => contender, contender => new Sample
        {
            Live = live[contender],
            ReadyIn = servers[contender].ReadyIn,
            Closed = closed[contender],
            Processor = processor[contender],
            PeakMegabytes = peak[contender],
            HalfOfItsOwn = half[contender],
            Open = open[contender],
            SlowTwilio = slow[contender],
        });
    }

    /// <summary>Both contenders have the same number of turns, and neither is always first.</summary>
    private async Task<Dictionary<Contender, Run>> InTurnsAsync(Contender[] order, string pair, string what, int turns,
        Func<Contender, Task<Run>> run)
    {
        var runs = order.ToDictionary(contender => contender, _ => new List<Run>());
        for (var turn = 0; turn < turns; turn++)
        {
            foreach (var contender in turn % 2 == 0 ? order : order.Reverse())
                runs[contender].Add(await run(contender));
        }

        var sums = runs.ToDictionary(of => of.Key, of => Run.Sum(of.Value));
        foreach (var (contender, sum) in sums)
            progress.Done($"{pair}, {contender.Name}, {what}: {sum}");
        return sums;
    }

    private async Task<LiveSample> LiveAsync(Contender contender, string turn)
    {
        await EmptyAsync();
        using var server = await StartAsync(contender);
        var placed = await ClosedLoop.RunAsync(twilio, server.Origin, options.Live, options.Concurrency, stay: true);
        var sample = new LiveSample(server.ReadyIn, placed, server.PeakMegabytes);
        progress.Done(string.Create(CultureInfo.InvariantCulture, $"{turn}, {options.Live} live: {sample.PeakMegabytes:0} MB"));
        return sample;
    }

    /// <param name="server">The contender that is called.</param>
    /// <param name="share">The share of the calls of a run.</param>
    /// <param name="rate">Calls per second.</param>
    private Task<Run> OpenAsync(Server server, double share, double rate) =>
        OpenLoop.RunAsync(twilio, server.Origin, Math.Max(1, (int)(options.Calls * share)), rate);

    private async Task EmptyAsync()
    {
        twilio.Forget();
        await redis.EmptyAsync();
    }

    private Task<Server> StartAsync(Contender contender) =>
        Server.StartAsync(children, contender, new Uri("http://127.0.0.1:" + FreePort().ToString(CultureInfo.InvariantCulture)),
            twilio.Address, redis.Address, options.Pin ? 0 : null);

    private static async Task PinLoadAsync()
    {
        string[] arguments = ["--all-tasks", "--cpu-list", "--pid", "1", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)];
        var start = new ProcessStartInfo("taskset", arguments) { UseShellExecute = false, RedirectStandardOutput = true };
        using var taskset = Process.Start(start) ?? throw new InvalidOperationException("taskset did not start");
        await taskset.StandardOutput.ReadToEndAsync();
        await taskset.WaitForExitAsync();
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
