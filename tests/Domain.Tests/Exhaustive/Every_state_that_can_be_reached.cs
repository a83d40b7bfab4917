using System.Diagnostics;

namespace Calls.Domain.Tests.Exhaustive;

/// <summary>Model checking: <see cref="Explorer"/> says what is visited and how. The classes run beside each other.</summary>
public abstract class Every_state_that_can_be_reached(ITestOutputHelper output)
{
    private static readonly string[] Faults =
    [
        "dial is created, reply lost", "dial is lost", "dial is refused", "sender is killed", "reply is saved", "late claim",
        "look-up finds it", "look-up does not find it yet",
        "look-up fails", "late look-up finds nothing", "hang-up, reply lost", "late review",
        "leaves the queue", "unreachable", "does not answer", "hangs up, or gets no TwiML", "caller hangs up entering",
    ];

    private protected void AllRulesHold(Scenario scenario, int least, string[]? faults = null, string[]? others = null)
    {
        var watch = Stopwatch.StartNew();
        var found = new Explorer(scenario, SessionDecider.Decide).Run(3_000_000);
        output.WriteLine(
            $"{scenario.Name}: {found.States:N0} states ({found.Sessions:N0} sessions), {found.Edges:N0} edges, "
            + $"{found.Quiescent:N0} at rest, {found.Live:N0} of them live, {watch.Elapsed.TotalSeconds:0.0} s");
        found.Violation.ShouldBeNull();
        (faults ?? Faults).Concat(others ?? []).Where(f => !found.Happened.Contains(f)).ShouldBeEmpty("every fault of the model was tried");
        found.States.ShouldBeGreaterThan(least);
        found.Live.ShouldBeGreaterThan(0);
    }
}

/// <summary>Two and three people, without holds and returns.</summary>
public sealed class Every_state_of_two_and_three_people(ITestOutputHelper output) : Every_state_that_can_be_reached(output)
{
    [Fact]
    public void Two_people() => AllRulesHold(Scenarios.TwoPeople, 10_000, others:
    [
        "tone is played", "tone is played, reply lost", "tone is lost", "tone is refused", "tone ends",
    ]);

    [Fact]
    public void Two_people_and_a_Twilio_that_reports_a_queued_call_as_dialled() =>
        AllRulesHold(Scenarios.TwoPeople with { Name = "initiated while queued", InitiatedWhileQueued = true }, 10_000);

    [Fact]
    public void Two_people_and_a_sender_that_stops_for_long() =>
        AllRulesHold(Scenarios.TwoPeople with { Name = "slow senders", Orphans = true }, 10_000);

    [Fact]
    public void Two_people_and_a_store_that_loses_a_claim() => AllRulesHold(Scenarios.LostClaim, 10_000);

    [Fact]
    public void Two_people_whose_call_is_ended_or_who_are_removed() => AllRulesHold(Scenarios.TwoPeople with
    {
        Name = "removals",
        Removals = [ParticipantId.Caller, ParticipantId.Callee],
        MayBeEnded = true,
        Attempts = 1,
    }, 10_000);

    [Fact]
    public void A_caller_and_a_phone_that_a_machine_can_answer() => AllRulesHold(
        Scenarios.ScreenedPhone, 10_000, others:
        [
            "a Machine answers", "a Human answers", "presses 1", "presses no key", "hangs up when asked",
            "answer arrives, and gets LeaveMessage", "answer to question 2 arrives, and gets HangUp",
        ]);

    [Fact]
    public void Three_people() => AllRulesHold(Scenarios.ThreePeople, 10_000);
}

/// <summary>People are put on hold, and app users call again.</summary>
public sealed class Every_state_of_holds_and_returns(ITestOutputHelper output) : Every_state_that_can_be_reached(output)
{
    [Fact]
    public void Three_people_and_holds_by_one_of_them() => AllRulesHold(Scenarios.Holds, 10_000,
    [
        "hold", "end of a hold", "hold change is lost", "hold change is made, reply lost", "hold change is refused",
        "hold change is postponed", "hold change finds no leg", "caller hangs up", "callee hold change arrives", "late review",
    ]);

    [Fact]
    public void Two_app_users_who_come_back() => AllRulesHold(Scenarios.Returns, 10_000,
    [
        "caller calls again", "callee calls again", "caller voice webhook of a return, and gets JoinRoom",
        "callee voice webhook of a return, and gets Refused", "caller voice webhook of a return, and gets HangUp",
        "caller hangs up", "hang-up, reply lost", "late review", "RemoveParticipant",
    ]);

