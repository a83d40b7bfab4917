using System.Security.Cryptography;
using System.Text;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Redis;
using Calls.Integration.Tests.EndToEnd;
using Calls.Sandbox;
using Microsoft.Extensions.Configuration;
using StackExchange.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>The stored form is encrypted if there are keys, and keys can be exchanged while calls go on.</summary>
public sealed class StoredEncryptionTests(RedisFixture redis)
{
    private static int seed;
    private static readonly string Old = NewKey(), Next = NewKey();

    [Fact]
    public async Task A_call_goes_on_while_its_keys_are_exchanged_and_Redis_never_has_a_name()
    {
        var database = await redis.NewDatabaseAsync();
        await using (var plain = await StartAsync(database))
        {
            await plain.TalkAsync("plain");
            (await StoredAsync(database, "plain")).ShouldContain("alice");
        }

        await using (var first = await StartAsync(database, ("Keys:k1", Old)))
        {
            await first.TalkAsync("s-42");
            (await StoredAsync(database, "s-42")).ShouldStartWith("\u0001\u0002k1");
            (await StoredAsync(database, "s-42")).ShouldNotContain("alice");
            (await first.SessionAsync("plain")).GetProperty("state").GetString().ShouldBe("live", "what was not encrypted is read");
        }

        await using (var both = await StartAsync(database, ("Keys:k1", Old), ("Keys:k2", Next), ("Use", "k1")))
        {
            await both.TalkAsync("s-43");
            (await StoredAsync(database, "s-43")).ShouldStartWith("\u0001\u0002k1", customMessage: "Use says which key writes");
        }

        await using var second = await StartAsync(database, ("Keys:k1", Old), ("Keys:k2", Next));
        (await second.SessionAsync("s-42")).GetProperty("participants")[1].GetProperty("identity").GetString().ShouldBe("bob");
        (await second.RestAsync(HttpMethod.Delete, "/v1/sessions/s-42", second.TokenFor("alice"))).Status
            .ShouldBe(System.Net.HttpStatusCode.NoContent);
        (await StoredAsync(database, "s-42")).ShouldStartWith("\u0001\u0002k2", customMessage: "the greatest id writes");
    }

    [Fact]
    public void A_form_that_was_changed_or_moved_or_whose_key_is_missing_is_unreadable()
    {
        var (one, form) = (Of(("Keys:k1", Old)), Encoding.UTF8.GetBytes("""{"v":2}"""));
        var stored = one.Protect(Id("s-1"), form);
        one.Reveal(Id("s-1"), stored).ToArray().ShouldBe(form);
        one.Protect(Id("s-1"), form).ShouldNotBe(stored, "the nonce is new each time");
        Should.Throw<UnreadableSessionException>(() => one.Reveal(Id("s-2"), stored));
        Should.Throw<UnreadableSessionException>(() => Of(("Keys:k2", Old)).Reveal(Id("s-1"), stored)).Message.ShouldContain("k1");
        Should.Throw<UnreadableSessionException>(() => Of(("Keys:k1", Next)).Reveal(Id("s-1"), stored));
        Should.Throw<UnreadableSessionException>(() => Of().Reveal(Id("s-1"), stored));
        for (var i = 2; i < stored.Length; i++)
        {
            var changed = stored.ToArray();
            changed[i] ^= 1;
            Should.Throw<UnreadableSessionException>(() => one.Reveal(Id("s-1"), changed));
            Should.Throw<UnreadableSessionException>(() => one.Reveal(Id("s-1"), stored.AsMemory(0, i)));
        }

        Of().Protect(Id("s-1"), form).ShouldBe(form);
    }

    [Fact]
    public void Every_key_that_cannot_be_used_is_named_and_no_key_is_shown()
    {
        var validator = new StoredEncryption.Validator(Configuration(("Keys:short", "c2hvcnQ="), ("Keys:a b", Old), ("Use", "other")));
        var failures = validator.Validate(null, new StoredEncryption.Options()).Failures!.ToList();
        failures.Count.ShouldBe(3);
        failures.ShouldContain(failure => failure.StartsWith("Calls:Encryption:Keys:short must be base64", StringComparison.Ordinal));
        failures.ShouldContain(failure => failure.StartsWith("Calls:Encryption:Keys:a b: the id", StringComparison.Ordinal));
        failures.ShouldContain(failure => failure.StartsWith("Calls:Encryption:Use is \"other\"", StringComparison.Ordinal));
        string.Join('\n', failures).ShouldNotContain(Old);
        string.Join('\n', failures).ShouldNotContain("c2hvcnQ=");
    }

    private static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    private static StoredEncryption Of(params (string Key, string Value)[] settings) => new(Configuration(settings));

    private static IConfiguration Configuration(params (string Key, string Value)[] settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(Settings(settings)).Build();

    private static IEnumerable<KeyValuePair<string, string?>> Settings((string Key, string Value)[] settings) =>
        settings.Select(setting => new KeyValuePair<string, string?>("Calls:Encryption:" + setting.Key, setting.Value));

    private static Task<SandboxHost> StartAsync(string database, params (string Key, string Value)[] settings) =>
        SandboxHost.StartAsync(new SandboxOptions
        {
            RedisConnectionString = database,
            // Each host has a Twilio of its own, which does not know the calls of the others. Its SIDs are others too.
            Twilio = new() { Seed = Interlocked.Increment(ref seed) },
            Settings = [.. Settings(settings), new("Calls:ReviewInterval", "01:00:00")],
        });

    /// <summary>The stored bytes as text, one character for each byte.</summary>
    private static async Task<string> StoredAsync(string database, string session)
    {
        await using var client = await ConnectionMultiplexer.ConnectAsync(database);
        return Encoding.Latin1.GetString((byte[])(await client.GetDatabase().HashGetAsync(RedisKeys.Session(Id(session)), "data"))!);
    }

    private static SessionId Id(string text) => SessionId.TryParse(text, out var id) ? id : throw new ArgumentException(text, nameof(text));
}
