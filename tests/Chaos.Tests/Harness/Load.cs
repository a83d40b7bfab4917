namespace Calls.Chaos.Tests.Harness;

/// <summary>Many stories at once, started at an even rate.</summary>
internal sealed class Load
{
    /// <summary>The most stories at once. A machine that is too slow for the rate gets a lower rate.</summary>
    private const int MostAtOnce = 150;

    private readonly List<Task> playing = [];

    private Load(IReadOnlyList<Story> stories) => Stories = stories;

    public IReadOnlyList<Story> Stories { get; }

    /// <summary>Completes when the people of all stories have done their last act.</summary>
    public Task Told { get; private set; } = Task.CompletedTask;

    public int Started => playing.Count;

    public static Load Start(Deployment deployment, IReadOnlyList<Story> stories, int perSecond)
    {
        var load = new Load(stories);
        load.Told = load.TellAsync(deployment, perSecond);
        return load;
    }

    /// <summary>Waits until this share of the stories has begun.</summary>
    public Task<TimeSpan> BegunAsync(double share) =>
        Eventually.TrueAsync(() => Task.FromResult(Started >= Stories.Count * share), $"{share:P0} of the calls have begun",
        TimeSpan.FromMinutes(10));

    private async Task TellAsync(Deployment deployment, int perSecond)
    {
        var from = TimeProvider.System.GetTimestamp();
        foreach (var story in Stories)
        {
            var due = TimeSpan.FromSeconds((double)story.Number / perSecond) - TimeProvider.System.GetElapsedTime(from);
            if (due > TimeSpan.Zero)
                await Task.Delay(due);
            while (playing.Where(told => !told.IsCompleted).ToList() is { Count: >= MostAtOnce } untold)
                await Task.WhenAny(untold);
            playing.Add(story.PlayAsync(deployment));
        }

        await Task.WhenAll(playing);
    }
}
