using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Calls.Browser.Tests;

/// <summary>The page that shows the REST API loads only from the service, and its content security policy is kept.</summary>
public sealed class DocumentationTests
{
    [Fact]
    public async Task The_page_asks_no_other_origin_and_has_no_buttons_of_a_third_party()
    {
        await using var at = await Browsing.StartAsync();
        var page = await at.Page.Context.NewPageAsync();
        at.Watch(page);
        List<string> requests = [];
        page.Request += (_, request) => requests.Add(request.Url);
        var answer = await page.GotoAsync(new Uri(at.Host.Address, "/docs").ToString());
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Sessions", Exact = true })).ToBeVisibleAsync();
        await page.WaitForLoadStateAsync(LoadState.NetworkIdle);

        var own = at.Host.Address.GetLeftPart(UriPartial.Authority);
        requests.Count.ShouldBeGreaterThan(2);
        requests.Where(url => !url.StartsWith(own, StringComparison.Ordinal) && !url.StartsWith("data:", StringComparison.Ordinal)
            && !url.StartsWith("blob:", StringComparison.Ordinal)).ShouldBeEmpty();
        at.Complaints.ShouldBeEmpty();
        var policy = (await answer!.AllHeadersAsync())["content-security-policy"];
        policy.ShouldContain("default-src 'none'");
        policy.ShouldNotContain("unsafe-eval");
        policy.ShouldNotContain("http");
        (await page.GetByRole(AriaRole.Link).EvaluateAllAsync<string[]>("links => links.map(link => link.href)"))
            .Where(url => !url.StartsWith(own, StringComparison.Ordinal)).ShouldBeEmpty();
        foreach (var text in new[] { "Ask AI", "MCP", "Open API Client", "Developer Tools" })
            await Expect(page.GetByText(text, new() { Exact = false })).ToHaveCountAsync(0);
    }
}
