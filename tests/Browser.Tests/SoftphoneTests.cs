using System.Text.Json;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Calls.Browser.Tests;

/// <summary>The sample softphone in a browser: two softphones call each other through the sandbox, and the bundled Voice SDK
/// loads.</summary>
public sealed class SoftphoneTests
{
    [Fact]
    public async Task Alice_calls_Bob_who_adds_a_lawyer_and_Carol_and_Alice_mutes_and_hangs_up()
    {
        await using var at = await Browsing.StartAsync();
        await using var softphone = await Softphone.StartAsync(at.Host.Address, at.Address);
        var alice = await OpenAsync(at, softphone, "alice");
        var bob = await OpenAsync(at, softphone, "bob");
        await alice.GetByLabel("Call", new() { Exact = true }).FillAsync("bob");
        await PressAsync(alice, "Call");
        await Expect(bob.Locator("#state")).ToHaveTextAsync("Incoming call from alice");
        await PressAsync(bob, "Answer");
        await Expect(alice.Locator("#state")).ToHaveTextAsync("In call");
        await Expect(alice.Locator("#call-state")).ToHaveTextAsync("live");
        await Expect(bob.Locator("#people li", new() { HasText = "bob (you)" })).ToContainTextAsync("connected");

        await bob.GetByLabel("Add a phone or a person").FillAsync("+1 (555) 010-0101");
        await bob.GetByLabel("Label").FillAsync("lawyer");
        await PressAsync(bob, "Add");
        await at.Host.Twilio.Phone("+15550100101").RingsAsync();
        await at.Host.Twilio.Phone("+15550100101").AnswerAsync();
        await Expect(bob.Locator("#people li", new() { HasText = "lawyer" })).ToContainTextAsync("connected");

        var carol = await OpenAsync(at, softphone, "carol");
        await bob.GetByLabel("Add a phone or a person").FillAsync("carol");
        await PressAsync(bob, "Add");
        await Expect(carol.Locator("#state")).ToHaveTextAsync("Incoming call from alice");
        await PressAsync(carol, "Answer");
        await Expect(carol.Locator("#people li", new() { HasText = "carol (you)" })).ToContainTextAsync("connected");
        await PressAsync(carol, "Hang up");
        await Expect(bob.Locator("#people li", new() { HasText = "carol" })).ToContainTextAsync("left");

        await PressAsync(alice, "Mute alice");
        await Expect(bob.Locator("#people li", new() { HasText = "alice" })).ToContainTextAsync("muted");
        at.Host.Twilio.Read(cloud => cloud.Phone("client:alice").IsMuted).ShouldBeTrue();
        await alice.ScreenshotAsync(new() { Path = Path.Combine(LooksTests.Artifacts(), "softphone.png"), FullPage = true });

        await PressAsync(alice, "Hang up");
        await Expect(alice.Locator("#state")).ToHaveTextAsync("Ready");
        await Expect(bob.Locator("#people li", new() { HasText = "alice" })).ToContainTextAsync("left");
        await PressAsync(bob, "End for all");
        await Expect(bob.Locator("#call-state")).ToContainTextAsync("ended");
        await at.Host.Twilio.Phone("+15550100101").IsIdleAsync();
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task With_a_real_account_the_bundled_SDK_accepts_the_token_and_a_refused_bearer_shows_an_error()
    {
        await using var at = await Browsing.StartAsync();
        await using var softphone = await Softphone.StartAsync(at.Host.Address, sandbox: null);
        var page = await NewPageAsync(at, softphone);
        await Expect(page.Locator("#mode")).ToContainTextAsync("real");
        var answer = await page.APIRequest.GetAsync(softphone.Address.ToString());
        answer.Headers["content-security-policy"].ShouldContain("script-src 'self';");
        await page.GetByLabel("Your bearer").FillAsync("nonsense");
        await PressAsync(page, "Sign in");
        await Expect(page.GetByRole(AriaRole.Alert)).Not.ToBeEmptyAsync();

        var (_, token) = await at.Host.RestAsync(HttpMethod.Post, "/v1/tokens", at.Host.TokenFor("alice"));
        var device = await page.EvaluateAsync<string>(
            "async ([sdk, token]) => { const { Device } = await import(sdk); return `${Device.isSupported} ${new Device(token).state}`; }",
            new[] { "/" + await Softphone.SdkAsync(), JsonElement.Parse(token).GetProperty("token").GetString()! });
        device.ShouldBe("true unregistered");
        at.Complaints.ShouldBeEmpty();
    }

    private static async Task<IPage> NewPageAsync(Browsing at, Softphone softphone)
    {
        // A browser has six connections to one host, and each softphone keeps two of them. Each person has an own browser.
        var context = await at.Page.Context.Browser!.NewContextAsync();
        var page = await context.NewPageAsync();
        at.Watch(page);
        await page.GotoAsync(softphone.Address.ToString());
        return page;
    }

    private static async Task<IPage> OpenAsync(Browsing at, Softphone softphone, string identity)
    {
        var page = await NewPageAsync(at, softphone);
        await page.GetByLabel("Who are you?").SelectOptionAsync(identity);
        await PressAsync(page, "Sign in");
        await Expect(page.Locator("#me")).ToHaveTextAsync(identity);
        await Expect(page.Locator("#token")).ToContainTextAsync("Twilio access token until");
        return page;
    }

    private static Task PressAsync(IPage page, string button) =>
        page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();
}
