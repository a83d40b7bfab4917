using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Emulator;

/// <summary>What Twilio, or the way to it, can do to a REST request.</summary>
public sealed class RestFaultTests
{
    [Theory]
    [InlineData(RestFaultKind.TooManyRequests, 429, 20429, 0)]
    [InlineData(RestFaultKind.ServerError, 500, 20500, 0)]
    [InlineData(RestFaultKind.Unavailable, 503, 20503, 0)]
    [InlineData(RestFaultKind.ServerErrorAfterActing, 500, 20500, 1)]
    public async Task An_error_is_answered_and_only_one_after_acting_has_acted(RestFaultKind kind, int status, int code, int legs)
    {
        await using var world = await World.StartAsync();
        world.Twilio.Faults.Add(new RestFault { Operation = RestOperation.CreateCall, Kind = kind, Times = 1, RetryAfter = 2 });
        var call = new Parameters { { "To", "client:bob" }, { "From", "+15550001111" }, { "Url", world.App.Url } };
        var (answered, body, headers) = await world.PostAsync("/Calls.json", call);
        (answered, body!["code"]!.GetValue<int>()).ShouldBe((status, code));
        headers.RetryAfter?.Delta.ShouldBe(TimeSpan.FromSeconds(2));
        world.Twilio.Read(cloud => cloud.Legs.Count).ShouldBe(legs);
        world.Twilio.Journal.OfType<RestAnswered>().ShouldHaveSingleItem().Acted.ShouldBe(legs == 1);
        (await world.PostAsync("/Calls.json", call)).Status.ShouldBe(201);
    }

    [Theory]
    [InlineData(RestFaultKind.Cut, 0)]
    [InlineData(RestFaultKind.CutAfterActing, 1)]
    public async Task A_cut_connection_tells_the_client_nothing(RestFaultKind kind, int legs)
    {
        await using var world = await World.StartAsync();
        world.Twilio.Faults.Add(new RestFault { Kind = kind, Times = 1 });
        await Should.ThrowAsync<HttpRequestException>(() => world.CallAsync("client:bob"));
        world.Twilio.Read(cloud => cloud.Legs.Count).ShouldBe(legs);
    }

    [Theory]
    [InlineData(RestFaultKind.TimeOut, 0)]
    [InlineData(RestFaultKind.TimeOutAfterActing, 1)]
    public async Task A_time_out_gives_no_answer_until_the_client_gives_up(RestFaultKind kind, int legs)
    {
        await using var world = await World.StartAsync();
        world.Twilio.Faults.Add(new RestFault { Kind = kind });
        var call = world.CallAsync("client:bob");
        await world.Twilio.WaitUntilAsync(cloud => cloud.Journal.Has<RestAnswered>(entry => entry.Status == 0), World.Soon);
        call.IsCompleted.ShouldBeFalse();
        world.Twilio.Read(cloud => cloud.Legs.Count).ShouldBe(legs);
        await world.Twilio.DisposeAsync();
        await Should.ThrowAsync<HttpRequestException>(() => call);
    }

    [Fact]
    public async Task An_outage_cuts_everything_until_it_is_over()
    {
        await using var world = await World.StartAsync();
        world.Twilio.Faults.Outage = true;
        await Should.ThrowAsync<HttpRequestException>(() => world.GetAsync("/Calls.json"));
        world.Twilio.Faults.Outage = false;
        (await world.GetAsync("/Calls.json")).Status.ShouldBe(200);
    }
}
