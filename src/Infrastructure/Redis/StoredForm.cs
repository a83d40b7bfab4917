using System.Text.Json;

namespace Calls.Infrastructure.Redis;

/// <summary>A session as Redis stores it: JSON with short names, times in Unix milliseconds, and no default values.</summary>
/// <remarks>The rules between versions are in docs/adr/0013. bench/Micro prints the cost ("session, serialise").</remarks>
internal static class StoredForm
{
    /// <summary>The schema that this version writes. It reads this one, the one before and the one after.</summary>
    public const int Schema = 2;

    /// <summary>The version before needs an address. It looks a call to this one up, and finds none.</summary>
    private const string UnknownAddress = "unknown";

    public static byte[] Write(CallSession session) =>
        JsonSerializer.SerializeToUtf8Bytes(ToStored(session), StoredJson.Default.SessionForm);

    /// <exception cref="UnreadableSessionException">The schema is too far away, or the document is not what any version writes.</exception>
    public static CallSession Read(SessionId id, ReadOnlySpan<byte> data)
    {
        try
        {
            var stored = JsonSerializer.Deserialize(data, StoredJson.Default.SessionForm);
            return stored is { Schema: >= Schema - 1 and <= Schema + 1 }
                ? FromStored(id, stored)
                : throw new JsonException($"It has schema {stored?.Schema}, and this version reads {Schema - 1} to {Schema + 1}.");
        }
        catch (Exception e) when (e is JsonException or ArgumentException or FormatException or InvalidOperationException)
        {
            throw new UnreadableSessionException(e);
        }
    }

    private static SessionForm ToStored(CallSession s) => new()
    {
        Schema = Schema,
        Nonce = s.Nonce,
        Participants = [.. s.Participants.Select(ToStored)],
        Effects = s.Effects.IsEmpty ? null : [.. s.Effects],
        Conference = s.Conference?.Value,
        ClosedConferences = s.ClosedConferences.IsEmpty ? null : [.. s.ClosedConferences.Select(c => c.Value)],
        LastConference = s.LastConference?.Value,
        StartedAt = s.StartedAt.ToUnixTimeMilliseconds(),
        RangAt = Ms(s.RangAt),
        AnsweredAt = Ms(s.AnsweredAt),
        EndedAt = Ms(s.EndedAt),
        EndReason = s.EndReason,
        EndEvidence = s.EndEvidence,
        EndedBy = s.EndedBy?.Value,
        TouchedAt = s.TouchedAt.ToUnixTimeMilliseconds(),
        ReviewedAt = Ms(s.ReviewedAt),
        ReviewNow = s.ReviewNow,
        ReviewFailures = s.ReviewFailures,
        ReviewNotBefore = Ms(s.ReviewNotBefore),
        RebuiltAt = Ms(s.RebuiltAt),
        TraceParent = s.TraceParent,
        Language = s.Language?.Value,
        Unknown = Parse(s.Unknown),
    };

    private static CallSession FromStored(SessionId id, SessionForm s) => new()
    {
        Id = id,
        Nonce = s.Nonce ?? throw new JsonException("The session has no nonce."),
        Participants = s.Participants is { Length: >= 2 } people
            ? [.. people.Select(FromStored)]
            : throw new JsonException("The session has no callee."),
        Effects = [.. s.Effects ?? []],
        Conference = s.Conference is null ? null : Parsed<ConferenceSid>(s.Conference, ConferenceSid.TryParse),
        ClosedConferences = [.. (s.ClosedConferences ?? []).Select(c => Parsed<ConferenceSid>(c, ConferenceSid.TryParse))],
        LastConference = s.LastConference is null ? null : Parsed<ConferenceSid>(s.LastConference, ConferenceSid.TryParse),
        StartedAt = At(s.StartedAt),
        RangAt = At(s.RangAt),
        AnsweredAt = At(s.AnsweredAt),
        EndedAt = At(s.EndedAt),
        EndReason = s.EndReason,
        EndEvidence = s.EndEvidence,
        EndedBy = PersonOf(s.EndedBy),
        TouchedAt = At(s.TouchedAt),
        ReviewedAt = At(s.ReviewedAt),
        ReviewNow = s.ReviewNow,
        ReviewFailures = s.ReviewFailures,
        ReviewNotBefore = At(s.ReviewNotBefore),
        RebuiltAt = At(s.RebuiltAt),
        TraceParent = s.TraceParent,
        Language = s.Language is null ? null : Parsed<Language>(s.Language, Language.TryParse),
        Unknown = Text(s.Unknown),
    };

