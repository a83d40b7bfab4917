namespace Calls.Domain;

/// <summary>What an app user may do with a call. Each right includes those before it.</summary>
public enum Right
{
    /// <summary>The person is not a participant. For this person the call does not exist.</summary>
    None,
    /// <summary>The person declined, was removed, or was a candidate who did not get the call. The person sees only the own part: role,
    /// state and reason.</summary>
    OwnPart,
    /// <summary>The person was on the call or was rung for it, and sees it. The person changes nothing any more.</summary>
    See,
    /// <summary>The person is on the line, on the way or reconnecting, and changes the call too.</summary>
    Change,
}

/// <summary>The rights of app users. They follow from the state of the call alone.</summary>
public static class Rights
{
    /// <summary>A person who is on the line, on the way or reconnecting has all rights. Otherwise the newest participation counts.
    /// </summary>
    /// <remarks>A person who sees an ended call may send a change. It changes nothing, and the answer says that the call is over.</remarks>
    public static Right Of(CallSession session, ClientIdentity person)
    {
        var right = Right.None;
        foreach (var participant in session.Participants)
        {
            if (participant.Party is not Party.Client client || client.Identity != person)
                continue;
            // A candidate who was not rung does not know of the call.
            if (participant is { Id.Group: not null, Leg: null } && session.FindDial(participant.Id) is null)
                continue;
            if (participant.IsPresent)
                return Right.Change;
            var isOut = participant.Leaving == Leaving.Removed || participant.Gone is LeaveReason.Removed or LeaveReason.Declined
                || (participant.Id.Group is { } group && session.WinnerOf(group)?.Id != participant.Id);
            right = isOut ? Right.OwnPart : Right.See;
        }

        return right == Right.See && session.IsEnded ? Right.Change : right;
    }
}
