using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Twilio;
using Microsoft.Extensions.DependencyInjection;
using Twilio.Http;

namespace Calls.Integration.Tests.Gateway;

/// <summary>What becomes of a request: a create is sent again only where Twilio cannot have acted, everything else until it
/// works.</summary>
public sealed class GatewayOutcomeTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    /// <summary>As <see cref="GatewayFixture.Quick"/>, with so little time for an attempt that one without an answer is over
    /// soon.</summary>
    private static readonly GatewaySettings Impatient = GatewayFixture.Quick with
    {
        Reads = GatewayFixture.Quick.Reads with { Attempt = GatewayFixture.S(1) },
        Endings = GatewayFixture.Quick.Endings with { Attempt = GatewayFixture.S(1) },
        Creates = GatewayFixture.Quick.Creates with { Attempt = GatewayFixture.S(1) },
    };

    [Fact]
    public async Task A_create_that_was_one_too_many_is_sent_again()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.TooMany(), Answer.Call);

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.Accepted>();
        gateway.Twilio.Requests.Count.ShouldBe(2);
    }

    /// <summary>.NET's HTTP client throws a <see cref="SocketException"/> of its own if the peer closes a connection while it is made.
    /// Twilio got nothing.</summary>
    [Fact]
    public async Task A_create_whose_connection_was_closed_while_it_was_made_is_sent_again()
    {
        var closing = new ClosingTransport(times: 1);
        await using var gateway = await GatewayFixture.StartAsync(null, services => services.AddSingleton<ITwilioTransport>(closing));
        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.Accepted>();
        closing.Asked.ShouldBe(2);

        closing = new ClosingTransport(times: int.MaxValue);
        await using var down = await GatewayFixture.StartAsync(null, services => services.AddSingleton<ITwilioTransport>(closing));
        (await down.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBe(new GatewayOutcome<CallSid>.NotSent(NotSentCause.Connection));
        closing.Asked.ShouldBe(3);
    }

    [Fact]
    public async Task A_create_that_stays_one_too_many_was_not_processed()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Otherwise = _ => Answer.TooMany();

        (await gateway.Gateway.CreateParticipantAsync(Given.AGuest, None)).ShouldBe(
            new GatewayOutcome<CallSid>.Refused(Refusal.NotProcessed, 20429));
        gateway.Twilio.Requests.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData(500, 20500)]
    [InlineData(502, 0)]
    [InlineData(503, 20503)]
    [InlineData(408, 0)]
    [InlineData(500, 16030)]
    [InlineData(409, 20409)]
    public async Task A_create_that_fails_at_twilio_is_unknown_and_sent_once(int status, int code)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Otherwise = _ => Answer.Error(status, code);

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.Unknown>();
        (await gateway.Gateway.CreateParticipantAsync(Given.AGuest, None)).ShouldBeOfType<GatewayOutcome<CallSid>.Unknown>();
        gateway.Twilio.Requests.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_create_that_twilio_acts_upon_and_never_answers_is_unknown_and_sent_once()
    {
        await using var gateway = await GatewayFixture.StartAsync(Impatient);
        gateway.Twilio.Otherwise = _ => Answer.Never;

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBe(
            new GatewayOutcome<CallSid>.Unknown("TimeoutRejectedException"));
        gateway.Twilio.Requests.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData(Cut.BeforeTheAnswer)]
    [InlineData(Cut.WithinTheAnswer)]
    internal async Task A_create_whose_connection_is_cut_after_sending_is_unknown_and_sent_once(Cut cut)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Otherwise = _ => Answer.Call with { Cuts = cut };

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.Unknown>();
        gateway.Twilio.Requests.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_create_on_a_used_connection_that_is_cut_is_not_sent_again_by_dotnet_either()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Call, Answer.CutOff);

        await gateway.Gateway.FetchCallAsync(Given.Leg, None);
        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.Unknown>();
        gateway.Twilio.Requests.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("<html>a proxy's page</html>")]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"sid":"CA0123456789abcdef0123456789abcdef","status":"que""")]
    [InlineData("""{"sid":"CF0123456789abcdef0123456789abcdef"}""")]
    public async Task A_create_with_an_answer_that_cannot_be_read_is_unknown_and_sent_once(string body)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(new Answer(201, body));

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBe(new GatewayOutcome<CallSid>.Unknown("unreadable answer"));
        gateway.Twilio.Requests.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>Bad Gateway</html>")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("""{"code":"many"}""")]
    public async Task A_status_counts_where_the_answer_has_no_code_of_Twilios(string body)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(new Answer(502, body), new Answer(404, body));

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBe(new GatewayOutcome<CallSid>.Unknown("HTTP 502"));
        (await gateway.Gateway.FetchCallAsync(Given.Leg, None)).ShouldBe(new GatewayOutcome<CallView>.Refused(Refusal.NotFound, null));
    }

    [Fact]
    public async Task Nothing_is_processed_where_nobody_listens()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        await using var gateway = await GatewayFixture.StartAsync(null, ("Twilio:Client:ApiBaseUrl", $"http://127.0.0.1:{port}"));

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBe(
            new GatewayOutcome<CallSid>.NotSent(NotSentCause.Connection));
        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBe(
            new GatewayOutcome<CallView>.NotSent(NotSentCause.Connection));
        gateway.Logs.Lines.ShouldContain(
            l => l.Contains("Calls.create", StringComparison.Ordinal) && l.Contains("after 3 attempts", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nothing_is_processed_where_no_connection_comes_to_be_in_time()
    {
        // A listener whose queue is full answers no further connection.
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        var fillers = new List<Socket>();
        for (var i = 0; i < 4; i++)
        {
            var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            fillers.Add(filler);
            _ = filler.ConnectAsync(
                listener.LocalEndPoint!, CancellationToken.None).AsTask().ContinueWith(t => t.Exception, TaskScheduler.Default);
        }

        var url = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndPoint!).Port}";
        await using var gateway = await GatewayFixture.StartAsync(
            GatewayFixture.Quick with { ConnectTimeout = GatewayFixture.Ms(200) }, ("Twilio:Client:ApiBaseUrl", url));

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBe(
            new GatewayOutcome<CallSid>.NotSent(NotSentCause.Connection));
        fillers.ForEach(f => f.Dispose());
    }

    [Fact]
    public async Task Ending_a_call_is_tried_until_it_works()
    {
        await using var gateway = await GatewayFixture.StartAsync(Impatient);
        gateway.Twilio.Says(Answer.Error(500, 20500), Answer.Never, Answer.CutOff, Answer.TooMany(), Answer.Call with { Status = 200 });

        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBeOfType<GatewayOutcome<CallView>.Accepted>();
        gateway.Twilio.Requests.Count.ShouldBe(5);
    }

    [Fact]
    public async Task An_idempotent_write_and_a_read_that_never_work_are_unknown()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBe(new GatewayOutcome<CallView>.Unknown("HTTP 500"));
        gateway.Twilio.Requests.Count.ShouldBe(5);
        (await gateway.Gateway.FetchCallAsync(Given.Leg, None)).ShouldBe(new GatewayOutcome<CallView>.Unknown("HTTP 500"));
        gateway.Twilio.Requests.Count.ShouldBe(9);
    }

    [Fact]
    public async Task A_call_that_has_ended_is_already_over_and_one_that_never_was_is_not_found()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.Error(400, 21220), Answer.Error(404, 20404));

        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBe(
            new GatewayOutcome<CallView>.Refused(Refusal.AlreadyOver, 21220));
        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBe(new GatewayOutcome<CallView>.Refused(Refusal.NotFound, 20404));
    }

    [Fact]
    public async Task A_wait_that_twilio_asks_for_is_kept()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Says(Answer.TooMany("1"), Answer.Call);

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.Accepted>();
        var asked = gateway.Twilio.Requests;
        asked.Count.ShouldBe(2);
        Stopwatch.GetElapsedTime(asked[0].At, asked[1].At).ShouldBeGreaterThanOrEqualTo(GatewayFixture.Ms(950));
    }

    [Fact]
    public async Task A_wait_that_is_longer_than_our_patience_is_handed_on_at_once()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Twilio.Otherwise = _ => Answer.TooMany("300");

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBe(
            new GatewayOutcome<CallSid>.Refused(Refusal.NotProcessed, 20429, TimeSpan.FromSeconds(300)));
        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBe(
            new GatewayOutcome<CallView>.Refused(Refusal.NotProcessed, 20429, TimeSpan.FromSeconds(300)));
        gateway.Twilio.Requests.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_create_is_not_begun_where_the_total_could_cut_it_short()
    {
        await using var gateway = await GatewayFixture.StartAsync(GatewayFixture.Quick with
        {
            Creates = GatewayFixture.Quick.Creates with { Total = GatewayFixture.S(4), Attempt = GatewayFixture.S(4) },
        });
        gateway.Twilio.Otherwise = _ => Answer.TooMany();

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBe(
            new GatewayOutcome<CallSid>.Refused(Refusal.NotProcessed, 20429));
        gateway.Twilio.Requests.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task An_open_breaker_of_creates_refuses_creates_and_ends_calls_all_the_same()
    {
        await using var gateway = await GatewayFixture.StartAsync(GatewayFixture.Quick with
        {
            Creates = GatewayFixture.Quick.Creates with { Breaker = new() { MinimumThroughput = 2, Break = GatewayFixture.S(60) } },
        });
        gateway.Twilio.Otherwise = r => r.Path.EndsWith("/Calls.json", StringComparison.Ordinal) ? Answer.Error(500, 20500) : Answer.Call;
        for (var i = 0; i < 2; i++)
            (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.Unknown>();

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.NotSent>().Cause
            .ShouldBe(NotSentCause.Breaker);
        gateway.Twilio.Requests.Count.ShouldBe(2);
        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBeOfType<GatewayOutcome<CallView>.Accepted>();
        (await gateway.Gateway.FetchCallAsync(Given.Leg, None)).ShouldBeOfType<GatewayOutcome<CallView>.Accepted>();
    }

    [Fact]
    public async Task Ending_calls_has_no_breaker()
    {
        await using var gateway = await GatewayFixture.StartAsync(
            GatewayFixture.Quick with { Endings = GatewayFixture.Quick.Endings with { Retries = 1 } });
        for (var i = 0; i < 20; i++)
            (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBeOfType<GatewayOutcome<CallView>.Unknown>();
        gateway.Twilio.Requests.Count.ShouldBe(40);
    }

    [Fact]
    public async Task Creates_that_hold_every_permit_hold_up_no_ending()
    {
        await using var gateway = await GatewayFixture.StartAsync(
            GatewayFixture.Quick with { Creates = Impatient.Creates with { Permits = 1 } });
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Twilio.Otherwise = r =>
        {
            if (!r.Path.EndsWith("/Calls.json", StringComparison.Ordinal))
                return Answer.Call;
            reached.TrySetResult();
            return Answer.Never;
        };
        var first = gateway.Gateway.CreateCallAsync(Given.ACall, None);
        await reached.Task.WaitAsync(GatewayFixture.S(10), None);

        (await gateway.Gateway.CreateCallAsync(Given.ACall, None)).ShouldBeOfType<GatewayOutcome<CallSid>.NotSent>().Cause
            .ShouldBe(NotSentCause.Limiter);
        (await gateway.Gateway.CompleteCallAsync(Given.Leg, None)).ShouldBeOfType<GatewayOutcome<CallView>.Accepted>();
        (await first).ShouldBeOfType<GatewayOutcome<CallSid>.Unknown>();
    }

    [Fact]
    public async Task A_create_that_was_begun_is_finished_whatever_its_askers_patience()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var patience = new CancellationTokenSource();
        gateway.Twilio.Otherwise = _ =>
        {
            patience.Cancel();
            return Answer.Call;
        };

        (await gateway.Gateway.CreateCallAsync(Given.ACall, patience.Token)).ShouldBeOfType<GatewayOutcome<CallSid>.Accepted>();
        await Should.ThrowAsync<OperationCanceledException>(() => gateway.Gateway.CreateCallAsync(Given.ACall, patience.Token));
        gateway.Twilio.Requests.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_read_is_given_up_when_its_asker_gives_up()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var patience = new CancellationTokenSource();
        gateway.Twilio.Otherwise = _ =>
        {
            patience.Cancel();
            return Answer.Never;
        };

        await Should.ThrowAsync<OperationCanceledException>(() => gateway.Gateway.FetchCallAsync(Given.Leg, patience.Token));
    }

    [Fact]
    public void The_patience_that_ships_is_the_one_that_was_decided()
    {
        var its = new GatewaySettings();
        (its.Reads.Total, its.Reads.Attempt, its.Reads.Retries, its.Reads.Backoff).ShouldBe(
            (GatewayFixture.S(6), GatewayFixture.S(2), 3, GatewayFixture.Ms(100)));
        (its.Endings.Total, its.Endings.Attempt, its.Endings.Retries, its.Endings.Backoff)
            .ShouldBe((GatewayFixture.S(10), GatewayFixture.S(3), 4, GatewayFixture.Ms(150)));
        (its.Creates.Total, its.Creates.Attempt, its.Creates.Retries, its.Creates.Backoff).ShouldBe(
            (GatewayFixture.S(8), GatewayFixture.S(6), 2, GatewayFixture.Ms(200)));
        its.Endings.Breaker.ShouldBeNull();
        its.Creates.Total.ShouldBeLessThan(new CallPolicy().EffectLease, "a create must be over before its lease is");
    }

    private sealed class ClosingTransport(int times) : ITwilioTransport
    {
        public int Asked { get; private set; }

        public Task<TwilioAnswer> SendAsync(Request request, CancellationToken cancellationToken) => ++Asked <= times
            ? throw new SocketException((int)SocketError.NotConnected)
            : Task.FromResult(new TwilioAnswer(HttpStatusCode.Created, Answer.Call.Body, null, null));
    }
}
