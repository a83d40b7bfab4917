using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Infrastructure.Redis;

namespace Calls.Integration.Tests.Redis;

/// <summary>Sessions that another version stored. <c>Stored/</c> has a document of each golden session for each schema.</summary>
public sealed class StoredVersionsTests
{
    private const string Nested = """{"a":[1,2.50,1e400,null,true,"\u00e9\"<+>"],"b":{"c":{}}}""";

    public static TheoryData<string> Documents =>
        [.. Directory.EnumerateFiles(Folder, "*.json").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Documents))]
    public void A_golden_document_is_read_as_the_session_that_was_stored(string document)
    {
        var expected = GoldenSessions.All[document[..document.IndexOf('.', StringComparison.Ordinal)]];
        ShouldBe(StoredForm.Read(expected.Id, Document(document)), expected);
    }

    [Fact]
    public void Each_golden_session_has_a_document_of_each_schema_up_to_todays()
    {
        var schemas = Enumerable.Range(1, StoredForm.Schema);
        var expected = GoldenSessions.All.Keys.SelectMany(
            name => schemas.Where(schema => schema >= GoldenSessions.FirstSchemaOf(name)).Select(schema => $"{name}.v{schema}.json"));
        Documents.Select(document => document.Data).Order().ShouldBe(expected.Order());
    }

    [Fact]
    public void Todays_documents_are_what_is_written_today()
    {
        foreach (var (name, session) in GoldenSessions.All)
            Encoding.UTF8.GetString(StoredForm.Write(session)).ShouldBe(Encoding.UTF8.GetString(Document(Today(name))));
    }

    [Fact]
    public void The_golden_documents_have_every_member()
    {
        var documents = GoldenSessions.All.Keys.Select(name => JsonNode.Parse(Document(Today(name)))!.AsObject()).ToList();
        Members(documents).ShouldBe(MembersOf<SessionForm>());
        Members(documents.SelectMany(d => d["p"]!.AsArray())).ShouldBe(MembersOf<ParticipantForm>());
        Members(documents.SelectMany(d => d["e"]!.AsArray())).ShouldBe(MembersOf<EffectForm>());
    }

    [Theory]
    [InlineData(StoredForm.Schema - 1)]
    [InlineData(StoredForm.Schema)]
    [InlineData(StoredForm.Schema + 1)]
    public void Unknown_members_and_effects_are_written_back_as_they_were(int schema)
    {
        foreach (var session in GoldenSessions.All.Values)
        {
            var document = Newer(session, schema);
            var read = StoredForm.Read(session.Id, Bytes(document));
            read.Effects[0].ShouldBeOfType<Effect.Foreign>().NotBefore.ShouldBe(DateTimeOffset.FromUnixTimeMilliseconds(1767355299999));
            ShouldBe(Plain(read), session);
            document["v"] = StoredForm.Schema;
            var written = JsonNode.Parse(StoredForm.Write(read));
            JsonNode.DeepEquals(written, document).ShouldBeTrue($"{written}\n{document}");
            ShouldBe(StoredForm.Read(session.Id, StoredForm.Write(read)), read);
        }
    }

    [Theory]
    [InlineData("""{"k":"z"}""")]
    [InlineData("""{"k":"zz","b":"soon"}""")]
    [InlineData("""{"k":7,"p":1,"l":[],"s":"x","n":{}}""")]
    [InlineData("""{}""")]
    public void An_effect_of_an_unknown_kind_may_have_any_members(string effect)
    {
        var document = JsonNode.Parse(StoredForm.Write(GoldenSessions.All["live"]))!;
        document["e"]!.AsArray().Add(JsonNode.Parse(effect));
        var read = StoredForm.Read(GoldenSessions.All["live"].Id, Bytes(document));
        read.Effects[^1].ShouldBe(new Effect.Foreign(effect) { NotBefore = DateTimeOffset.UnixEpoch });
        Encoding.UTF8.GetString(StoredForm.Write(read)).ShouldContain(effect);
    }

    [Fact]
    public void Reasons_and_evidence_that_are_unknown_are_written_back()
    {
        var document = JsonNode.Parse(StoredForm.Write(GoldenSessions.All["ended"]))!;
        (document["r"], document["ev"], document["p"]![0]!["g"]) = (98, 97, 96);
        var read = StoredForm.Read(GoldenSessions.All["ended"].Id, Bytes(document));
        (read.EndReason, read.EndEvidence, read.Caller.Gone).ShouldBe(((EndReason)98, (Evidence)97, (LeaveReason)96));
        JsonNode.DeepEquals(JsonNode.Parse(StoredForm.Write(read)), document).ShouldBeTrue();
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("no JSON")]
    [InlineData("{}")]
    [InlineData("""{"v":0,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee","c":"b"}]}""")]
    [InlineData("""{"v":4,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee","c":"b"}]}""")]
    [InlineData("""{"v":2,"n":"x","p":[]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"}]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"},null]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee"}]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee","c":"b","p":6}]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee","c":"b","r":3}]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee","c":"b","lv":3}]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee","c":"b","s":99999999999999999}]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee","c":"b"}],"e":[null]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee","c":"b"}],"e":[{"k":"d","p":"callee","s":3}]}""")]
    [InlineData("""{"v":2,"n":"x","p":[{"i":"caller","c":"a"},{"i":"callee","c":"b"}],"c":"no SID"}""")]
    public void What_cannot_be_decided_upon_is_unreadable(string document) =>
        Should.Throw<UnreadableSessionException>(() => StoredForm.Read(GoldenSessions.All["live"].Id, Encoding.UTF8.GetBytes(document)));

    [Fact]
    public void A_damaged_document_is_read_or_is_unreadable_and_nothing_else_happens()
    {
        var random = new Random(14);
        var (whole, unreadable) = (Document(Today("live")), 0);
        for (var i = 0; i < 20_000; i++)
        {
            var damaged = whole.ToArray();
            for (var times = random.Next(1, 4); times > 0; times--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                var length = random.Next(10) == 0 ? random.Next(damaged.Length) : damaged.Length;
                StoredForm.Write(StoredForm.Read(GoldenSessions.All["live"].Id, damaged.AsSpan(0, length)));
            }
            catch (UnreadableSessionException)
            {
                unreadable++;
            }
        }

        unreadable.ShouldBeInRange(5_000, 19_999);
    }

    /// <summary>The session as a newer version might store it: with new members at each level and a new effect.</summary>
    private static JsonObject Newer(CallSession session, int schema)
    {
        var document = JsonNode.Parse(StoredForm.Write(session))!.AsObject();
        (document["v"], document["unknown"], document["zz"], document["V"]) = (schema, JsonNode.Parse(Nested), null, "text");
        foreach (var participant in document["p"]!.AsArray())
            (participant!["unknown"], participant["zz"]) = (JsonNode.Parse(Nested), null);
        foreach (var effect in document["e"]!.AsArray())
            (effect!["unknown"], effect["zz"]) = (JsonNode.Parse(Nested), null);
        document["e"]!.AsArray().Insert(0, JsonNode.Parse("""{"k":"z","p":{"not":"a participant"},"b":1767355299999,"zz":[null]}"""));
        return document;
    }

    private static CallSession Plain(CallSession session) => session with
    {
        Unknown = null,
        Participants = [.. session.Participants.Select(p => p with { Unknown = null })],
        Effects = [.. session.Effects.Where(e => e is not Effect.Foreign).Select(e => e with { Unknown = null })],
    };

    /// <summary>A record compares its lists by reference.</summary>
    private static void ShouldBe(CallSession session, CallSession expected)
    {
        session.Participants.Select(Flat).ShouldBe(expected.Participants.Select(Flat));
        session.Participants.SelectMany(p => p.EarlierLegs).ShouldBe(expected.Participants.SelectMany(p => p.EarlierLegs));
        session.Effects.ShouldBe(expected.Effects);
        session.ClosedConferences.ShouldBe(expected.ClosedConferences);
        Flat(session).ShouldBe(Flat(expected));
    }

    private static CallSession Flat(CallSession session) => session with { Participants = [], Effects = [], ClosedConferences = [] };

    private static Participant Flat(Participant participant) => participant with { EarlierLegs = [] };

    private static IEnumerable<string> Members(IEnumerable<JsonNode?> objects) =>
        objects.SelectMany(o => o!.AsObject().Select(member => member.Key)).Distinct().Order();

    private static IEnumerable<string> MembersOf<T>() =>
        typeof(T).GetProperties().Select(p => p.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name).OfType<string>().Order();

    private static byte[] Bytes(JsonNode document) => Encoding.UTF8.GetBytes(document.ToJsonString());

    private static byte[] Document(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    private static string Today(string name) => $"{name}.v{StoredForm.Schema}.json";

    private static string Folder { get; } = Path.Combine(Repository.Root, "tests/Integration.Tests/Redis/Stored");
}
