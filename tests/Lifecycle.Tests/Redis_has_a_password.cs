using Calls.Application.Ports;
using Calls.Chaos.Tests.Harness;
using Calls.Sandbox;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Calls.Lifecycle.Tests;

/// <summary>The password of Redis is a file. Its rotation of the runbook is carried out while the service runs.</summary>
public sealed class Redis_has_a_password : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly MountedSecrets secrets = new();

    [Fact]
    public async Task The_password_is_rotated_without_a_restart()
    {
        using var redis = await RedisServer.StartAsync(
            "--user", "default", "off", "--user", "admin", "on", ">admin", "~*", "&*", "+@all",
            "--user", "calls", "on", ">first", "~calls:*", "&calls:*", "+@read", "+@write", "+@scripting", "+@pubsub", "+@connection",
            "+time", "+info");
        await using var admin = await ConnectionMultiplexer.ConnectAsync($"{redis.Address},user=admin,password=admin,allowAdmin=true");
        secrets.Mount(("ConnectionStrings__Redis", $"{redis.Address},user=calls,password=first"));
        await using var host = await SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = redis.Address,
            Settings = [new("Calls:SecretsDirectory", secrets.Path)],
        });
        await AnswersAsync(host, "with the first password");

        // 1: the user gets a second password. 2: the service gets it.
        await admin.GetDatabase().ExecuteAsync("ACL", "SETUSER", "calls", ">second");
        secrets.Mount(("ConnectionStrings__Redis", $"{redis.Address},user=calls,password=second"));
        var configuration = host.Services.GetRequiredService<IConfiguration>();
        await Eventually.TrueAsync(
            () => Task.FromResult(configuration.GetConnectionString("Redis")!.EndsWith("second", StringComparison.Ordinal)),
            "the service has read the file", Patience);

        // 3: the first password is removed, and every connection that has authenticated with it is closed.
        await admin.GetDatabase().ExecuteAsync("ACL", "SETUSER", "calls", "<first");
        ((int)await admin.GetDatabase().ExecuteAsync("CLIENT", "KILL", "USER", "calls")).ShouldBeGreaterThan(0);
        await AnswersAsync(host, "with the second password");

        // A file that is no connection string changes nothing.
        secrets.Mount(("ConnectionStrings__Redis", "calls=="));
        await Eventually.TrueAsync(
            () => Task.FromResult(configuration.GetConnectionString("Redis") == "calls=="), "the service has read the file", Patience);
        ((int)await admin.GetDatabase().ExecuteAsync("CLIENT", "KILL", "USER", "calls")).ShouldBeGreaterThan(0);
        await AnswersAsync(host, "with the last password that could be read");
    }

    public void Dispose() => secrets.Dispose();

    private static Task AnswersAsync(SandboxHost host, string when) => Eventually.TrueAsync(
        async () => await host.Services.GetRequiredService<IStorePing>().PingAsync(CancellationToken.None) is not null,
        $"Redis answers {when}", Patience);
}
