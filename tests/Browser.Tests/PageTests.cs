using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Calls.Browser.Tests;

/// <summary>The page of the sandbox, used with clicks, against the real service.</summary>
public sealed class PageTests
{
    [Fact]
    public async Task Alice_calls_Bob_and_when_Alice_hangs_up_both_lines_end()
    {
        await using var at = await Browsing.StartAsync();
        await at.Card("Alice").GetByLabel("Call: phone").SelectOptionAsync("client:bob");
        await at.PressAsync("Alice", "Call");
        await at.ExpectPhone("Bob").ToContainTextAsync("Incoming call");
        await at.ExpectPhone("Alice").ToContainTextAsync("hears ringback");
        await Expect(at.Page.Locator("#s-state")).ToHaveTextAsync("ringing");
        await at.PressAsync("Bob", "Answer");
        await at.ExpectPhone("Alice").ToContainTextAsync("with Bob");
        await at.ExpectPhone("Bob").ToContainTextAsync("hears Alice");
        await Expect(at.Page.Locator("#s-state")).ToHaveTextAsync("live");
        await Expect(at.Page.Locator("#session-source")).ToHaveTextAsync("live events");
        await at.PressAsync("Alice", "Hang up");
        await at.ExpectPhone("Bob").ToContainTextAsync("call ended");
        await Expect(at.Page.Locator("#s-state")).ToHaveTextAsync("ended");
        await Expect(at.Page.Locator("#guarantees-title")).ToHaveTextAsync("Guarantees hold");
        await Expect(at.Page.GetByRole(AriaRole.List).Filter(new() { HasText = "POST /twilio/voice" })).ToBeVisibleAsync();
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task Bob_declines_and_Alices_line_ends()
    {
        await using var at = await Browsing.StartAsync(twilio: new() { InlinePlayTime = TimeSpan.FromSeconds(3) });
        await at.Page.GetByRole(AriaRole.Button, new() { Name = "Sound off" }).ClickAsync();
        await at.Card("Alice").GetByLabel("Call: phone").SelectOptionAsync("client:bob");
        await at.PressAsync("Alice", "Call");
        await at.PressAsync("Bob", "Decline");
        await at.ExpectPhone("Bob").ToContainTextAsync("busy or declined");
        await at.ExpectPhone("Alice").ToContainTextAsync("hears the busy tone");
        // The browser has decoded the tone of the service (three cycles of one second), and plays it.
        await at.Page.WaitForFunctionAsync("""
            () => {
              const audio = document.getElementById('earpiece');
              return audio.src.endsWith('/twilio/tones/busy.wav') && Math.abs(audio.duration - 3) < 0.05 && audio.currentTime > 0.2;
            }
            """);
        await at.ExpectPhone("Alice").ToContainTextAsync("Idle");
        (await at.Page.EvaluateAsync<string?>("document.getElementById('earpiece').error?.message ?? null")).ShouldBeNull();
        await Expect(at.Page.Locator("#s-state")).ToHaveTextAsync("ended");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_phone_of_a_lawyer_is_added_joins_the_call_and_is_removed()
    {
        await using var at = await Browsing.StartAsync();
        await at.TalkAsync();
        await at.AddPhoneAsync("lawyer");
        await Expect(at.Card("Lawyer")).ToBeVisibleAsync();
        await at.Card("Bob").GetByLabel("Add to call: number").SelectOptionAsync(new SelectOptionValue { Label = "Lawyer" });
        await at.PressAsync("Bob", "Add to call");
        await at.PressAsync("Lawyer", "Answer");
        await at.ExpectPhone("Lawyer").ToContainTextAsync("with Alice and Bob");
        await Expect(at.Person("Lawyer")).ToContainTextAsync("connected");
        await at.Page.GetByRole(AriaRole.Button, new() { Name = "Remove Lawyer" }).ClickAsync();
        await at.ExpectPhone("Lawyer").ToContainTextAsync("Idle");
        await at.ExpectPhone("Alice").ToContainTextAsync("with Bob");
        await at.PressAsync("Alice", "End for all");
        await at.ExpectPhone("Bob").ToContainTextAsync("Idle");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task Bob_knows_only_what_rang_him_and_adds_the_lawyer_and_Carol_who_adds_the_doctor()
    {
        await using var at = await Browsing.StartAsync();
        await at.Card("Alice").GetByLabel("Call: phone").SelectOptionAsync("client:bob");
        await at.PressAsync("Alice", "Call");
        await at.ExpectPhone("Bob").ToContainTextAsync("Incoming call from Alice");
        await at.PressAsync("Bob", "Answer");
        await at.ExpectPhone("Alice").ToContainTextAsync("with Bob");
        await at.AddPhoneAsync("lawyer");
        await at.AddPhoneAsync("doctor");
        await at.Card("Bob").GetByLabel("Add to call: number").SelectOptionAsync(new SelectOptionValue { Label = "Lawyer" });
        await at.PressAsync("Bob", "Add to call");
        await at.PressAsync("Lawyer", "Answer");
        await at.Card("Bob").GetByLabel("Add to call: number").SelectOptionAsync("client:carol");
        await at.PressAsync("Bob", "Add to call");
        await at.ExpectPhone("Carol").ToContainTextAsync("Incoming call from Alice");
        await at.PressAsync("Carol", "Answer");
        await at.ExpectPhone("Carol").ToContainTextAsync("with Alice, Bob and Lawyer");
        await Expect(at.Person("Carol")).ToContainTextAsync("connected");
        await at.Card("Carol").GetByLabel("Add to call: number").SelectOptionAsync(new SelectOptionValue { Label = "Doctor" });
        await at.PressAsync("Carol", "Add to call");
        await at.PressAsync("Doctor", "Answer");
        await at.PressAsync("Carol", "Mute");
        await at.ExpectPhone("Carol").ToContainTextAsync("Muted");

        // What the page knows of each phone's call is what the call's own parameters say. A telephone gets none.
        var state = await at.Page.EvaluateAsync<System.Text.Json.JsonElement>("fetch('/sandbox/state').then(answer => answer.json())");
        foreach (var phone in state.GetProperty("phones").EnumerateArray())
        {
            var leg = at.Host.Twilio.Read(cloud => cloud.Phone(phone.GetProperty("address").GetString()!).Current);
            phone.GetProperty("session").GetString().ShouldBe(leg!.Custom["SessionID"], phone.ToString());
            phone.TryGetProperty("participant", out _).ShouldBeFalse();
        }

        await at.PressAsync("Carol", "End for all");
        await at.ExpectPhone("Bob").ToContainTextAsync("Idle");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_phone_calls_the_number_of_the_service_and_Bob_adds_Carol()
    {
        await using var at = await Browsing.StartAsync();
        await at.AddPhoneAsync("neighbour");
        await at.PressAsync("Neighbour", "Call in");
        await at.ExpectPhone("Bob").ToContainTextAsync("Incoming call from +1555");
        await at.PressAsync("Bob", "Answer");
        await at.ExpectPhone("Neighbour").ToContainTextAsync("with Bob");
        await at.Card("Bob").GetByLabel("Add to call: number").SelectOptionAsync("client:carol");
        await at.PressAsync("Bob", "Add to call");
        await at.PressAsync("Carol", "Answer");
        await at.ExpectPhone("Carol").ToContainTextAsync("with Neighbour and Bob");
        await at.PressAsync("Neighbour", "Hang up");
        await at.ExpectPhone("Carol").ToContainTextAsync("with Bob");
        await at.PressAsync("Carol", "Hang up");
        await at.ExpectPhone("Bob").ToContainTextAsync("Idle");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task Three_interpreters_are_rung_and_one_answers()
    {
        await using var at = await Browsing.StartAsync();
        await at.TalkAsync();
        foreach (var name in new[] { "ines", "ivan", "ida" })
        {
            await at.AddPhoneAsync(name);
            await Expect(at.Card(char.ToUpperInvariant(name[0]) + name[1..])).ToBeVisibleAsync();
        }

        await at.Page.GetByText("Ring several, for one to answer").ClickAsync();
        await at.Page.GetByLabel("Phones to ring").SelectOptionAsync(
            [new SelectOptionValue { Label = "Ines" }, new SelectOptionValue { Label = "Ivan" }, new SelectOptionValue { Label = "Ida" }]);
        await at.Page.GetByRole(AriaRole.Button, new() { Name = "Ring them" }).ClickAsync();
        foreach (var name in new[] { "Ines", "Ivan", "Ida" })
            await at.ExpectPhone(name).ToContainTextAsync("Incoming call");
        await Expect(at.Person("guest")).ToContainTextAsync("Ivan: ringing");
        await at.PressAsync("Ivan", "Answer");
        await at.ExpectPhone("Ivan").ToContainTextAsync("with Alice and Bob");
        await at.ExpectPhone("Ines").ToContainTextAsync("Idle");
        await at.ExpectPhone("Ida").ToContainTextAsync("Idle");
        await Expect(at.Person("guest")).ToContainTextAsync("Ines: answered elsewhere");
        await Expect(at.Person("guest")).ToContainTextAsync("Ivan: connected");
        await at.PressAsync("Alice", "End for all");
        await at.ExpectPhone("Bob").ToContainTextAsync("Idle");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task Alice_calls_a_group_and_the_first_who_answers_is_the_callee()
    {
        await using var at = await Browsing.StartAsync();
        await at.AddPhoneAsync("ines");
        await Expect(at.Card("Ines")).ToBeVisibleAsync();
        await at.Card("Alice").GetByLabel("Call: phone").SelectOptionAsync(new SelectOptionValue { Label = "The group of interpreters" });
        await at.PressAsync("Alice", "Call");
        await at.ExpectPhone("Bob").ToContainTextAsync("Incoming call from Alice");
        await at.ExpectPhone("Carol").ToContainTextAsync("Incoming call from Alice");
        await at.ExpectPhone("Ines").ToContainTextAsync("Incoming call");
        await at.ExpectPhone("Alice").ToContainTextAsync("hears ringback");
        await Expect(at.Person("callee")).ToContainTextAsync("Carol: ringing");
        await at.PressAsync("Carol", "Answer");
        await at.ExpectPhone("Carol").ToContainTextAsync("hears Alice");
        await at.ExpectPhone("Alice").ToContainTextAsync("hears Carol");
        await at.ExpectPhone("Bob").ToContainTextAsync("Idle");
        await at.ExpectPhone("Ines").ToContainTextAsync("Idle");
        foreach (var candidate in new[] { "Carol: connected", "Bob: answered elsewhere", "Ines: answered elsewhere" })
            await Expect(at.Person("callee")).ToContainTextAsync(candidate);
        foreach (var phone in new[] { at.Host.Twilio.Client("bob"), at.Host.Twilio.Client("carol"), at.Host.Twilio.Phone("+15550100101") })
            phone.Rings.ShouldBe(1, phone.Address);
        await at.PressAsync("Carol", "Hang up");
        await at.ExpectPhone("Alice").ToContainTextAsync("Idle");
        await Expect(at.Page.Locator("#guarantees-title")).ToHaveTextAsync("Guarantees hold");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task Alice_loses_the_connection_and_calls_again()
    {
        await using var at = await Browsing.StartAsync();
        await at.TalkAsync();
        await at.PressAsync("Alice", "Lose connection");
        await at.PressAsync("Alice", "Call again");
        await at.ExpectPhone("Alice").ToContainTextAsync("with Bob");
        await Expect(at.Person("Alice")).ToContainTextAsync("connected");
        await at.PressAsync("Alice", "Hang up");
        await at.ExpectPhone("Bob").ToContainTextAsync("call ended");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_screened_voicemail_does_not_enter_and_a_person_presses_1()
    {
        await using var at = await Browsing.StartAsync();
        await at.TalkAsync();
        await at.AddPhoneAsync("lawyer");
        await at.Card("Lawyer").GetByLabel("When called, it").SelectOptionAsync("voicemail");
        await at.Card("Alice").GetByLabel("Add to call: number").SelectOptionAsync(new SelectOptionValue { Label = "Lawyer" });
        await at.Card("Alice").GetByLabel("Before an added phone enters").SelectOptionAsync("machine");
        await at.PressAsync("Alice", "Add to call");
        await Expect(at.Person("Lawyer")).ToContainTextAsync("voicemail");
        await at.ExpectPhone("Lawyer").ToContainTextAsync("Idle");
        await at.Card("Lawyer").GetByLabel("When called, it").SelectOptionAsync("let-ring");
        await at.Card("Alice").GetByLabel("Before an added phone enters").SelectOptionAsync("press-1");
        await at.PressAsync("Alice", "Add to call");
        await at.PressAsync("Lawyer", "Answer");
        await at.ExpectPhone("Lawyer").ToContainTextAsync("Asked to press 1");
        await at.PressAsync("Lawyer", "Press 1");
        await at.ExpectPhone("Lawyer").ToContainTextAsync("with Alice and Bob");
        await at.PressAsync("Alice", "End for all");
        await at.ExpectPhone("Bob").ToContainTextAsync("Idle");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task Alice_mutes_herself_through_the_Api_and_Bob_hears_nothing()
    {
        await using var at = await Browsing.StartAsync();
        await at.TalkAsync();
        await at.PressAsync("Alice", "Mute");
        await at.ExpectPhone("Alice").ToContainTextAsync("Muted");
        await at.ExpectPhone("Bob").ToContainTextAsync("hears silence");
        await Expect(at.Person("Alice")).ToContainTextAsync("muted");
        await at.PressAsync("Alice", "Unmute");
        await at.ExpectPhone("Bob").ToContainTextAsync("hears Alice");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task Alice_puts_two_phones_on_hold_and_when_Alice_hangs_up_they_hear_each_other()
    {
        await using var at = await Browsing.StartAsync(brokenAfter: TimeSpan.FromSeconds(2));
        await at.TalkAsync();
        foreach (var name in new[] { "lawyer", "doctor" })
        {
            var shown = char.ToUpperInvariant(name[0]) + name[1..];
            await at.AddPhoneAsync(name);
            await at.Card("Alice").GetByLabel("Add to call: number").SelectOptionAsync(new SelectOptionValue { Label = shown });
            await at.PressAsync("Alice", "Add to call");
            await at.PressAsync(shown, "Answer");
        }

        await at.PressAsync("Bob", "Hang up");
        foreach (var shown in new[] { "Lawyer", "Doctor" })
        {
            await at.Page.GetByRole(AriaRole.Button, new() { Name = "Hold " + shown, Exact = true }).ClickAsync();
            await Expect(at.Person(shown)).ToContainTextAsync("held by caller");
            await at.ExpectPhone(shown).ToContainTextAsync("On hold");
        }

        await at.PressAsync("Alice", "Hang up");
        await at.ExpectPhone("Lawyer").ToContainTextAsync("hears Doctor");
        await at.ExpectPhone("Doctor").ToContainTextAsync("hears Lawyer");
        await Expect(at.Page.Locator("#guarantees-title")).ToHaveTextAsync("Guarantees hold");
        await at.PressAsync("Lawyer", "Hang up");
        await at.ExpectPhone("Doctor").ToContainTextAsync("Idle");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task With_every_webhook_duplicated_a_call_still_rings_once()
    {
        await using var at = await Browsing.StartAsync();
        await at.SwitchAsync("Duplicate webhooks");
        await Expect(at.Page.GetByRole(AriaRole.Switch, new() { Name = "Duplicate webhooks" })).ToBeCheckedAsync();
        await at.TalkAsync();
        await at.PressAsync("Bob", "Hang up");
        await at.ExpectPhone("Alice").ToContainTextAsync("Idle");
        await Expect(at.Page.Locator("#entries li", new() { HasText = "(duplicate)" })).Not.ToHaveCountAsync(0);
        at.Host.Twilio.Client("bob").Rings.ShouldBe(1);
        await Expect(at.Page.Locator("#guarantees-title")).ToHaveTextAsync("Guarantees hold");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task While_Twilio_is_down_no_line_can_be_ended_and_the_page_shows_a_broken_guarantee_until_it_is_back()
    {
        await using var at = await Browsing.StartAsync(brokenAfter: TimeSpan.FromSeconds(1));
        await at.TalkAsync();
        await at.SwitchAsync("Twilio is down");
        await Expect(at.Page.GetByRole(AriaRole.Switch, new() { Name = "Twilio is down" })).ToBeCheckedAsync();
        await at.PressAsync("Alice", "Hang up");
        await Expect(at.Page.Locator("#guarantees-title")).ToHaveTextAsync("A guarantee is broken", new() { Timeout = 10_000 });
        await at.SwitchAsync("Twilio is down");
        await Expect(at.Page.Locator("#guarantees-title")).ToHaveTextAsync("Guarantees hold", new() { Timeout = 60_000 });
        await at.ExpectPhone("Bob").ToContainTextAsync("Idle");
    }

    [Fact]
    public async Task Redis_loses_a_call_and_the_call_goes_on()
    {
        await using var at = await Browsing.StartAsync();
        await at.TalkAsync();
        await at.SwitchAsync("Redis loses every call");
        await Expect(at.Page.Locator("#toast")).ToHaveTextAsync("Redis was flushed. It has lost every call.");
        await Expect(at.Page.GetByRole(AriaRole.Switch, new() { Name = "Redis loses every call" })).Not.ToBeCheckedAsync();
        await at.ExpectPhone("Alice").ToContainTextAsync("with Bob");
        // The webhook of the leave builds the session again. Then the session ends Alice's line.
        await at.PressAsync("Bob", "Hang up");
        await at.ExpectPhone("Alice").ToContainTextAsync("call ended");
        await Expect(at.Page.Locator("#s-state")).ToHaveTextAsync("ended");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_export_holds_the_timeline_and_no_number_or_identity_in_clear()
    {
        await using var at = await Browsing.StartAsync();
        await at.TalkAsync();
        await at.AddPhoneAsync("Dr Keller");
        await at.Card("Alice").GetByLabel("Add to call: number").SelectOptionAsync(new SelectOptionValue { Label = "Dr Keller" });
        await at.PressAsync("Alice", "Add to call");
        await at.PressAsync("Dr Keller", "Answer");
        await at.ExpectPhone("Dr Keller").ToContainTextAsync("with Alice and Bob");
        var download = await at.Page.RunAndWaitForDownloadAsync(
            () => at.Page.GetByRole(AriaRole.Link, new() { Name = "Export JSON" }).ClickAsync());
        download.SuggestedFilename.ShouldBe("calls-timeline.json");
        var text = await File.ReadAllTextAsync((await download.PathAsync())!, TestContext.Current.CancellationToken);
        text.ShouldContain("/twilio/voice");
        text.ShouldContain("person-1");
        text.ShouldContain("phone-1");
        text.ShouldContain("label-1");
        foreach (var secret in new[] { "alice", "bob", "Keller", "5550100" })
            text.Contains(secret, StringComparison.OrdinalIgnoreCase).ShouldBeFalse(Around(text, secret));
        Regex.IsMatch(text, "(\\+|%2B)[0-9]{6,}", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5))
            .ShouldBeFalse("a phone number in clear");
    }

    [Fact]
    public async Task The_timeline_is_filtered_searched_and_unfolds_TwiML()
    {
        await using var at = await Browsing.StartAsync();
        await at.TalkAsync();
        var entries = at.Page.Locator("#entries > li:visible");
        string[] kinds = ["Webhooks", "Effects (Twilio REST)", "Frontend REST", "Legs and conferences", "Phones", "Faults and errors"];
        foreach (var kind in kinds)
            await at.Page.Locator("#filters").GetByLabel(kind).UncheckAsync();
        await Expect(entries.Filter(new() { HasText = "webhook" })).ToHaveCountAsync(0);
        await at.Page.GetByLabel("Find").FillAsync("<Conference");
        await entries.First.Locator("summary").ClickAsync();
        await Expect(entries.First.Locator("pre")).ToContainTextAsync("statusCallbackEvent=\"start end join leave mute hold\"");
        await at.Page.GetByLabel("Find").FillAsync("no such thing");
        await Expect(at.Page.GetByText("No entry matches the filters.")).ToBeVisibleAsync();
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_ring_is_heard_once_sound_is_on_and_stops_with_the_answer()
    {
        await using var at = await Browsing.StartAsync();
        await at.Page.EvaluateAsync("""
            () => {
                window.tones = 0;
                window.due = new Set();
                const [start, every, stop] = [OscillatorNode.prototype.start, setInterval, clearInterval];
                OscillatorNode.prototype.start = function (at) { window.tones++; start.call(this, at); };
                window.setInterval = (ring, time) => { const id = every(ring, time); window.due.add(id); return id; };
                window.clearInterval = id => { window.due.delete(id); stop(id); };
            }
            """);
        Task<int> TonesAsync() => at.Page.EvaluateAsync<int>("() => window.tones");
        await at.Card("Alice").GetByLabel("Call: phone").SelectOptionAsync("client:bob");
        await at.PressAsync("Alice", "Call");
        await at.ExpectPhone("Bob").ToContainTextAsync("Incoming call");
        (await TonesAsync()).ShouldBe(0, "the sound is off by default");
        await at.Page.GetByRole(AriaRole.Button, new() { Name = "Sound off" }).ClickAsync();
        await at.Page.WaitForFunctionAsync("() => window.tones >= 8 && window.due.size === 1", null, new() { Timeout = 15_000 });
        await at.PressAsync("Bob", "Answer");
        await at.ExpectPhone("Alice").ToContainTextAsync("with Bob");
        (await at.Page.WaitForFunctionAsync("() => window.due.size === 0", null, new() { Timeout = 15_000 }))
            .ShouldNotBeNull("no further ring is due");
        at.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_script_of_another_site_can_neither_use_the_phones_nor_read_the_tokens()
    {
        await using var at = await Browsing.StartAsync();
        var foreign = await at.Page.APIRequest.PostAsync(
            new Uri(at.Address, "/phones/client:alice/call?to=bob").ToString(),
            new() { Headers = [new("Origin", "https://evil.example")] });
        foreign.Status.ShouldBe(403);
        var rebound = await at.Page.APIRequest.GetAsync(
            new Uri(at.Address, "/sandbox/about").ToString(), new() { Headers = [new("Host", "evil.example")] });
        rebound.Status.ShouldBe(403);
        var page = await at.Page.APIRequest.GetAsync(at.Address.ToString());
        page.Headers["content-security-policy"].ShouldStartWith("default-src 'self';");
    }

    private static string Around(string text, string secret)
    {
        var at = text.IndexOf(secret, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? secret : text.Substring(Math.Max(0, at - 80), Math.Min(160, text.Length - Math.Max(0, at - 80)));
    }
}