    private static ParticipantForm ToStored(Participant p) => new()
    {
        Id = p.Id.Value,
        Role = p.Role,
        Client = p.Party is Party.Unknown ? UnknownAddress : (p.Party as Party.Client)?.Identity.Value,
        HasNoAddress = p.Party is Party.Unknown,
        Number = (p.Party as Party.Phone)?.Number.Value,
        Label = p.Label,
        Progress = p.Progress,
        Since = p.Since.ToUnixTimeMilliseconds(),
        Leg = p.Leg?.Value,
        Answered = p.Answered,
        EverJoined = p.EverJoined,
        JoinedAt = Ms(p.JoinedAt),
        Gone = p.Gone,
        RefusalCode = p.RefusalCode,
        Leaving = p.Leaving,
        Muted = p.Muted,
        Hold = p.Hold,
        AddedBy = p.AddedBy?.Value,
        RemovedBy = p.RemovedBy?.Value,
        HeldBy = p.HeldBy?.Value,
        FlagsSequence = p.FlagsSequence < 0 ? null : p.FlagsSequence,
        FlagsVersion = p.FlagsVersion,
        FlagsAt = Ms(p.FlagsAt),
        QueuedAt = Ms(p.QueuedAt),
        DialedAt = Ms(p.DialedAt),
        Screen = p.Screen,
        Accepted = p.Accepted,
        EarlierLegs = p.EarlierLegs.IsEmpty ? null : [.. p.EarlierLegs.Select(leg => leg.Value)],
        Reconnecting = p.Reconnecting,
        Ringback = p.Ringback,
        Lost = p.Lost,
        RingTime = (long?)p.RingTime?.TotalMilliseconds,
        Unknown = Parse(p.Unknown),
    };

    private static Participant FromStored(ParticipantForm? p) => p is null ? throw new JsonException("A participant is null.") : new()
    {
        Id = Parsed<ParticipantId>(p.Id, ParticipantId.TryParse),
        Role = Known(p.Role),
        Party = p.HasNoAddress ? Party.Unknown.Instance : p.Client is null
            ? new Party.Phone(Parsed<PhoneNumber>(p.Number, PhoneNumber.TryParse))
            : new Party.Client(Parsed<ClientIdentity>(p.Client, ClientIdentity.TryParse)),
        Label = p.Label,
        Progress = Known(p.Progress),
        Since = At(p.Since),
        Leg = p.Leg is null ? null : Parsed<CallSid>(p.Leg, CallSid.TryParse),
        Answered = p.Answered,
        EverJoined = p.EverJoined,
        JoinedAt = At(p.JoinedAt),
        Gone = p.Gone,
        RefusalCode = p.RefusalCode,
        Leaving = Known(p.Leaving),
        Muted = p.Muted,
        Hold = p.Hold,
        AddedBy = PersonOf(p.AddedBy),
        RemovedBy = PersonOf(p.RemovedBy),
        HeldBy = PersonOf(p.HeldBy),
        FlagsSequence = p.FlagsSequence ?? -1,
        FlagsVersion = p.FlagsVersion,
        FlagsAt = At(p.FlagsAt),
        QueuedAt = At(p.QueuedAt),
        DialedAt = At(p.DialedAt),
        Screen = Known(p.Screen),
        Accepted = p.Accepted,
        EarlierLegs = p.EarlierLegs is null ? [] : [.. p.EarlierLegs.Select(leg => Parsed<CallSid>(leg, CallSid.TryParse))],
        Reconnecting = p.Reconnecting,
        Ringback = Known(p.Ringback),
        Lost = p.Lost,
        RingTime = p.RingTime is { } ms ? TimeSpan.FromMilliseconds(ms) : null,
        Unknown = Text(p.Unknown),
    };

