using Calls.Sandbox.Twilio;

namespace Calls.Integration.Tests.Emulator;

public sealed class LoadTests
{
    [Fact]
    public async Task Two_hundred_calls_at_once_with_a_slow_service_all_meet_and_all_end()
    {
        const int Calls = 200;
        await using var world = await World.StartAsync();
        world.App.On("/voice", request => (200, $"<Response>{world.Room(request["SessionID"]!)}</Response>"));
        world.App.On("/answer", request => (200, $"<Response>{world.Room(request["session"]!)}</Response>"));
        world.App.Before = _ =>
            Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(500)), TimeProvider.System, TestContext.Current.CancellationToken);
        await Task.WhenAll(Enumerable.Range(0, Calls).Select(async i =>
        {
            var (caller, callee) = (world.Twilio.Client($"a{i}"), world.Twilio.Client($"b{i}"));
            await callee.BehaveAsync(PhoneBehaviour.Answer, TimeSpan.FromMilliseconds(i));
            await caller.PlaceCallAsync(null, new() { { "SessionID", $"s-{i}" } });
            await world.CallAsync(callee.Address, new() { { "Url", $"{world.App.Url}/answer?session=s-{i}" } });
            await caller.WaitUntilTalkingWithAsync(TimeSpan.FromMinutes(1), callee);
            await caller.HangUpAsync();
            await callee.HangUpAsync();
        }));
        await world.EventAsync("conference-end", Calls);
        world.Twilio.Read(cloud => (cloud.LiveLegs().Count, cloud.ActiveConferences().Count, cloud.Defects.Count)).ShouldBe((0, 0, 0));
        world.Twilio.Read(cloud => cloud.RingCounts().Values.Distinct().Single()).ShouldBe(1);
    }
}
