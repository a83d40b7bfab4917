using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Calls.Load;

/// <summary>The service and the floor in turn, each in processes of its own, on one Redis and one Twilio.</summary>
internal sealed class Comparison(Options options, QuickTwilio twilio, RedisServer redis)
{
    /// <summary>Steps of one contender in one pair.</summary>
    private static readonly int Steps = 5 + Sample.Shares.Length;

    private readonly Uri origin = new("http://127.0.0.1:" + FreePort().ToString(CultureInfo.InvariantCulture));
    private readonly Progress progress = new(1 + (options.Pairs * 2 * Steps));

    /// <returns>The program's exit code: 0 where every bound and every guarantee held.</returns>
    public static async Task<int> RunAsync(Options options)
    {
        Console.WriteLine("Publishing the service and the floor");
        await Contender.Service.PublishAsync();
        await Contender.Floor.PublishAsync();
        if (options.Pin)
            await PinLoadAsync();
        await using var twilio = await QuickTwilio.StartAsync(FreePort());
        using var redis = await RedisServer.StartAsync(FreePort(), options.Pin ? 1 : null);
        var result = await new Comparison(options, twilio, redis).MeasureAsync();
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
            // Which of the two comes first alternates, so that neither always has the warmer machine.
            foreach (var contender in pair % 2 == 1 ? samples.Keys : samples.Keys.Reverse())
                samples[contender].Add(await MeasureAsync(contender, $"pair {pair}, {contender.Name}", saturation));
        }

        return new Result(saturation, samples[Contender.Service], samples[Contender.Floor], twilio.Exported);
    }

    /// <summary>The most calls a second that the service takes, which open loops offer shares of, to it and to the floor alike. It warms up this process too.</summary>
    private async Task<double> SaturateAsync()
    {
        using var server = await StartAsync(Contender.Service);
        await ClosedLoop.RunAsync(twilio, server.Origin, options.WarmUp, options.Concurrency);
        List<double> rates = [];
        while (rates.Count < 3)
            rates.Add((await ClosedLoop.RunAsync(twilio, server.Origin, options.Calls / 2, options.Concurrency)).CallsPerSecond);
        progress.Done(string.Create(CultureInfo.InvariantCulture, $"The service saturates at {rates.Median():0} calls/s"));
        return rates.Median();
    }

    private async Task<Sample> MeasureAsync(Contender contender, string turn, double saturation)
    {
        var live = await LiveAsync(contender, turn);
        using var server = await StartAsync(contender);
        await ClosedLoop.RunAsync(twilio, server.Origin, options.WarmUp, options.Concurrency);
        progress.Done($"{turn}, warmed up");

        var before = server.Processor;
        var closed = await ClosedLoop.RunAsync(twilio, server.Origin, options.Calls, options.Concurrency);
        var (processor, peak) = (server.Processor - before, server.PeakMegabytes);
        progress.Done($"{turn}, closed loop: {closed}");

        var half = await OpenAsync(server, Sample.Half, closed.CallsPerSecond);
        progress.Done($"{turn}, half of that: {half}");

        List<Run> open = [];
        foreach (var share in Sample.Shares)
        {
            open.Add(await OpenAsync(server, share, saturation));
            progress.Done($"{turn}, open loop: {open[^1]}");
        }

        twilio.Latency = Sample.Slow;
        var slow = await OpenAsync(server, Sample.Low, saturation);
        twilio.Latency = TimeSpan.Zero;
        progress.Done($"{turn}, slow Twilio: {slow}");
        return new Sample { Live = live, ReadyIn = server.ReadyIn, Closed = closed, Processor = processor, PeakMegabytes = peak, HalfOfItsOwn = half, Open = open, SlowTwilio = slow };
    }

    private async Task<LiveSample> LiveAsync(Contender contender, string turn)
    {
        using var server = await StartAsync(contender);
        var placed = await ClosedLoop.RunAsync(twilio, server.Origin, options.Live, options.Concurrency, stay: true);
        var sample = new LiveSample(server.ReadyIn, placed, server.PeakMegabytes);
        progress.Done(string.Create(CultureInfo.InvariantCulture, $"{turn}, {options.Live} live: {sample.PeakMegabytes:0} MB"));
        return sample;
    }

    /// <summary>As long as the closed loop takes, whatever the rate.</summary>
    private Task<Run> OpenAsync(Server server, double share, double saturation) =>
        OpenLoop.RunAsync(twilio, server.Origin, Math.Max(1, (int)(options.Calls * share)), share * saturation);

    private async Task<Server> StartAsync(Contender contender)
    {
        twilio.Forget();
        await redis.EmptyAsync();
        return await Server.StartAsync(contender, origin, twilio.Address, redis.Address, options.Pin ? 0 : null);
    }

    private static async Task PinLoadAsync()
    {
        string[] arguments = ["--all-tasks", "--cpu-list", "--pid", "1", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)];
        using var taskset = Process.Start(new ProcessStartInfo("taskset", arguments) { UseShellExecute = false, RedirectStandardOutput = true }) ?? throw new InvalidOperationException("taskset did not start");
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
