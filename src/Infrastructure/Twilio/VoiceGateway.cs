using System.Diagnostics;
using System.Text.Json.Serialization.Metadata;
using Calls.Application.Ports;
using Calls.Domain;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;

namespace Calls.Infrastructure.Twilio;

/// <summary>Twilio's REST API behind the port: forms out, views in.</summary>
internal sealed class VoiceGateway(ITwilioApi api, TwilioRequests requests, CallbackUrls urls, IOptions<TwilioOptions> options) : IVoiceGateway
{
    /// <summary>A conference has 250 participants at most, and a pair of addresses few calls a day: more pages than this are a defect, ours or Twilio's.</summary>
    private const int MaxPages = 10;

    private const int PageSize = 100;

    private readonly string callerId = options.Value.Voice.CallerId;

    /// <inheritdoc />
    /// <remarks>A client is rung from the caller's own address, which is what the callee's app shows; a phone only from a number of the account's.</remarks>
    public (string To, string From) AddressesOf(Party callee, ClientIdentity caller) => callee switch
    {
        Party.Client client => (client.Identity.Address, caller.Address),
        Party.Phone phone => (phone.Number.Value, callerId),
        _ => throw new UnreachableException($"No address for {callee.GetType().Name}"),
    };

    public Task<GatewayOutcome<CallSid>> CreateCallAsync(OutboundCall call, CancellationToken cancellationToken)
    {
        var (to, from) = AddressesOf(call.To, call.Caller);
        var form = new CreateCallForm
        {
            To = to,
            From = from,
            Url = urls.Join(new CallReference(call.Session, call.Nonce, call.TraceParent), call.Participant),
            StatusCallback = urls.Status(new CallReference(call.Session, call.Nonce, call.TraceParent), call.Participant),
            Timeout = Seconds(call.RingTimeout),
        };
        Activity? span = null;
        return requests.SendAsync(TwilioOperation.CreateCall, s => span = s, token => api.CreateCallAsync(form, token), body => Created(span, Read(body, TwilioJson.Default.CallResource)?.Sid), cancellationToken);
    }

    public Task<GatewayOutcome<CallSid>> CreateParticipantAsync(OutboundParticipant participant, CancellationToken cancellationToken)
    {
        var form = new CreateParticipantForm
        {
            To = participant.To.Value,
            From = callerId,
            Label = participant.Participant.Value,
            Timeout = Seconds(participant.RingTimeout),
            StatusCallback = urls.Status(new CallReference(participant.Session, participant.Nonce, participant.TraceParent), participant.Participant),
            ConferenceStatusCallback = urls.Conference(new CallReference(participant.Session, participant.Nonce, participant.TraceParent)),
        };
        Activity? span = null;
        return requests.SendAsync(
            TwilioOperation.CreateParticipant, s => Tag(span = s, participant.Conference, null), token => api.CreateParticipantAsync(participant.Conference.Value, form, token),
            body => Created(span, Read(body, TwilioJson.Default.ParticipantResource)?.CallSid), cancellationToken);
    }

    public Task<GatewayOutcome<CallView>> CompleteCallAsync(CallSid leg, CancellationToken cancellationToken) => requests.SendAsync(
        TwilioOperation.UpdateCall, span => Tag(span, null, leg), token => api.UpdateCallAsync(leg.Value, new UpdateStatusForm(), token),
        body => Read(body, TwilioJson.Default.CallResource)?.View, cancellationToken);

    public Task<GatewayOutcome<ParticipantView>> UpdateParticipantAsync(ConferenceSid conference, CallSid leg, bool? muted, bool? hold, CancellationToken cancellationToken) =>
        requests.SendAsync(
            TwilioOperation.UpdateParticipant, span => Tag(span, conference, leg),
            token => api.UpdateParticipantAsync(conference.Value, leg.Value, new UpdateParticipantForm { Muted = Flag(muted), Hold = Flag(hold) }, token),
            body => Read(body, TwilioJson.Default.ParticipantResource)?.View, cancellationToken);

    public Task<GatewayOutcome<Done>> DeleteParticipantAsync(ConferenceSid conference, CallSid leg, CancellationToken cancellationToken) => requests.SendAsync(
        TwilioOperation.DeleteParticipant, span => Tag(span, conference, leg), token => api.DeleteParticipantAsync(conference.Value, leg.Value, token),
        _ => new Done(), cancellationToken);

    public Task<GatewayOutcome<ConferenceView>> CompleteConferenceAsync(ConferenceSid conference, CancellationToken cancellationToken) => requests.SendAsync(
        TwilioOperation.UpdateConference, span => Tag(span, conference, null), token => api.UpdateConferenceAsync(conference.Value, new UpdateStatusForm(), token),
        body => Read(body, TwilioJson.Default.ConferenceResource)?.View, cancellationToken);

    public Task<GatewayOutcome<CallView>> FetchCallAsync(CallSid leg, CancellationToken cancellationToken) => requests.SendAsync(
        TwilioOperation.FetchCall, span => Tag(span, null, leg), token => api.FetchCallAsync(leg.Value, token),
        body => Read(body, TwilioJson.Default.CallResource)?.View, cancellationToken);

    /// <inheritdoc />
    /// <remarks>Not filtered by <c>StartTime</c>: a call that is still queued has none yet, and it is exactly the one that a look-up is after.</remarks>
    public Task<GatewayOutcome<IReadOnlyList<CallView>>> ListCallsAsync(string to, string from, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var day = new DateTimeOffset(since.UtcDateTime.Date, TimeSpan.Zero);
        return ListAsync<CallsPage, CallView>(
            TwilioOperation.ListCalls, null, (page, pageToken, token) => api.ListCallsAsync(to, from, PageSize, page, pageToken, token),
            TwilioJson.Default.CallsPage, call => !(call.DateCreated < day), isSorted: true, cancellationToken);
    }

