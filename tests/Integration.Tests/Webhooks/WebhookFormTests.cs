using System.IO.Pipelines;
using System.Text;
using Calls.Api.Limits;
using Calls.Api.Twilio;
using CsCheck;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>The reader of a webhook's form: what it decodes, what it refuses, and the bounds.</summary>
public sealed class WebhookFormTests
{
    private const string FormType = "application/x-www-form-urlencoded";
    private const string Usual =
        "AccountSid=AC00000000000000000000000000000001&CallSid=CA00000000000000000000000000000002&From=client%3Aalice"
        + "&To=%2B4915112345678&FriendlyName=Jos%C3%A9+%26+Ana&Digits=";

    [Fact]
    public void A_body_is_decoded_in_the_order_in_which_it_came()
    {
        var form = Parse(Usual).ShouldNotBeNull();
        form.Fields.Select(field => field.Key).ShouldBe(["AccountSid", "CallSid", "From", "To", "FriendlyName", "Digits"]);
        form.Single("From").ShouldBe("client:alice");
        form.Single("FriendlyName").ShouldBe("José & Ana");
        form.Single("Digits").ShouldBe("");
        form.Single("Fro").ShouldBeNull();
    }

    [Theory]
    [InlineData("to=eve&To=bob", "To", "bob")]
    [InlineData("to=eve&To=bob", "to", "eve")]
    [InlineData("To=&to=bob", "To", "bob")]
    [InlineData("to=bob&To=", "To", "bob")]
    [InlineData("from=alice", "From", "alice")]
    [InlineData("sessionId=s-1&Sessionid=", "SessionID", "s-1")]
    [InlineData("To=&to=", "To", "")]
    [InlineData("to=", "To", null)]
    [InlineData("To=&to=bob&TO=eve", "To", null)] // two fields could fill in
    [InlineData("to=bob&TO=bob", "To", null)]
    [InlineData("To=bob&To=&to=eve", "To", null)] // the exact name came twice
    public void A_look_up_takes_the_exact_name_and_another_case_fills_in_where_that_is_missing_or_empty(
        string body, string name, string? value)
    {
        var form = Parse(body).ShouldNotBeNull();
        form.Fields.Count.ShouldBe(body.Count(c => c == '&') + 1, "names that differ only in case are two fields");
        form.Single(name).ShouldBe(value);
        WebhookForm.Parse("?" + body).ShouldNotBeNull().Single(name).ShouldBe(value, "a query is read alike");
    }

    [Fact]
    public void A_field_that_came_more_than_once_has_no_value()
    {
        var form = Parse("a=1&a=2&b=3&b=3&b=3&c=4").ShouldNotBeNull();
        form.Single("a").ShouldBeNull();
        form.Single("b").ShouldBeNull();
        form.Single("c").ShouldBe("4");
        form.Fields.Count.ShouldBe(6);
    }

    [Theory]
    [InlineData("a=1&", "a:1")]
    [InlineData("&&a=1&&b=2", "a:1|b:2")]
    [InlineData("a", "a:")]
    [InlineData("=a", ":a")]
    [InlineData("a=b=c", "a:b=c")]
    [InlineData("a=%", "a:%")]
    [InlineData("a=%zz", "a:%zz")]
    [InlineData("a=é", "a:é")]
    [InlineData("%C3%A9=+%2B", "é: +")]
    [InlineData("a=%C3", "a:%C3")]
    public void An_unusual_body_is_decoded_too(string body, string fields) =>
        string.Join('|', Parse(body).ShouldNotBeNull().Fields.Select(field => field.Key + ":" + field.Value)).ShouldBe(fields);

    [Fact]
    public void A_body_that_is_not_UTF_8_or_holds_a_NUL_is_refused()
    {
        WebhookForm.Parse([(byte)'a', (byte)'=', 0xFF]).ShouldBeNull();
        WebhookForm.Parse([(byte)'a', (byte)'=', 0xED, 0xA0, 0x80]).ShouldBeNull();
        Parse("a=%00").ShouldBeNull();
        Parse("%00=a").ShouldBeNull();
        Parse("a=\0").ShouldBeNull();
    }

