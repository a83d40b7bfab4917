using System.Diagnostics;
using Calls.Application;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;

namespace Calls.Api.Endpoints;

/// <summary>Adds a phone and waits a moment for Twilio's answer. The phone is added when the session is stored; the wait only makes the
/// answer more precise.</summary>
internal sealed class PhoneAdder(ISender mediator, DialOutcomes outcomes, TimeProvider clock)
{
    /// <summary>How long a repeated request waits for the answer to the first one. Then it is told to ask again.</summary>
    private static readonly TimeSpan RepeatPatience = TimeSpan.FromSeconds(1);

    public async Task<PhoneAdded> AddAsync(AddPhoneParticipant command, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var dialed = outcomes.Expect(command.SessionId, command.Participant);
        switch (await mediator.Send(command, cancellationToken))
        {
            case CallReply.Refused refused:
                return new PhoneAdded.Refused(refused.Because, refused.RetryAfter);
            case CallReply.Added { Participant: var known }
                when known.Party is not Party.Phone phone || phone.Number != command.Number || known.Label != command.Label:
                return new PhoneAdded.OtherThanBefore();
            case CallReply.Added { Participant: { Gone: LeaveReason.RefusedByTwilio } known }:
                return new PhoneAdded.RefusedByTwilio(known.RefusalCode);
            case CallReply.Added { Participant: var known } when known.Leg is not null || known.Gone is not null:
                return new PhoneAdded.Dialed(known);
            case CallReply.Added { Participant: var added, IsRepeat: var isRepeat }:
                var isRunning = isRepeat && added.Progress == Progress.Invited && clock.GetUtcNow() - added.Since < patience;
                return await dialed.WaitAsync(isRunning ? RepeatPatience : patience, clock, cancellationToken) switch
                {
                    DialOutcome.Accepted => new PhoneAdded.Dialed(added),
                    DialOutcome.Refused refused => new PhoneAdded.RefusedByTwilio(refused.Code),
                    _ when isRunning => new PhoneAdded.UnderWay(),
                    _ => new PhoneAdded.Pending(added),
                };
            case var reply:
                throw new UnreachableException($"{reply.GetType().Name} is not a reply to AddPhoneParticipant");
        }
    }
}

/// <summary>The result of adding a phone.</summary>
internal abstract record PhoneAdded
{
    private PhoneAdded()
    {
    }

    /// <summary>Twilio has accepted the call.</summary>
    public sealed record Dialed(Participant Participant) : PhoneAdded;

    /// <summary>The participant is stored. Twilio has not answered yet, or the room is not open yet.</summary>
    public sealed record Pending(Participant Participant) : PhoneAdded;

    /// <summary>The first request with this idempotency key still waits for Twilio.</summary>
    public sealed record UnderWay : PhoneAdded;

    /// <summary>The domain or a quota refused.</summary>
    public sealed record Refused(RefusalReason Reason, TimeSpan? RetryAfter) : PhoneAdded;

    /// <summary>Twilio refused, with its error code if it named one.</summary>
    public sealed record RefusedByTwilio(int? Code) : PhoneAdded;

    /// <summary>The idempotency key came with another phone number or label before.</summary>
    public sealed record OtherThanBefore : PhoneAdded;
}
