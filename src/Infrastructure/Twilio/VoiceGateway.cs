using Microsoft.AspNetCore.WebUtilities;
using Newtonsoft.Json;
using Twilio.Clients;
using Twilio.Http;
using Twilio.Rest.Api.V2010.Account;
using Twilio.Rest.Api.V2010.Account.Conference;
using Twilio.Types;
using static Calls.Infrastructure.Twilio.TwilioOperation;
using HttpMethod = Twilio.Http.HttpMethod;
using PhoneAddress = Twilio.Types.PhoneNumber;
using TwilioDomain = Twilio.Rest.Domain;

namespace Calls.Infrastructure.Twilio;

/// <summary>Twilio's REST API, through the official library (docs/adr/0005-our-own-twilio-client.md).</summary>
internal sealed class VoiceGateway(TwilioRequests requests, CallbackUrls urls, IOptions<TwilioOptions> settings) : IVoiceGateway
{
    /// <summary>A conference has at most 250 participants, and a pair of addresses has few calls a day: more pages are a defect.</summary>
    private const int MaxPages = 10;
    /// <summary>The open conferences of an account: ten thousand.</summary>
    private const int MaxPagesOfAccount = 100;
    private const int PageSize = 100;
    private static readonly List<string> CallEvents = ["initiated", "ringing", "answered", "completed"];
    /// <summary>Every leg has the same events, because Twilio uses the settings of the first participant.</summary>
    private static readonly List<string> ConferenceEvents = ["start", "end", "join", "leave", "mute", "hold"];
    private readonly string callerId = settings.Value.Voice.CallerId;

    /// <remarks>An app shows the caller's own address. A phone can only be rung from a number of the account.</remarks>
    public (string To, string From) AddressesOf(Party callee, SessionId session, Party? caller) => callee switch
    {
        Party.Client client => (AppAddress.Of(client.Identity, session, caller), caller switch
        {
            Party.Client known => known.Identity.Address,
            Party.Phone phone => phone.Number.Value,
            _ => callerId,
        }),
        Party.Phone phone => (phone.Number.Value, callerId),
        _ => throw new UnreachableException($"No address for {callee.GetType().Name}"),
    };

    public Task<GatewayOutcome<CallSid>> CreateCallAsync(OutboundCall call, CancellationToken cancellationToken)
    {
        var (to, from) = AddressesOf(call.To, call.Session, call.Caller);
        var reference = new CallReference(call.Session, call.Nonce, call.TraceParent);
        return requests.SendAsync(
            CreateCall, null, null, client => CallResource.CreateAsync(
                to: Address(to), from: Address(from), url: new Uri(urls.Join(reference, call.Participant)), method: HttpMethod.Post,
                statusCallback: new Uri(urls.Status(reference, call.Participant)), statusCallbackMethod: HttpMethod.Post,
                statusCallbackEvent: CallEvents, timeout: Seconds(call.RingTimeout), timeLimit: (int)call.MaxDuration.TotalSeconds,
                machineDetection: call.MachineDetection is MachineDetection.Off ? null : call.MachineDetection.ToString(),
                client: client),
            created => Sid(created.Sid), cancellationToken);
    }

    /// <remarks>The label is unique among the active participants. Twilio refuses a second request for the same label with 16026.</remarks>
    public Task<GatewayOutcome<CallSid>> CreateParticipantAsync(OutboundParticipant participant, CancellationToken cancellationToken)
    {
        var (to, from) = AddressesOf(participant.To, participant.Session, participant.Caller);
        var call = new CallReference(participant.Session, participant.Nonce, participant.TraceParent);
        return requests.SendAsync(
            CreateParticipant, participant.Conference, null, client => ParticipantResource.CreateAsync(
                participant.Conference.Value, from: Address(from), to: Address(to),
                // Twilio adds five seconds to the time-out.
                label: participant.Participant.Value, timeout: Seconds(participant.RingTimeout),
                timeLimit: (int)participant.MaxDuration.TotalSeconds, muted: participant.Muted ? true : null,
                // By default all participants would hear the phone ring, and without the empty URL Twilio plays music.
                earlyMedia: false, beep: "false", waitUrl: new EmptyUri(), endConferenceOnExit: false,
                statusCallback: new Uri(urls.Status(call, participant.Participant)), statusCallbackMethod: HttpMethod.Post,
                statusCallbackEvent: CallEvents, conferenceStatusCallback: new Uri(urls.Conference(call)),
                conferenceStatusCallbackMethod: HttpMethod.Post, conferenceStatusCallbackEvent: ConferenceEvents, client: client),
            created => Sid(created.CallSid), cancellationToken);
    }

