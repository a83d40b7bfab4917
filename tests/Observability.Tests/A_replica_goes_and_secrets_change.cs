using System.Net;
using Calls.Observability.Tests.Harness;
using Calls.Sandbox.Twilio;

namespace Calls.Observability.Tests;

/// <summary>What production does to a process: it ends it in the middle of everything, and changes its secrets under it.</summary>
public sealed class A_replica_goes_and_secrets_change
{
    private const int Calls = 100;

    [Fact]
    public async Task SIGTERM_to_one_of_two_replicas_with_a_hundred_calls_under_way_fails_no_webhook_and_breaks_no_call()
    {
        await using var installation = await Installation.StartAsync(2, ("Calls:DrainDelay", "00:00:03"), ("Logging:LogLevel:Calls", "Warning"));
        var going = installation.Replicas[0];
        await using var balancer = Balancer.Watch(installation);
        var pairs = Enumerable.Range(0, Calls).Select(n => (Caller: installation.Twilio.Client($"caller-{n}"), Callee: installation.Twilio.Client($"callee-{n}"), Session: $"going-{n}")).ToList();
        foreach (var (_, callee, _) in pairs)
            await callee.BehaveAsync(PhoneBehaviour.Answer);
        foreach (var (caller, callee, session) in pairs.Take(Calls / 2))
            await caller.CallAsync(callee.Address["client:".Length..], session);
        await Eventually.TrueAsync(() => Task.FromResult(pairs.Take(Calls / 2).Any(pair => pair.Callee.TalksWith.Count > 0)));

        going.Terminate();
        var exit = going.ExitedAsync(TimeSpan.FromSeconds(30));
        await Eventually.TrueAsync(async () => await going.HealthAsync("ready") == HttpStatusCode.ServiceUnavailable);
        foreach (var (caller, callee, session) in pairs.Skip(Calls / 2))
            await caller.CallAsync(callee.Address["client:".Length..], session);
        foreach (var (_, callee, _) in pairs)
            await callee.TalksAsync(TimeSpan.FromSeconds(30));
        foreach (var (caller, _, _) in pairs)
            await caller.HangUpAsync();
        await installation.Twilio.WaitUntilAsync(cloud => !cloud.LiveLegs().Any(), "every line has ended", TimeSpan.FromSeconds(30));

        (await exit).ShouldBeLessThan(TimeSpan.FromSeconds(25), "the grace period is thirty");
        going.ExitCode.ShouldBe(0, going.Output);
        installation.Front.Failed.ShouldBeEmpty();
        installation.Front.Passed.ShouldBeGreaterThan(5 * Calls);
        pairs.ShouldAllBe(pair => pair.Callee.Rings == 1, "nobody is rung twice");
    }

    [Fact]
    public async Task A_token_that_is_exchanged_in_its_file_counts_without_a_restart_and_the_other_one_until_it_is_taken_away()
    {
        var folder = Directory.CreateTempSubdirectory("calls-secrets-");
        try
        {
            void Write(string key, string value) => File.WriteAllText(Path.Combine(folder.FullName, key), value + "\n");
            Write("Twilio__RequestValidation__AuthToken", "the-first-token");
            await using var installation = await Installation.StartAsync(1, ("Calls:SecretsDirectory", folder.FullName), ("Calls:Limits:UnsignedPerMinute", "100000"));
            var url = new Uri(installation.Front.Address, "/twilio/wait");
            (await SignedAsync(url, "the-first-token")).ShouldBe(HttpStatusCode.OK);
            (await SignedAsync(url, "the-second-token")).ShouldBe(HttpStatusCode.Forbidden);

            Write("Twilio__RequestValidation__SecondaryAuthToken", "the-second-token");
            await Eventually.TrueAsync(async () => await SignedAsync(url, "the-second-token") == HttpStatusCode.OK, patience: TimeSpan.FromSeconds(30));
            (await SignedAsync(url, "the-first-token")).ShouldBe(HttpStatusCode.OK, "both count while they are exchanged");

            Write("Twilio__RequestValidation__AuthToken", "the-second-token");
            await Eventually.TrueAsync(async () => await SignedAsync(url, "the-first-token") == HttpStatusCode.Forbidden, patience: TimeSpan.FromSeconds(30));
            (await SignedAsync(url, "the-second-token")).ShouldBe(HttpStatusCode.OK);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<HttpStatusCode> SignedAsync(Uri url, string token)
    {
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent([]) };
        request.Headers.TryAddWithoutValidation("X-Twilio-Signature", Signer.Sign(token, url.AbsoluteUri, []));
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }

    /// <summary>Asks each replica five times a second whether it is ready, and sends requests to those that are.</summary>
    private sealed class Balancer : IAsyncDisposable
    {
        private readonly CancellationTokenSource stop = new();
        private readonly Task watching;
        private IReadOnlyList<Uri> ready;

        private Balancer(Installation installation)
        {
            ready = [.. installation.Replicas.Select(replica => replica.Address)];
            installation.Front.Rotation = () => Volatile.Read(ref ready);
            watching = WatchAsync(installation);
        }

        public static Balancer Watch(Installation installation) => new(installation);

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await watching;
            stop.Dispose();
        }

        private async Task WatchAsync(Installation installation)
        {
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
            try
            {
                while (await timer.WaitForNextTickAsync(stop.Token))
                {
                    var health = await Task.WhenAll(installation.Replicas.Select(async replica => (replica.Address, State: await replica.HealthAsync("ready"))));
                    Volatile.Write(ref ready, [.. health.Where(h => h.State == HttpStatusCode.OK).Select(h => h.Address)]);
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        }
    }
}
