// Whole calls against the service and the floor, in turn: dotnet run --project bench/Load -c Release [-- --quick]
// or against any service that is up and is given this process as its Twilio: -- --url http://host:port --calls 1000 --concurrency 16 --latency 0 --port 18080
using System.Globalization;
using Calls.Load;

string Option(string name, string otherwise) => Array.IndexOf(args, "--" + name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : otherwise;
int Number(string name, int otherwise) => int.Parse(Option(name, otherwise.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);
var quick = args.Contains("--quick");
var (count, concurrency, pairs) = (Number("calls", quick ? 200 : 1000), Number("concurrency", 8), Number("pairs", quick ? 1 : 5));

if (Option("url", "") is { Length: > 0 } url)
{
    await using var twilio = await QuickTwilio.StartAsync(Number("port", 18080));
    twilio.Latency = TimeSpan.FromMilliseconds(Number("latency", 0));
    var run = await ClosedLoop.RunAsync(twilio, new Uri(url), count, concurrency);
    Console.WriteLine(run.ToString());
    return run.Tally is { StuckCalls: 0, RungTwice: 0, Failed: 0 } ? 0 : 1;
}

return await Comparison.RunAsync(count, concurrency, pairs);
