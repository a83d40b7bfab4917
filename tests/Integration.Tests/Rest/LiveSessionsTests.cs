using System.Globalization;
using System.Net;
using System.Text.Json;
using Calls.Integration.Tests.Redis;
using Calls.Sandbox;

namespace Calls.Integration.Tests.RestApi;

/// <summary>What operators see of the whole.</summary>
public sealed class LiveSessionsTests(RedisFixture redis)
{
    [Fact]
    public async Task Operators_page_through_every_live_call_once_and_nobody_else_does()
    {
        await using var host = await SandboxHost.StartAsync(new SandboxOptions { RedisConnectionString = await redis.NewDatabaseAsync() });
        var expected = Enumerable.Range(0, 23).Select(i => string.Create(CultureInfo.InvariantCulture, $"live-{i}")).ToList();
        foreach (var (id, i) in expected.Select((id, i) => (id, i)))
        {
            await host.Twilio.Client($"caller{i}").CallAsync($"callee{i}", id);
            await host.Twilio.Client($"callee{i}").RingsAsync();
        }

        await host.Twilio.Client("zoe").CallAsync("yan", "over");
        await host.Twilio.Client("yan").RingsAsync();
        await host.Twilio.Client("zoe").HangUpAsync();
        await host.Twilio.Client("yan").IsIdleAsync();

        foreach (var limit in new[] { 1, 5, 200 })
        {
            List<string> seen = [];
            string? cursor = "";
            for (var pages = 0; cursor is not null && pages < 50; pages++)
            {
                var (status, body) = await host.RestAsync(HttpMethod.Get,
                    $"/v1/sessions?state=live&limit={limit}{(cursor.Length > 0 ? "&cursor=" + cursor : "")}",
                    host.TokenFor("olga", "calls.operate"));
                status.ShouldBe(HttpStatusCode.OK, body);
                var page = JsonDocument.Parse(body).RootElement;
                page.GetProperty("sessions").GetArrayLength().ShouldBeLessThanOrEqualTo(limit);
                seen.AddRange(page.GetProperty("sessions").EnumerateArray().Select(s => s.GetProperty("sessionId").GetString()!));
                cursor = page.GetProperty("next").GetString();
            }

            cursor.ShouldBeNull();
            seen.Order().ShouldBe(expected.Order());
        }

        (await host.RestAsync(HttpMethod.Get, "/v1/sessions?state=live", host.TokenFor("caller0"))).Status
            .ShouldBe(HttpStatusCode.Forbidden);
        (await host.RestAsync(HttpMethod.Get, "/v1/sessions?state=live", null)).Status.ShouldBe(HttpStatusCode.Unauthorized);
        foreach (var query in new[] { "", "?state=ended", "?state=live&limit=0", "?state=live&limit=x", "?state=live&limit=99999999999",
            "?state=live&cursor=%00", "?state=live&cursor=!!", "?state=live&cursor=AAAA" })
            (await host.RestAsync(HttpMethod.Get, "/v1/sessions" + query, host.TokenFor("olga", "calls.operate"))).Status.ShouldBe(
                HttpStatusCode.BadRequest, query);
    }
}
