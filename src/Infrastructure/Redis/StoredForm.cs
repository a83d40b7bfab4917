using System.Text.Json;
using System.Text.Json.Serialization;
using Calls.Domain;

namespace Calls.Infrastructure.Redis;

/// <summary>A session as it is stored: JSON with a schema version, short names, times in Unix milliseconds, and nothing that is null or usual.</summary>
internal static class StoredForm
{
    private const int Schema = 1;

    public static byte[] Write(CallSession session) => JsonSerializer.SerializeToUtf8Bytes(ToStored(session), StoredJson.Default.SessionForm);

    /// <exception cref="NotSupportedException">A newer version of the service wrote it.</exception>
    public static CallSession Read(SessionId id, ReadOnlySpan<byte> data)
    {
        var stored = JsonSerializer.Deserialize(data, StoredJson.Default.SessionForm) ?? throw new JsonException("A stored session is null");
        return stored.V == Schema
            ? FromStored(id, stored)
            : throw new NotSupportedException($"The session is stored by schema {stored.V}; this version knows {Schema}. Roll forward, or wait for its retention to pass.");
    }

    private static SessionForm ToStored(CallSession session) => new()
    {
        V = Schema,
        N = session.Nonce,
        P = [.. session.Participants.Select(ToStored)],
        E = session.Effects.IsEmpty ? null : [.. session.Effects.Select(ToStored)],
        C = session.Conference?.Value,
        Cc = session.ClosedConferences.IsEmpty ? null : [.. session.ClosedConferences.Select(c => c.Value)],
        S = Ms(session.StartedAt),
        A = Ms(session.AnsweredAt),
        X = Ms(session.EndedAt),
        R = session.EndReason,
        Ev = session.EndEvidence,
        T = Ms(session.TouchedAt),
        Rv = Ms(session.ReviewedAt),
        Rn = session.ReviewNow,
        Tp = session.TraceParent,
    };

    private static ParticipantForm ToStored(Participant p) => new()
    {
        I = p.Id.Value,
        R = p.Role,
        C = (p.Party as Party.Client)?.Identity.Value,
        N = (p.Party as Party.Phone)?.Number.Value,
        L = p.Label,
        P = p.Progress,
        S = Ms(p.Since),
        Sid = p.Leg?.Value,
        A = p.Answered,
        J = p.EverJoined,
        G = p.Gone,
        Rc = p.RefusalCode,
        Lv = p.Leaving,
        M = p.Muted,
        H = p.Hold,
        Fs = p.FlagsSequence < 0 ? null : p.FlagsSequence,
    };

    private static EffectForm ToStored(Effect effect) => effect switch
    {
        Effect.Dial dial => new EffectForm { K = 'd', P = dial.Participant.Value, S = dial.State, At = Ms(dial.SentAt), N = dial.Attempt, B = Ms(dial.NotBefore) },
        Effect.HangUp hangUp => new EffectForm { K = 'h', L = hangUp.Leg.Value, N = hangUp.Attempt, B = Ms(hangUp.NotBefore) },
        Effect.SetFlags flags => new EffectForm { K = 'f', P = flags.Participant.Value, M = flags.Muted, H = flags.Hold, N = flags.Attempt, B = Ms(flags.NotBefore) },
        _ => throw new System.Diagnostics.UnreachableException($"No stored form for {effect.GetType().Name}"),
    };

    private static CallSession FromStored(SessionId id, SessionForm s) => new()
    {
        Id = id,
        Nonce = s.N,
        Participants = [.. s.P.Select(FromStored)],
        Effects = s.E is null ? [] : [.. s.E.Select(FromStored)],
        Conference = s.C is null ? null : Conference(s.C),
        ClosedConferences = s.Cc is null ? [] : [.. s.Cc.Select(Conference)],
        StartedAt = At(s.S),
        AnsweredAt = At(s.A),
        EndedAt = At(s.X),
        EndReason = s.R,
        EndEvidence = s.Ev,
        TouchedAt = At(s.T),
        ReviewedAt = At(s.Rv),
        ReviewNow = s.Rn,
        TraceParent = s.Tp,
    };

