// Measures the cost with more sessions, more participants and more replicas.
using Calls.Load;
using Calls.Scale;

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

if (Machine.WhyTooSmall(options.Sessions) is { } tooSmall)
{
    await Console.Error.WriteLineAsync(tooSmall);
    return 1;
}

Console.WriteLine("Publishing the service");
await Contender.Service.PublishAsync();
using var children = new Children();
await using var twilio = await QuickTwilio.StartAsync(Machine.FreePort());
if (options.Capacity)
{
    var samples = await Capacity.MeasureAsync(children, twilio);
    if (!options.Quick)
        Capacity.Write(samples, options);
    return 0;
}

if (options.Sizing)
    return await Sizing.RunAsync(options, children, twilio);

var progress = new Progress(options.Steps);
var result = new Result(
    await new SessionGrowth(options, twilio, children, progress).MeasureAsync(),
    await new ParticipantGrowth(options, twilio, children, progress).MeasureAsync(),
    await new ReplicaGrowth(options, twilio, children, progress).MeasureAsync());
Console.WriteLine(result.ToString());
if (options.Quick)
    return result.Total.IsSound ? 0 : 1;
PerformanceSection.Write(result, options);
return result.Passed ? 0 : 1;
