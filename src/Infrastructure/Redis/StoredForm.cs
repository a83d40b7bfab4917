using System.Collections.Immutable;
using System.Runtime.InteropServices;
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
        P = Each(session.Participants, ToStored),
        E = session.Effects.IsEmpty ? null : Each(session.Effects, ToStored),
        C = session.Conference?.Value,
        Cc = session.ClosedConferences.IsEmpty ? null : Each(session.ClosedConferences, conference => conference.Value),
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
        Nonce = s.N ?? throw new JsonException("A stored session has no nonce"),
        Participants = Each(s.P ?? throw new JsonException("A stored session has no participants"), FromStored),
        Effects = s.E is null ? [] : Each(s.E, FromStored),
        Conference = s.C is null ? null : Conference(s.C),
        ClosedConferences = s.Cc is null ? [] : Each(s.Cc, Conference),
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

    private static TTo[] Each<TFrom, TTo>(ImmutableArray<TFrom> items, Converter<TFrom, TTo> convert) => Array.ConvertAll(ImmutableCollectionsMarshal.AsArray(items)!, convert);

    private static ImmutableArray<TTo> Each<TFrom, TTo>(TFrom[] items, Converter<TFrom, TTo> convert) => ImmutableCollectionsMarshal.AsImmutableArray(Array.ConvertAll(items, convert));

    private static long Ms(DateTimeOffset at) => at.ToUnixTimeMilliseconds();

    private static long? Ms(DateTimeOffset? at) => at?.ToUnixTimeMilliseconds();

    private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);

    private static DateTimeOffset? At(long? ms) => ms is null ? null : At(ms.Value);
}

/// <remarks>Settable and nothing required: such a class System.Text.Json fills as it reads, and need not collect arguments for first.</remarks>
internal sealed class SessionForm
{
    public int V { get; set; }

    public string? N { get; set; }

    public ParticipantForm[]? P { get; set; }

    public EffectForm[]? E { get; set; }

    public string? C { get; set; }

    public string[]? Cc { get; set; }

    public long S { get; set; }

    public long? A { get; set; }

    public long? X { get; set; }

    public EndReason? R { get; set; }

    public Evidence? Ev { get; set; }

    public long T { get; set; }

    public long? Rv { get; set; }

    public bool Rn { get; set; }

    public string? Tp { get; set; }
}

internal sealed class ParticipantForm
{
    public string? I { get; set; }

    public Role R { get; set; }

    public string? C { get; set; }

    public string? N { get; set; }

    public string? L { get; set; }

    public Progress P { get; set; }

    public long S { get; set; }

    public string? Sid { get; set; }

    public bool A { get; set; }

    public bool J { get; set; }

    public GoneBecause? G { get; set; }

    public int? Rc { get; set; }

    public Leaving Lv { get; set; }

    public bool M { get; set; }

    public bool H { get; set; }

    public int? Fs { get; set; }
}

internal sealed class EffectForm
{
    public char K { get; set; }

    public string? P { get; set; }

    public string? L { get; set; }

    public DialState S { get; set; }

    public long? At { get; set; }

    public int N { get; set; }

    public long B { get; set; }

    public bool? M { get; set; }

    public bool? H { get; set; }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SessionForm))]
internal sealed partial class StoredJson : JsonSerializerContext;
