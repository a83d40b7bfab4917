using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Calls.Api.Twilio;
using Calls.Sandbox.Twilio;
using CsCheck;
using Twilio.Security;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>The check of Twilio's signatures, against the vectors of Twilio's libraries and against Twilio's own validator.</summary>
public sealed class RequestSignatureTests
{
    private const string Url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    private const string Signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    private const string KeyId = "webhooks_sharedkey_1";
    private const string SharedKey = "the shared key";
    private const string Settings = $"key={KeyId},algorithm=HMAC_SHA256";

    private static readonly string[] TwoTokens = ["first", "second"];

    /// <summary>In ordinal order, as Twilio signs them.</summary>
    private static readonly KeyValuePair<string, string>[] Fields =
    [
        new("CallSid", "CA1234567890ABCDE"), new("Caller", "+14158675309"), new("Digits", "1234"), new("From", "+14158675309"),
        new("To", "+18005551212"),
    ];

    [Fact]
    public void The_worked_example_of_Twilios_documentation_is_valid()
    {
        Check(["12345"]).ShouldBeNull();
        Check(["other", "12345"]).ShouldBeNull("a second token is accepted while tokens are rotated");
        Check(["12345", "other"]).ShouldBeNull();
        Check(["other"]).ShouldBe("wrong signature");
        Check([]).ShouldBe("wrong signature");

        static string? Check(string[] tokens) => new RequestSignature(tokens, []).RefusalOf([Url], FormOf(Fields), Signature, null);
    }

    [Theory]
    [InlineData(null, "no signature")]
    [InlineData("", "no signature")]
    [InlineData("not base64 at all", "wrong signature")]
    [InlineData("AAAA", "wrong signature")]
    [InlineData(Signature + Signature, "wrong signature")]
    public void A_malformed_signature_is_wrong_and_throws_nothing(string? signature, string refusal) =>
        new RequestSignature(["12345"], []).RefusalOf(["https://mycompany.com/"], WebhookForm.Empty, signature, null).ShouldBe(refusal);

    [Fact]
    public void Every_published_vector_is_judged_as_its_library_judges_it()
    {
        using var file = JsonDocument.Parse(Published.SignatureVectors);
        var vectors = file.RootElement.GetProperty("vectors").EnumerateArray().ToList();
        var wrong = vectors.Where(vector => IsValid(vector) != vector.GetProperty("expectedValid").GetBoolean())
            .Select(vector => vector.GetProperty("id").GetString());
        wrong.ShouldBeEmpty();
        vectors.Count.ShouldBe(57);
    }

    [Fact]
    public void Names_that_differ_only_in_case_are_two_fields_of_what_Twilio_signed()
    {
        KeyValuePair<string, string>[] fields = [new("to", "eve"), new("To", "bob")];
        var signature = Signer.Sign("12345", Url, fields);
        Validate(fields).ShouldBeTrue();
        Validate([new("To", "eve"), new("to", "bob")]).ShouldBeFalse();
        Validate([new("To", "bob"), new("To", "eve")]).ShouldBeFalse();

        bool Validate(KeyValuePair<string, string>[] sent) =>
            new RequestSignature(["12345"], []).RefusalOf([Url], FormOf(sent), signature, null) is null;
    }

    [Fact]
    public void It_agrees_with_Twilios_validator_on_every_request_whose_names_are_distinct()
    {
        var text = Gen.OneOf("a", "B", "+1", "é", "😀", "&", "=", "%41", " ", "'", "").Array[0, 4].Select(string.Concat);
        var form = Gen.Dictionary(text, text)[0, 6];
        var url = Gen.Select(
            Gen.OneOf("https://calls.example.com", "https://calls.example.com:8443", "http://calls.example.com", "http://[::1]:5000"),
            Gen.OneOf("/", "/twilio/voice", "/twilio/sessions/s%3A1/conference", "/a/../b"),
            Gen.OneOf("", "?", "?call=x", "?a=1&b=%20", "?a=~%7E"),
            string.Concat);
        var (valid, invalid) = (0, 0);
        Gen.Select(url, form, url, form, Gen.OneOf("first", "second", "third"), Gen.Int[0, 5]).Sample(
            (toUrl, toForm, otherUrl, otherForm, token, mutation) =>
            {
                var signature = Signer.Sign(token, mutation == 1 ? otherUrl : toUrl, mutation == 2 ? otherForm : toForm);
                var official = TwoTokens.Any(known => new RequestValidator(known).Validate(toUrl, toForm, signature));
                new RequestSignature(TwoTokens, []).RefusalOf([toUrl], FormOf([.. toForm]), signature, null)
                    .ShouldBe(official ? null : "wrong signature", toUrl);
                Interlocked.Increment(ref official ? ref valid : ref invalid);
            },
            iter: 20_000);
        valid.ShouldBeGreaterThan(1_000);
        invalid.ShouldBeGreaterThan(1_000);
    }

