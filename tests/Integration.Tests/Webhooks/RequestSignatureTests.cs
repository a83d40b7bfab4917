using System.Text;
using System.Text.Json;
using Calls.Api.Twilio;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>Twilio's signatures, against the vectors of its own libraries where they are at hand.</summary>
public sealed class RequestSignatureTests
{
    private const string Vectors = "../shared/twilio/signature-vectors.json";

    [Fact]
    public void The_worked_example_of_Twilios_documentation_is_valid()
    {
        Dictionary<string, StringValues> form = new(StringComparer.Ordinal)
        {
            ["CallSid"] = "CA1234567890ABCDE",
            ["Caller"] = "+14158675309",
            ["Digits"] = "1234",
            ["From"] = "+14158675309",
            ["To"] = "+18005551212",
        };
        const string Origin = "https://mycompany.com", Target = "/myapp.php?foo=1&bar=2";
        new RequestSignature(["12345"]).IsValid(Origin, Target, new DecodedForm(new FormCollection(form)), "RSOYDt4T1cUTdK1PDd93/VVr8B8=").ShouldBeTrue();
        new RequestSignature(["other", "12345"]).IsValid(Origin, Target, new DecodedForm(new FormCollection(form)), "RSOYDt4T1cUTdK1PDd93/VVr8B8=").ShouldBeTrue("a second token is accepted while tokens are rotated");
        new RequestSignature(["other"]).IsValid(Origin, Target, new DecodedForm(new FormCollection(form)), "RSOYDt4T1cUTdK1PDd93/VVr8B8=").ShouldBeFalse();
        new RequestSignature([]).IsValid(Origin, Target, new DecodedForm(new FormCollection(form)), "RSOYDt4T1cUTdK1PDd93/VVr8B8=").ShouldBeFalse();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("not base64 at all")]
    [InlineData("AAAA")]
    [InlineData("RSOYDt4T1cUTdK1PDd93/VVr8B8=RSOYDt4T1cUTdK1PDd93/VVr8B8=RSOYDt4T1cUTdK1PDd93/VVr8B8=")]
    public void A_signature_that_is_none_is_wrong_and_throws_nothing(string? signature) =>
        new RequestSignature(["12345"]).IsValid("https://mycompany.com", "/", DecodedForm.Empty, signature).ShouldBeFalse();

    [Fact]
    public void Every_published_vector_is_judged_as_its_library_judges_it()
    {
        var path = Path.Combine(Repository.Root, Vectors);
        Assert.SkipUnless(File.Exists(path), "The vectors lie beside the repository in CI; this clone has none.");
        using var file = JsonDocument.Parse(File.ReadAllText(path));
        var wrong = new List<string>();
        var usual = 0;
        foreach (var vector in file.RootElement.GetProperty("vectors").EnumerateArray())
        {
            var expected = vector.GetProperty("expectedValid").GetBoolean();
            if (Judge(vector, ref usual) != expected)
                wrong.Add($"{vector.GetProperty("id")}: should be {(expected ? "valid" : "invalid")}");
        }

        wrong.ShouldBeEmpty();
        usual.ShouldBeGreaterThan(5, "the pooled form is judged by them too");
    }

    private static bool Judge(JsonElement vector, ref int usual)
    {
        var url = vector.GetProperty("url").GetString()!;
        var authority = url.IndexOf("://", StringComparison.Ordinal) + 3;
        var end = url.IndexOfAny(['/', '?'], authority) is > 0 and var at ? at : url.Length;
        var (origin, target) = (url[..end], url[end..]);
        var body = vector.GetProperty("body").GetString();
        var form = new Dictionary<string, StringValues>(StringComparer.Ordinal);
        if (vector.GetProperty("params") is { ValueKind: JsonValueKind.Object } fields)
            foreach (var field in fields.EnumerateObject())
                form[field.Name] = field.Value.ValueKind == JsonValueKind.Array
                    ? field.Value.EnumerateArray().Select(v => v.GetString()).ToArray()
                    : field.Value.GetString() ?? "";
        var hash = System.Web.HttpUtility.ParseQueryString(new Uri(url).Query)["bodySHA256"];
        string[] tokens = [vector.GetProperty("authToken").GetString()!];
        var signature = vector.GetProperty("signature").GetString();
        var valid = new RequestSignature(tokens).IsValid(origin, target, new DecodedForm(new FormCollection(form)), signature);
        using var read = WebhookForm.Parse(Encoding.ASCII.GetBytes(string.Join('&',
            form.SelectMany(field => field.Value, (field, value) => $"{Uri.EscapeDataString(field.Key)}={Uri.EscapeDataString(value ?? "")}"))));
        if (read is not null && form.Count > 0)
        {
            usual++;
            new RequestSignature(tokens).IsValid(origin, target, read, signature).ShouldBe(valid, vector.GetProperty("id").GetString());
        }

        return valid
            && (vector.GetProperty("kind").GetString() != "json" || RequestSignature.BodyMatches(Encoding.UTF8.GetBytes(body ?? ""), hash));
    }
}
