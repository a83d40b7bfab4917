using System.Net;
using System.Net.Sockets;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>Redis has written, and its answer is lost on the way: the line is cut just before it.</summary>
public sealed class LostAnswerTests(RedisFixture fixture)
{
    private static readonly CallPolicy Policy = new();

    [Fact]
    public async Task A_save_whose_answer_is_lost_is_repeated_and_recognised_and_the_caller_never_knows()
    {
        var direct = await fixture.NewDatabaseAsync();
        var options = ConfigurationOptions.Parse(direct);
        using var line = new CuttableLine(options.EndPoints.Single());
        await using var redis = await ConnectionMultiplexer.ConnectAsync(
            new RedisOptions { ConnectionString = $"{line.Endpoint},defaultDatabase={options.DefaultDatabase ?? 0}" }.ToConfiguration());
        var store = new RedisSessionStore(
            redis, new SessionStoreSettings(TimeSpan.FromHours(1)), Policy, TimeProvider.System, NullLogger<RedisSessionStore>.Instance);
        var session = new RandomSessions(1).Story(1).Single();
        var loaded = await store.LoadAsync(session.Id, default);

        line.CutBeforeNextWritten();
        var saved = await store.SaveAsync(
            loaded, new Decision(new SessionEvent.EndCall(), session, CallReply.Nothing) { Changed = true }, default);

        line.Cuts.ShouldBe(1);
        saved.Version.ShouldBe(1);
        var read = await store.LoadAsync(session.Id, default);
        (read.Version, read.ETag).ShouldBe((1, saved.ETag), "it was written once");
    }

    [Fact]
    public async Task A_save_that_finds_no_line_at_all_says_so_within_two_seconds()
    {
        var options = ConfigurationOptions.Parse(await fixture.NewDatabaseAsync());
        var line = new CuttableLine(options.EndPoints.Single());
        await using var redis = await ConnectionMultiplexer.ConnectAsync(
            new RedisOptions { ConnectionString = line.Endpoint }.ToConfiguration());
        var store = new RedisSessionStore(
            redis, new SessionStoreSettings(TimeSpan.FromHours(1)), Policy, TimeProvider.System, NullLogger<RedisSessionStore>.Instance);
        var session = new RandomSessions(2).Story(1).Single();
        var loaded = await store.LoadAsync(session.Id, default);
        line.Dispose();
        await Eventually.TrueAsync(() => Task.FromResult(!redis.IsConnected));
        var save = store.SaveAsync(
            loaded, new Decision(new SessionEvent.EndCall(), session, CallReply.Nothing) { Changed = true }, default);
        await Should.ThrowAsync<SessionStoreUnavailableException>(() => save.WaitAsync(TimeSpan.FromSeconds(2)));
    }

    [Fact]
    public async Task A_line_that_breaks_makes_what_was_acknowledged_suspect_for_as_long_as_it_is_away()
    {
        var options = ConfigurationOptions.Parse(await fixture.NewDatabaseAsync());
        var line = new CuttableLine(options.EndPoints.Single());
        await using var redis = await ConnectionMultiplexer.ConnectAsync(
            new RedisOptions { ConnectionString = line.Endpoint }.ToConfiguration());
        var clock = new FakeTimeProvider();
        using var memory = new RedisMemory(redis, clock);
        memory.SuspectFor.ShouldBeNull();
        line.Dispose();
        await Eventually.TrueAsync(() => Task.FromResult(memory.SuspectFor is not null));
        redis.IsConnected.ShouldBeFalse("nobody takes its place");
        clock.Advance(TimeSpan.FromHours(1));
        memory.SuspectFor.ShouldBe(TimeSpan.Zero);
    }

    /// <summary>The client then reports a changed configuration. No write is lost, so no dial has to wait.</summary>
    [Fact]
    public async Task A_connection_for_subscriptions_that_breaks_makes_nothing_suspect()
    {
        Assert.SkipUnless(RedisServerProcess.IsInstalled, "redis-server is not installed");
        using var server = await RedisServerProcess.StartAsync();
        await using var redis = await ConnectionMultiplexer.ConnectAsync(
            new RedisOptions { ConnectionString = server.ConnectionString + ",allowAdmin=true" }.ToConfiguration());
        using var memory = new RedisMemory(redis, TimeProvider.System);
        await redis.GetSubscriber().SubscribeAsync(RedisChannel.Literal("calls:changed"), (_, _) => { });
        var back = new TaskCompletionSource();
        redis.ConnectionRestored += (_, e) => _ = e.ConnectionType == ConnectionType.Subscription && back.TrySetResult();
        var changed = new TaskCompletionSource();
        redis.ConfigurationChanged += (_, _) => changed.TrySetResult();
        ((int)await redis.GetServers().Single().ExecuteAsync("CLIENT", "KILL", "TYPE", "pubsub")).ShouldBe(1);
        await Task.WhenAll(back.Task, changed.Task).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        memory.SuspectFor.ShouldBeNull();
    }

    /// <summary>A line to Redis that can be cut at the worst of moments.</summary>
    private sealed class CuttableLine : IDisposable
    {
        private static ReadOnlySpan<byte> Written => "*2\r\n:1\r\n"u8;

        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource closed = new();
        private readonly EndPoint server;
        private int armed;
        private int cuts;

        public CuttableLine(EndPoint server)
        {
            this.server = server;
            listener.Start();
            _ = AcceptAsync();
        }

        public string Endpoint => listener.LocalEndpoint.ToString()!;

        public int Cuts => cuts;

        /// <summary>The next answer that says "written" is not delivered; the line goes instead.</summary>
        public void CutBeforeNextWritten() => armed = 1;

        public void Dispose()
        {
            closed.Cancel();
            listener.Stop();
            closed.Dispose();
        }

        private async Task AcceptAsync()
        {
            var token = closed.Token;
            while (!token.IsCancellationRequested)
            {
                try
                {
                    _ = CarryAsync(await listener.AcceptTcpClientAsync(token), token);
                }
                catch (Exception e) when (e is OperationCanceledException or SocketException)
                {
                    return;
                }
            }
        }

        private async Task CarryAsync(TcpClient client, CancellationToken token)
        {
            using var near = client;
            using var far = new TcpClient();
            try
            {
                if (server is DnsEndPoint dns)
                    await far.ConnectAsync(dns.Host, dns.Port, token);
                else
                    await far.ConnectAsync((IPEndPoint)server, token);
                await await Task.WhenAny(PumpAsync(near, far, answers: false, token), PumpAsync(far, near, answers: true, token));
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The line is gone.
            }
        }

        private async Task PumpAsync(TcpClient from, TcpClient to, bool answers, CancellationToken token)
        {
            var buffer = new byte[16384];
            while (await from.GetStream().ReadAsync(buffer, token) is > 0 and var read)
            {
                if (answers && buffer.AsSpan(0, read).IndexOf(Written) >= 0 && Interlocked.Exchange(ref armed, 0) == 1)
                {
                    Interlocked.Increment(ref cuts);
                    return;
                }

                await to.GetStream().WriteAsync(buffer.AsMemory(0, read), token);
            }
        }
    }
}