    /// <remarks>The status <c>completed</c> ends a call in any state. <c>canceled</c> does not end a call that was just answered.</remarks>
    public Task<GatewayOutcome<CallView>> CompleteCallAsync(CallSid leg, CancellationToken cancellationToken) => requests.SendAsync(
        UpdateCall, null, leg, client => CallResource.UpdateAsync(
            leg.Value, status: CallResource.UpdateStatusEnum.Completed, client: client), View, cancellationToken);

    public Task<GatewayOutcome<CallView>> RedirectCallAsync(CallSid leg, string twiml, CancellationToken cancellationToken) =>
        requests.SendAsync(
            RedirectCall, null, leg, client => CallResource.UpdateAsync(leg.Value, twiml: new Twiml(twiml), client: client), View,
            cancellationToken);

    public Task<GatewayOutcome<ParticipantView>> UpdateParticipantAsync(
        ConferenceSid conference, CallSid leg, bool? muted, bool? hold, bool ringback, CancellationToken cancellationToken) =>
        requests.SendAsync(
            UpdateParticipant, conference, leg, client => ParticipantResource.UpdateAsync(
                conference.Value, leg.Value, muted: muted, hold: hold,
                holdUrl: hold == true && ringback ? new Uri(urls.Wait(null)) : null,
                holdMethod: hold == true && ringback ? HttpMethod.Get : null, client: client), View, cancellationToken);

    public Task<GatewayOutcome<CallView>> FetchCallAsync(CallSid leg, CancellationToken cancellationToken) => requests.SendAsync(
        FetchCall, null, leg, client => CallResource.FetchAsync(leg.Value, client: client), View, cancellationToken);

    /// <remarks>Twilio does not say whether <c>to</c> of a call has the parameters of an app's address, so an empty answer needs a second
    /// question, without them.</remarks>
    public async Task<GatewayOutcome<IReadOnlyList<CallView>>> ListCallsAsync(
        string to, string from, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var listed = await ListCallsOfAsync(to, from, since, cancellationToken);
        return listed is GatewayOutcome<IReadOnlyList<CallView>>.Accepted { Value: [] } && AppAddress.Bare(to) is var bare && bare != to
            ? await ListCallsOfAsync(bare, from, since, cancellationToken)
            : listed;
    }

    /// <remarks>There is no filter by <c>StartTime</c>, because a queued call has none yet, and a look-up must find that call.</remarks>
    private Task<GatewayOutcome<IReadOnlyList<CallView>>> ListCallsOfAsync(
        string to, string from, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var day = new DateTimeOffset(since.UtcDateTime.Date, TimeSpan.Zero);
        var query = new ReadCallOptions { To = Address(to), From = Address(from), PageSize = PageSize }.GetParams();
        return ListAsync(
            ListCalls, null, "/Calls.json", query, page => page.Calls?.ConvertAll(View), call => !(call.DateCreated < day),
            isSorted: true, cancellationToken);
    }

    public Task<GatewayOutcome<ConferenceView>> FetchConferenceAsync(ConferenceSid conference, CancellationToken cancellationToken) =>
        requests.SendAsync(
            FetchConference, conference, null, client => ConferenceResource.FetchAsync(conference.Value, client: client), View,
            cancellationToken);

    /// <remarks>The filter by <c>Status</c> takes one value, and a room with one participant is <c>init</c> or <c>in-progress</c>. Without
    /// the filter, Twilio may list only what is in progress
    /// (twilio.com/en-us/changelog/conference-list-endpoint-rollout-extended), so an empty answer needs a second question. A room goes from
    /// <c>init</c> to <c>in-progress</c>, so it is in one of two answers in this order.</remarks>
    public async Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListConferencesAsync(string room, CancellationToken cancellationToken)
    {
        var waiting = await ListConferencesAsync(room, ConferenceResource.StatusEnum.Init, cancellationToken);
        return waiting is GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted { Value: [] }
            ? await ListConferencesAsync(room, null, cancellationToken)
            : waiting;
    }

    /// <remarks>A room goes from <c>init</c> to <c>in-progress</c>, so it is in one of the two answers in this order.</remarks>
    public async Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListOpenConferencesAsync(CancellationToken cancellationToken)
    {
        var waiting = await ListConferencesAsync(null, ConferenceResource.StatusEnum.Init, cancellationToken);
        if (waiting is not GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted { Value: var ofOne })
            return waiting;
        var started = await ListConferencesAsync(null, ConferenceResource.StatusEnum.InProgress, cancellationToken);
        return started is GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted { Value: var ofMore }
            ? new GatewayOutcome<IReadOnlyList<ConferenceView>>.Accepted([.. ofOne.Concat(ofMore).DistinctBy(room => room.Sid)])
            : started;
    }