    [Fact]
    public void A_request_that_names_a_shared_key_must_be_signed_with_that_key()
    {
        var check = new RequestSignature(["12345"], [new(KeyId, SharedKey), new("another", "another key")]);
        Refusal(Settings, SignWith(SharedKey)).ShouldBeNull();
        Refusal("algorithm=HMAC_SHA256, key=" + KeyId, SignWith(SharedKey)).ShouldBeNull("the order and the spaces do not count");
        Refusal("key=another,algorithm=HMAC_SHA256", SignWith("another key")).ShouldBeNull();
        Refusal(Settings, SignWith("another key")).ShouldBe("wrong signature");
        Refusal(Settings, SignWith("12345")).ShouldBe("wrong signature", "an auth token does not count beside the header");
        Refusal(Settings, Signature).ShouldBe("wrong signature", "an auth token does not count beside the header");
        Refusal(null, Signature).ShouldBeNull("without the header the auth tokens count");
        Refusal(null, SignWith(SharedKey)).ShouldBe("wrong signature", "without the header a shared key does not count");
        Refusal(Settings, null).ShouldBe("no signature");

        string? Refusal(string? settings, string? signature) => check.RefusalOf([Url], FormOf(Fields), signature, settings);
    }

    [Theory]
    [InlineData("", "shared key not configured")]
    [InlineData("nonsense", "shared key not configured")]
    [InlineData("key=,algorithm=HMAC_SHA256", "shared key not configured")]
    [InlineData("key=webhooks_sharedkey_2,algorithm=HMAC_SHA256", "shared key not configured")]
    [InlineData("key=WEBHOOKS_SHAREDKEY_1,algorithm=HMAC_SHA256", "shared key not configured")]
    [InlineData("key=webhooks_sharedkey_1", "shared key algorithm")]
    [InlineData("key=webhooks_sharedkey_1,algorithm=HMAC_SHA1", "shared key algorithm")]
    [InlineData("key=webhooks_sharedkey_1,algorithm=HMAC_SHA512", "shared key algorithm")]
    public void A_shared_key_that_is_unknown_or_used_with_another_algorithm_is_refused(string settings, string refusal)
    {
        var check = new RequestSignature(["12345"], [new(KeyId, SharedKey)]);
        foreach (var signature in new[] { SignWith(SharedKey), Signature, Signer.Sign(SharedKey, Url, Fields) })
            check.RefusalOf([Url], FormOf(Fields), signature, settings).ShouldBe(refusal);
    }

    [Fact]
    public void Without_configured_shared_keys_a_request_that_names_one_is_refused()
    {
        var check = new RequestSignature(["12345"], []);
        check.RefusalOf([Url], FormOf(Fields), SignWith(SharedKey), Settings).ShouldBe("shared key not configured");
        check.RefusalOf([Url], FormOf(Fields), Signature, Settings).ShouldBe("shared key not configured");
    }

    /// <summary>Signs the worked example with a shared key, without the package.</summary>
    private static string SignWith(string key) => Convert.ToBase64String(HMACSHA256.HashData(
        Encoding.UTF8.GetBytes(key),
        Encoding.UTF8.GetBytes(Url + string.Concat(Fields.Select(field => field.Key + field.Value)))));

    private static bool IsValid(JsonElement vector)
    {
        var form = new List<KeyValuePair<string, string>>();
        if (vector.GetProperty("params") is { ValueKind: JsonValueKind.Object } fields)
        {
            foreach (var field in fields.EnumerateObject())
                form.AddRange((field.Value.ValueKind == JsonValueKind.Array ? [.. field.Value.EnumerateArray()] : new[] { field.Value })
                    .Select(value => KeyValuePair.Create(field.Name, value.GetString() ?? "")));
        }

        return new RequestSignature([vector.GetProperty("authToken").GetString()!], [])
            .RefusalOf([vector.GetProperty("url").GetString()!], FormOf(form), vector.GetProperty("signature").GetString(), null) is null;
    }

    private static WebhookForm FormOf(IEnumerable<KeyValuePair<string, string>> fields)
    {
        var pairs = fields.Select(field => Uri.EscapeDataString(field.Key) + "=" + Uri.EscapeDataString(field.Value));
        return WebhookForm.Parse(Encoding.UTF8.GetBytes(string.Join('&', pairs))).ShouldNotBeNull();
    }
}
