namespace Calls.Domain.Tests;

/// <summary>Sessions in Redis hold these numbers. A name may get a new number at the end; a number never gets another name.</summary>
public sealed class The_numbers_of_what_is_stored
{
    [Fact]
    public void Of_a_role() => Numbers<Role>().ShouldBe("Caller=0 Callee=1 Guest=2");

    [Fact]
    public void Of_progress() => Numbers<Progress>().ShouldBe("Invited=0 Dialing=1 Ringing=2 Answered=3 Joined=4 Gone=5");

    [Fact]
    public void Of_leaving() => Numbers<Leaving>().ShouldBe("No=0 WithTheCall=1 Removed=2");

    [Fact]
    public void Of_a_reason_to_leave() => Numbers<LeaveReason>().ShouldBe(
        "HungUp=0 Busy=1 Declined=2 NoAnswer=3 Unreachable=4 Canceled=5 Removed=6 RefusedByTwilio=7 NeverDialed=8 NeverJoined=9 "
        + "Voicemail=10 NotAccepted=11 AnsweredElsewhere=12 NobodyAccepted=13 NoCandidates=14 CallEnded=20");

    [Fact]
    public void Of_a_reason_to_end() => Numbers<EndReason>().ShouldBe(
        "CallerHungUpBeforeAnswer=0 CallerNeverJoined=1 CalleeBusy=2 CalleeDeclined=3 CalleeNoAnswer=4 CalleeUnreachable=5 " +
        "CalleeRefusedByTwilio=6 OnePersonLeft=7 EndedByPerson=8 MaxDuration=9 " +
        "CalleeVoicemail=10 CalleeNotAccepted=11 NobodyAccepted=12");

    [Fact]
    public void Of_evidence() => Numbers<Evidence>().ShouldBe("Webhook=0 Gateway=1 Review=2 Request=3 Deadline=4");

    [Fact]
    public void Of_a_dial() => Numbers<DialState>().ShouldBe("Planned=0 Sending=1 Unknown=2");

    [Fact]
    public void Of_a_screening() => Numbers<Screening>().ShouldBe("None=0 Machine=1 PressOne=2");

    [Fact]
    public void Of_the_ringback_of_a_person_who_waits() => Numbers<RingbackState>().ShouldBe("None=0 Plays=1 Over=2");

    private static string Numbers<T>()
        where T : struct, Enum => string.Join(' ', Enum.GetValues<T>().Select(value => $"{value}={value:D}"));
}
