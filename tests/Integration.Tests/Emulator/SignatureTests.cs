using System.Text.Json.Nodes;
using Calls.Sandbox.Twilio;
using CsCheck;
using Twilio.Security;

namespace Calls.Integration.Tests.Emulator;

public sealed class SignatureTests
{
    /// <summary>The example of twilio.com/docs/usage/security.</summary>
    [Fact]
    public void The_documented_example_has_the_documented_signature() =>
        Signer.Sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", new Parameters
        {
            { "To", "+18005551212" },
            { "Digits", "1234" },
            { "CallSid", "CA1234567890ABCDE" },
            { "From", "+14158675309" },
            { "Caller", "+14158675309" },
        }).ShouldBe("RSOYDt4T1cUTdK1PDd93/VVr8B8=");

    [Theory]
    [InlineData("https://calls.example.org:8443/a?b=c", "https://calls.example.org/a?b=c")]
    [InlineData("http://calls.example.org:8080/a", "http://calls.example.org:8080/a")]
    [InlineData("https://user:word@calls.example.org", "https://calls.example.org")]
    public void A_voice_request_is_signed_without_credentials_and_over_HTTPS_without_the_port(string url, string signed) =>
        Signer.UrlAsSigned(url).ShouldBe(signed);

    [Fact]
    public void Every_vector_of_Twilio_s_own_libraries_is_signed_alike()
    {
        var vectors = JsonNode.Parse(Published.SignatureVectors)!["vectors"]!.AsArray();
        foreach (var vector in vectors)
        {
            var form = new Parameters();
            foreach (var (name, value) in vector!["params"] as JsonObject ?? [])
            {
                foreach (var one in value as JsonArray ?? new JsonArray(value?.DeepClone()))
                {
                    // A null of the Java library stands for an empty value.
                    form.Add(name, one?.GetValue<string>() ?? "");
                }
            }
            Signer.Sign(vector["authToken"]!.GetValue<string>(), vector["url"]!.GetValue<string>(), form)
                .ShouldBe(vector["exactSignatureOfUrlAsGiven"]!.GetValue<string>(), vector["id"]!.GetValue<string>());
        }
        vectors.Count.ShouldBe(57);
    }

    [Fact]
    public void Twilios_validator_accepts_what_the_emulator_signed()
    {
        var text = Gen.OneOf("CallSid", "callsid", "To", "+1", "é", "😀", "&", "=", " ", "").Array[0, 4].Select(string.Concat);
        var url = Gen.OneOf("https://calls.example.org:8443/a?b=c", "https://calls.example.org/a", "http://calls.example.org:8080/a?b");
        Gen.Select(url, Gen.Dictionary(text, text)[0, 12]).Sample((called, form) =>
        {
            var signature = Signer.Sign("12345", Signer.UrlAsSigned(called), form);
            new RequestValidator("12345").Validate(called, form, signature).ShouldBeTrue();
            new RequestValidator("54321").Validate(called, form, signature).ShouldBeFalse();
        });
    }
}
