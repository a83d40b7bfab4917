// Whole calls against the service and the floor in turns, or against any running service.
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

// This is needed even without child processes: otherwise a signal would end only this Twilio, and its calls would time out one by one.
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
