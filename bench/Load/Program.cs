// Whole calls: against the service and the floor in turn, or against any service that is up.
using Calls.Load;

if (args.Contains("--help"))
{
    Console.WriteLine(Options.Usage);
    return 0;
}

Options options;
try
{
    options = Options.Parse(args);
}
catch (FormatException wrong)
{
    await Console.Error.WriteLineAsync(wrong.Message + "\n\n" + Options.Usage);
    return 2;
}

// Also where nothing was started: a signal that only ended our Twilio would leave its calls to be stuck one by one.
using var children = new Children();
if (options.Url is not { } url)
    return await Comparison.RunAsync(options, children);

await using var twilio = await QuickTwilio.StartAsync(options.Port);
twilio.Latency = options.Latency;
await ClosedLoop.RunAsync(twilio, url, options.WarmUp, options.Concurrency);
var run = options.Rate is { } rate
    ? await OpenLoop.RunAsync(twilio, url, options.Calls, rate)
    : await ClosedLoop.RunAsync(twilio, url, options.Calls, options.Concurrency);
Console.WriteLine(run.ToString());
return run.Tally.IsSound ? 0 : 1;
