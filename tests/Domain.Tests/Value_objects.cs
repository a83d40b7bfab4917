using CsCheck;

namespace Calls.Domain.Tests;

public sealed class Value_objects
{
    private const string Hex32 = "0123456789abcdefABCDEF0123456789";

    [Theory]
    [InlineData("s-42.c1-abc", "s-42", "c1-abc")]
    [InlineData("a.b:c.c1-abc", "a.b:c", "c1-abc")]
    [InlineData("s-42.", "s-42", "")]
    [InlineData("s-42", null, null)]
    [InlineData(".c1-abc", null, null)]
    [InlineData("...c1-abc", null, null)]
    [InlineData("my room.c1-abc", null, null)]
    [InlineData("", null, null)]
    [InlineData(null, null, null)]
    public void The_name_of_a_room_is_the_session_id_a_dot_and_the_nonce(string? room, string? session, string? nonce)
    {
        CallSession.TryParseRoom(room, out var id, out var read).ShouldBe(session is not null);
        (id?.Value, read).ShouldBe((session, nonce));
        if (id is not null)
            CallSession.RoomOf(id, read!).ShouldBe(room);
    }

    /// <summary>Input of attackers and of broken clients.</summary>
    public static TheoryData<string?> Hostile =>
    [
        (string?)null, "", " ", "\t", "a b", "a/b", "a\\b", "a?b", "a#b", "a%2Fb", "a&b=c", "a\0b", "a\nb", "a\r\nSet-Cookie: x",
        "<script>", "'; drop table", "{a}", "{{a}}", "$a", "`a`", "é", "ａ", "а", "١٢٣",
        "\u202Ea", "\uFEFFa", "😀", "\uD800", new string('a', 129),
        new string('a', 100_000),
    ];

    [Theory, MemberData(nameof(Hostile))]
    public void Refuse_hostile_input(string? text)
    {
        SessionId.TryParse(text, out var session).ShouldBeFalse();
        session.ShouldBeNull();
        ParticipantId.TryParse(text, out var participant).ShouldBeFalse();
        participant.ShouldBeNull();
        CallSid.TryParse(text, out var leg).ShouldBeFalse();
        leg.ShouldBeNull();
        ConferenceSid.TryParse(text, out var conference).ShouldBeFalse();
        conference.ShouldBeNull();
        ClientIdentity.TryParse(text, out var identity).ShouldBeFalse();
        identity.ShouldBeNull();
        PhoneNumber.TryParse(text, out var number).ShouldBeFalse();
        number.ShouldBeNull();
    }

    [Theory]
    [InlineData("s-42", true)]
    [InlineData("A.b_c:d-9", true)]
    [InlineData("..a", true)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("...", false)]
    [InlineData("a+b", false)]
    [InlineData("a@b", false)]
    [InlineData("a~b", false)]
    public void A_session_id_is_a_URL_segment_and_never_only_dots(string text, bool valid) =>
        SessionId.TryParse(text, out _).ShouldBe(valid);

    [Fact]
    public void A_session_id_has_up_to_128_characters()
    {
        SessionId.TryParse(new string('x', 128), out _).ShouldBeTrue();
        SessionId.TryParse(new string('x', 129), out _).ShouldBeFalse();
        SessionId.For(A.CallerLeg).Value.ShouldBe(A.CallerLeg.Value);
        SessionId.TryParse(SessionId.For(A.CallerLeg).Value, out _).ShouldBeTrue();
    }

    [Fact]
    public void A_participant_id_does_not_look_like_a_call_SID()
    {
        ParticipantId.TryParse("guest-1_a", out _).ShouldBeTrue();
        ParticipantId.TryParse(new string('x', 64), out _).ShouldBeTrue();
        ParticipantId.TryParse(new string('x', 65), out _).ShouldBeFalse();
        ParticipantId.TryParse("a.b", out _).ShouldBeFalse();
        ParticipantId.TryParse("CA" + Hex32, out _).ShouldBeFalse();
        ParticipantId.TryParse("caller", out var caller).ShouldBeTrue();
        caller.ShouldBe(ParticipantId.Caller);
    }

    [Theory]
    [InlineData("CA" + Hex32, true, false)]
    [InlineData("CF" + Hex32, false, true)]
    [InlineData("ca" + Hex32, false, false)]
    [InlineData("CA" + Hex32 + "0", false, false)]
    [InlineData("CA0123456789abcdefABCDEF012345678", false, false)]
    [InlineData("CA0123456789abcdefABCDEF012345678g", false, false)]
    [InlineData("CA0123456789abcdefABCDEF012345678\n", false, false)]
    [InlineData(" CA" + Hex32, false, false)]
    public void A_SID_is_its_prefix_and_32_hexadecimal_digits(string text, bool call, bool conference)
    {
        CallSid.TryParse(text, out _).ShouldBe(call);
        ConferenceSid.TryParse(text, out _).ShouldBe(conference);
    }

