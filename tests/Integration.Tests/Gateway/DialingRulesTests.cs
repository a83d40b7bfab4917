using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Dialing;
using Calls.Infrastructure.Twilio;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Calls.Integration.Tests.Gateway;

public sealed class DialingRulesTests
{
    [Theory]
    [InlineData("+15551234567", null)] // nobody's number, as tests use it
    [InlineData("+12025550123", null)]
    [InlineData("+18005551234", null)] // toll free
    [InlineData("+41446681800", RefusalReason.CountryNotAllowed)]
    [InlineData("+19005550100", RefusalReason.NumberBlocked)] // premium rate
    [InlineData("+19112345678", RefusalReason.NumberBlocked)] // begins with an emergency number, and is nobody's
    [InlineData("+1202555012", RefusalReason.InvalidNumber)] // too short
    [InlineData("+120255501234", RefusalReason.InvalidNumber)] // too long
    [InlineData("+99912345678", RefusalReason.InvalidNumber)] // no such country
    public void Where_nothing_is_configured_the_caller_ids_own_calling_code_is_rung(string number, RefusalReason? because) =>
        WhyNot(number).ShouldBe(because);

    [Theory]
    [InlineData("+41446681800", null)]
    [InlineData("+41791234567", null)]
    [InlineData("+41900123456", RefusalReason.NumberBlocked)] // premium rate
    [InlineData("+41840123456", RefusalReason.NumberBlocked)] // shared cost
    [InlineData("+447911123456", null)]
    [InlineData("+447012345678", RefusalReason.NumberBlocked)] // personal number, dearly paid
    [InlineData("+448712345678", RefusalReason.NumberBlocked)] // shared cost or premium
    [InlineData("+881612345678", RefusalReason.NumberBlocked)] // satellite
    [InlineData("+870773123456", RefusalReason.NumberBlocked)] // Inmarsat
    [InlineData("+882161234567", RefusalReason.NumberBlocked)] // international network
    [InlineData("+979123456789", RefusalReason.NumberBlocked)] // international premium rate
    [InlineData("+4930901820", RefusalReason.CountryNotAllowed)]
    [InlineData("+12025550123", RefusalReason.CountryNotAllowed)]
    public void Regions_and_calling_codes_may_be_allowed(string number, RefusalReason? because) =>
        WhyNot(number, ("Calls:Dialing:AllowedCountries:0", "ch"), ("Calls:Dialing:AllowedCountries:1", "+44"),
            ("Calls:Dialing:AllowedCountries:2", "881")).ShouldBe(because);

    [Theory]
    [InlineData("+12025550123", null)]
    [InlineData("+15551234567", null)] // possible, nobody's: counts as the calling code's main region
    [InlineData("+18765551234", RefusalReason.CountryNotAllowed)] // Jamaica, +1 too
    public void A_region_is_narrower_than_its_calling_code(string number, RefusalReason? because) =>
        WhyNot(number, ("Calls:Dialing:AllowedCountries", "US, CA")).ShouldBe(because);

    [Theory]
    [InlineData("+44999123", "GB")]
    [InlineData("+49110000", "DE")]
    [InlineData("+33112000", "FR")]
    [InlineData("+61000000", "AU")]
    public void An_emergency_number_with_a_country_code_in_front_is_not_rung(string number, string region) =>
        WhyNot(number, ("Calls:Dialing:AllowedCountries", region)).ShouldBe(RefusalReason.NumberBlocked);

    [Fact]
    public void Prefixes_may_be_blocked()
    {
        WhyNot("+12125550123", ("Calls:Dialing:BlockedPrefixes", "1212,+1900")).ShouldBe(RefusalReason.NumberBlocked);
        WhyNot("+12025550123", ("Calls:Dialing:BlockedPrefixes", "1212,+1900")).ShouldBeNull();
    }

