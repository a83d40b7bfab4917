namespace Calls.Infrastructure.Twilio;

/// <summary>One operation of Twilio's REST API, and how freely it may be repeated.</summary>
internal sealed record TwilioOperation(string Name, RequestKind Kind)
{
    public static readonly TwilioOperation CreateCall = new("Calls.create", RequestKind.Create);
    public static readonly TwilioOperation UpdateCall = new("Calls.update", RequestKind.Ending);
    public static readonly TwilioOperation RedirectCall = new("Calls.redirect", RequestKind.Ending);
    public static readonly TwilioOperation FetchCall = new("Calls.fetch", RequestKind.Read);
    public static readonly TwilioOperation ListCalls = new("Calls.list", RequestKind.Read);
    public static readonly TwilioOperation FetchConference = new("Conferences.fetch", RequestKind.Read);
    public static readonly TwilioOperation ListConferences = new("Conferences.list", RequestKind.Read);
    public static readonly TwilioOperation CreateParticipant = new("Participants.create", RequestKind.Create);
    public static readonly TwilioOperation UpdateParticipant = new("Participants.update", RequestKind.Update);
    public static readonly TwilioOperation FetchParticipant = new("Participants.fetch", RequestKind.Read);
    public static readonly TwilioOperation ListParticipants = new("Participants.list", RequestKind.Read);

    public static readonly TwilioOperation[] All =
    [
        CreateCall, UpdateCall, RedirectCall, FetchCall, ListCalls, FetchConference, ListConferences, CreateParticipant, UpdateParticipant,
        FetchParticipant, ListParticipants,
    ];

    public string SpanName { get; } = "Twilio " + Name;
    public string Method => Kind == RequestKind.Read ? "GET" : "POST";
}

/// <summary>How freely a request may be repeated. Each kind has its own pipeline.</summary>
internal enum RequestKind
{
    /// <summary>The request changes nothing.</summary>
    Read,
    /// <summary>The request ends a leg, at once or after a tone. A second request has no further effect, or begins the tone again. It never
    /// waits behind requests of another kind.</summary>
    Ending,
    /// <summary>The request mutes, unmutes, holds or resumes a participant. A second request has no further effect.</summary>
    Update,
    /// <summary>The request rings a phone. A second request rings a phone a second time.</summary>
    Create,
}
