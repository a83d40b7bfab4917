using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Dialing;
using Calls.Infrastructure.Twilio;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Calls.Integration.Tests.Gateway;

public sealed class DialingRulesTests
{
    [Theory]
    [InlineData("+12025550123", null)]
    [InlineData("+18002255288", null)] // toll free
    [InlineData("+14165550123", RefusalReason.CountryNotAllowed)] // Canada, +1 too
    [InlineData("+18765551234", RefusalReason.CountryNotAllowed)] // Jamaica
    [InlineData("+18095551234", RefusalReason.CountryNotAllowed)] // Dominican Republic
    [InlineData("+12423591234", RefusalReason.CountryNotAllowed)] // Bahamas
    [InlineData("+41446681800", RefusalReason.CountryNotAllowed)]
    [InlineData("+15551234567", RefusalReason.InvalidNumber)] // the tables know no area code 555
    [InlineData("+12129761234", RefusalReason.NumberBlocked)] // 976: premium rate in every area code
    [InlineData("+17105551234", RefusalReason.NumberBlocked)] // the government of the United States
    [InlineData("+16005551234", RefusalReason.NumberBlocked)] // satellite
    [InlineData("+19005550100", RefusalReason.NumberBlocked)] // premium rate
    [InlineData("+19112345678", RefusalReason.NumberBlocked)] // begins with an emergency number, and does not exist
    [InlineData("+1202555012", RefusalReason.InvalidNumber)] // too short
    [InlineData("+120255501234", RefusalReason.InvalidNumber)] // too long
    [InlineData("+99912345678", RefusalReason.InvalidNumber)] // no such country
    public void Where_nothing_is_configured_the_caller_ids_own_region_is_rung(string number, RefusalReason? because) =>
        WhyNot(number, ("Twilio:Voice:CallerId", "+12025550100")).ShouldBe(because);

    [Theory]
    [InlineData("+447400123456", "+441481256789", "+442079460000")] // Guernsey is +44 too
    [InlineData("+74951234567", "+77172123456", "+79161234567")] // Kazakhstan is +7 too
    [InlineData("+61291234567", "+61891621234", "+61412345678")] // Christmas Island and Cocos Islands are +61 too
    [InlineData("+14165550123", "+12025550123", "+18002255288")] // toll-free numbers belong to Canada too
    public void The_region_of_the_caller_id_is_narrower_than_its_calling_code(string callerId, string closed, string open)
    {
        WhyNot(closed, ("Twilio:Voice:CallerId", callerId)).ShouldBe(RefusalReason.CountryNotAllowed);
        WhyNot(open, ("Twilio:Voice:CallerId", callerId)).ShouldBeNull();
    }

    [Fact]
    public void A_caller_id_that_the_tables_do_not_know_opens_the_main_region_of_its_calling_code_with_a_warning()
    {
        var logs = new LogSink();
        WhyNot("+12025550123", logs, ("Twilio:Voice:CallerId", "+15550100000")).ShouldBeNull();
        WhyNot("+14165550123", logs, ("Twilio:Voice:CallerId", "+15550100000")).ShouldBe(RefusalReason.CountryNotAllowed);
        logs.Lines.ShouldContain(line => line.Contains("Phones are rung in US only", StringComparison.Ordinal));
        logs.Lines.ShouldAllBe(line => !line.Contains("5550100000", StringComparison.Ordinal));
    }

