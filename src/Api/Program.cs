using Calls.Api;

var builder = WebApplication.CreateBuilder(args);
return await StartErrors.ReportAsync(
    () => builder.AddCalls().Build().MapCalls().RunAsync(),
    port => port == ManagementPort.Of(builder.Configuration)
        ? "set Management:Port to another port"
        : "set ASPNETCORE_URLS or ASPNETCORE_HTTP_PORTS to another port");
