using System.Collections.Immutable;

namespace Calls.Application.Ports;

/// <summary>The limits of calls and of phones, counted over all replicas. An hour is the last 60 minutes.</summary>
public interface IQuotas
{
    /// <summary>Takes what a call uses up: one of the caller's places for live sessions, one of the caller's calls of this hour, and for a
    /// phone what an added phone takes. The caller's leg belongs to this session from now on.</summary>
    /// <remarks>The caller's leg names the call, so a repeated webhook takes nothing twice. A session that has a place keeps it.</remarks>
    /// <param name="start">The call.</param>
    /// <param name="region">The region of the phone that is called; null for an app user.</param>
    /// <param name="cancellationToken">Counts until the request is sent.</param>
    Task<Allowance> TakeStartAsync(StartCall start, string? region, CancellationToken cancellationToken);

    /// <summary>Takes what a phone uses up that is a candidate of a called group: one of the caller's phones, of the region's phones and of
    /// all phones of this hour.</summary>
    /// <param name="callerLeg">The caller's leg. It names the call, so a repeated request takes nothing twice.</param>
    /// <param name="caller">The caller.</param>
    /// <param name="candidate">The candidate.</param>
    /// <param name="region">The region of the phone.</param>
    /// <param name="cancellationToken">Counts until the request is sent.</param>
    Task<Allowance> TakeCalleeAsync(
        CallSid callerLeg, Party caller, ParticipantId candidate, string region, CancellationToken cancellationToken);

    /// <summary>The leg of a person who comes back belongs to this session from now on. It uses nothing up.</summary>
    /// <returns>False if the leg belongs to another session.</returns>
    Task<bool> TakeLegAsync(StartCall start, CancellationToken cancellationToken);

    /// <summary>Takes what an added guest uses up: one of the bearer's phones and guests, and for a phone one of the region's phones and
    /// of all phones of this hour.</summary>
    /// <param name="add">The request.</param>
    /// <param name="region">The region of the phone; null for an app user.</param>
    /// <param name="cancellationToken">Counts until the request is sent.</param>
    Task<Allowance> TakeAddAsync(AddPhoneParticipant add, string? region, CancellationToken cancellationToken);

    /// <summary>Takes what a candidate uses up: one of the bearer's phones, and for a phone one of the region's phones and of all phones of
    /// this hour.</summary>
    /// <param name="add">The request.</param>
    /// <param name="candidate">The candidate.</param>
    /// <param name="region">The region of the phone; null for an app user.</param>
    /// <param name="cancellationToken">Counts until the request is sent.</param>
    Task<Allowance> TakeAddAsync(AddOneOf add, ParticipantId candidate, string? region, CancellationToken cancellationToken);

    /// <summary>Gives back what was taken, because the change was not stored.</summary>
    Task GiveBackAsync(Allowance allowance);

    /// <summary>The session is over. The request is not awaited and can be lost: when the places run short, the places of ended sessions
    /// are found.</summary>
    /// <param name="owner">See <see cref="StartCall.OwnerOf"/>.</param>
    /// <param name="session">The session.</param>
    void GivePlaceBack(string owner, SessionId session);
}

/// <summary>The answer to a request for quota.</summary>
/// <param name="Refused">Why it was refused; null where it was granted. A refusal takes nothing.</param>
/// <param name="Taken">What was taken anew, for <see cref="IQuotas.GiveBackAsync"/>.</param>
public sealed record Allowance(CallReply.Refused? Refused, ImmutableArray<(string Counter, string Member)> Taken);

/// <summary>The limits. A phone is one that the service rings for a call, or that was added to a call.</summary>
/// <param name="LiveSessions">Placed sessions of one identity that are not over.</param>
/// <param name="StartsPerHour">Calls that one identity places within an hour, to phones or app users.</param>
/// <param name="PhonesPerHour">Phones and added app users of one identity within an hour.</param>
/// <param name="PhonesOfRegionPerHour">Phones of one region within an hour.</param>
/// <param name="AllPhonesPerHour">Phones of the whole service within an hour.</param>
public sealed record Allowances(
    int LiveSessions, int StartsPerHour, int PhonesPerHour, int PhonesOfRegionPerHour, int AllPhonesPerHour);
