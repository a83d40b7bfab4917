using System.Collections.Immutable;
using Calls.Application.Effects;

namespace Calls.Api.Endpoints;

/// <summary>Adds one participant who has several candidates. A short wait for Twilio makes the answer more precise.</summary>
internal sealed class OneOfAdder(ISender mediator, DialOutcomes outcomes, TimeProvider clock)
{
    private const int ShortestRing = 5;
    private const int LongestRing = 60;
    /// <summary>How long a request waits for Twilio to accept a call. Then the answer is 202.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <summary>The command of a request, or the fields that cannot be used.</summary>
    /// <param name="body">The request. Its label and its screening are checked already.</param>
    /// <param name="command">The command without the candidates.</param>
    /// <param name="problem">What is wrong.</param>
    public static AddOneOf? Parse(ParticipantToAdd body, AddOneOf command, out ValidationProblem? problem)
    {
        Dictionary<string, string> wrong = new(StringComparer.Ordinal);
        var oneOf = body.OneOf ?? [];
        if (oneOf.Count is 0 or > Candidates.Most)
            wrong["oneOf"] = $"It must have 1 to {Candidates.Most} candidates.";
        if (body.PhoneNumber is not null || body.Identity is not null)
            wrong[body.PhoneNumber is not null ? "phoneNumber" : "identity"] = "The body must have one of phoneNumber, identity and oneOf.";
        var strategy = body.Strategy is "" ? null : CandidateForm.StrategyOf(body.Strategy);
        if (strategy is null)
            wrong["strategy"] = "It must be all or in-order.";
        if (body.RingSeconds is < ShortestRing or > LongestRing)
            wrong["ringSeconds"] = $"It must be {ShortestRing} to {LongestRing}.";
        var parties = ImmutableArray.CreateBuilder<Party>();
        for (var i = 0; i < oneOf.Count && i < Candidates.Most; i++)
            if (CandidateForm.PartyOf(oneOf[i]?.Identity, oneOf[i]?.PhoneNumber, out var field, out var why) is { } party)
                parties.Add(party);
            else
                wrong[string.Create(CultureInfo.InvariantCulture, $"oneOf[{i}]{field}")] = why;
        problem = wrong.Count > 0 ? Problems.Fields(wrong) : null;
        return problem is not null ? null : command with
        {
            Candidates = parties.ToImmutable(),
            Strategy = strategy ?? Strategy.All,
            RingTime = body.RingSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        };
    }

    public async Task<Results<Created<ParticipantDocument>, Accepted<ParticipantDocument>, ValidationProblem, ProblemHttpResult>> AddAsync(
        AddOneOf command, string location, HttpContext http, CancellationToken cancellationToken)
    {
        var group = command.Participant;
        // The dials can be sent as soon as the session is stored.
        var expected = command.Candidates.Select((_, i) => group.Candidate(i + 1))
            .ToDictionary(id => id, id => outcomes.Expect(command.SessionId, id));
        try
        {
            switch (await mediator.Send(command, cancellationToken))
            {
                case { Reply: CallReply.Refused refused }:
                    return Problems.Of(refused, http);
                case { Reply: CallReply.Added { Participant: var known }, Session: { } session }:
                    if (!IsSame(session, known, command))
                        return Problems.Of(
                            422, "idempotency-key-reused", "This Idempotency-Key came with other candidates, or another label, before.");
                    var added = CandidateDocuments.AsAdded(session, group);
                    var isDialed = session.CandidatesOf(group).Any(candidate => candidate.Leg is not null)
                        || await IsDialedAsync(session, group, expected, cancellationToken);
                    return isDialed ? TypedResults.Created(location, added) : TypedResults.Accepted(location, added);
                case var decision:
                    throw new UnreachableException($"{decision.Reply.GetType().Name} is not a reply to AddOneOf");
            }
        }
        finally
        {
            foreach (var expectation in expected.Values)
                expectation.Dispose();
        }
    }

    /// <summary>Whether Twilio accepts one of the calls in time.</summary>
    private async Task<bool> IsDialedAsync(
        CallSession session, ParticipantId group, Dictionary<ParticipantId, DialOutcomes.Expectation> expected,
        CancellationToken cancellationToken)
    {
        var dials = session.CandidatesOf(group).Where(c => c.Progress == Progress.Invited && !session.IsWaiting(c))
            .Select(c => expected.GetValueOrDefault(c.Id)).OfType<DialOutcomes.Expectation>()
            .Select(dial => dial.WaitAsync(Patience, clock, cancellationToken)).ToList();
        while (dials.Count > 0)
        {
            var first = await Task.WhenAny(dials);
            if (await first is DialOutcome.Accepted)
                return true;
            dials.Remove(first);
        }

        return false;
    }

    /// <summary>Whether the stored candidates are those of the request. Some of the request can have been skipped.</summary>
    private static bool IsSame(CallSession session, Participant known, AddOneOf command) => known.Id.Group == command.Participant
        && known.Label == command.Label && known.RingTime == command.RingTime
        && session.CandidatesOf(command.Participant).All(stored => command.Candidates.Where((party, i) =>
            stored.Id == command.Participant.Candidate(i + 1) && stored.Party == party
            && (command.Screen is not { } screen || party is not Party.Phone || screen == stored.Screen)).Any());
}

/// <summary>One candidate: an app user or a phone.</summary>
/// <param name="Identity">The client identity of an app user.</param>
/// <param name="PhoneNumber">The number in international form with the leading +. Spaces, dashes and parentheses are allowed.</param>
public sealed record CandidateToAdd(string? Identity = null, string? PhoneNumber = null);
