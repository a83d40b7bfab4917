using Calls.Api;
using Microsoft.Extensions.Options;

try
{
    var app = WebApplication.CreateBuilder(args).AddCalls().Build().MapCalls();
    await app.RunAsync();
    return 0;
}
catch (OptionsValidationException invalid)
{
    await Console.Error.WriteLineAsync("The configuration cannot be used:");
    foreach (var failure in invalid.Failures)
        await Console.Error.WriteLineAsync("  " + failure);
    await Console.Error.WriteLineAsync("See the table of keys in README.md.");
    return 2;
}
