using System.Text;

namespace Calls.Domain.Tests.DecisionTable;

/// <summary>docs/decision-table.md, regenerated and compared: whatever changes a decision shows up there, to be read in review.</summary>
/// <remarks>Set <c>CALLS_REWRITE_DECISION_TABLE=1</c> and run this test to write the file anew.</remarks>
public sealed class The_decision_table
{
    private const string Rewrite = "CALLS_REWRITE_DECISION_TABLE";

    [Fact]
    public void Is_what_the_code_decides()
    {
        var file = Path.Combine(Root(), "docs", "decision-table.md");
        var table = Table();
        if (Environment.GetEnvironmentVariable(Rewrite) == "1")
            File.WriteAllText(file, table);
        var committed = File.ReadAllText(file);
        FirstDifference(committed, table).ShouldBeNull($"a decision has changed: read it, and if it is meant, run this test with {Rewrite}=1");
    }

    [Fact]
    public void Has_every_event_and_every_outcome()
    {
        var events = Inputs.All.Select(i => i.Event).ToList();
        events.Select(e => e.GetType()).Distinct().ShouldBe(typeof(SessionEvent).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(SessionEvent))), ignoreOrder: true);
        events.OfType<SessionEvent.DialSettled>().Select(e => e.Outcome.GetType()).Distinct()
            .ShouldBe(typeof(DialOutcome).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(DialOutcome))), ignoreOrder: true);
        events.OfType<SessionEvent.HangUpSettled>().Select(e => e.Outcome).Distinct().ShouldBe(Enum.GetValues<EffectOutcome>(), ignoreOrder: true);
        Inputs.All.Select(i => i.Name).ShouldBeUnique();
        Situations.All.Select(s => s.Name).ShouldBeUnique();
    }

    /// <summary>Every reason and reply that the domain can give is given somewhere in the table, but for those that need a full call.</summary>
    [Fact]
    public void Has_every_reply_every_reason_to_ignore_and_every_way_to_end()
    {
        var decisions = Situations.All.SelectMany(_ => Inputs.All, (s, i) => s.Build().After(i.After).When(i.Event)).ToList();
        decisions.Select(d => d.Reply.GetType()).Distinct().ShouldBe(typeof(CallReply).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(CallReply))), ignoreOrder: true);
        Enum.GetValues<IgnoreReason>().Except(decisions.Select(d => d.Last.Ignored).OfType<IgnoreReason>()).ShouldBeEmpty();
        Enum.GetValues<EndReason>().Except(decisions.Select(d => d.Stored?.EndReason).OfType<EndReason>()).ShouldBeEmpty();
    }

    private static string Table()
    {
        var text = new StringBuilder();
        text.Append("# Decision table\n\n")
            .Append("What the service decides: every event, in each of its variants, in ").Append(Situations.All.Length).Append(" situations a call can be in. Generated from the code by\n")
            .Append("`tests/Domain.Tests/DecisionTable`, which fails where the two differ; `").Append(Rewrite).Append("=1 dotnet test tests/Domain.Tests` writes it anew.\n\n")
            .Append("The people: *caller* (alice), *callee* (bob), *guest-doctor*, *guest-lawyer*. *Leg* is each one's own call; *another leg* is nobody's. Reply is what\n")
            .Append("whoever asked is told, `-` where there is nothing to say. Effects are written `+` planned, `-` no longer to be done.\n");
        foreach (var (name, story, build) in Situations.All)
        {
            text.Append("\n## ").Append(name).Append("\n\n").Append(story).Append("\n\n");
            if (build().Stored is { } stored)
                text.Append("> ").Append(Words.Of(stored)).Append("\n\n");
            List<(string Because, string Input)> nothing = [];
            var rows = new StringBuilder();
            foreach (var (input, after, happened) in Inputs.All)
            {
                var call = build();
                var before = call.Stored;
                var decision = call.After(after).When(happened).Last;
                var change = decision.Changed ? Words.Between(before, decision.Session!) : "";
                if (change.Length == 0 && decision.Reply is CallReply.Acknowledged)
                    nothing.Add((decision.Ignored?.ToString() ?? "noted, and nothing to be seen of it", input));
                else
                    rows.Append("| ").Append(input).Append(" | ").Append(Words.Of(decision.Reply)).Append(" | ").Append(change)
                        .Append(decision.Ignored is { } ignored ? $"{(change.Length > 0 ? "; " : "")}*{ignored}*" : "").Append(" |\n");
            }

            if (rows.Length > 0)
                text.Append("| input | reply | what changes |\n| --- | --- | --- |\n").Append(rows).Append('\n');
            text.Append("Nothing comes of:\n\n");
            foreach (var because in nothing.GroupBy(n => n.Because, n => n.Input))
                text.Append("- *").Append(because.Key).Append("*: ").AppendJoin("; ", because).Append('\n');
        }

        return text.ToString();
    }

    private static string? FirstDifference(string committed, string generated)
    {
        var (was, now) = (committed.Split('\n'), generated.Split('\n'));
        for (var i = 0; i < Math.Max(was.Length, now.Length); i++)
            if (was.ElementAtOrDefault(i) != now.ElementAtOrDefault(i))
                return $"line {i + 1}\n  committed: {was.ElementAtOrDefault(i)}\n  decided:   {now.ElementAtOrDefault(i)}";
        return null;
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Calls.sln")))
            directory = directory.Parent ?? throw new DirectoryNotFoundException("The tests do not run inside the repository");
        return directory.FullName;
    }
}
