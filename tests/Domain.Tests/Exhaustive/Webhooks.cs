using System.Collections.Immutable;

namespace Calls.Domain.Tests.Exhaustive;

/// <summary>The webhooks that Twilio sends, as the history of the legs and the room determines them.</summary>
internal sealed class Webhooks(Scenario scenario)
{
    private static readonly string Room = CallSession.RoomOf(A.Id(), A.Nonce);

    private readonly Dictionary<Leg, ImmutableArray<(SessionEvent Message, string Label)>> ofLegs = [];

    public IEnumerable<(SessionEvent Message, string Label)> Of(World w)
    {
        for (var i = 1; i <= w.Conferences; i++)
        {
            if (i < w.Conferences || !w.RoomIsOpen)
                yield return (new SessionEvent.ConferenceEnded(A.Conference(i), Room), "conference end arrives");
            yield return (new SessionEvent.ConferenceStarted(A.Conference(i), Room), "conference start arrives");
        }

        // The end of the caller's <Dial> says too who was called.
        if (w.HasForgotten)
            foreach (var caller in w.Legs.Where(l => l is { Conference: > 0, IsAlive: false } && l.Owner == ParticipantId.Caller))
                yield return (new SessionEvent.ParticipantLeft(Room, caller.Sid, null, LeaveReason.HungUp)
                {
                    Callee = scenario.Holds.IsEmpty ? A.Bob : A.BobsPhone,
                },
                    "end of the caller's dial arrives");
        foreach (var leg in w.Legs)
        {
            if (!ofLegs.TryGetValue(leg, out var ofLeg))
                ofLegs.Add(leg, ofLeg = [.. Of(leg)]);
            // A call that has ended is not entered again: the same webhook then places a new call, which is another scenario.
            foreach (var message in ofLeg)
                if ((!leg.IsReturn || w.Session is { IsEnded: false } || w is { Session: null, HasForgotten: true }
                    || Knows(w.Session, leg.Sid)) && !IsForgottenStart(w, leg, message.Message))
                    yield return message;
        }
    }

    /// <summary>The leg that a webhook is about, or null if it is about the room.</summary>
    public static CallSid? LegOf(SessionEvent message) => message switch
    {
        SessionEvent.StartCall e => e.CallerLeg,
        SessionEvent.LegProgressed e => e.Leg,
        SessionEvent.JoinCall e => e.Leg,
        SessionEvent.ParticipantJoined e => e.Leg,
        SessionEvent.ParticipantLeft e => e.Leg,
        SessionEvent.ParticipantFlagsChanged e => e.Leg,
        _ => null,
    };

    private IEnumerable<(SessionEvent Message, string Label)> Of(Leg leg)
    {
        var owner = leg.Owner;
        if (leg.IsReturn)
            yield return (new SessionEvent.StartCall(A.Id(), "nonceofanewcall1", leg.Sid,
                A.App(owner == ParticipantId.Caller ? "alice" : "bob"), A.BobsPhone), owner + " voice webhook of a return");
        else if (owner == ParticipantId.Caller)
            yield return (scenario.Group is { } group ? A.Calls(group.Members) with { CallerLeg = leg.Sid }
                : new SessionEvent.StartCall(A.Id(), A.Nonce, leg.Sid, A.App("alice"),
                    scenario.Screens ? A.BobsPhone : A.Bob), "voice webhook");
        else if (leg.Dialed || scenario.InitiatedWhileQueued)
            yield return (new SessionEvent.LegProgressed(owner, leg.Sid, Progress.Dialing, null, A.Nonce), owner + " initiated arrives");
        if (owner != ParticipantId.Caller && leg is { Dialed: true, IsReturn: false })
        {
            if (leg.Rang)
                yield return (new SessionEvent.LegProgressed(owner, leg.Sid, Progress.Ringing, null, A.Nonce), owner + " ringing arrives");
            if (leg.Answered)
                yield return (new SessionEvent.LegProgressed(owner, leg.Sid, Progress.Answered, null, A.Nonce),
                    owner + " in-progress arrives");
            if (leg.Answered && World.IsCalled(owner))
                yield return (new SessionEvent.JoinCall(owner, leg.Sid, A.Nonce) { AnsweredBy = leg.By },
                    owner.Group is null ? "answer arrives" : owner + " answer arrives");
            for (var question = 1; question <= leg.Keys.Length; question++)
                yield return (new SessionEvent.JoinCall(owner, leg.Sid, A.Nonce) { Key = new(question, leg.Keys[question - 1] == 'y') },
                    $"answer to question {question} arrives");
            if (leg.EndedBecause is { } because)
                yield return (new SessionEvent.LegProgressed(owner, leg.Sid, Progress.Gone, Reported(leg, because), A.Nonce),
                    owner + " end arrives");
        }

        if (leg.Conference > 0)
            yield return (new SessionEvent.ParticipantJoined(A.Conference(leg.Conference), Room, leg.Sid, owner, null),
                owner + " join arrives");
        for (var i = 1; i <= leg.HoldChanges; i++)
            yield return (new SessionEvent.ParticipantFlagsChanged(
                A.Conference(leg.Conference), Room, leg.Sid, owner, new Flags(false, i % 2 == 1, i)), owner + " hold change arrives");
        // Twilio also reports a leave of a guest that did not answer (participant_add_failed).
        if (leg is { State: LegState.HearsTone, Conference: > 0 })
            yield return (new SessionEvent.ParticipantLeft(Room, leg.Sid, owner, LeaveReason.HungUp), owner + " leave arrives");
        if (leg.EndedBecause is { } left && (leg.Conference > 0 || (leg is { Answered: false, Dialed: true } && !World.IsCalled(owner))))
            yield return (new SessionEvent.ParticipantLeft(Room, leg.Sid, owner, left), owner + " leave arrives");
    }

    /// <summary>The voice webhook of an earlier leg, repeated after the store has forgotten this leg. It counts as a return, and is left
    /// out, as the repeated voice webhook of a lost call is.</summary>
    private static bool IsForgottenStart(World w, Leg leg, SessionEvent message) => message is SessionEvent.StartCall
        && w is { HasForgotten: true, Session: not null } && !Knows(w.Session, leg.Sid) && w.Legs.Last(l => l.Owner == leg.Owner) != leg;

    private static bool Knows(CallSession? session, CallSid leg) =>
        session?.Participants.Any(p => p.Leg == leg || p.EarlierLegs.Contains(leg)) is true;

    /// <summary>The report of an ended leg says too that a machine had answered it.</summary>
    private static LeaveReason Reported(Leg leg, LeaveReason because) =>
        leg.By == AnsweredBy.Machine && because == LeaveReason.HungUp ? LeaveReason.Voicemail : because;
}
