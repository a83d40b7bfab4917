using System.Globalization;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Replay;

switch (args)
{
    case ["demo"]:
        return await Demonstration.RunAsync();
    case ["replay", var file]:
        return await ReplayCommand.RunAsync(file, Console.Out, Console.Error);
    case []:
        return await LiveSandbox.RunAsync(LiveSandbox.DefaultPort);
    case ["--port", var text] when ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < ushort.MaxValue:
        return await LiveSandbox.RunAsync(port);
    default:
        Console.Error.WriteLine("Usage: dotnet run --project src/Sandbox            the service with its emulated Twilio, until Ctrl+C");
        Console.Error.WriteLine("       dotnet run --project src/Sandbox -- --port PORT    the same, with the service on PORT and the page on the next port");
        Console.Error.WriteLine("       dotnet run --project src/Sandbox -- demo    plays the calls by itself, and says whether a guarantee broke");
        Console.Error.WriteLine("       dotnet run --project src/Sandbox -- replay FILE    plays a call that the page exported again, and says whether it ends as it did");
        return 2;
}