    private Task<GatewayOutcome<IReadOnlyList<ConferenceView>>> ListConferencesAsync(
        string? room, ConferenceResource.StatusEnum? status, CancellationToken cancellationToken)
    {
        var query = new ReadConferenceOptions { FriendlyName = room, Status = status, PageSize = PageSize }.GetParams();
        return ListAsync(
            ListConferences, null, "/Conferences.json", query, page => page.Conferences?.ConvertAll(View),
            conference => !conference.Completed, isSorted: false, cancellationToken, room is null ? MaxPagesOfAccount : MaxPages);
    }

    public Task<GatewayOutcome<ParticipantView>> FetchParticipantAsync(
        ConferenceSid conference, ParticipantId label, CancellationToken cancellationToken) => requests.SendAsync(
        FetchParticipant, conference, null, client => ParticipantResource.FetchAsync(conference.Value, label.Value, client: client), View,
        cancellationToken);

    public Task<GatewayOutcome<IReadOnlyList<ParticipantView>>> ListParticipantsAsync(
        ConferenceSid conference, CancellationToken cancellationToken)
    {
        var path = $"/Conferences/{conference.Value}/Participants.json";
        var query = new ReadParticipantOptions(conference.Value) { PageSize = PageSize }.GetParams();
        return ListAsync(
            ListParticipants, conference, path, query, page => page.Participants?.ConvertAll(View), _ => true, isSorted: false,
            cancellationToken);
    }

    /// <summary>Reads the wanted items of all pages. An incomplete list is no result, because the caller would take it for the whole list.
    /// If the list is sorted, no page after an item that is not wanted has a wanted item.</summary>
    /// <remarks>The library's own lists read further pages synchronously, and follow the address of the next page to any host.</remarks>
    private async Task<GatewayOutcome<IReadOnlyList<TView>>> ListAsync<TView>(
        TwilioOperation operation, ConferenceSid? conference, string path, List<KeyValuePair<string, string>> query,
        Func<ListPage, List<TView?>?> items, Func<TView, bool> wanted, bool isSorted, CancellationToken cancellationToken,
        int maxPages = MaxPages)
        where TView : class
    {
        var all = new List<TView>();
        var place = Enumerable.Empty<KeyValuePair<string, string>>();
        for (var i = 0; i < maxPages; i++)
        {
            List<KeyValuePair<string, string>> parameters = [.. query, .. place];
            var answer = await requests.SendAsync(
                operation, conference, null, client => PageAsync(client, path, parameters), page => page, cancellationToken);
            if (answer is GatewayOutcome<ListPage>.Refused refused)
                return new GatewayOutcome<IReadOnlyList<TView>>.Refused(refused.Meaning, refused.Code, refused.RetryAfter);
            if (answer is GatewayOutcome<ListPage>.Unknown unknown)
                return new GatewayOutcome<IReadOnlyList<TView>>.Unknown(unknown.Why);
            if (answer is GatewayOutcome<ListPage>.NotSent notSent)
                return new GatewayOutcome<IReadOnlyList<TView>>.NotSent(notSent.Cause, notSent.RetryAfter);
            if (answer is not GatewayOutcome<ListPage>.Accepted { Value: var page } || items(page) is not { } views || views.Contains(null))
                return new GatewayOutcome<IReadOnlyList<TView>>.Unknown("unreadable page");
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

    /// <summary>The place of the next page, without host and path: an answer must not say where the credentials go.</summary>
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
        return new CallView(sid, status, call.To ?? "", call.From ?? "", created)
        {
            IsInbound = call.Direction?.StartsWith("inbound", StringComparison.Ordinal) is true,
        };
    }

    private static ConferenceView? View(ConferenceResource its) => ConferenceSid.TryParse(its.Sid, out var sid)
        ? new ConferenceView(sid, its.FriendlyName ?? "", its.Status == ConferenceResource.StatusEnum.Completed)
        : null;

    private static ParticipantView? View(ParticipantResource its) => Sid(its.CallSid) is { } sid
        ? new ParticipantView(
            sid, string.IsNullOrEmpty(its.Label) ? null : its.Label, its.Status == ParticipantResource.StatusEnum.Connected,
            its.Muted is true, its.Hold is true)
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
