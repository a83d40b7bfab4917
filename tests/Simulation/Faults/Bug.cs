namespace Calls.Simulation.Faults;

/// <summary>A mistake that the service could have made, put in by switch: a simulation that does not find it proves nothing.</summary>
public enum Bug
{
    None,

    /// <summary>Pending effects live in the memory of the replica that decided them, and die with it.</summary>
    EffectNotStored,

    /// <summary>A second call for a participant takes the place of the first, which nobody hangs up.</summary>
    NoSecondSidCheck,

    /// <summary>Word of a join that arrives after that of the leave puts the person back on the line.</summary>
    JoinAfterLeaveCounted,

    /// <summary>A create whose outcome is unknown is sent again at once.</summary>
    BlindRetryOfCreate,

    /// <summary>A sweeper takes a session off the index of deadlines instead of moving its deadline by a lease.</summary>
    SweepWithoutLease,
}
