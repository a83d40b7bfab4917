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
    case ["--port", var text]
        when ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < ushort.MaxValue:
        return await LiveSandbox.RunAsync(port);
    default:
        Console.Error.WriteLine("""
            Usage: dotnet run --project src/Sandbox                    runs the service with an emulated Twilio until Ctrl+C
                   dotnet run --project src/Sandbox -- --port PORT     the same, with the service on PORT and the page on the next port
                   dotnet run --project src/Sandbox -- demo            plays calls and reports whether a guarantee broke
                   dotnet run --project src/Sandbox -- replay FILE     replays an exported call and reports whether it ends the same way
            """);
        return 2;
}
