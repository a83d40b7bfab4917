using System.IO.Pipelines;
using System.Text;
using Calls.Api.Twilio;
using CsCheck;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Calls.Integration.Tests.Webhooks;

/// <summary>The usual body is read here, the unusual one by ASP.NET Core; nobody may be able to tell which it was.</summary>
public sealed class WebhookFormTests
{
    private const string Usual =
        "AccountSid=AC00000000000000000000000000000001&CallSid=CA00000000000000000000000000000002&From=client%3Aalice&To=%2B4915112345678&FriendlyName=Jos%C3%A9+%26+Ana&Digits=";

    [Fact]
    public void A_usual_body_is_decoded_and_a_key_found_in_any_case()
    {
        using var form = Parse(Usual).ShouldNotBeNull();
        form.Single("From").ShouldBe("client:alice");
        form.Single("to").ShouldBe("+4915112345678");
        form.Single("FriendlyName").ShouldBe("José & Ana");
        form.Single("Digits").ShouldBe("");
        form.Single("Fro").ShouldBeNull();
        Signed(form).ShouldBe("AccountSidAC00000000000000000000000000000001CallSidCA00000000000000000000000000000002DigitsFriendlyNameJosé & AnaFromclient:aliceTo+4915112345678");
    }

    [Theory]
    [InlineData("a=1&a=2")]
    [InlineData("a=1&A=2")]
    [InlineData("a")]
    [InlineData("=a")]
    [InlineData("&a=1")]
    [InlineData("a=%")]
    [InlineData("a=%4")]
    [InlineData("a=%zz")]
    [InlineData("a=%+1")]
    [InlineData("a=%00")]
    [InlineData("a=%C3")]
    [InlineData("a=%ED%A0%80")]
    [InlineData("a=é")]
    [InlineData("%C3%A9=1")]
    public void What_is_unusual_is_left_to_others(string body) => Parse(body).ShouldBeNull();

    [Fact]
    public void An_ampersand_at_the_end_says_nothing()
    {
        using var form = Parse("a=1&").ShouldNotBeNull();
        Signed(form).ShouldBe("a1");
    }

    [Fact]
    public void What_is_long_or_much_is_left_to_others()
    {
        Parse(new string('k', 65) + "=1").ShouldBeNull();
        Parse("a=" + new string('v', 1025)).ShouldBeNull();
        Parse(string.Join('&', Enumerable.Range(0, 65).Select(i => $"k{i}=1"))).ShouldBeNull();
        Parse(string.Join('&', Enumerable.Range(0, 64).Select(i => $"k{i}=1"))).ShouldNotBeNull();
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded", true)]
    [InlineData("application/x-www-form-urlencoded; charset=UTF-8", true)]
    [InlineData("Application/X-WWW-Form-Urlencoded", true)]
    [InlineData("application/x-www-form-urlencoded; charset=iso-8859-1", false)]
    [InlineData("application/x-www-form-urlencoded-not", false)]
    [InlineData("multipart/form-data; boundary=x", false)]
    [InlineData("application/json", false)]
    [InlineData(null, false)]
    public void It_goes_by_the_content_type(string? contentType, bool usual) => WebhookForm.Is(contentType).ShouldBe(usual);

    [Fact]
    public void Whatever_it_reads_it_reads_as_AspNet_Core_does()
    {
        var read = 0;
        Gen.OneOf("a", "b", "B", "CallSid", "=", "=", "=", "&", "&", "+", "%", "%4", "%41", "%2b", "%2B", "%26", "%3D", "%00", "%C3%A9", "%c3", "%A9", "%F0%9F%98%80", "%ED%A0%80", "é", "zz", " ", "\0", ";")
            .Array[0, 12].Select(string.Concat).Sample(
                body =>
                {
                    using var form = Parse(body);
                    if (form is null)
                        return;
                    Interlocked.Increment(ref read);
                    using var pipe = new MemoryStream(Encoding.UTF8.GetBytes(body));
                    var theirs = new FormCollection(new FormPipeReader(PipeReader.Create(pipe)).ReadFormAsync(TestContext.Current.CancellationToken).GetAwaiter().GetResult());
                    foreach (var (key, value) in theirs)
                        form.Single(key).ShouldBe(value.ShouldHaveSingleItem(), body);
                    Signed(form).ShouldBe(Signed(new DecodedForm(theirs)), body);
                },
                iter: 200_000);
        read.ShouldBeGreaterThan(2_000, "what is left to others proves nothing here");
    }

    [Fact]
    public async Task A_body_comes_in_pieces()
    {
        var pipe = new Pipe();
        var reading = WebhookForm.ReadAsync(pipe.Reader);
        foreach (var piece in Encoding.ASCII.GetBytes(Usual).Chunk(7))
            await pipe.Writer.WriteAsync(piece, TestContext.Current.CancellationToken);
        reading.IsCompleted.ShouldBeFalse("it is not at its end");
        await pipe.Writer.CompleteAsync();
        using var form = (await reading).ShouldNotBeNull();
        form.Single("FriendlyName").ShouldBe("José & Ana");
    }

    [Fact]
    public async Task What_is_left_to_others_is_left_whole()
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("a=1&a=2"u8.ToArray(), TestContext.Current.CancellationToken);
        await pipe.Writer.CompleteAsync();
        (await WebhookForm.ReadAsync(pipe.Reader)).ShouldBeNull();
        var theirs = await new FormPipeReader(pipe.Reader).ReadFormAsync(TestContext.Current.CancellationToken);
        theirs["a"].ShouldBe(["1", "2"]);
    }

    [Fact]
    public void Nothing_is_read_of_it_once_its_buffer_went_back()
    {
        var form = Parse(Usual).ShouldNotBeNull();
        form.Dispose();
        form.Dispose();
        Should.Throw<ObjectDisposedException>(() => form.Single("From"));
    }

    private static WebhookForm? Parse(string body) => WebhookForm.Parse(Encoding.UTF8.GetBytes(body));

    private static string Signed(ISignedForm form)
    {
        var bytes = new byte[form.MaxLength];
        return Encoding.UTF8.GetString(bytes, 0, form.Write(bytes));
    }
}
