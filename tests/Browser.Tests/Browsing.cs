using Calls.Sandbox;
using Calls.Sandbox.Page;
using Calls.Sandbox.Twilio;
using Microsoft.Playwright;

namespace Calls.Browser.Tests;

/// <summary>A sandbox for one test, with its page open in a browser.</summary>
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

    /// <summary>The errors of the browser: scripts that failed, and requests that the content security policy refused.</summary>
    public List<string> Complaints { get; } = [];

    public static async Task<Browsing> StartAsync(
        TimeSpan? brokenAfter = null, BrowserNewContextOptions? context = null, TwilioEmulatorOptions? twilio = null)
    {
        var chromium = Environment.GetEnvironmentVariable("CHROMIUM_PATH") is { Length: > 0 } path ? path : "/usr/bin/chromium";
        if (!File.Exists(chromium))
            Assert.Skip("chromium is not installed");
        var token = TestContext.Current.CancellationToken;
        var host = await SandboxHost.StartAsync(
            new SandboxOptions
            {
                Settings = [new("Calls:ReviewInterval", "00:00:05"), .. PageOptions.Group],
                Twilio = twilio ?? new(),
            }, token);
        var server = await SandboxPage.StartAsync(
            host, new PageOptions { BrokenAfter = brokenAfter ?? TimeSpan.FromSeconds(20) }, token);
        var playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout(15_000);
        var browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = chromium,
            Args =
            [
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync",
            ],
        });
        context ??= new() { ViewportSize = new() { Width = 1440, Height = 1000 } };
        var page = await (await browser.NewContextAsync(context)).NewPageAsync();
        var browsing = new Browsing(host, server, playwright, browser, page);
        browsing.Watch(page);
        await page.GotoAsync(server.Address.ToString());
        await Assertions.Expect(browsing.Card("Alice")).ToBeVisibleAsync(new() { Timeout = 15_000 });
        return browsing;
    }

    /// <summary>Collects the errors of a page.</summary>
    public void Watch(IPage page)
    {
        page.PageError += (_, error) => Complaints.Add(error);
        // The browser also reports a request that the service refuses. It is not an error of the page.
        page.Console += (_, message) =>
        {
            if (message.Type == "error" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
                Complaints.Add(message.Text);
        };
    }

    public ILocator Card(string name) => Page.GetByRole(AriaRole.Article, new() { Name = name, Exact = true });

    public Task PressAsync(string phone, string button) =>
        Card(phone).GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();

    public Task SwitchAsync(string fault) => Page.GetByRole(AriaRole.Switch, new() { Name = fault }).ClickAsync();

    public ILocatorAssertions ExpectPhone(string name) => Assertions.Expect(Card(name));

    /// <summary>The line of a participant in the session panel.</summary>
    public ILocator Person(string name) => Page.GetByRole(AriaRole.Region, new() { Name = "The call, as the API sees it" })
        .GetByRole(AriaRole.Listitem).Filter(new() { HasText = name });

    /// <summary>Alice calls Bob, who answers.</summary>
    public async Task TalkAsync()
    {
        await Card("Alice").GetByLabel("Call: phone").SelectOptionAsync("client:bob");
        await PressAsync("Alice", "Call");
        await PressAsync("Bob", "Answer");
        await ExpectPhone("Alice").ToContainTextAsync("with Bob");
    }

    public async Task AddPhoneAsync(string name)
    {
        await Page.GetByLabel("Name of a new phone").FillAsync(name);
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
