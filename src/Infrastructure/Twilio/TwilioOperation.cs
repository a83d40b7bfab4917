namespace Calls.Infrastructure.Twilio;

/// <summary>One operation of Twilio's REST API, and how freely it may be repeated.</summary>
internal sealed record TwilioOperation(string Name, RequestKind Kind)
{
    public static readonly TwilioOperation CreateCall = new("Calls.create", RequestKind.Create);
    public static readonly TwilioOperation UpdateCall = new("Calls.update", RequestKind.IdempotentWrite);
    public static readonly TwilioOperation FetchCall = new("Calls.fetch", RequestKind.Read);
    public static readonly TwilioOperation ListCalls = new("Calls.list", RequestKind.Read);
    public static readonly TwilioOperation UpdateConference = new("Conferences.update", RequestKind.IdempotentWrite);
    public static readonly TwilioOperation FetchConference = new("Conferences.fetch", RequestKind.Read);
    public static readonly TwilioOperation ListConferences = new("Conferences.list", RequestKind.Read);
    public static readonly TwilioOperation CreateParticipant = new("Participants.create", RequestKind.Create);
    public static readonly TwilioOperation UpdateParticipant = new("Participants.update", RequestKind.IdempotentWrite);
    public static readonly TwilioOperation DeleteParticipant = new("Participants.delete", RequestKind.IdempotentWrite);
    public static readonly TwilioOperation FetchParticipant = new("Participants.fetch", RequestKind.Read);
    public static readonly TwilioOperation ListParticipants = new("Participants.list", RequestKind.Read);

    public override string ToString() => Name;
}

/// <summary>How freely a request may be repeated, and so which pipeline it takes.</summary>
internal enum RequestKind
{
    /// <summary>Changes nothing.</summary>
    Read,

    /// <summary>Ends or sets something: done twice is done once.</summary>
    IdempotentWrite,

    /// <summary>Rings a phone: done twice is a phone rung twice.</summary>
    Create,
}