    [Theory]
    [InlineData("alice")]
    [InlineData("client:alice")]
    [InlineData("client:client:alice")]
    [InlineData("a.l-i_c@e=")]
    [InlineData("a+b@example.com")]
    [InlineData("o'brien!~@example.com")]
    [InlineData("auth0|5f7c8ec7c33c6c004bbafe82")]
    [InlineData("urn:example:alice")]
    [InlineData("15550100101")]
    public void An_identity_is_taken_to_the_letter(string text)
    {
        ClientIdentity.TryParse(text, out var identity).ShouldBeTrue();
        identity!.Value.ShouldBe(text);
        identity.Address.ShouldBe("client:" + text);
        ClientIdentity.TryParseAddress(identity.Address, out var again).ShouldBeTrue();
        again.ShouldBe(identity);
    }

    [Theory]
    [InlineData("+15551234567")]
    [InlineData("alice?x=1")]
    [InlineData("<alice>")]
    [InlineData("a#b")]
    [InlineData("a%20b")]
    [InlineData("a\"b")]
    [InlineData("a&b")]
    [InlineData("alice ")]
    public void An_identity_has_no_spaces_no_delimiters_and_no_plus_first(string text)
    {
        ClientIdentity.TryParse(text, out _).ShouldBeFalse();
        ClientIdentity.TryParseAddress(text, out _).ShouldBeFalse();
        ClientIdentity.TryParseAddress("client:" + text, out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("alice", "alice")]
    [InlineData("client:alice", "alice")]
    [InlineData("client:client:alice", "client:alice")]
    [InlineData("client:15550100101", "15550100101")]
    [InlineData("auth0|abc", "auth0|abc")]
    [InlineData("client:", null)]
    [InlineData("Client:alice", null)]
    [InlineData("sip:alice@example.com", null)]
    [InlineData("group:sales", null)]
    [InlineData(null, null)]
    public void An_address_names_an_identity_with_and_without_its_scheme(string? text, string? identity)
    {
        ClientIdentity.TryParseAddress(text, out var parsed).ShouldBe(identity is not null);
        (parsed?.Value).ShouldBe(identity);
    }

    [Fact]
    public void An_identity_has_up_to_121_characters()
    {
        ClientIdentity.TryParse(new string('x', 121), out _).ShouldBeTrue();
        ClientIdentity.TryParseAddress("client:" + new string('x', 121), out _).ShouldBeTrue();
        ClientIdentity.TryParse(new string('x', 122), out _).ShouldBeFalse();
        ClientIdentity.TryParseAddress("client:" + new string('x', 122), out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("+15551234567", true)]
    [InlineData("+1234567", true)]
    [InlineData("+123456789012345", true)]
    [InlineData("+123456", false)]
    [InlineData("+1234567890123456", false)]
    [InlineData("+05551234567", false)]
    [InlineData("15551234567", false)]
    [InlineData("+1 555 123 4567", false)]
    [InlineData("+1555123456x", false)]
    [InlineData("+1555123４567", false)]
    [InlineData("++5551234567", false)]
    [InlineData("+15551234567;ext=1", false)]
    [InlineData("+15551234567\n", false)]
    public void A_phone_number_is_E164(string text, bool valid) => PhoneNumber.TryParse(text, out _).ShouldBe(valid);

    [Fact]
    public void ToString_masks_personal_data()
    {
        var number = A.Phone("+15551234567");
        var identity = A.Identity("alice@example.com");
        number.ToString().ShouldBe("+15*******67");
        A.Phone("+1234567").ToString().ShouldBe("+12***67");
        identity.ToString().ShouldBe("client:***");
        foreach (var text in new object[]
        {
            new Party.Phone(number),
            new Party.Client(identity),
            new SessionEvent.AddPhoneParticipant(A.Doctor, new Party.Phone(number), null),
            $"{number} {identity}",
        })
        {
            $"{text}".ShouldNotContain("123");
            $"{text}".ShouldNotContain("alice");
        }
    }

    [Fact]
    public void The_text_of_a_session_or_a_decision_has_no_personal_data()
    {
        var call = A.Session(A.BobsPhone).Live().AsksFor(A.Doctor);
        foreach (var text in new object[] { call.Session, call.Last, call.Callee, call.Reply })
        {
            $"{text}".ShouldNotContain("alice");
            $"{text}".ShouldNotContain("5550000");
        }
    }

    [Fact]
    public void A_parsed_value_keeps_its_text_and_parses_again() => Gen.String.Sample(text =>
    {
        if (SessionId.TryParse(text, out var session))
            session.Value.ShouldBe(text);
        if (ParticipantId.TryParse(text, out var participant))
            participant.Value.ShouldBe(text);
        if (PhoneNumber.TryParse(text, out var number))
            number.Value.ShouldBe(text);
        if (ClientIdentity.TryParse(text, out var identity))
        {
            identity.Value.ShouldBe(text);
            ClientIdentity.TryParseAddress(identity.Address, out var again).ShouldBeTrue();
            again.ShouldBe(identity);
        }
    }, iter: 20_000, threads: 1);
}
