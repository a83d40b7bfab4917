using System.Net;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.EndToEnd;
using Calls.Integration.Tests.Gateway;
using Calls.Sandbox;
using Calls.Sandbox.Twilio;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>Redis answers, and refuses to write. In whichever words it refuses, it counts as away.</summary>
public sealed partial class RedisRefusesTests
{
    private const string InScript62 = "ERR Error running script (call to f_1b936e3fe509bcbc9cd0664897bbe8fd0cac101b): @user_script:12: ";
    private const string NotOnDisk =
        "MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk. Commands that may modify the "
        + "data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails "
        + "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseCookies = false });
    private static readonly string Sid = "CA" + new string('d', 32);

    /// <summary>The words of Redis 6.2, 7.0 and 7.2, and the code that metrics and traces show.</summary>
    public static TheoryData<string, string> Refusals => new()
    {
        { InScript62 + "@user_script: 12: -READONLY You can't write against a read only replica. ", "READONLY" },
        { InScript62 + "@user_script: 12: -OOM command not allowed when used memory > 'maxmemory'. ", "OOM" },
        { InScript62 + "@user_script: 12: -" + NotOnDisk, "MISCONF" },
        { InScript62 + "@user_script: 12: -MISCONF Errors writing to the AOF file: No space left on device", "MISCONF" },
        { InScript62 + "@user_script: 12: -NOREPLICAS Not enough good replicas to write.", "NOREPLICAS" },
        { InScript62 + "@user_script: 12: The user executing the script can't run this command or subcommand", "ERR" },
        {
            InScript62 + "@user_script: 4: The user executing the script can't access at least one of the keys mentioned in the command "
            + "arguments", "ERR"
        },
        { NotOnDisk, "MISCONF" },
        { "NOAUTH Authentication required.", "NOAUTH" },
        { "WRONGPASS invalid username-password pair or user is disabled.", "WRONGPASS" },
        { "NOPERM this user has no permissions to run the 'evalsha' command or its subcommand", "NOPERM" },
        { "NOPERM User calls has no permissions to run the 'evalsha' command", "NOPERM" },
        { "READONLY You can't write against a read only replica. script: f_1b93, on @user_script:12.", "READONLY" },
        { "OOM command not allowed when used memory > 'maxmemory'. script: f_1b93, on @user_script:12.", "OOM" },
        { "ERR The user executing the script can't run this command or subcommand script: f_1b93, on @user_script:12.", "ERR" },
        { "ERR ACL failure in script: User calls has no permissions to run the 'hset' command script: f_1b93, on @user_script:12.", "ERR" },
        { "LOADING Redis is loading the dataset in memory", "LOADING" },
        { "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY" },
        { "CLUSTERDOWN Hash slot not served", "CLUSTERDOWN" },
        { "ERR max number of clients reached", "ERR" },
        { "ERR unknown command `EVALSHA`, with args beginning with: ", "ERR" },
        { "PROXYERR the words of a vendor that this list does not know", "PROXYERR" },
    };

    [Theory, MemberData(nameof(Refusals))]
    public void Every_refusal_that_is_no_defect_of_the_service_counts_as_away(string words, string code)
    {
        RedisRefusal.IsDefect(words).ShouldBeFalse();
        RedisRefusal.CodeOf(words).ShouldBe(code);
    }

    [Theory]
    [InlineData("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE")]
    [InlineData(InScript62 + "@user_script: 4: WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE")]
    [InlineData("WRONGTYPE Operation against a key holding the wrong kind of value script: f_1b93, on @user_script:4.", "WRONGTYPE")]
    [InlineData("CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT")]
    [InlineData("ERR Error compiling script (new function): user_script:1: unexpected symbol near '?'", "ERR")]
    [InlineData("ERR wrong number of arguments for 'hset' command", "ERR")]
    [InlineData("ERR value is not an integer or out of range", "ERR")]
    [InlineData("ERR user_script:3: attempt to index a nil value script: f_1b93, on @user_script:3.", "ERR")]
    [InlineData(InScript62 + "user_script:3: attempt to index a nil value", "ERR")]
    [InlineData("ERR Unknown Redis command called from script script: f_1b93, on @user_script:1.", "ERR")]
    public void A_defect_of_the_service_does_not(string words, string code)
    {
        RedisRefusal.IsDefect(words).ShouldBeTrue();
        RedisRefusal.CodeOf(words).ShouldBe(code);
    }

