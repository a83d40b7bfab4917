using Microsoft.AspNetCore.WebUtilities;
using Newtonsoft.Json;
using Twilio.Base;
using Twilio.Clients;
using Twilio.Http;
using Twilio.Rest.Api.V2010.Account;
using Twilio.Rest.Api.V2010.Account.Conference;
using Twilio.Types;
using HttpMethod = Twilio.Http.HttpMethod;
using PhoneAddress = Twilio.Types.PhoneNumber;
using TwilioDomain = Twilio.Rest.Domain;
using TwilioSettings = Microsoft.Extensions.Options.IOptions<Calls.Infrastructure.Twilio.TwilioOptions>;

namespace Calls.Infrastructure.Twilio;

/// <summary>Twilio's REST API, through the official library (docs/adr/0005-our-own-twilio-client.md).</summary>
internal sealed class VoiceGateway(TwilioRequests requests, CallbackUrls urls, TwilioSettings settings) : IVoiceGateway
{
    /// <summary>A conference has at most 250 participants, and a pair of addresses has few calls a day. More pages than this are a
    /// defect.</summary>
    private const int MaxPages = 10;

    private const int PageSize = 100;

    private static readonly List<string> CallEvents = ["initiated", "ringing", "answered", "completed"];

    /// <summary>Every leg has the same events, because Twilio uses the settings of the first participant.</summary>
    private static readonly List<string> ConferenceEvents = ["start", "end", "join", "leave", "mute", "hold"];

    private readonly string callerId = settings.Value.Voice.CallerId;

    /// <inheritdoc />
    /// <remarks>A client is rung from the caller's own address, which the callee's app shows. A phone can only be rung from a number of
    /// the account.</remarks>
    public (string To, string From) AddressesOf(Party callee, ClientIdentity caller) => callee switch
    {
        Party.Client client => (client.Identity.Address, caller.Address),
        Party.Phone phone => (phone.Number.Value, callerId),
        _ => throw new UnreachableException($"No address for {callee.GetType().Name}"),
    };

    public Task<GatewayOutcome<CallSid>> CreateCallAsync(OutboundCall call, CancellationToken cancellationToken)
    {
        var (to, from) = AddressesOf(call.To, call.Caller);
        var reference = new CallReference(call.Session, call.Nonce, call.TraceParent);
        var create = new CreateCallOptions(Address(to), Address(from))
        {
            Url = new Uri(urls.Join(reference, call.Participant)),
            Method = HttpMethod.Post,
            StatusCallback = new Uri(urls.Status(reference, call.Participant)),
            StatusCallbackMethod = HttpMethod.Post,
            StatusCallbackEvent = CallEvents,
            Timeout = Seconds(call.RingTimeout),
        };
        return requests.SendAsync(
            TwilioOperation.CreateCall, null, null, client => CallResource.CreateAsync(create, client), created => Sid(created.Sid),
            cancellationToken);
    }

    /// <remarks>The label is unique among the active participants. Twilio refuses a second request for the same label with 16026.</remarks>
    public Task<GatewayOutcome<CallSid>> CreateParticipantAsync(OutboundParticipant participant, CancellationToken cancellationToken)
    {
        var call = new CallReference(participant.Session, participant.Nonce, participant.TraceParent);
        var create = new CreateParticipantOptions(participant.Conference.Value, Address(callerId), Address(participant.To.Value))
        {
            Label = participant.Participant.Value,
            // Twilio adds five seconds.
            Timeout = Seconds(participant.RingTimeout),
            // By default all participants would hear the phone ring.
            EarlyMedia = false,
            Beep = "false",
            // An empty URL is silence. Without it Twilio plays music.
            WaitUrl = new EmptyUri(),
            EndConferenceOnExit = false,
            StatusCallback = new Uri(urls.Status(call, participant.Participant)),
            StatusCallbackMethod = HttpMethod.Post,
            StatusCallbackEvent = CallEvents,
            ConferenceStatusCallback = new Uri(urls.Conference(call)),
            ConferenceStatusCallbackMethod = HttpMethod.Post,
            ConferenceStatusCallbackEvent = ConferenceEvents,
        };
        return requests.SendAsync(
            TwilioOperation.CreateParticipant, participant.Conference, null, client => ParticipantResource.CreateAsync(create, client),
            created => Sid(created.CallSid), cancellationToken);
    }

    /// <remarks>The status <c>completed</c> ends a call in any state. The status <c>canceled</c> does not end a call that was just
    /// answered.</remarks>
    public Task<GatewayOutcome<CallView>> CompleteCallAsync(CallSid leg, CancellationToken cancellationToken)
    {
        var update = new UpdateCallOptions(leg.Value) { Status = CallResource.UpdateStatusEnum.Completed };
        return requests.SendAsync(
            TwilioOperation.UpdateCall, null, leg, client => CallResource.UpdateAsync(update, client), View, cancellationToken);
    }

