using Calls.Api;
using Calls.Application.Ports;
using Calls.Domain;
using Calls.Simulation.Faults;
using Calls.Simulation.World;

namespace Calls.Simulation.Service;

/// <summary>A group resolver that answers after up to five seconds, or not at all. The answer depends on the seed alone.</summary>
internal sealed class Groups(CallsWorld world, TimeProvider clock) : IGroupResolver
{
    public static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(5);

    /// <summary>The groups that are configured. The group resolver knows the others.</summary>
    public static CalledGroups Of(CallsWorld world)
    {
        var options = new CallsOptions();
        options.GroupResolver.Url = "https://groups.test";
        foreach (var story in world.Stories.Where(story => story.IsConfigured))
        {
            var group = new GroupOptions { Strategy = story.Members!.Strategy == Strategy.InOrder ? "in-order" : "all" };
            foreach (var member in story.Members.Candidates)
                group.Members.Add(member is Party.Client app ? app.Identity.Value : ((Party.Phone)member).Number.Value);
            options.Groups.Add(story.Group!.Value, group);
        }

        return new CalledGroups(options);
    }

    public async Task<GroupAnswer> AskAsync(GroupName group, CallSession session, CancellationToken cancellationToken)
    {
        var story = world.Stories.First(story => story.Group == group);
        var dice = new Random((world.Seed * 41) + story.Number);
        world.Tally.Add(Tally.GroupAsked);
        await Task.Delay(LongestAnswer * dice.NextDouble(), clock, cancellationToken);
        return dice.Next(5) != 0 ? new("Answered", story.Members)
            : dice.Next(2) == 0 ? new("Answered", new GroupMembers([], Strategy.All))
            : new("Failed", null);
    }
}
