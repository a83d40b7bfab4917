using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.EndToEnd;

/// <summary>An operator stops the dialling of phones with a file, while the service runs.</summary>
public sealed class DialingStopTests(RedisFixture redis) : IDisposable
{
    private const string Lawyer = "+15550100101";

    private readonly DirectoryInfo mounted = Directory.CreateTempSubdirectory("calls-stop-");

    [Fact]
    public async Task While_it_is_set_no_phone_is_rung_and_app_users_are()
    {
        await using var host = await StartAsync();
        var lawyer = host.Twilio.Phone(Lawyer);
        await SetAsync(host, "true");
        await host.TalkAsync("app");
        var (status, body) = await host.AddPhoneAsync("app", "alice", Lawyer);
        (status, Code(body)).ShouldBe((HttpStatusCode.Forbidden, "dialing-stopped"));
        (await host.SignedAsync(
            "/twilio/voice",
            ("CallSid", "CA" + new string('9', 32)), ("From", "client:carol"), ("To", Lawyer), ("SessionID", "phone"))).Body
            .ShouldContain("Calls to phones are not possible at the moment");
        (await lawyer.LookAsync()).Rings.ShouldBe(0);

        await SetAsync(host, "false");
        (await AddAsync()).Status.ShouldBe(HttpStatusCode.Created);
        await lawyer.RingsAsync();
        await SetAsync(host, "true");
        (await AddAsync()).Status.ShouldBe(HttpStatusCode.Created, "the same request has rung the phone before");

        Task<(HttpStatusCode Status, string Body)> AddAsync() => host.RestAsync(HttpMethod.Post, "/v1/sessions/app/participants",
            host.TokenFor("alice"), $$"""{"phoneNumber": "{{Lawyer}}"}""", "the-key");
    }

    /// <summary>Twilio answers 429, so the dial is stored and is to be sent again.</summary>
    [Fact]
    public async Task A_dial_that_is_planned_and_not_sent_is_not_sent_any_more()
    {
        await using var host = await StartAsync();
        host.Twilio.Faults.Add(new RestFault
        {
            Operation = RestOperation.CreateParticipant,
            Kind = RestFaultKind.TooManyRequests,
            RetryAfter = 2,
        });
        await host.TalkAsync();
        (await host.AddPhoneAsync("s-42", "alice", Lawyer)).Status.ShouldBe(HttpStatusCode.Accepted);
        await SetAsync(host, "true");
        host.Twilio.Faults.Clear();
        await Eventually.TrueAsync(
            async () => (await host.SessionAsync()).GetProperty("participants")[2].GetProperty("reason").GetString() == "unreachable",
            patience: TimeSpan.FromSeconds(30));
        (await host.SessionAsync()).GetProperty("state").GetString().ShouldBe("live");
        (await host.Twilio.Phone(Lawyer).LookAsync()).Rings.ShouldBe(0);
    }

    public void Dispose() => mounted.Delete(recursive: true);

    private static string? Code(string problem) => JsonDocument.Parse(problem).RootElement.GetProperty("code").GetString();

    private async Task SetAsync(SandboxHost host, string value)
    {
        await File.WriteAllTextAsync(Path.Combine(mounted.FullName, "Calls__Dialing__Stopped"), value);
        var configuration = host.Services.GetRequiredService<IConfiguration>();
        await Eventually.TrueAsync(() => Task.FromResult(configuration["Calls:Dialing:Stopped"] == value));
    }

    private async Task<SandboxHost> StartAsync() => await SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = await redis.NewDatabaseAsync(),
        Settings = [new("Calls:SecretsDirectory", mounted.FullName), new("Calls:ReviewInterval", "00:00:02")],
    });
}
