using System.Net;
using Calls.Application.Ports;
using Calls.Infrastructure.Twilio;

namespace Calls.Integration.Tests.Gateway;

public sealed class TwilioErrorsTests
{
    [Theory]
    [InlineData(10001, Refusal.NotPermitted)]
    [InlineData(10002, Refusal.NotPermitted)]
    [InlineData(10004, Refusal.NotProcessed)]
    [InlineData(20001, Refusal.BadRequest)]
    [InlineData(20003, Refusal.NotPermitted)]
    [InlineData(20004, Refusal.BadRequest)]
    [InlineData(20005, Refusal.NotPermitted)]
    [InlineData(20006, Refusal.NotPermitted)]
    [InlineData(20008, Refusal.NotPermitted)]
    [InlineData(20404, Refusal.NotFound)]
    [InlineData(20409, null)]
    [InlineData(20422, Refusal.BadRequest)]
    [InlineData(20429, Refusal.NotProcessed)]
    [InlineData(20500, null)]
    [InlineData(20503, null)]
    [InlineData(21201, Refusal.BadRequest)]
    [InlineData(21205, Refusal.BadRequest)]
    [InlineData(21210, Refusal.NotPermitted)]
    [InlineData(21211, Refusal.NumberRefused)]
    [InlineData(21212, Refusal.NotPermitted)]
    [InlineData(21213, Refusal.NotPermitted)]
    [InlineData(21214, Refusal.NumberRefused)]
    [InlineData(21215, Refusal.NumberRefused)]
    [InlineData(21216, Refusal.NumberRefused)]
    [InlineData(21217, Refusal.NumberRefused)]
    [InlineData(21219, Refusal.NumberRefused)]
    [InlineData(21220, Refusal.BadRequest)]
    [InlineData(21626, Refusal.BadRequest)]
    [InlineData(16020, Refusal.RoomFull)]
    [InlineData(16021, Refusal.NotProcessed)]
    [InlineData(16022, Refusal.AlreadyOver)]
    [InlineData(16024, Refusal.BadRequest)]
    [InlineData(16026, Refusal.LabelInUse)]
    [InlineData(16030, null)]
    [InlineData(16099, Refusal.NotProcessed)]
    public void A_code_of_a_refused_create_means(int code, Refusal? meaning) =>
        TwilioErrors.Meaning(TwilioOperation.CreateParticipant, code, HttpStatusCode.BadRequest).ShouldBe(meaning);

    [Theory]
    [InlineData(400, Refusal.BadRequest)]
    [InlineData(401, Refusal.NotPermitted)]
    [InlineData(403, Refusal.NotPermitted)]
    [InlineData(404, Refusal.NotFound)]
    [InlineData(408, null)]
    [InlineData(409, null)]
    [InlineData(410, Refusal.AlreadyOver)]
    [InlineData(418, Refusal.BadRequest)]
    [InlineData(429, Refusal.NotProcessed)]
    [InlineData(302, Refusal.BadRequest)]
    [InlineData(500, null)]
    [InlineData(504, null)]
    public void A_status_without_a_code_and_one_with_an_unknown_code_mean_the_same(int status, Refusal? meaning)
    {
        TwilioErrors.Meaning(TwilioOperation.CreateCall, null, (HttpStatusCode)status).ShouldBe(meaning);
        TwilioErrors.Meaning(TwilioOperation.CreateCall, 99999, (HttpStatusCode)status).ShouldBe(meaning);
    }

    [Fact]
    public void A_call_in_the_wrong_state_for_its_end_is_over_and_a_conflict_comes_to_rest_where_repeating_is_harmless()
    {
        TwilioErrors.Meaning(TwilioOperation.UpdateCall, 21220, HttpStatusCode.BadRequest).ShouldBe(Refusal.AlreadyOver);
        TwilioErrors.Meaning(TwilioOperation.UpdateCall, 20409, HttpStatusCode.Conflict).ShouldBe(Refusal.NotProcessed);
    }
}
