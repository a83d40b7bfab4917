using System.Diagnostics;
using Calls.Application.Effects;
using Calls.Application.UseCases;
using Calls.Domain;
using MediatR;

namespace Calls.Api.Endpoints;

/// <summary>Adds a phone, and gives Twilio a moment to say whether it will ring it. The adding is done when the session is stored; the moment is for a better answer.</summary>
internal sealed class PhoneAdder(ISender mediator, DialOutcomes outcomes, TimeProvider clock)
{
    /// <summary>A repetition that comes while the first is being served waits for the same answer, but not as long: then it is told to ask again.</summary>
    private static readonly TimeSpan PatienceOfRepeats = TimeSpan.FromSeconds(1);

    public async Task<PhoneAdded> AddAsync(AddPhoneParticipant command, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var dialed = outcomes.Expect(command.SessionId, command.Participant);
        switch ((await mediator.Send(command, cancellationToken)).Reply)
        {
            case CallReply.Refused refused:
                return new PhoneAdded.No(refused.Reason, refused.RetryAfter);
            case CallReply.Added { Participant: var known } when known.Party is not Party.Phone phone || phone.Number != command.Number || known.Label != command.Label:
                return new PhoneAdded.OtherThanBefore();
            case CallReply.Added { Participant: { Gone: LeaveReason.RefusedByTwilio } known }:
                return new PhoneAdded.RefusedByTwilio(known.RefusalCode);
            case CallReply.Added { Participant: var known } when known.Leg is not null || known.Gone is not null:
                return new PhoneAdded.Dialed(known);
            case CallReply.Added { Participant: var added, IsRepeat: var isRepeat }:
                var isRunning = isRepeat && added.Progress == Progress.Invited && clock.GetUtcNow() - added.Since < patience;
                return await dialed.WaitAsync(isRunning ? PatienceOfRepeats : patience, clock, cancellationToken) switch
                {
                    DialOutcome.Accepted => new PhoneAdded.Dialed(added),
                    DialOutcome.Refused refused => new PhoneAdded.RefusedByTwilio(refused.Code),
                    _ when isRunning => new PhoneAdded.UnderWay(),
                    _ => new PhoneAdded.Pending(added),
                };
            case var reply:
                throw new UnreachableException($"{reply.GetType().Name} is no answer to an added phone");
        }
    }
}

/// <summary>What came of adding a phone.</summary>
internal abstract record PhoneAdded
{
    private PhoneAdded()
    {
    }

    /// <summary>Twilio has the call.</summary>
    public sealed record Dialed(Participant Participant) : PhoneAdded;

    /// <summary>Stored; Twilio has not answered yet, or the room is not open yet.</summary>
    public sealed record Pending(Participant Participant) : PhoneAdded;

    /// <summary>The same request came before, and waits for Twilio still.</summary>
    public sealed record UnderWay : PhoneAdded;

    public sealed record No(RefusalReason Because, TimeSpan? RetryAfter) : PhoneAdded;

    public sealed record RefusedByTwilio(int? Code) : PhoneAdded;

    /// <summary>The same idempotency key came with something else before.</summary>
    public sealed record OtherThanBefore : PhoneAdded;
}