    [Fact]
    public void A_calling_code_opens_all_its_regions_with_a_warning_that_names_them()
    {
        var logs = new LogSink();
        WhyNot("+18765551234", logs, ("Calls:Dialing:AllowedCountries", "+1")).ShouldBeNull();
        WhyNot("+15551234567", logs, ("Calls:Dialing:AllowedCountries", "+1")).ShouldBe(RefusalReason.InvalidNumber);
        logs.Lines.ShouldContain(line => line.Contains("+1", StringComparison.Ordinal) && line.Contains("JM", StringComparison.Ordinal)
            && line.Contains("DO", StringComparison.Ordinal) && line.Contains("BS", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("+41446681800", null)]
    [InlineData("+41791234567", null)]
    [InlineData("+41900123456", RefusalReason.NumberBlocked)] // premium rate
    [InlineData("+41840123456", RefusalReason.NumberBlocked)] // shared cost
    [InlineData("+41581234567", RefusalReason.NumberBlocked)] // corporate number (UAN)
    [InlineData("+447911123456", null)]
    [InlineData("+447012345678", RefusalReason.NumberBlocked)] // personal number, dearly paid
    [InlineData("+448712345678", RefusalReason.NumberBlocked)] // shared cost or premium
    [InlineData("+881612345678", RefusalReason.NumberBlocked)] // satellite
    [InlineData("+870773123456", RefusalReason.NumberBlocked)] // Inmarsat
    [InlineData("+61147123456", RefusalReason.NumberBlocked)] // satellite
    [InlineData("+79541234567", RefusalReason.NumberBlocked)] // satellite
    [InlineData("+882161234567", RefusalReason.NumberBlocked)] // international network
    [InlineData("+979123456789", RefusalReason.NumberBlocked)] // international premium rate
    [InlineData("+4930901820", RefusalReason.CountryNotAllowed)]
    [InlineData("+12025550123", RefusalReason.CountryNotAllowed)]
    public void Regions_and_calling_codes_may_be_allowed(string number, RefusalReason? because) =>
        WhyNot(number, ("Calls:Dialing:AllowedCountries:0", "ch"), ("Calls:Dialing:AllowedCountries:1", "+44"),
            ("Calls:Dialing:AllowedCountries:2", "881"), ("Calls:Dialing:AllowedCountries:3", "AU"),
            ("Calls:Dialing:AllowedCountries:4", "RU")).ShouldBe(because);

    [Theory]
    [InlineData("+15550100101", null)] // a test number
    [InlineData("+41581234567", null)] // a corporate number
    [InlineData("+41581234568", RefusalReason.NumberBlocked)]
    [InlineData("+15550200101", RefusalReason.InvalidNumber)]
    [InlineData("+41900123456", RefusalReason.NumberBlocked)] // premium rate
    [InlineData("+16005551234", RefusalReason.NumberBlocked)] // satellite
    [InlineData("+44999123", RefusalReason.NumberBlocked)] // emergency
    [InlineData("+15550199999", RefusalReason.NumberBlocked)] // a blocked prefix
    public void Numbers_that_the_tables_do_not_call_valid_may_be_allowed_but_dear_and_emergency_numbers_stay_closed(
        string number, RefusalReason? because) => WhyNot(
        number, ("Calls:Dialing:AllowedNumbers", "+1555010, 155501999, 41581234567, +419001, +1600, +44999"),
        ("Calls:Dialing:BlockedPrefixes", "+15550199")).ShouldBe(because);

    [Theory]
    [InlineData("+44999123", "GB")]
    [InlineData("+49110000", "DE")]
    [InlineData("+33112000", "FR")]
    [InlineData("+61000000", "AU")]
    public void An_emergency_number_with_a_country_code_in_front_is_not_rung(string number, string region) =>
        WhyNot(number, ("Calls:Dialing:AllowedCountries", region)).ShouldBe(RefusalReason.NumberBlocked);

    [Theory]
    [InlineData("+12025550123", "US")]
    [InlineData("+14165550123", "CA")]
    [InlineData("+41446681800", "CH")]
    [InlineData("+15550100101", "unknown")]
    public void A_number_has_a_region_for_quotas_and_metrics(string number, string region) =>
        Rules(null).RegionOf(Given.Number(number)).ShouldBe(region);

    [Theory]
    [InlineData("+41446681800", "CH")]
    [InlineData("+15550100101", "US")]
    [InlineData("+80012345678", null)]
    [InlineData("+870773111632", null)]
    [InlineData("+21012345678", null)]
    [InlineData("no number", null)]
    public void A_caller_id_has_the_region_of_its_number_or_the_main_region_of_its_calling_code(string callerId, string? region) =>
        PhoneNumbers.RegionOf(callerId).ShouldBe(region);

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

    private static RefusalReason? WhyNot(string number, params (string Key, string Value)[] configuration) =>
        WhyNot(number, null, configuration);

    private static RefusalReason? WhyNot(string number, LogSink? logs, params (string Key, string Value)[] configuration) =>
        Rules(logs, configuration).WhyNot(Given.Number(number));

    private static IDialingRules Rules(LogSink? logs, params (string Key, string Value)[] configuration)
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
        var services = new ServiceCollection().AddMetrics().AddLogging(logging =>
        {
            if (logs is not null)
                logging.AddProvider(logs);
        }).AddCallsTwilio(new ConfigurationBuilder().AddInMemoryCollection(values).Build());
        return services.BuildServiceProvider().GetRequiredService<IDialingRules>();
    }
}