    public Task<GatewayOutcome<ParticipantView>> UpdateParticipantAsync(
        ConferenceSid conference, CallSid leg, bool? muted, bool? hold, CancellationToken cancellationToken)
    {
        var update = new UpdateParticipantOptions(conference.Value, leg.Value) { Muted = muted, Hold = hold };
        return requests.SendAsync(
            TwilioOperation.UpdateParticipant, conference, leg, client => ParticipantResource.UpdateAsync(update, client), View,
            cancellationToken);
    }

    public Task<GatewayOutcome<CallView>> FetchCallAsync(CallSid leg, CancellationToken cancellationToken)
    {
        var fetch = new FetchCallOptions(leg.Value);
        return requests.SendAsync(
            TwilioOperation.FetchCall, null, leg, client => CallResource.FetchAsync(fetch, client), View, cancellationToken);
    }

    /// <inheritdoc />
    /// <remarks>There is no filter by <c>StartTime</c>, because a queued call has no start time yet, and a look-up must find that
    /// call.</remarks>
    public Task<GatewayOutcome<IReadOnlyList<CallView>>> ListCallsAsync(
        string to, string from, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var day = new DateTimeOffset(since.UtcDateTime.Date, TimeSpan.Zero);
        var query = new ReadCallOptions { To = Address(to), From = Address(from), PageSize = PageSize }.GetParams();
        return ListAsync<CallResource, CallView>(
            TwilioOperation.ListCalls, null, "/Calls.json", query, page => page.Calls, View, call => !(call.DateCreated < day),
            isSorted: true, cancellationToken);
    }

    public Task<GatewayOutcome<ConferenceView>> FetchConferenceAsync(ConferenceSid conference, CancellationToken cancellationToken)
    {
        var fetch = new FetchConferenceOptions(conference.Value);
        return requests.SendAsync(
            TwilioOperation.FetchConference, conference, null, client => ConferenceResource.FetchAsync(fetch, client), View,
            cancellationToken);
    }

    /// <inheritdoc />
    /// <remarks>There is no filter by <c>Status</c>: a room with one participant is <c>init</c> or <c>in-progress</c>, and the filter
    /// takes one value.</remarks>
    public Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListConferencesAsync(string room, CancellationToken cancellationToken)
    {
        var query = new ReadConferenceOptions { FriendlyName = room, PageSize = PageSize }.GetParams();
        return ListAsync<ConferenceResource, ConferenceView>(
            TwilioOperation.ListConferences, null, "/Conferences.json", query, page => page.Conferences, View,
            conference => !conference.Completed, isSorted: false, cancellationToken);
    }

    public Task<GatewayOutcome<ParticipantView>> FetchParticipantAsync(
        ConferenceSid conference, ParticipantId label, CancellationToken cancellationToken)
    {
        var fetch = new FetchParticipantOptions(conference.Value, label.Value);
        return requests.SendAsync(
            TwilioOperation.FetchParticipant, conference, null, client => ParticipantResource.FetchAsync(fetch, client), View,
            cancellationToken);
    }

    public Task<GatewayOutcome<IReadOnlyList<ParticipantView>>> ListParticipantsAsync(
        ConferenceSid conference, CancellationToken cancellationToken)
    {
        var path = $"/Conferences/{conference.Value}/Participants.json";
        var query = new ReadParticipantOptions(conference.Value) { PageSize = PageSize }.GetParams();
        return ListAsync<ParticipantResource, ParticipantView>(
            TwilioOperation.ListParticipants, conference, path, query, page => page.Participants, View, _ => true, isSorted: false,
            cancellationToken);
    }