    private static Participant FromStored(ParticipantForm p) => new()
    {
        Id = Id(p.I),
        Role = p.R,
        Party = p.C is not null && ClientIdentity.TryParse(p.C, out var identity) ? new Party.Client(identity)
            : PhoneNumber.TryParse(p.N, out var number) ? new Party.Phone(number)
            : throw new JsonException("A stored participant has no address"),
        Label = p.L,
        Progress = p.P,
        Since = At(p.S),
        Leg = p.Sid is null ? null : Leg(p.Sid),
        Answered = p.A,
        EverJoined = p.J,
        Gone = p.G,
        RefusalCode = p.Rc,
        Leaving = p.Lv,
        Muted = p.M,
        Hold = p.H,
        FlagsSequence = p.Fs ?? -1,
    };

    private static Effect FromStored(EffectForm e) => e.K switch
    {
        'd' => new Effect.Dial(Id(e.P)) { State = e.S, SentAt = At(e.At), Attempt = e.N, NotBefore = At(e.B) },
        'h' => new Effect.HangUp(Leg(e.L)) { Attempt = e.N, NotBefore = At(e.B) },
        'f' => new Effect.SetFlags(Id(e.P), e.M, e.H) { Attempt = e.N, NotBefore = At(e.B) },
        _ => throw new JsonException($"A stored effect is of no known kind: {e.K}"),
    };

    private static ParticipantId Id(string? text) => ParticipantId.TryParse(text, out var id) ? id : throw new JsonException("A stored participant has no id");

    private static CallSid Leg(string? text) => CallSid.TryParse(text, out var sid) ? sid : throw new JsonException("A stored leg has no call SID");

    private static ConferenceSid Conference(string text) => ConferenceSid.TryParse(text, out var sid) ? sid : throw new JsonException("A stored conference has no SID");

    private static long Ms(DateTimeOffset at) => at.ToUnixTimeMilliseconds();

    private static long? Ms(DateTimeOffset? at) => at?.ToUnixTimeMilliseconds();

    private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);

    private static DateTimeOffset? At(long? ms) => ms is null ? null : At(ms.Value);
}

internal sealed record SessionForm
{
    public int V { get; init; }

    public required string N { get; init; }

    public required ParticipantForm[] P { get; init; }

    public EffectForm[]? E { get; init; }

    public string? C { get; init; }

    public IReadOnlyList<string>? Cc { get; init; }

    public long S { get; init; }

    public long? A { get; init; }

    public long? X { get; init; }

    public EndReason? R { get; init; }

    public Evidence? Ev { get; init; }

    public long T { get; init; }

    public long? Rv { get; init; }

    public bool Rn { get; init; }

    public string? Tp { get; init; }
}

internal sealed record ParticipantForm
{
    public required string I { get; init; }

    public Role R { get; init; }

    public string? C { get; init; }

    public string? N { get; init; }

    public string? L { get; init; }

    public Progress P { get; init; }

    public long S { get; init; }

    public string? Sid { get; init; }

    public bool A { get; init; }

    public bool J { get; init; }

    public GoneBecause? G { get; init; }

    public int? Rc { get; init; }

    public Leaving Lv { get; init; }

    public bool M { get; init; }

    public bool H { get; init; }

    public int? Fs { get; init; }
}

internal sealed record EffectForm
{
    public char K { get; init; }

    public string? P { get; init; }

    public string? L { get; init; }

    public DialState S { get; init; }

    public long? At { get; init; }

    public int N { get; init; }

    public long B { get; init; }

    public bool? M { get; init; }

    public bool? H { get; init; }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SessionForm))]
internal sealed partial class StoredJson : JsonSerializerContext;
