using System.Collections.Concurrent;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox.Redis;

namespace Calls.Observability.Tests;

/// <summary>With a collector the console has warnings and errors only, unless the configuration says otherwise.</summary>
public sealed class LogExportersTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(null, false)]
    [InlineData("Information", true)]
    public async Task A_collector_gets_every_line_and_the_console_those_that_it_is_asked_for(string? level, bool onTheConsole)
    {
        const string Line = "Call s-1 started";
        await using var redis = await Task.Run(EmbeddedRedis.Start);
        await using var receiver = await OtlpReceiver.StartAsync();
        (string, string)[] collector =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
                ("Logging:LogLevel:Default", "Information")];
        await using var deployment = await Deployment.StartAsync(
            redis.ConnectionString, replicas: 1,
            settings: level is null ? collector : [.. collector, ("Logging:Console:LogLevel:Default", level)]);
        var replica = deployment.Replicas.Single();
        ConcurrentQueue<string> console = [];
        replica.Wrote += console.Enqueue;
        await deployment.Twilio.Client("alice").CallAsync("bob", "s-1");
        await deployment.Twilio.Client("bob").RingsAsync();
        (await replica.TerminateAsync(Patience)).ExitCode.ShouldBe(0);
        receiver.Logs.ShouldContain(log => log.Body.StartsWith(Line, StringComparison.Ordinal));
        console.Any(line => line.Contains(Line, StringComparison.Ordinal)).ShouldBe(onTheConsole);
    }
}
