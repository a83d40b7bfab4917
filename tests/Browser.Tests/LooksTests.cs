using System.Text.Json;
using Microsoft.Playwright;

namespace Calls.Browser.Tests;

/// <summary>The look and the accessibility of the page. The tests write pictures to <c>artifacts/screenshots</c>.</summary>
public sealed class LooksTests
{
    [Theory]
    [InlineData("desktop-light", 1440, 1000, ColorScheme.Light)]
    [InlineData("desktop-dark", 1440, 1000, ColorScheme.Dark)]
    [InlineData("phone", 390, 844, ColorScheme.Light)]
    public async Task No_serious_accessibility_violation_is_found(string name, int width, int height, ColorScheme scheme)
    {
        await using var at = await Browsing.StartAsync(
            context: new() { ViewportSize = new() { Width = width, Height = height }, ColorScheme = scheme });
        (await SeriousAsync(at.Page)).ShouldBeEmpty("before any call");
        await at.TalkAsync();
        await at.AddPhoneAsync("lawyer");
        await at.Card("Alice").GetByLabel("Add to call: number").SelectOptionAsync(new SelectOptionValue { Label = "Lawyer" });
        await at.PressAsync("Alice", "Add to call");
        await at.PressAsync("Lawyer", "Answer");
        await at.ExpectPhone("Lawyer").ToContainTextAsync("with Alice and Bob");
        await at.PressAsync("Lawyer", "Hang up");
        await at.AddPhoneAsync("doctor");
        await at.Card("Bob").GetByLabel("Add to call: number").SelectOptionAsync(new SelectOptionValue { Label = "Doctor" });
        await at.PressAsync("Bob", "Add to call");
        await at.ExpectPhone("Doctor").ToContainTextAsync("Incoming call");
        await at.Page.Locator("#entries details").Filter(new() { HasText = "answer" }).Filter(new() { HasText = "/twilio/voice" })
            .First.Locator("summary").ClickAsync();
        (await SeriousAsync(at.Page)).ShouldBeEmpty("during a call");
        (await at.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"))
            .ShouldBeLessThanOrEqualTo(width, "no element is wider than the screen");
        await at.Page.EvaluateAsync("scrollTo(0, 0)");
        await at.Page.ScreenshotAsync(new() { Path = Path.Combine(Artifacts(), $"{name}.png"), FullPage = true });
        await at.Page.ScreenshotAsync(new() { Path = Path.Combine(Artifacts(), $"{name}-fold.png") });
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_call_is_placed_answered_and_ended_with_the_keyboard_alone()
    {
        await using var at = await Browsing.StartAsync();
        async Task PressAsync(string phone, string button, string key = "Tab")
        {
            var wanted = at.Card(phone).GetByRole(AriaRole.Button, new() { Name = button, Exact = true });
            await Assertions.Expect(wanted).ToBeVisibleAsync();
            const string IsFocused = "button => button === document.activeElement";
            for (var presses = 0; presses < 60 && !await wanted.EvaluateAsync<bool>(IsFocused); presses++)
                await at.Page.Keyboard.PressAsync(key);
            await Assertions.Expect(wanted).ToBeFocusedAsync();
            (await wanted.EvaluateAsync<string>("button => getComputedStyle(button).outlineStyle")).ShouldBe("solid");
            await at.Page.Keyboard.PressAsync("Enter");
        }

        await PressAsync("Alice", "Call");
        await PressAsync("Bob", "Answer");
        await at.ExpectPhone("Alice").ToContainTextAsync("with Bob");
        await PressAsync("Alice", "Hang up", "Shift+Tab");
        await at.ExpectPhone("Bob").ToContainTextAsync("Idle");
    }

    /// <summary>The serious and critical violations that axe-core finds.</summary>
    private static async Task<IReadOnlyList<string>> SeriousAsync(IPage page)
    {
        using var script = new StreamReader(typeof(LooksTests).Assembly.GetManifestResourceStream("axe.min.js")!);
        // The content security policy of the page refuses a script element, so the script is evaluated.
        await page.EvaluateAsync(await script.ReadToEndAsync());
        var found = await page.EvaluateAsync<JsonElement>("""
            async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
                .filter(found => found.impact === 'serious' || found.impact === 'critical')
                .flatMap(found => found.nodes.map(node =>
                    `${found.id}: ${node.html.slice(0, 160)} ${node.any.map(check => check.message).join('; ')}`))
            """);
        return [.. found.EnumerateArray().Select(what => what.GetString()!)];
    }

    internal static string Artifacts() => Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "screenshots")).FullName;
}
