using Refit;

namespace Calls.Infrastructure.Twilio;

/// <summary>What we use of Twilio's REST API, in its own names (twilio.com/docs/voice/api). Paths are below <c>/2010-04-01/Accounts/{AccountSid}</c>.</summary>
/// <remarks>
/// Answers are raw: what became of a request is in the status, the error code and the headers as much as in the value (<see cref="TwilioRequests"/>).
/// Every POST has form content: .NET may send a POST without content again by itself when the connection breaks, and one with content never.
/// </remarks>
internal interface ITwilioApi
{
    /// <summary>twilio.com/docs/voice/api/call-resource#create-a-call-resource</summary>
    [Post("/Calls.json")]
    Task<HttpResponseMessage> CreateCallAsync([Body(BodySerializationMethod.UrlEncoded)] CreateCallForm form, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/call-resource#update-a-call-resource</summary>
    [Post("/Calls/{sid}.json")]
    Task<HttpResponseMessage> UpdateCallAsync(string sid, [Body(BodySerializationMethod.UrlEncoded)] UpdateStatusForm form, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/call-resource#fetch-a-call-resource</summary>
    [Get("/Calls/{sid}.json")]
    Task<HttpResponseMessage> FetchCallAsync(string sid, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/call-resource#read-multiple-call-resources</summary>
    [Get("/Calls.json")]
    Task<HttpResponseMessage> ListCallsAsync(
        [AliasAs("To")] string to, [AliasAs("From")] string from,
        [AliasAs("PageSize")] int pageSize, [AliasAs("Page")] string? page, [AliasAs("PageToken")] string? pageToken, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/conference-resource#update-a-conference-resource</summary>
    [Post("/Conferences/{sid}.json")]
    Task<HttpResponseMessage> UpdateConferenceAsync(string sid, [Body(BodySerializationMethod.UrlEncoded)] UpdateStatusForm form, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/conference-resource#fetch-a-conference-resource</summary>
    [Get("/Conferences/{sid}.json")]
    Task<HttpResponseMessage> FetchConferenceAsync(string sid, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/conference-resource#read-multiple-conference-resources</summary>
    [Get("/Conferences.json")]
    Task<HttpResponseMessage> ListConferencesAsync(
        [AliasAs("FriendlyName")] string friendlyName,
        [AliasAs("PageSize")] int pageSize, [AliasAs("Page")] string? page, [AliasAs("PageToken")] string? pageToken, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/conference-participant-resource#create-a-participant</summary>
    [Post("/Conferences/{conferenceSid}/Participants.json")]
    Task<HttpResponseMessage> CreateParticipantAsync(
        string conferenceSid, [Body(BodySerializationMethod.UrlEncoded)] CreateParticipantForm form, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/conference-participant-resource#update-a-participant-resource</summary>
    [Post("/Conferences/{conferenceSid}/Participants/{callSid}.json")]
    Task<HttpResponseMessage> UpdateParticipantAsync(
        string conferenceSid, string callSid, [Body(BodySerializationMethod.UrlEncoded)] UpdateParticipantForm form, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/conference-participant-resource#delete-a-participant-resource</summary>
    [Delete("/Conferences/{conferenceSid}/Participants/{callSid}.json")]
    Task<HttpResponseMessage> DeleteParticipantAsync(string conferenceSid, string callSid, CancellationToken cancellationToken);

    /// <summary>By call SID or by label (twilio.com/docs/voice/api/conference-participant-resource#fetch-a-participant-resource).</summary>
    [Get("/Conferences/{conferenceSid}/Participants/{callSidOrLabel}.json")]
    Task<HttpResponseMessage> FetchParticipantAsync(string conferenceSid, string callSidOrLabel, CancellationToken cancellationToken);

    /// <summary>twilio.com/docs/voice/api/conference-participant-resource#read-multiple-participant-resources</summary>
    [Get("/Conferences/{conferenceSid}/Participants.json")]
    Task<HttpResponseMessage> ListParticipantsAsync(
        string conferenceSid, [AliasAs("PageSize")] int pageSize, [AliasAs("Page")] string? page, [AliasAs("PageToken")] string? pageToken, CancellationToken cancellationToken);
}
