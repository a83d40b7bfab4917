using Calls.Sandbox;
using Calls.Sandbox.Demo;

switch (args)
{
    case ["demo"]:
        return await Demonstration.RunAsync();
    case []:
        return await LiveSandbox.RunAsync();
    default:
        Console.Error.WriteLine("Usage: dotnet run --project src/Sandbox            the service with its emulated Twilio, until Ctrl+C");
        Console.Error.WriteLine("       dotnet run --project src/Sandbox -- demo    plays the calls by itself, and says whether a guarantee broke");
        return 2;
}
