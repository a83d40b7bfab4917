namespace Calls.Domain.Tests.Exhaustive;

internal static class Scenarios
{
    /// <summary>The caller's leg exists, and waits for TwiML; nobody has heard of it.</summary>
    public static readonly World Nothing = new() { Core = new Core(null, "~"), Legs = [new Leg(ParticipantId.Caller, World.SidOf(ParticipantId.Caller, 1), At.Asking) { Rang = true, Answered = true }] };

    public static Scenario TwoPeople => new("two people") { Start = Nothing };

    /// <summary>A failover in which the store loses the claim of a dial: the phone may ring twice, and no more than one of its legs may meet the caller.</summary>
    public static Scenario LostClaim => new("lost claim") { Start = Nothing with { RewindsLeft = 1 }, Orphans = true, Attempts = 1, WithoutReasons = true };

    public static Scenario FourPeople => new("four people") { Start = Nothing, Guests = [A.Doctor, A.Lawyer], Removals = [ParticipantId.Callee, A.Doctor], MayBeEnded = true };

    public static Scenario ThreePeople => new("three people") { Start = Nothing, Guests = [A.Doctor], Attempts = 1, WithoutReasons = true };
}