    [Theory]
    [InlineData(InScript62 + "@user_script: 12: -READONLY You can't write against a read only replica. ")]
    [InlineData(InScript62 + "@user_script: 12: -OOM command not allowed when used memory > 'maxmemory'. ")]
    [InlineData(InScript62 + "@user_script: 12: -" + NotOnDisk)]
    [InlineData(InScript62 + "@user_script: 12: The user executing the script can't run this command or subcommand")]
    [InlineData("NOPERM this user has no permissions to run the 'evalsha' command or its subcommand")]
    [InlineData("NOAUTH Authentication required.")]
    public async Task A_server_of_version_6_2_that_refuses_is_away(string words)
    {
        using var redis = new RefusingRedis(words);
        var log = new LogSink();
        await using var host = await StartAsync(redis.ConnectionString, log);
        await IsAwayAsync(host, log);
    }

    [Fact]
    public async Task A_server_without_memory_is_away()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        using var redis = await RedisServerProcess.StartAsync();
        await RefusesAsync(redis, server => server.ConfigSetAsync("maxmemory", "1"));
    }

    [Fact]
    public async Task A_server_that_cannot_save_to_its_disk_is_away()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        var disk = Directory.CreateTempSubdirectory("calls-redis-full-");
        using var redis = await RedisServerProcess.StartAsync(null, "--dir", disk.FullName, "--save", "3600 1000000");
        await RefusesAsync(redis, async server =>
        {
            disk.Delete(recursive: true);
            await server.ExecuteAsync("BGSAVE");
            await Eventually.TrueAsync(async () => (await server.ExecuteAsync("INFO", "persistence")).ToString()
                .Contains("rdb_last_bgsave_status:err", StringComparison.Ordinal));
        });
    }

    [Fact]
    public async Task A_server_that_has_taken_the_right_to_write_is_away()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        using var redis = await RedisServerProcess.StartAsync();
        await RefusesAsync(redis, server => server.ExecuteAsync("ACL", "SETUSER", "default", "-@write"));
    }

    [Fact]
    public async Task A_server_that_has_taken_the_right_to_run_scripts_is_away()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        using var redis = await RedisServerProcess.StartAsync();
        await RefusesAsync(redis, server => server.ExecuteAsync("ACL", "SETUSER", "default", "-@scripting"));
    }

    [Fact]
    public async Task A_server_that_has_become_a_replica_is_away()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        using var redis = await RedisServerProcess.StartAsync();
        await RefusesAsync(redis, server => server.ExecuteAsync("REPLICAOF", "127.0.0.1", "1"));
    }

    [Fact]
    public async Task A_server_that_has_a_new_password_is_away()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        using var redis = await RedisServerProcess.StartAsync();
        await RefusesAsync(redis, async server =>
        {
            await server.ConfigSetAsync("requirepass", "another");
            await server.ExecuteAsync("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        }, reads: false);
    }

    /// <summary>The rights that docs/configuration.md names.</summary>
    [Fact]
    public async Task A_user_with_the_documented_rights_is_enough()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        using var redis = await RedisServerProcess.StartAsync();
        await using var admin = await ConnectionMultiplexer.ConnectAsync(redis.ConnectionString + ",allowAdmin=true");
        var rights = Documented().Match(await File.ReadAllTextAsync(
            Path.Combine(Repository.Root, "docs", "configuration.md"), TestContext.Current.CancellationToken));
        rights.Success.ShouldBeTrue("docs/configuration.md names the rights");
        await admin.GetServers().Single().ExecuteAsync("ACL", ["SETUSER", "calls", "on", ">secret", rights.Groups["keys"].Value,
            rights.Groups["channels"].Value, .. rights.Groups["commands"].Value.Split(' ')]);
        var log = new LogSink();
        await using var host = await StartAsync(redis.ConnectionString + ",user=calls,password=secret", log);
        (await host.RestAsync(HttpMethod.Get, "/healthz/dependencies", null)).Status.ShouldBe(HttpStatusCode.OK);
        await host.Twilio.Client("carol").CallAsync("dave", "s-2");
        await host.Twilio.Client("dave").RingsAsync();
        await host.Twilio.Client("dave").AnswerAsync();
        await host.Twilio.Client("dave").TalksAsync();
        (await host.AddPhoneAsync("s-2", "carol", "+15550100101")).Status.ShouldBe(HttpStatusCode.Created);
        using (var events = await RestApi.EventStream.OpenAsync(host, "s-2", host.TokenFor("carol")))
            (await events.NextAsync()).ShouldNotBeNull();
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions?state=live", host.TokenFor("olga", "calls.operate"))).Status
            .ShouldBe(HttpStatusCode.OK);
        await host.Twilio.Client("carol").HangUpAsync();
        await host.Twilio.Client("dave").HangUpAsync();
        await host.Twilio.Phone("+15550100101").IsIdleAsync();
        Errors(log).ShouldBeEmpty();
    }

    [System.Text.RegularExpressions.GeneratedRegex(
        "needs the keys\\s`(?<keys>[^`]+)`, the channels\\s`(?<channels>[^`]+)` and the\\s+commands\\s`(?<commands>[^`]+)`",
        System.Text.RegularExpressions.RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial System.Text.RegularExpressions.Regex Documented();

    private static async Task RefusesAsync(RedisServerProcess redis, Func<IServer, Task> refuse, bool reads = true)
    {
        var log = new LogSink();
        await using var host = await StartAsync(redis.ConnectionString, log);
        (await host.RestAsync(HttpMethod.Get, "/healthz/dependencies", null)).Status.ShouldBe(HttpStatusCode.OK);
        await host.Twilio.Client("carol").CallAsync("dave", "s-2");
        await host.Twilio.Client("dave").RingsAsync();
        await using var admin = await ConnectionMultiplexer.ConnectAsync(redis.ConnectionString + ",allowAdmin=true");
        await refuse(admin.GetServers().Single());
        await IsAwayAsync(host, log, reads);
        var leg = host.Twilio.Client("dave").Incoming.Single();
        var join = leg.CallbackPath!.Replace("/status", "/join", StringComparison.Ordinal);
        var (status, twiml) = await host.SignedAsync(join, ("CallSid", leg.Sid));
        (status, twiml.Contains("<Redirect", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.OK, true), twiml);
        (await host.SignedAsync(leg.CallbackPath!, ("CallSid", leg.Sid), ("CallStatus", "in-progress"))).Status
            .ShouldBe(HttpStatusCode.ServiceUnavailable);
        using var request = new HttpRequestMessage(HttpMethod.Delete, new Uri(host.Address, "/v1/sessions/s-2"));
        request.Headers.Authorization = new("Bearer", host.TokenFor("carol"));
        using var ended = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        ended.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        ended.Headers.RetryAfter.ShouldNotBeNull();
        Errors(log).ShouldBeEmpty();
    }

    private static Task<SandboxHost> StartAsync(string redis, LogSink log) => SandboxHost.StartAsync(new SandboxOptions
    {
        RedisConnectionString = redis,
        Configure = builder => builder.Logging.AddProvider(log),
    });

    /// <summary>TwiML routes hold the person. Nothing is a 500, and no phone is called.</summary>
    /// <param name="host">The service.</param>
    /// <param name="log">Its log.</param>
    /// <param name="reads">Whether Redis still answers reads. Then the call is known not to exist.</param>
    private static async Task IsAwayAsync(SandboxHost host, LogSink log, bool reads = true)
    {
        var calls = Calls();
        await Eventually.TrueAsync(async () =>
            (await host.RestAsync(HttpMethod.Get, "/healthz/dependencies", null)).Status == HttpStatusCode.ServiceUnavailable);
        var (status, twiml) = await host.SignedAsync(
            "/twilio/voice", ("CallSid", Sid), ("From", "client:alice"), ("To", "bob"), ("SessionID", "s-1"));
        (status, twiml.Contains("<Redirect", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.OK, true), twiml);
        (status, twiml) = await host.SignedAsync("/twilio/sessions/s-1/x/participants/callee/join", ("CallSid", Sid));
        (status, twiml.Contains(reads ? "<Hangup" : "<Redirect", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.OK, true), twiml);
        (status, twiml) = await host.SignedAsync("/twilio/sessions/s-1/x/participants/caller/left", ("CallSid", Sid));
        (status, twiml.Contains("<Hangup", StringComparison.Ordinal)).ShouldBe((HttpStatusCode.OK, true), twiml);
        (status, _) = await host.RestAsync(HttpMethod.Get, "/v1/sessions/s-1", host.TokenFor("alice"));
        status.ShouldBe(reads ? HttpStatusCode.NotFound : HttpStatusCode.ServiceUnavailable);
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions?state=live", host.TokenFor("olga", "calls.operate"))).Status
            .ShouldBe(reads ? HttpStatusCode.OK : HttpStatusCode.ServiceUnavailable);
        Errors(log).ShouldBeEmpty();
        Calls().ShouldBe(calls, "no request to Twilio creates a call");

        int Calls() => host.Twilio.Journal.OfType<RestRequested>().Count(request => request.Operation == RestOperation.CreateCall);
    }

    private static IEnumerable<string> Errors(LogSink log) => log.Lines.Where(line => line.Split(' ')[0] is "Error" or "Critical");
}
