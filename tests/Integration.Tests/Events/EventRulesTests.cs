using System.Net;
using System.Text;
using Calls.Infrastructure.Webhooks;
using Microsoft.Extensions.Configuration;

namespace Calls.Integration.Tests.Events;

/// <summary>The rules of events that need no call: signature, addresses, configuration, times.</summary>
public sealed class EventRulesTests
{
    /// <summary>The example of the specification of Standard Webhooks (github.com/standard-webhooks/standard-webhooks).</summary>
    [Fact]
    public void The_signature_is_that_of_Standard_Webhooks() => StandardWebhookSignature.Sign(
        Convert.FromBase64String("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
        Encoding.UTF8.GetBytes("""{"test": 2432232314}""")).ShouldBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("2606:4700:4700::1111", true)]
    [InlineData("::ffff:8.8.8.8", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("10.1.2.3", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("168.63.129.16", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::1", false)]
    [InlineData("::", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fd00:ec2::254", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("::ffff:169.254.169.254", false)]
    [InlineData("64:ff9b::a9fe:a9fe", false)]
    [InlineData("2002:7f00:1::", false)]
    [InlineData("2001:0:7f00:1::", false)]
    public void Only_addresses_of_the_public_Internet_are_public(string address, bool isPublic) =>
        PublicAddresses.Contains(IPAddress.Parse(address)).ShouldBe(isPublic);

    [Fact]
    public async Task The_address_that_a_name_resolves_to_is_checked_at_the_connection()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        var host = new DnsEndPoint("localhost", receiver.Url.Port);
        await Should.ThrowAsync<AddressRefusedException>(async () => await PublicAddresses.ConnectAsync(host, false, default));
        await using var allowed = await PublicAddresses.ConnectAsync(host, true, default);
        allowed.CanWrite.ShouldBeTrue();
    }

    [Fact]
    public void Every_key_that_cannot_be_used_is_named_and_no_secret_is_shown()
    {
        var (receivers, failures) = Read(
            ("a:Url", "http://example.com/hook"), ("a:Secret", "whsec_c2hvcnQ="), ("a:Events", "session.ended,session.over"),
            ("b:Secret", "plain-secret"), ("b:PreviousSecret", "plain-secret"),
            ("b:AllowPrivateAddresses", "maybe"), ("b:Url", "https://127.0.0.1/x"),
            ("a b:Url", "https://example.com/"), ("a b:Secret", Secret),
            ("d:Url", "https://user:pass@example.com/"), ("d:Secret", Secret),
            ("e", "https://example.com/"));
        receivers.ShouldBeEmpty();
        string[] expected =
        [
            "Calls:Webhooks:a:Url must", "Calls:Webhooks:a:Secret must", "Calls:Webhooks:a:Events has \"session.over\"",
            "Calls:Webhooks:b:Secret must", "Calls:Webhooks:b:PreviousSecret must",
            "Calls:Webhooks:b:AllowPrivateAddresses is \"maybe\"", "Calls:Webhooks:b:Url names",
            "Calls:Webhooks:a b: the name", "Calls:Webhooks:d:Url must", "Calls:Webhooks:e takes no value",
            "Calls:Webhooks:e:Url must", "Calls:Webhooks:e:Secret must",
        ];
        foreach (var failure in expected)
            failures.ShouldContain(f => f.StartsWith(failure, StringComparison.Ordinal), failure);
        failures.Count.ShouldBe(expected.Length, string.Join('\n', failures));
        string.Join('\n', failures).ShouldNotContain("plain-secret");
        string.Join('\n', failures).ShouldNotContain("pass");
    }

    [Fact]
    public void Without_events_a_receiver_gets_all_and_a_name_in_the_cluster_may_have_http()
    {
        var (receivers, failures) = Read(
            ("crm:Url", "https://crm.example.com/hook"), ("crm:Secret", Secret), ("crm:PreviousSecret", " "),
            ("bi:Url", "http://bi.internal:8080/"), ("bi:Secret", Secret), ("bi:AllowPrivateAddresses", "true"),
            ("bi:Events:0", "session.ended"));
        failures.ShouldBeEmpty();
        EventTypes.All.ShouldAllBe(type => receivers["crm"].Wants(type));
        EventTypes.All.Where(receivers["bi"].Wants).ShouldBe([EventTypes.Ended]);
        receivers["crm"].ToString().ShouldBe("crm");
        receivers["crm"].Keys.Count().ShouldBe(1, "an empty file is no secret");
    }

    [Fact]
    public void The_wait_doubles_from_a_second_to_half_an_hour()
    {
        var settings = new EventSettings();
        settings.Backoff(1, 0).ShouldBe(TimeSpan.FromSeconds(1));
        settings.Backoff(2, 0).ShouldBe(TimeSpan.FromSeconds(2));
        settings.Backoff(11, 0).ShouldBe(TimeSpan.FromSeconds(1024));
        settings.Backoff(40, 0).ShouldBe(TimeSpan.FromMinutes(30));
        settings.Backoff(40, 1).ShouldBe(TimeSpan.FromMinutes(24));
        settings.Lease.ShouldBeGreaterThan(settings.Timeout * 2, "two replicas must not send events of one call at once");
        EventSettings.Kept.ShouldBeGreaterThan(settings.GiveUpAfter + settings.LongestRetry);
    }

    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private static (IReadOnlyDictionary<string, EventReceiver> Receivers, IReadOnlyList<string> Failures) Read(
        params (string Key, string Value)[] settings) => EventReceivers.Read(new ConfigurationBuilder().AddInMemoryCollection(
            settings.Select(setting => new KeyValuePair<string, string?>("Calls:Webhooks:" + setting.Key, setting.Value))).Build());
}