    public Task<GatewayOutcome<ConferenceView>> FetchConferenceAsync(ConferenceSid conference, CancellationToken cancellationToken) => requests.SendAsync(
        TwilioOperation.FetchConference, span => Tag(span, conference, null), token => api.FetchConferenceAsync(conference.Value, token),
        body => Read(body, TwilioJson.Default.ConferenceResource)?.View, cancellationToken);

    /// <inheritdoc />
    /// <remarks>Not filtered by <c>Status</c>: a room with one person in it is <c>init</c>, then <c>in-progress</c>, and the filter takes one value.</remarks>
    public Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListConferencesAsync(string room, CancellationToken cancellationToken) => ListAsync<ConferencesPage, ConferenceView>(
        TwilioOperation.ListConferences, null, (page, pageToken, token) => api.ListConferencesAsync(room, PageSize, page, pageToken, token),
        TwilioJson.Default.ConferencesPage, conference => !conference.Completed, isSorted: false, cancellationToken);

    public Task<GatewayOutcome<ParticipantView>> FetchParticipantAsync(ConferenceSid conference, ParticipantId label, CancellationToken cancellationToken) => requests.SendAsync(
        TwilioOperation.FetchParticipant, span => Tag(span, conference, null), token => api.FetchParticipantAsync(conference.Value, label.Value, token),
        body => Read(body, TwilioJson.Default.ParticipantResource)?.View, cancellationToken);

    public Task<GatewayOutcome<IReadOnlyList<ParticipantView>>> ListParticipantsAsync(ConferenceSid conference, CancellationToken cancellationToken) => ListAsync<ParticipantsPage, ParticipantView>(
        TwilioOperation.ListParticipants, conference, (page, pageToken, token) => api.ListParticipantsAsync(conference.Value, PageSize, page, pageToken, token),
        TwilioJson.Default.ParticipantsPage, _ => true, isSorted: false, cancellationToken);

    /// <summary>All pages, or nothing: half a list would be taken for the whole one.</summary>
    /// <param name="operation">Which list it is.</param>
    /// <param name="conference">The conference, for the span.</param>
    /// <param name="send">Asks for one page.</param>
    /// <param name="type">How a page is written.</param>
    /// <param name="wanted">Which items are wanted.</param>
    /// <param name="isSorted">Whether nothing is wanted behind a page that ends with something unwanted.</param>
    /// <param name="cancellationToken">Stops before or within a page.</param>
    private async Task<GatewayOutcome<IReadOnlyList<TView>>> ListAsync<TPage, TView>(
        TwilioOperation operation, ConferenceSid? conference, Func<string?, string?, CancellationToken, Task<HttpResponseMessage>> send, JsonTypeInfo<TPage> type,
        Func<TView, bool> wanted, bool isSorted, CancellationToken cancellationToken)
        where TPage : class, IPage<TView>
        where TView : class
    {
        var all = new List<TView>();
        (string? Page, string? Token) at = (null, null);
        for (var i = 0; i < MaxPages; i++)
        {
            var answer = await requests.SendAsync(operation, span => Tag(span, conference, null), token => send(at.Page, at.Token, token), body => Read(body, type), cancellationToken);
            if (answer is GatewayOutcome<TPage>.Refused refused)
                return new GatewayOutcome<IReadOnlyList<TView>>.Refused(refused.Meaning, refused.Code, refused.RetryAfter);
            if (answer is not GatewayOutcome<TPage>.Accepted { Value: { Views: { } items } page })
                return new GatewayOutcome<IReadOnlyList<TView>>.Unknown((answer as GatewayOutcome<TPage>.Unknown)?.Why ?? "unreadable page");
            var views = items.ToList();
            if (views.Contains(null))
                return new GatewayOutcome<IReadOnlyList<TView>>.Unknown("unreadable item");
            all.AddRange(views.OfType<TView>().Where(wanted));
            if (string.IsNullOrEmpty(page.NextPageUri) || (isSorted && views is [.., { } last] && !wanted(last)))
                return new GatewayOutcome<IReadOnlyList<TView>>.Accepted(all);
            at = Next(page.NextPageUri);
        }

        return new GatewayOutcome<IReadOnlyList<TView>>.Unknown("more pages than there can be");
    }

    /// <summary>Of the next page's address we take its place alone: where we send our credentials is not for an answer to say.</summary>
    private static (string? Page, string? Token) Next(string nextPageUri)
    {
        var query = QueryHelpers.ParseQuery(nextPageUri[(nextPageUri.IndexOf('?', StringComparison.Ordinal) + 1)..]);
        return (query.TryGetValue("Page", out var page) ? page.ToString() : null, query.TryGetValue("PageToken", out var token) ? token.ToString() : null);
    }

    private static T? Read<T>(byte[] body, JsonTypeInfo<T> type)
        where T : class => TwilioJson.Read(body, type);

    private static CallSid? Created(Activity? span, string? text)
    {
        if (!CallSid.TryParse(text, out var sid))
            return null;
        GatewayTelemetry.CallSid(span, sid.Value);
        return sid;
    }

    private static void Tag(Activity? span, ConferenceSid? conference, CallSid? leg)
    {
        if (conference is not null)
            GatewayTelemetry.ConferenceSid(span, conference.Value);
        if (leg is not null)
            GatewayTelemetry.CallSid(span, leg.Value);
    }

    private static string? Flag(bool? value) => value switch { true => "true", false => "false", null => null };

    /// <summary>Twilio takes whole seconds, 5 to 600.</summary>
    private static int Seconds(TimeSpan ringTimeout) => Math.Clamp((int)Math.Ceiling(ringTimeout.TotalSeconds), 5, 600);
}
