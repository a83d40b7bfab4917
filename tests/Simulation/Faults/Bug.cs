namespace Calls.Simulation.Faults;

/// <summary>A defect that a switch adds to the service. The simulation must find each of them.</summary>
public enum Bug
{
    None,

    /// <summary>Pending effects are kept only in the memory of the replica that decided them, and are lost with it.</summary>
    EffectNotStored,

    /// <summary>A second leg of a participant replaces the first leg, which is never hung up.</summary>
    NoSecondSidCheck,

    /// <summary>A join that arrives after the leave marks the participant as present again.</summary>
    JoinAfterLeaveCounted,

    /// <summary>A create whose outcome is unknown is sent again at once.</summary>
    BlindRetryOfCreate,

    /// <summary>A sweeper removes a session from the index of deadlines instead of moving its deadline by a lease.</summary>
    SweepWithoutLease,

    /// <summary>The store does not remember that a caller's leg has placed a call.</summary>
    PlacedLegForgotten,

    /// <summary>Mute and hold come from the webhooks alone: a lost webhook leaves the document wrong.</summary>
    FlagsFromWebhooksAlone,

    /// <summary>The ring time counts from the request, so a call that waits in Twilio's queue is given up.</summary>
    QueueCountsAsRinging,

    /// <summary>A machine that answers counts as a person.</summary>
    MachineCounted,

    /// <summary>A hold does not end when its holder leaves.</summary>
    HoldIgnored,

    /// <summary>The caller of a callee who was not reached is hung up without a tone or words.</summary>
    NoTone,

    /// <summary>A late leave of an earlier leg counts as the leave of the person who is back.</summary>
    EarlierLegCounted,

    /// <summary>The ringback goes on after the return of the person for whom the call waited.</summary>
    RingbackGoesOn,

    /// <summary>An app is rung without the parameters that name the call.</summary>
    BlindRing,

    /// <summary>An app user who is on the call is added again.</summary>
    AddedTwice,

    /// <summary>A candidate whose answer comes after another one's enters the room too.</summary>
    TwoWinners,
}
