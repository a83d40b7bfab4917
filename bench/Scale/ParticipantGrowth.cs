using System.Globalization;
using Calls.Infrastructure.Redis;
using Calls.Load;

namespace Calls.Scale;

/// <summary>Measures one call with a growing number of participants, and webhooks that change it.</summary>
internal sealed class ParticipantGrowth(Options options, QuickTwilio twilio, Children children, Progress progress)
{
    public async Task<IReadOnlyList<ParticipantSample>> MeasureAsync()
    {
        using var storage = await Storage.StartAsync(children);
        using var service = await Replica.StartAsync(children, twilio, storage.Address);
        using var mutes = new Mutes();
        foreach (var size in options.ParticipantSizes)
            await TurnAsync(size, options.WarmUp / options.ParticipantSizes.Count);
        progress.Done("Participants: the service is warm");

        List<ParticipantSample.Turn> turns = [];
        for (var pair = 1; pair <= options.Pairs; pair++)
        {
            foreach (var size in pair % 2 == 1 ? options.ParticipantSizes : options.ParticipantSizes.Reverse())
                turns.Add(await TurnAsync(size, options.Webhooks));
            var these = turns.TakeLast(options.ParticipantSizes.Count).OrderBy(turn => turn.Participants);
            progress.Done(
                $"Participants, round {pair}: " + string.Join(", ",
                these.Select(
                turn => string.Create(CultureInfo.InvariantCulture,
                $"{turn.Participants} {turn.Milliseconds:0.00} ms {turn.Microseconds:0} µs CPU"))));
        }

        return [.. turns.GroupBy(turn => turn.Participants).OrderBy(size => size.Key)
            .Select(size => new ParticipantSample(size.Key, [.. size]))];

        async Task<ParticipantSample.Turn> TurnAsync(int participants, int webhooks)
        {
            await storage.EmptyAsync();
            var written = await storage.WriteAsync(number: 1, participants);
            if (written.Session is not { } call)
                throw new InvalidOperationException("No call was written");
            var (bytes, before) = (await storage.BytesAsync(), service.Processor);
            var tally = await mutes.SendAsync(service.Origin, webhooks, concurrency: 1, _ => call);
            var processor = service.Processor - before;
            var version = (await storage.LoadAsync(call.Id)).Version;
            return version == written.Version + webhooks
                ? new ParticipantSample.Turn(participants, bytes, StoredForm.Write(call).Length, tally, processor / webhooks)
                : throw new InvalidOperationException(
                    $"Each of {webhooks} webhooks must change the call, but the call is at version {version}.");
        }
    }
}
