using System.Globalization;
using Calls.Sandbox;
using Calls.Sandbox.Demo;
using Calls.Sandbox.Replay;

switch (args)
{
    case ["demo"]:
        return await Demonstration.RunAsync(Random.Shared.Next(10_000));
    case ["demo", "--guesses", var text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed):
        return await Demonstration.RunAsync(seed);
    case ["replay", var file]:
        return await ReplayCommand.RunAsync(file, Console.Out, Console.Error);
    case [] or ["--port" or "--guess" or "--rejoin-grace", ..] when LiveOptions.Read(args) is { } options:
        return await LiveSandbox.RunAsync(options);
    default:
        Console.Error.WriteLine("""
            Usage: dotnet run --project src/Sandbox                    runs the service with an emulated Twilio until Ctrl+C
                   dotnet run --project src/Sandbox -- --port PORT     the same, with the service on PORT; the page, Redis and
                                                                       Twilio take the next three ports
                   dotnet run --project src/Sandbox -- --guess G       the same, with a position of the emulated Twilio, such as
                                                                       initiated=when-queued (docs/emulator.md); can be repeated
                   dotnet run --project src/Sandbox -- --rejoin-grace S
                                                                       the same, and a call waits S seconds for a dropped person
                   dotnet run --project src/Sandbox -- demo            plays calls and reports whether a guarantee broke
                   dotnet run --project src/Sandbox -- demo --guesses N
                                                                       the same, with the positions that the seed N draws
                   dotnet run --project src/Sandbox -- replay FILE     replays an exported call and reports whether it ends the same way
            """);
        return 2;
}