    internal static EffectForm ToStored(Effect effect)
    {
        EffectForm form = effect switch
        {
            Effect.Dial d => new() { Kind = "d", Participant = d.Participant.Value, State = d.State, SentAt = Ms(d.SentAt) },
            Effect.HangUp h => new() { Kind = "h", Leg = h.Leg.Value, Because = h.Because },
            Effect.ResolveGroup g => new() { Kind = "g", Group = g.Group.Value },
            Effect.SetFlags f => new() { Kind = "f", Participant = f.Participant.Value, Muted = f.Muted, Hold = f.Hold },
            _ => throw new UnreachableException($"No stored form for {effect.GetType().Name}"),
        };
        (form.Attempt, form.NotBefore, form.Unknown) = (effect.Attempt, effect.NotBefore.ToUnixTimeMilliseconds(), Parse(effect.Unknown));
        return form;
    }

    /// <summary>An effect of one of the kinds that <see cref="ToStored(Effect)"/> writes.</summary>
    internal static Effect FromStored(EffectForm e)
    {
        Effect effect = e.Kind switch
        {
            "d" => new Effect.Dial(ParticipantOf(e)) { State = Known(e.State), SentAt = At(e.SentAt), NotBefore = At(e.NotBefore) },
            // A reason that this version does not know has no tone. The leg is hung up.
            "h" => new Effect.HangUp(Parsed<CallSid>(e.Leg, CallSid.TryParse)) { Because = e.Because, NotBefore = At(e.NotBefore) },
            "g" => new Effect.ResolveGroup(Parsed<GroupName>(e.Group, GroupName.TryParse)) { NotBefore = At(e.NotBefore) },
            _ => new Effect.SetFlags(ParticipantOf(e), e.Muted, e.Hold) { NotBefore = At(e.NotBefore) },
        };
        return effect with { Attempt = e.Attempt, Unknown = Text(e.Unknown) };
    }

    private static ParticipantId? PersonOf(string? id) => id is null ? null : Parsed<ParticipantId>(id, ParticipantId.TryParse);

    private static ParticipantId ParticipantOf(EffectForm e) => Parsed<ParticipantId>(e.Participant, ParticipantId.TryParse);

    internal static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);

    private static long? Ms(DateTimeOffset? time) => time?.ToUnixTimeMilliseconds();

    private static DateTimeOffset? At(long? ms) => ms is null ? null : At(ms.Value);

    private static Dictionary<string, JsonElement>? Parse(string? unknown) =>
        unknown is null ? null : JsonSerializer.Deserialize(unknown, StoredJson.Default.DictionaryStringJsonElement);

    private static string? Text(Dictionary<string, JsonElement>? unknown) =>
        unknown is null ? null : JsonSerializer.Serialize(unknown, StoredJson.Default.DictionaryStringJsonElement);

    /// <summary>A value that decisions depend on. This version cannot decide about a value that it does not know.</summary>
    private static T Known<T>(T value)
        where T : struct, Enum => Enum.IsDefined(value) ? value : throw new JsonException($"It has the unknown {typeof(T).Name} {value}.");

    private delegate bool TryParse<T>(string? text, out T? value);

    private static T Parsed<T>(string? text, TryParse<T> parse)
        where T : class => parse(text, out var value) && value is not null
            ? value
            : throw new JsonException($"It has a {typeof(T).Name} that cannot be used.");
}
