using Calls.Application.Effects;

namespace Calls.Api.Endpoints;

/// <summary>Adds a phone or an app user. The guest is added when the session is stored. A short wait for Twilio makes the answer more
/// precise.</summary>
internal sealed class PhoneAdder(ISender mediator, DialOutcomes outcomes, TimeProvider clock)
{
    /// <summary>How long a request waits for Twilio to accept the call. Then the answer is 202.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);
    /// <summary>How long a repeated request waits for the answer to the first one. Then it is told to ask again.</summary>
    private static readonly TimeSpan RepeatPatience = TimeSpan.FromSeconds(1);

    public async Task<AddedPhone> AddAsync(AddPhoneParticipant command, HttpContext http, CancellationToken cancellationToken)
    {
        using var dialed = outcomes.Expect(command.SessionId, command.Participant);
        switch ((await mediator.Send(command, cancellationToken)).Reply)
        {
            case CallReply.Refused refused:
                return new(Problems.Of(refused.Reason, refused.RetryAfter, http));
            case CallReply.Added { Participant: var known }
                when known.Id != command.Participant || known.Party != command.Party || known.Label != command.Label
                    || (command.Screen is { } screen && screen != known.Screen):
                return new(Problems.Of(
                    422, "idempotency-key-reused", "This Idempotency-Key came with another number, identity, label or screening before."));
            case CallReply.Added { Participant: { Gone: LeaveReason.RefusedByTwilio } known }:
                return new(RefusedByTwilio(known.RefusalCode));
            case CallReply.Added { Participant: var known } when known.Leg is not null || known.Gone is not null:
                return new(null, known, IsDialed: known.Gone != LeaveReason.NeverDialed);
            case CallReply.Added { Participant: var added, IsRepeat: var isRepeat }:
                var isRunning = isRepeat && added.Progress == Progress.Invited && clock.GetUtcNow() - added.Since < Patience;
                return await dialed.WaitAsync(isRunning ? RepeatPatience : Patience, clock, cancellationToken) switch
                {
                    DialOutcome.Accepted => new(null, added, IsDialed: true),
                    DialOutcome.Refused refused => new(RefusedByTwilio(refused.Code)),
                    DialOutcome.Stopped => new(Problems.Of(RefusalReason.DialingStopped)),
                    _ when isRunning => new(Problems.InProgress(http)),
                    _ => new(null, added),
                };
            case var reply:
                throw new UnreachableException($"{reply.GetType().Name} is not a reply to AddPhoneParticipant");
        }
    }

    private static ProblemHttpResult RefusedByTwilio(int? code)
    {
        var page = code is null ? "" : $"; see https://www.twilio.com/docs/api/errors/{code}";
        return Problems.Of(422, "refused-by-twilio", $"Twilio refused to ring this number or identity{page}.", ("twilioCode", code));
    }
}

/// <summary>The added participant, or the problem. It is dialed if Twilio has already accepted the call.</summary>
internal readonly record struct AddedPhone(ProblemHttpResult? Problem, Participant? Participant = null, bool IsDialed = false);