    [Theory]
    [InlineData("+1 (555) 123-4567", "+15551234567")]
    [InlineData(" +41 44 668 18 00 ", "+41446681800")]
    [InlineData("+41.44.668.18.00", "+41446681800")]
    [InlineData("+44 020 7946 0000", "+442079460000")] // a trunk zero that is not dialled from abroad
    [InlineData("+39 06 698 12345", "+390669812345")] // one that is
    [InlineData("\u202A+41 44 668 18 00\u202C", "+41446681800")]
    [InlineData("\u200E+41446681800\u200E", "+41446681800")]
    [InlineData("\u2066+41\u2069446681800\uFEFF", "+41446681800")]
    [InlineData("\u061C\u200B+41\u200C44\u200D6681800\u2060", "+41446681800")]
    [InlineData("+41\u00A044\u202F668\u200918\u300000", "+41446681800")]
    [InlineData("+41\u201144\u2013668\u201218\u221200", "+41446681800")] // dashes and a minus
    [InlineData("tel:+41-44-668-18-00", "+41446681800")]
    [InlineData(" \u200FTel: +41 44 668 18 00", "+41446681800")]
    [InlineData("+٤١٤٤٦٦٨١٨٠٠", "+41446681800")] // Arabic-Indic
    [InlineData("+۴۱۴۴۶۶۸۱۸۰۰", "+41446681800")] // Persian
    [InlineData("+४१ ४४ ६६८ १८ ००", "+41446681800")] // Devanagari
    [InlineData("＋４１（４４）６６８－１８．００", "+41446681800")] // full-width
    [InlineData("+1 ٥٥٥ 123 4567", "+15551234567")]
    public void A_number_is_taken_as_people_write_it(string text, string e164)
    {
        PhoneNumbers.TryNormalise(text, out var number, out var why).ShouldBeTrue(why);
        number!.Value.ShouldBe(e164);
    }

    [Theory]
    [InlineData(null, "missing")]
    [InlineData("   ", "missing")]
    [InlineData("555 765 4321", "must begin with +")]
    [InlineData("0041 44 668 18 00", "not with 00")]
    [InlineData("+41 (0)44 668 18 00", "Leave out the (0)")]
    [InlineData("+1 555 CALL NOW", "It must not have \"C\", \"A\", \"L\", \"N\", \"O\" and other characters.")]
    [InlineData("+1 555 123 4567;ext=9", "It must not have \";\", \"e\", \"x\", \"t\", \"=\".")]
    [InlineData("+1 555 123 456\u0301", "It must not have U+0301.")]
    [InlineData("+1 555\u0007 123 4567\U000E0001", "It must not have U+0007, U+E0001.")]
    [InlineData("tel:", "missing")]
    [InlineData("\u202A\u202C", "missing")]
    [InlineData("tel:tel:+41446681800", "It must not have \"t\"")]
    [InlineData("++15551234567", "has one +")]
    [InlineData("+1555+1234567", "has one +")]
    [InlineData("+41 (٠)44 668 18 00", "Leave out the (0)")]
    [InlineData("٠٠٤١446681800", "not with 00")]
    [InlineData("+1 555", "too short")]
    [InlineData("+1 555 123 456", "too short or too long")]
    [InlineData("+12345678901234567", "too long")]
    [InlineData("+0123456789", "No country code begins with 0")]
    [InlineData("+999 123 456 78", "no such country code")]
    public void A_number_that_is_none_is_refused_with_a_reason_that_does_not_repeat_it(string? text, string words)
    {
        PhoneNumbers.TryNormalise(text, out _, out var why).ShouldBeFalse();
        why.ShouldNotBeNull().ShouldContain(words);
        if (!string.IsNullOrWhiteSpace(text))
            why.ShouldNotContain(text);
    }

    [Theory]
    [InlineData("+41446681800", true)]
    [InlineData("911", true)]
    [InlineData("(555) 123", true)]
    [InlineData("\u202A\u00A0９", true)]
    [InlineData("＋41", true)]
    [InlineData("TEL:bob", true)]
    [InlineData("1alice", true)]
    [InlineData("alice1", false)]
    [InlineData("-1", false)]
    [InlineData("client:911", false)]
    [InlineData("\u202Aalice", false)]
    [InlineData("telephone", false)]
    [InlineData("", false)]
    [InlineData(" ", false)]
    [InlineData(null, false)]
    public void A_text_that_begins_like_a_number_is_no_name(string? text, bool begins) => PhoneNumbers.BeginsLikeOne(text).ShouldBe(begins);

    private static RefusalReason? WhyNot(string number, params (string Key, string Value)[] configuration)
    {
        var values = new Dictionary<string, string?>
        {
            ["PublicBaseUrl"] = "https://calls.example.com",
            ["Twilio:Client:AccountSid"] = GatewayFixture.AccountSid,
            ["Twilio:AuthToken"] = "token",
            ["Twilio:Voice:CallerId"] = GatewayFixture.CallerNumber,
        };
        foreach (var (key, value) in configuration)
            values[key] = value;
        var services = new ServiceCollection().AddLogging().AddMetrics().AddCallsTwilio(
            new ConfigurationBuilder().AddInMemoryCollection(values).Build());
        using var provider = services.BuildServiceProvider();
        return provider.GetRequiredService<IDialingRules>().WhyNot(Given.Number(number));
    }
}
