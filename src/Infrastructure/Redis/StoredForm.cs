using System.Buffers;
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

    /// <summary>For one thread, and one session at a time.</summary>
    [ThreadStatic]
    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Json)? scratch;

    /// <summary>Written without the forms that it is read by: it is done for each webhook. What it costs, bench/Micro prints ("session of 2, serialise").</summary>
    public static byte[] Write(CallSession session)
    {
        var (buffer, json) = scratch ??= MakeScratch();
        buffer.ResetWrittenCount();
        json.Reset();
        Write(json, session);
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="NotSupportedException">A newer version of the service wrote it.</exception>
    public static CallSession Read(SessionId id, ReadOnlySpan<byte> data)
    {
        var stored = JsonSerializer.Deserialize(data, StoredJson.Default.SessionForm) ?? throw new JsonException("A stored session is null");
        return stored.V == Schema
            ? FromStored(id, stored)
            : throw new NotSupportedException($"The session is stored by schema {stored.V}; this version knows {Schema}. Roll forward, or wait for its retention to pass.");
    }

    private static void Write(Utf8JsonWriter json, CallSession session)
    {
        json.WriteStartObject();
        json.WriteNumber("v"u8, Schema);
        json.WriteString("n"u8, session.Nonce);
        json.WriteStartArray("p"u8);
        foreach (var participant in session.Participants)
            Write(json, participant);
        json.WriteEndArray();
        if (!session.Effects.IsEmpty)
        {
            json.WriteStartArray("e"u8);
            foreach (var effect in session.Effects)
                Write(json, effect);
            json.WriteEndArray();
        }

        Write(json, "c"u8, session.Conference?.Value);
        if (!session.ClosedConferences.IsEmpty)
        {
            json.WriteStartArray("cc"u8);
            foreach (var conference in session.ClosedConferences)
                json.WriteStringValue(conference.Value);
            json.WriteEndArray();
        }

        Write(json, "s"u8, session.StartedAt);
        Write(json, "a"u8, session.AnsweredAt);
        Write(json, "x"u8, session.EndedAt);
        Write(json, "r"u8, (int?)session.EndReason);
        Write(json, "ev"u8, (int?)session.EndEvidence);
        Write(json, "t"u8, session.TouchedAt);
        Write(json, "rv"u8, session.ReviewedAt);
        Write(json, "rn"u8, session.ReviewNow);
        Write(json, "tp"u8, session.TraceParent);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Participant p)
    {
        json.WriteStartObject();
        json.WriteString("i"u8, p.Id.Value);
        WriteUnlessZero(json, "r"u8, (int)p.Role);
        Write(json, "c"u8, (p.Party as Party.Client)?.Identity.Value);
        Write(json, "n"u8, (p.Party as Party.Phone)?.Number.Value);
        Write(json, "l"u8, p.Label);
        WriteUnlessZero(json, "p"u8, (int)p.Progress);
        Write(json, "s"u8, p.Since);
        Write(json, "sid"u8, p.Leg?.Value);
        Write(json, "a"u8, p.Answered);
        Write(json, "j"u8, p.EverJoined);
        Write(json, "g"u8, (int?)p.Gone);
        Write(json, "rc"u8, p.RefusalCode);
        WriteUnlessZero(json, "lv"u8, (int)p.Leaving);
        Write(json, "m"u8, p.Muted);
        Write(json, "h"u8, p.Hold);
        Write(json, "fs"u8, p.FlagsSequence < 0 ? null : p.FlagsSequence);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Effect effect)
    {
        json.WriteStartObject();
        switch (effect)
        {
            case Effect.Dial dial:
                json.WriteString("k"u8, "d"u8);
                json.WriteString("p"u8, dial.Participant.Value);
                WriteUnlessZero(json, "s"u8, (int)dial.State);
                Write(json, "at"u8, dial.SentAt);
                break;
            case Effect.HangUp hangUp:
                json.WriteString("k"u8, "h"u8);
                json.WriteString("l"u8, hangUp.Leg.Value);
                break;
            case Effect.SetFlags flags:
                json.WriteString("k"u8, "f"u8);
                json.WriteString("p"u8, flags.Participant.Value);
                if (flags.Muted is { } muted)
                    json.WriteBoolean("m"u8, muted);
                if (flags.Hold is { } hold)
                    json.WriteBoolean("h"u8, hold);
                break;
            default:
                throw new System.Diagnostics.UnreachableException($"No stored form for {effect.GetType().Name}");
        }

        WriteUnlessZero(json, "n"u8, effect.Attempt);
        Write(json, "b"u8, effect.NotBefore);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }

    private static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> name, int? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
    }

    private static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> name, DateTimeOffset? value)
    {
        if (value is { } at)
            json.WriteNumber(name, at.ToUnixTimeMilliseconds());
    }

    private static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> name, bool value)
    {
        if (value)
            json.WriteBoolean(name, value);
    }

    private static void WriteUnlessZero(Utf8JsonWriter json, ReadOnlySpan<byte> name, int value)
    {
        if (value != 0)
            json.WriteNumber(name, value);
    }

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

    private static ImmutableArray<TTo> Each<TFrom, TTo>(TFrom[] items, Converter<TFrom, TTo> convert) => ImmutableCollectionsMarshal.AsImmutableArray(Array.ConvertAll(items, convert));

    private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);

    private static DateTimeOffset? At(long? ms) => ms is null ? null : At(ms.Value);

    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Json) MakeScratch()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        return (buffer, new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }));
    }
}

/// <summary>A session as it is read.</summary>
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

    public LeaveReason? G { get; set; }

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

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SessionForm))]
internal sealed partial class StoredJson : JsonSerializerContext;