    /// <summary>Reads all pages of a list. An incomplete list is no result, because the caller would take it for the whole list.</summary>
    /// <remarks>The library's own lists read further pages synchronously, and they follow the address of the next page to any
    /// host.</remarks>
    /// <param name="operation">The list.</param>
    /// <param name="conference">The conference, for the span.</param>
    /// <param name="path">The list's path below the account.</param>
    /// <param name="query">The filter and the page size.</param>
    /// <param name="items">The items of a page; null if the page has no such list.</param>
    /// <param name="view">The view of an item; null if Twilio does not document an item like this.</param>
    /// <param name="wanted">Selects the items of the result.</param>
    /// <param name="isSorted">Whether no further page can have a wanted item once the last item of a page is not wanted.</param>
    /// <param name="cancellationToken">Cancels the list before a page or within it.</param>
    private async Task<GatewayOutcome<IReadOnlyList<TView>>> ListAsync<TResource, TView>(
        TwilioOperation operation, ConferenceSid? conference, string path, List<KeyValuePair<string, string>> query,
        Func<ListPage, List<TResource>?> items, Func<TResource, TView?> view, Func<TView, bool> wanted, bool isSorted,
        CancellationToken cancellationToken)
        where TResource : Resource
        where TView : class
    {
        var all = new List<TView>();
        var place = Enumerable.Empty<KeyValuePair<string, string>>();
        for (var i = 0; i < MaxPages; i++)
        {
            List<KeyValuePair<string, string>> parameters = [.. query, .. place];
            var answer = await requests.SendAsync(
                operation, conference, null, client => PageAsync(client, path, parameters), page => page, cancellationToken);
            if (answer is GatewayOutcome<ListPage>.Refused refused)
                return new GatewayOutcome<IReadOnlyList<TView>>.Refused(refused.Meaning, refused.Code, refused.RetryAfter);
            if (answer is not GatewayOutcome<ListPage>.Accepted { Value: var page } || items(page) is not { } listed)
                return new GatewayOutcome<IReadOnlyList<TView>>.Unknown(
                    (answer as GatewayOutcome<ListPage>.Unknown)?.Why ?? "unreadable page");
            var views = listed.ConvertAll(item => view(item));
            if (views.Contains(null))
                return new GatewayOutcome<IReadOnlyList<TView>>.Unknown("unreadable item");
            all.AddRange(views.OfType<TView>().Where(wanted));
            if (string.IsNullOrEmpty(page.NextPageUri) || (isSorted && views is [.., { } last] && !wanted(last)))
                return new GatewayOutcome<IReadOnlyList<TView>>.Accepted(all);
            place = PlaceOf(page.NextPageUri);
        }

        return new GatewayOutcome<IReadOnlyList<TView>>.Unknown("more pages than a list can have");
    }

    private static async Task<ListPage?> PageAsync(ITwilioRestClient client, string path, List<KeyValuePair<string, string>> query)
    {
        var url = $"/2010-04-01/Accounts/{client.AccountSid}{path}";
        var response = await client.RequestAsync(new Request(HttpMethod.Get, TwilioDomain.Api, url, queryParams: query));
        return JsonConvert.DeserializeObject<ListPage>(response.Content);
    }

    /// <summary>The place of the next page. The host and the path of its address are ignored, because an answer must not say where the
    /// credentials go.</summary>
    private static IEnumerable<KeyValuePair<string, string>> PlaceOf(string nextPageUri) =>
        QueryHelpers.ParseQuery(nextPageUri[(nextPageUri.IndexOf('?', StringComparison.Ordinal) + 1)..])
            .Where(parameter => parameter.Key is "Page" or "PageToken")
            .Select(parameter => KeyValuePair.Create(parameter.Key, parameter.Value.ToString()));

    /// <summary>The library's <c>DateCreated</c> is local time.</summary>
    private static CallView? View(CallResource call)
    {
        if (Sid(call.Sid) is not { } sid || !LegStatuses.TryParse(call.Status?.ToString(), out var status))
            return null;
        var created = call.DateCreated is { } local ? new DateTimeOffset(local.ToUniversalTime()) : (DateTimeOffset?)null;
        return new CallView(sid, status, call.To ?? "", call.From ?? "", created);
    }

    private static ConferenceView? View(ConferenceResource conference) => ConferenceSid.TryParse(conference.Sid, out var sid)
        ? new ConferenceView(sid, conference.FriendlyName ?? "", conference.Status == ConferenceResource.StatusEnum.Completed)
        : null;

    private static ParticipantView? View(ParticipantResource participant) => Sid(participant.CallSid) is { } sid
        ? new ParticipantView(
            sid, string.IsNullOrEmpty(participant.Label) ? null : participant.Label,
            participant.Status == ParticipantResource.StatusEnum.Connected, participant.Muted is true, participant.Hold is true)
        : null;

    private static CallSid? Sid(string? text) => CallSid.TryParse(text, out var sid) ? sid : null;

    private static PhoneAddress Address(string address) => new(address);

    /// <summary>Twilio takes whole seconds, from 5 to 600.</summary>
    private static int Seconds(TimeSpan ringTimeout) => Math.Clamp((int)Math.Ceiling(ringTimeout.TotalSeconds), 5, 600);

    /// <summary>A page of any of the lists (twilio.com/docs/usage/twilios-response#pagination).</summary>
    private sealed record ListPage(
        [property: JsonProperty("calls")] List<CallResource>? Calls,
        [property: JsonProperty("conferences")] List<ConferenceResource>? Conferences,
        [property: JsonProperty("participants")] List<ParticipantResource>? Participants,
        [property: JsonProperty("next_page_uri")] string? NextPageUri);
}