    [Fact]
    public void An_app_user_who_is_added_again_and_comes_back() => AllRulesHold(Scenarios.AddedAgain, 10_000,
    [
        "callee calls again", "callee voice webhook of a return, and gets JoinRoom", "callee voice webhook of a return, and gets HangUp",
        "dial is created, reply lost", "dial is lost", "guest-bob leave arrives", "guest-bob ringing arrives", "late review",
    ]);

    [Fact]
    public void A_call_that_waits_for_a_person_whose_line_has_dropped() => AllRulesHold(Scenarios.Grace, 10_000,
    [
        "caller calls again", "callee calls again", "callee voice webhook of a return, and gets JoinRoom",
        "the grace is said to have passed", "the grace has passed", "hold change is refused", "hold change is made", "late review",
    ]);
}

/// <summary>Candidates and groups: one of many is connected.</summary>
public sealed class Every_state_of_one_of_many(ITestOutputHelper output) : Every_state_that_can_be_reached(output)
{
    [Fact]
    public void Two_people_and_two_candidates_whose_answers_cross() => AllRulesHold(Scenarios.OneOfTwo(Strategy.All), 10_000, Candidates);

    [Fact]
    public void Two_people_and_two_candidates_who_are_rung_in_order() => AllRulesHold(
        Scenarios.OneOfTwo(Strategy.InOrder), 10_000, [.. Candidates, "the ring time passes"]);

    [Fact]
    public void A_group_that_is_called_at_once() => AllRulesHold(Scenarios.Group(Strategy.All, isConfigured: true), 10_000, GroupCall);

    [Fact]
    public void A_group_that_is_called_in_order() => AllRulesHold(
        Scenarios.Group(Strategy.InOrder, isConfigured: true), 10_000, [.. GroupCall, "the ring time passes"]);

    [Fact]
    public void A_group_that_the_group_resolver_knows() => AllRulesHold(
        Scenarios.Group(Strategy.All, isConfigured: false), 10_000,
        [.. GroupCall, "the group resolver answers", "the group resolver gives no answer", "the group resolver is not asked in time"]);

    private static readonly string[] GroupCall =
    [
        "callee_1 answer arrives, and gets JoinRoom", "callee_2 answer arrives, and gets JoinRoom",
        "callee_1 answer arrives, and gets AnsweredElsewhere", "callee_2 answer arrives, and gets AnsweredElsewhere",
        "callee_1 enters", "callee_2 enters", "caller hangs up", "does not answer", "tone is played", "hang-up, reply lost",
        "dial is created, reply lost", "late look-up finds nothing", "late review",
    ];

    private static readonly string[] Candidates =
    [
        "guest-one_1 answer arrives, and gets JoinRoom", "guest-one_2 answer arrives, and gets JoinRoom",
        "guest-one_1 answer arrives, and gets AnsweredElsewhere", "guest-one_2 answer arrives, and gets AnsweredElsewhere",
        "guest-one_1 enters", "guest-one_2 enters", "guest-one_1 hangs up entering", "does not answer", "hang-up, reply lost",
        "dial is created, reply lost", "late look-up finds nothing", "caller hangs up", "late review",
    ];
}

/// <summary>Redis forgets the session in the middle of the call.</summary>
public sealed class Every_state_after_a_loss(ITestOutputHelper output) : Every_state_that_can_be_reached(output)
{
    [Fact]
    public void Two_people_and_a_store_that_forgets_them() => AllRulesHold(Scenarios.Forgetful, 10_000, Forgotten);

    [Fact]
    public void Three_people_and_a_store_that_forgets_them() => AllRulesHold(Scenarios.ForgetfulOfThree, 10_000,
    [
        "the store forgets the session", "the open conferences are swept", "caller leave arrives, after a rebuild",
        "callee hold change arrives, after a rebuild", "hold change is made", "hold",
    ]);

    [Fact]
    public void A_session_is_built_again_from_a_list_that_is_late() => AllRulesHold(Scenarios.LateLists, 10_000,
    [
        "the store forgets the session", "the open conferences are swept, without caller", "the open conferences are swept, without callee",
        "the open conferences are swept, without guest-doctor", "callee leave arrives, after a rebuild, without caller",
        "caller calls again", "callee calls again", "caller join arrives", "callee join arrives", "guest-doctor join arrives",
        "late review",
    ]);

    private static readonly string[] Forgotten =
    [
        "the store forgets the session", "the open conferences are swept", "answer arrives, after a rebuild, and gets JoinRoom",
        "answer arrives, after a rebuild, and gets HangUp", "callee end arrives, after a rebuild", "caller leave arrives, after a rebuild",
        "end of the caller's dial arrives", "look-up without an address", "late look-up without an address", "look-up finds it",
    ];
}