    [Fact]
    public void The_number_of_fields_and_the_length_of_a_name_and_of_a_value_are_bounded()
    {
        Parse(new string('k', 256) + "=1").ShouldNotBeNull();
        Parse(new string('k', 257) + "=1").ShouldBeNull();
        Parse("a=" + new string('v', 8 * 1024)).ShouldNotBeNull();
        Parse("a=" + new string('v', 8 * 1024 + 1)).ShouldBeNull();
        Parse(string.Join('&', Enumerable.Range(0, 200).Select(i => $"k{i}=1"))).ShouldNotBeNull();
        Parse(string.Join('&', Enumerable.Range(0, 201).Select(i => $"k{i}=1"))).ShouldBeNull();
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded", "")]
    [InlineData("application/x-www-form-urlencoded; charset=UTF-8", "")]
    [InlineData("application/x-www-form-urlencoded;charset=\"utf-8\"", "")]
    [InlineData("Application/X-WWW-Form-Urlencoded", "")]
    [InlineData("application/x-www-form-urlencoded; charset=iso-8859-1", "content type")]
    [InlineData("application/x-www-form-urlencoded; charset=utf-7", "content type")]
    [InlineData("application/x-www-form-urlencoded-not", "content type")]
    [InlineData("multipart/form-data; boundary=x", "content type")]
    [InlineData("application/json", "content type")]
    [InlineData(";", "content type")]
    [InlineData("", "content type")]
    [InlineData(null, "content type")]
    public async Task Only_a_form_in_UTF_8_is_read_and_an_empty_body_has_no_fields(string? contentType, string refusal)
    {
        var (form, cause) = await ReadAsync(Usual, contentType);
        cause.ShouldBe(refusal);
        (form is not null).ShouldBe(refusal.Length == 0);
        (await ReadAsync("", contentType)).Form.ShouldBe(WebhookForm.Empty);
    }

    [Fact]
    public async Task A_body_that_is_longer_than_the_bound_is_refused()
    {
        var most = string.Join('&', Enumerable.Repeat("a=" + new string('v', 8 * 1024 - 3), 8));
        most.Length.ShouldBe((int)Hardening.MaxBody - 1);
        (await ReadAsync(most + "&", FormType)).Form.ShouldNotBeNull();
        (await ReadAsync(most + "&&", FormType)).Refusal.ShouldBe("unreadable body");
    }

    [Fact]
    public async Task A_body_that_comes_in_pieces_is_read_to_its_end()
    {
        var pipe = new Pipe();
        var reading = WebhookForm.ReadAsync(pipe.Reader, FormType);
        foreach (var piece in Encoding.ASCII.GetBytes(Usual).Chunk(7))
            await pipe.Writer.WriteAsync(piece, TestContext.Current.CancellationToken);
        reading.IsCompleted.ShouldBeFalse("the body is not at its end");
        await pipe.Writer.CompleteAsync();
        (await reading).Form.ShouldNotBeNull().Single("FriendlyName").ShouldBe("José & Ana");
    }

    [Fact]
    public void Every_escaped_form_is_read_back_as_it_was_written()
    {
        var text = Gen.OneOf("a", "B", "CallSid", "=", "&", "+", "%", "%41", "é", "😀", " ", "?", ";", "#").Array[0, 8]
            .Select(string.Concat);
        Gen.Select(text, text, KeyValuePair.Create).Array[0, 12].Sample(fields =>
        {
            var body = string.Join('&', fields.Select(field => Uri.EscapeDataString(field.Key) + "=" + Uri.EscapeDataString(field.Value)));
            Parse(body).ShouldNotBeNull().Fields.ShouldBe(fields, body);
        });
    }

    [Fact]
    public void Arbitrary_bytes_are_read_or_refused_and_never_throw() =>
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            if (WebhookForm.Parse(bytes) is { } form)
                form.Fields.Count.ShouldBeLessThanOrEqualTo(Hardening.MaxFields);
        });

    private static WebhookForm? Parse(string body) => WebhookForm.Parse(Encoding.UTF8.GetBytes(body));

    private static async Task<(WebhookForm? Form, string Refusal)> ReadAsync(string body, string? contentType)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(body));
        return await WebhookForm.ReadAsync(PipeReader.Create(stream), contentType);
    }
}
