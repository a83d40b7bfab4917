using System.Diagnostics;
using System.Globalization;

namespace Calls.Load;

/// <summary>The service and the floor in turn, on one Redis and one Twilio; every figure is a ratio of medians.</summary>
internal static class Comparison
{
    private const int Port = 18_080;
    private const int RedisPort = 18_081;
    private const int ServicePort = 18_082;

    public static async Task<int> RunAsync(int calls, int concurrency, int pairs)
    {
        await using var twilio = await QuickTwilio.StartAsync(Port);
        using var redis = Start("redis-server", "--port", Text(RedisPort), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no");
        try
        {
            List<Sample> service = [], floor = [];
            for (var pair = 1; pair <= pairs; pair++)
            {
                service.Add(await MeasureAsync("service", "src/Api", "Calls.Api.dll", twilio, calls, concurrency));
                floor.Add(await MeasureAsync("floor", "bench/Floor", "Calls.Floor.dll", twilio, calls, concurrency));
            }

            var passed = Judge("calls/s, of the floor's", service, floor, s => s.CallsPerSecond, 0.70, atLeast: true)
                & Judge("CPU s per 1,000 calls, of the floor's", service, floor, s => s.Cpu, 1.5, atLeast: false)
                & Judge("voice p50 with Twilio at 100 ms, of the floor's", service, floor, s => s.VoiceSlow, 0.1, atLeast: false)
                & Judge("voice p50 at 100 ms, of its own at 0 ms", service, service, s => s.VoiceSlow, 1.5, atLeast: false, s => s.Voice)
                & Judge("conference p99, of the floor's", service, floor, s => s.ConferenceP99, 1.5, atLeast: false)
                & Judge("start to ready, s", service, [], s => s.Ready, 1.0, atLeast: false);
            Console.WriteLine($"telemetry batches taken: {twilio.Exported.ToString(CultureInfo.InvariantCulture)}");
            return passed && service.All(s => s.Sound) ? 0 : 1;
        }
        finally
        {
            redis.Kill();
        }
    }

    private static async Task<Sample> MeasureAsync(string name, string project, string file, QuickTwilio twilio, int calls, int concurrency)
    {
        var origin = new Uri("http://127.0.0.1:" + Text(ServicePort));
        var from = TimeProvider.System.GetTimestamp();
        using var process = Start("dotnet", Path.Combine(Root(), project, "bin/Release/net10.0", file));
        try
        {
            await ReadyAsync(origin);
            var ready = TimeProvider.System.GetElapsedTime(from).TotalSeconds;
            twilio.Latency = TimeSpan.Zero;
            await ClosedLoop.RunAsync(twilio, origin, calls / 2, concurrency);
            process.Refresh();
            var before = process.TotalProcessorTime;
            var run = await ClosedLoop.RunAsync(twilio, origin, calls, concurrency);
            process.Refresh();
            var cpu = (process.TotalProcessorTime - before).TotalSeconds * 1000 / calls;
            twilio.Latency = TimeSpan.FromMilliseconds(100);
            var slow = await ClosedLoop.RunAsync(twilio, origin, Math.Max(calls / 10, 20), concurrency);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-8} {run}; {cpu:0.00} CPU s/1,000 calls, peak {PeakMegabytes(process)} MB, ready in {ready:0.00} s, voice p50 {slow.Tally.Percentile("voice", 0.5):0.0} ms at 100 ms"));
            return new Sample(run.CallsPerSecond, cpu, run.Tally.Percentile("voice", 0.5), slow.Tally.Percentile("voice", 0.5), run.Tally.Percentile("conference", 0.99), ready,
                run.Tally is { StuckCalls: 0, RungTwice: 0, Failed: 0 } && slow.Tally is { StuckCalls: 0, RungTwice: 0, Failed: 0 });
        }
        finally
        {
            process.Kill();
        }
    }

    private static bool Judge(string what, List<Sample> over, List<Sample> under, Func<Sample, double> of, double bound, bool atLeast, Func<Sample, double>? underOf = null)
    {
        var ratio = under.Count == 0 ? Median(over.Select(of)) : Median(over.Select(of)) / Median(under.Select(underOf ?? of));
        var passed = atLeast ? ratio >= bound : ratio <= bound;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(passed ? "PASS" : "FAIL")}  {ratio,6:0.00}  {(atLeast ? ">=" : "<=")} {bound:0.00}  {what}"));
        return passed;
    }

    private static double Median(IEnumerable<double> values) => values.Order().ToList() is var sorted ? sorted[sorted.Count / 2] : double.NaN;

    private static async Task ReadyAsync(Uri origin)
    {
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(origin, "/healthz/ready"));
                using var response = await http.SendAsync(request, CancellationToken.None);
                if (response.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException) when (attempt < 2000)
            {
                // Not up yet.
            }

            await Task.Delay(10);
        }
    }

    /// <summary>As production runs it: by environment variables alone, telemetry exported, logging at its default.</summary>
    private static Process Start(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments) { UseShellExecute = false, RedirectStandardOutput = true };
        // Where its settings are, as in the image: without them every request would be logged, twice.
        if (arguments is [var program] && Path.GetDirectoryName(program) is { Length: > 0 } folder)
            start.WorkingDirectory = folder;
        foreach (var (key, value) in new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:" + Text(ServicePort),
            ["ConnectionStrings__Redis"] = "127.0.0.1:" + Text(RedisPort),
            ["PublicBaseUrl"] = "http://127.0.0.1:" + Text(ServicePort),
            ["Twilio__Client__AccountSid"] = QuickTwilio.Account,
            ["Twilio__Client__ApiBaseUrl"] = "http://127.0.0.1:" + Text(Port),
            ["Twilio__AuthToken"] = QuickTwilio.Token,
            ["Twilio__Voice__CallerId"] = QuickTwilio.Number,
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:" + Text(Port),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        })
            start.Environment[key] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException(file + " did not start");
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static string PeakMegabytes(Process process)
    {
        var line = File.ReadLines($"/proc/{Text(process.Id)}/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        return Text(int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024);
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Calls.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Run it from the repository");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>One process, measured.</summary>
    private sealed record Sample(double CallsPerSecond, double Cpu, double Voice, double VoiceSlow, double ConferenceP99, double Ready, bool Sound);
}
