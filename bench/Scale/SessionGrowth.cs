using System.Globalization;
using Calls.Load;

namespace Calls.Scale;

/// <summary>
/// Measures a growing number of sessions in one Redis. A second Redis keeps the smallest number. Both are measured in turns, so that a
/// disturbance of the machine affects both.
/// </summary>
internal sealed class SessionGrowth(Options options, QuickTwilio twilio, Children children, Progress progress)
{
    /// <summary>
    /// A measurement has several pieces. The pieces of both alternate, so that a slow second of the machine affects both.
    /// </summary>
    private const int Pieces = 20;

    public async Task<IReadOnlyList<SessionSample>> MeasureAsync()
    {
        using var small = await Installation.StartAsync(children, twilio);
        using var grown = await Installation.StartAsync(children, twilio);
        using var mutes = new Mutes();
        await small.GrowAsync(Options.FewestSessions);
        List<SessionSample> samples = [];
        var allocated = 0L;
        foreach (var size in options.SessionSizes)
        {
            allocated += await WriteAsync(grown, size);
            if (samples.Count == 0)
            {
                await small.WarmUpAsync(twilio, mutes, options);
                await grown.WarmUpAsync(twilio, mutes, options);
                progress.Done("Sessions: both services are warm");
            }

            samples.Add(await MeasureAsync(small, grown, mutes, (double)allocated / size));
        }

        return samples;
    }

    /// <returns>The growth of the store in bytes.</returns>
    private async Task<long> WriteAsync(Installation installation, int sessions)
    {
        var storage = installation.Storage;
        var (before, from) = (await storage.UsedMemoryAsync(), TimeProvider.System.GetTimestamp());
        await installation.GrowAsync(sessions);
        var took = TimeProvider.System.GetElapsedTime(from);
        progress.Done(string.Create(CultureInfo.InvariantCulture, $"{sessions:N0} sessions: written in {took.TotalSeconds:0.0} s"));
        return await storage.UsedMemoryAsync() - before;
    }

    private async Task<SessionSample> MeasureAsync(Installation small, Installation grown, Mutes mutes, double bytes)
    {
        var (sessions, footprint) = (grown.Storage.Sessions, await grown.Storage.SampleAsync());
        var idle = await grown.RestAsync(options.Rest);
        List<Turn> turns = [], fewest = [];
        while (turns.Count < options.Pairs)
        {
            var (one, other) = await PairAsync(small, grown, mutes);
            fewest.Add(one);
            turns.Add(other);
            progress.Done(
                string.Create(CultureInfo.InvariantCulture,
                $"{sessions:N0} sessions, pair {turns.Count}, p50 against that of {Options.FewestSessions:N0}: "
                + $"voice {other.Voice:0.00} / {one.Voice:0.00} ms, conference {other.Conference:0.00} / {one.Conference:0.00} ms, of "
                    + $"stored calls {other.OfStored:0.00} / {one.OfStored:0.00} ms"));
        }

        // This is the last step. Redis has finished its work after the many writes by then.
        var noneDue = await Sweeps.NoneDueAsync(small.Storage, grown.Storage);
        var someDue = await Sweeps.SomeDueAsync(small.Storage, grown.Storage);
        progress.Done(
            string.Create(CultureInfo.InvariantCulture,
            $"{sessions:N0} sessions: {bytes:0} bytes each; a claim of nothing {noneDue.Other:0} µs, of {Sweeps.Due} {someDue.Other:0} "
            + $"µs"));
        return new SessionSample
        {
            Sessions = sessions,
            Bytes = bytes,
            Footprint = footprint,
            NoneDue = noneDue,
            SomeDue = someDue,
            Idle = idle,
            Turns = turns,
            Fewest = fewest,
        };
    }

    private async Task<(Turn Small, Turn Grown)> PairAsync(Installation small, Installation grown, Mutes mutes)
    {
        List<Turn> ofSmall = [], ofGrown = [];
        for (var piece = 0; piece < Pieces; piece++)
        {
            // The order is A, B, B, A, so that neither always follows the other.
            if (piece % 2 == 0)
                ofSmall.Add(await PieceAsync(small));
            ofGrown.Add(await PieceAsync(grown));
            if (piece % 2 == 1)
                ofSmall.Add(await PieceAsync(small));
        }

        return (Turn.Sum(ofSmall), Turn.Sum(ofGrown));

        Task<Turn> PieceAsync(Installation installation) =>
            installation.MeasureAsync(twilio, mutes, options.Calls / Pieces, options.Webhooks / Pieces);
    }
}
