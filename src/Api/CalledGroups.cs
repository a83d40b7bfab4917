using Calls.Infrastructure.Groups;

namespace Calls.Api;

/// <summary>The members of one group.</summary>
public sealed class GroupOptions
{
    /// <summary>Identities of app users, and numbers with <c>+</c>.</summary>
    public IList<string> Members { get; } = [];
    /// <summary><c>all</c> or <c>in-order</c>.</summary>
    public string Strategy { get; set; } = "all";
}

/// <summary>The customer's system that names the members of the groups that are not configured.</summary>
public sealed class GroupResolverOptions
{
    private const string Section = CallsOptions.Section + ":GroupResolver";
    private const string Prefix = "whsec_";
    /// <summary>Bytes of a secret (standardwebhooks.com).</summary>
    private const int Shortest = 24;
    private const int Longest = 64;

    /// <summary>The http or https address. Empty: there is no resolver.</summary>
    public string Url { get; set; } = "";
    /// <summary>The secret that signs each request: <c>whsec_</c> and base64.</summary>
    public string Secret { get; set; } = "";
    /// <summary>Whether the resolver may have a private address, such as one of the cluster.</summary>
    public bool AllowPrivateAddresses { get; set; }

    internal GroupResolverSettings ToSettings() => new(UrlOf(), SecretOf() ?? [], AllowPrivateAddresses);

    internal IEnumerable<string> Failures()
    {
        if (string.IsNullOrWhiteSpace(Url))
        {
            if (!string.IsNullOrWhiteSpace(Secret))
                yield return $"{Section}:Url is missing, and {Section}:Secret is set.";
            yield break;
        }

        if (UrlOf() is null)
            yield return $"{Section}:Url must be an http or https URL without a user and without a fragment.";
        if (SecretOf() is null)
            yield return $"{Section}:Secret must be {Prefix} and base64 of {Shortest} to {Longest} bytes.";
    }

    private Uri? UrlOf() => Uri.TryCreate(Url.Trim(), UriKind.Absolute, out var url)
        && url is { Scheme: "http" or "https", UserInfo: "", Fragment: "" } ? url : null;

    private byte[]? SecretOf()
    {
        var bytes = new byte[Secret.Length];
        var text = Secret.Trim();
        return text.StartsWith(Prefix, StringComparison.Ordinal)
            && Convert.TryFromBase64String(text[Prefix.Length..], bytes, out var length) && length is >= Shortest and <= Longest
            ? bytes[..length] : null;
    }
}

/// <summary>The groups that can be called (<c>Calls:Groups</c>, <c>Calls:GroupResolver</c>).</summary>
internal sealed class CalledGroups
{
    internal const string Section = CallsOptions.Section + ":Groups";
    private readonly Dictionary<string, GroupMembers> configured = new(StringComparer.OrdinalIgnoreCase);
    private readonly bool hasResolver;

    public CalledGroups(CallsOptions options)
    {
        hasResolver = !string.IsNullOrWhiteSpace(options.GroupResolver.Url);
        foreach (var (name, group) in options.Groups)
            if (CandidateForm.StrategyOf(group.Strategy) is { } strategy)
                configured[name] = new([.. group.Members.Select(PartyOf).OfType<Party>()], strategy);
    }

    /// <summary>The group; null where there is none. A group that is not configured is one of the resolver, if there is one.</summary>
    public CalledGroup? Find(GroupName name) => configured.TryGetValue(name.Value, out var members) ? new(name, members)
        : hasResolver ? new(name, null)
        : null;

    /// <summary>One sentence for each key that cannot be used. It quotes no member, because members are personal.</summary>
    public static IEnumerable<string> Failures(CallsOptions options)
    {
        foreach (var (name, group) in options.Groups)
        {
            var key = $"{Section}:{name}";
            if (!GroupName.TryParse(name, out _))
                yield return $"{key} has a name that is not valid: it must have 1 to {GroupName.MaxLength} letters, digits, -, _ and dots.";
            if (CandidateForm.StrategyOf(group.Strategy) is null)
                yield return $"{key}:Strategy is \"{group.Strategy}\"; it must be all or in-order.";
            if (group.Members.Count is 0 or > Candidates.Most)
                yield return $"{key}:Members must have 1 to {Candidates.Most} members.";
            for (var i = 0; i < group.Members.Count; i++)
                if (PartyOf(group.Members[i]) is null)
                    yield return $"{key}:Members:{i} is neither an identity nor a number with +.";
        }
    }

    private static Party? PartyOf(string member) =>
        Recipient.Parse(member, out _) is { Group: null } recipient ? recipient.Party : null;
}
