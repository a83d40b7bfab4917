using Calls.Sandbox;
using Calls.Sandbox.Page;
using Microsoft.Playwright;

namespace Calls.Browser.Tests;

/// <summary>A sandbox of its own with its page, and a browser before it.</summary>
internal sealed class Browsing : IAsyncDisposable
{
    private readonly IPlaywright playwright;
    private readonly IBrowser browser;
    private readonly SandboxPage server;

    private Browsing(SandboxHost host, SandboxPage server, IPlaywright playwright, IBrowser browser, IPage page) =>
        (Host, this.server, this.playwright, this.browser, Page) = (host, server, playwright, browser, page);

    public SandboxHost Host { get; }

    public IPage Page { get; }

    public Uri Address => server.Address;

    /// <summary>What the browser complained of: scripts that failed, and what the content security policy refused.</summary>
    public List<string> Complaints { get; } = [];

    public static async Task<Browsing> StartAsync(TimeSpan? patience = null, BrowserNewContextOptions? context = null)
    {
        var chromium = Environment.GetEnvironmentVariable("CHROMIUM_PATH") is { Length: > 0 } path ? path : "/usr/bin/chromium";
        if (!File.Exists(chromium))
            Assert.Skip("chromium is not installed");
        var host = await SandboxHost.StartAsync(new SandboxOptions { Settings = [new("Calls:ReviewInterval", "00:00:05")] }, TestContext.Current.CancellationToken);
        var server = await SandboxPage.StartAsync(host, new PageOptions { Patience = patience ?? TimeSpan.FromSeconds(20) }, TestContext.Current.CancellationToken);
        var playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout(15_000);
        var browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = chromium,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
        var page = await (await browser.NewContextAsync(context ?? new() { ViewportSize = new() { Width = 1440, Height = 1000 } })).NewPageAsync();
        var browsing = new Browsing(host, server, playwright, browser, page);
        browsing.Watch(page);
        await page.GotoAsync(server.Address.ToString());
        await Assertions.Expect(browsing.Card("Alice")).ToBeVisibleAsync(new() { Timeout = 15_000 });
        return browsing;
    }

    /// <summary>Collects what a page complains of.</summary>
    public void Watch(IPage page)
    {
        page.PageError += (_, error) => Complaints.Add(error);
        // A request that the service refuses is written to the console too, and is no fault of the page.
        page.Console += (_, message) =>
        {
            if (message.Type == "error" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
                Complaints.Add(message.Text);
        };
    }

    public ILocator Card(string name) => Page.GetByRole(AriaRole.Article, new() { Name = name, Exact = true });

    public Task PressAsync(string phone, string button) => Card(phone).GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();

    public Task SwitchAsync(string fault) => Page.GetByRole(AriaRole.Switch, new() { Name = fault }).ClickAsync();

    public ILocatorAssertions ExpectPhone(string name) => Assertions.Expect(Card(name));

    /// <summary>The line of the session panel about somebody.</summary>
    public ILocator Person(string name) => Page.GetByRole(AriaRole.Region, new() { Name = "The call, as the API sees it" }).GetByRole(AriaRole.Listitem).Filter(new() { HasText = name });

    /// <summary>Alice calls Bob, who answers.</summary>
    public async Task TalkAsync()
    {
        await Card("Alice").GetByLabel("Call: whom").SelectOptionAsync("client:bob");
        await PressAsync("Alice", "Call");
        await PressAsync("Bob", "Answer");
        await ExpectPhone("Alice").ToContainTextAsync("with Bob");
    }

    public async Task AddPhoneAsync(string name)
    {
        await Page.GetByLabel("Put a phone on the table").FillAsync(name);
        await Page.GetByRole(AriaRole.Button, new() { Name = "Add phone" }).ClickAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await browser.CloseAsync();
        playwright.Dispose();
        await server.DisposeAsync();
        await Host.DisposeAsync();
    }
}
