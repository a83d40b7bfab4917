using System.Text;

namespace Calls.Domain.Tests.DecisionTable;

/// <summary>docs/decision-table.md is generated again and compared. Each change of a decision is visible there in the review.</summary>
/// <remarks>Set <c>CALLS_REWRITE_DECISION_TABLE=1</c> and run this test to write the file.</remarks>
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
        FirstDifference(committed, table)
            .ShouldBeNull($"a decision has changed. If the change is intended, run this test with {Rewrite}=1");
    }

    [Fact]
    public void Has_every_event_and_every_outcome()
    {
        var events = Inputs.All.Select(i => i.Event).ToList();
        events.Select(e => e.GetType()).Distinct().ShouldBe(typeof(SessionEvent).GetNestedTypes()
            .Where(t => t.IsSubclassOf(typeof(SessionEvent))), ignoreOrder: true);
        events.OfType<SessionEvent.DialSettled>().Select(e => e.Outcome.GetType()).Distinct()
            .ShouldBe(typeof(DialOutcome).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(DialOutcome))), ignoreOrder: true);
        events.OfType<SessionEvent.HangUpSettled>().Select(e => e.Outcome).Distinct()
            .ShouldBe(Enum.GetValues<EffectOutcome>(), ignoreOrder: true);
        Inputs.All.Select(i => i.Name).ShouldBeUnique();
        Situations.All.Select(s => s.Name).ShouldBeUnique();
    }

    /// <summary>Every reply, every reason to ignore and every end reason of the domain occurs in the table.</summary>
    [Fact]
    public void Has_every_reply_every_reason_to_ignore_and_every_way_to_end()
    {
        var decisions = Situations.All.SelectMany(_ => Inputs.All, (s, i) => s.Build().After(i.After).When(i.Event)).ToList();
        decisions.Select(d => d.Reply.GetType()).Distinct()
            .ShouldBe(typeof(CallReply).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(CallReply))), ignoreOrder: true);
        Enum.GetValues<IgnoreReason>().Except(decisions.Select(d => d.Last.Ignored).OfType<IgnoreReason>()).ShouldBeEmpty();
        Enum.GetValues<EndReason>().Except(decisions.Select(d => d.Stored?.EndReason).OfType<EndReason>()).ShouldBeEmpty();
    }

    private static string Table()
    {
        var text = new StringBuilder();
        text.Append($"""
            # Decision table

            This page lists the decision on every event, in each of its variants, in {Situations.All.Length} situations of a call. The test
            `tests/Domain.Tests/DecisionTable` generates it from the code, and fails if the page and the code differ.
            `{Rewrite}=1 dotnet test tests/Domain.Tests` writes the page.

            The participants are *caller* (alice), *callee* (bob), *guest-doctor* and *guest-lawyer*. The candidates for *guest-one* are
            *guest-one_1* (the app user ines) and *guest-one_2* (ivan's phone). *Another leg* and *an unknown leg* belong to no participant.
            Each situation has two lists. The first has the events with a reply to their sender (after the arrow)
            or a change of the session (after the colon). *Plan* marks a new effect, *drop* an effect that is no longer planned. A word in
            italics is the reason why the event is ignored. The second list has the events without a reply and without a change.

            *Rights* says what each app user of the call may do over REST: change the call, see it, or see only the own part.

            """.ReplaceLineEndings("\n"));
        foreach (var (name, story, build) in Situations.All)
        {
            text.Append("\n## ").Append(name).Append("\n\n").Append(story).Append("\n\n");
            if (build().Stored is { } stored)
            {
                AppendWrapped(text, "> ", "> " + Words.Of(stored));
                AppendWrapped(text, "> ", ">\n> Rights: " + Words.RightsIn(stored) + ".");
                text.Append('\n');
            }

            List<(string Because, string Input)> nothing = [];
            var rows = new StringBuilder();
            foreach (var (input, after, happened) in Inputs.All)
            {
                var call = build();
                var before = call.Stored;
                var decision = call.After(after).When(happened).Last;
                var change = decision.Changed ? Words.Between(before, decision.Session!) : "";
                if (change.Length == 0 && decision.Reply is CallReply.Acknowledged)
                    nothing.Add((decision.Ignored?.ToString() ?? "Stored, and not visible here", input));
                else
                {
                    var changes = new[] { change, decision.Ignored is { } ignored ? $"*{ignored}*" : "" }.Where(part => part.Length > 0)
                        .ToList();
                    var what = changes.Count > 0 ? ": " + string.Join("; ", changes) : "";
                    AppendWrapped(rows, "  ", $"- **{input}** → {Words.Of(decision.Reply)}{what}");
                }
            }

            if (rows.Length > 0)
                text.Append("With a reply or a change:\n\n").Append(rows).Append('\n');
            text.Append("Without a reply and without a change:\n\n");
            foreach (var because in nothing.GroupBy(n => n.Because, n => n.Input))
                AppendWrapped(text, "  ", $"- *{because.Key}*: {string.Join("; ", because)}");
        }

        return text.ToString();
    }

    /// <summary>A paragraph in lines of at most 140 columns. Each line after the first begins with <paramref name="prefix"/>.</summary>
    private static void AppendWrapped(StringBuilder text, string prefix, string paragraph)
    {
        var line = new StringBuilder();
        foreach (var word in paragraph.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > 140)
            {
                text.Append(line).Append('\n');
                line.Clear().Append(prefix).Append(word);
                continue;
            }

            line.Append(line.Length > 0 ? " " : "").Append(word);
        }

        text.Append(line).Append('\n');
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
