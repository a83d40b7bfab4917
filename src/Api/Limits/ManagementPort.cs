using Microsoft.AspNetCore.Routing.Matching;

namespace Calls.Api.Limits;

/// <summary>With <c>Management:Port</c>, health and metrics answer only on this port, and nothing else answers there.</summary>
/// <remarks>The routing asks this policy which endpoints exist on a port. So the spelling of a path makes no difference, and a webhook,
/// which is answered in the routing, is refused too. A Host header can be forged; the port of the connection cannot.</remarks>
internal sealed class ManagementPort(int port) : MatcherPolicy, IEndpointSelectorPolicy
{
    /// <summary>The metadata of an endpoint for operators.</summary>
    public static object Endpoint { get; } = new Mark();

    /// <summary>Before the other policies.</summary>
    public override int Order => int.MinValue;

    public static int? Of(IConfiguration configuration) => configuration.GetValue<int?>("Management:Port");

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) => true;

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        var isManagement = httpContext.Connection.LocalPort == port;
        for (var i = 0; i < candidates.Count; i++)
            if (candidates[i].Endpoint.Metadata.GetMetadata<Mark>() is not null != isManagement)
                candidates.SetValidity(i, false);
        return Task.CompletedTask;
    }

    private sealed class Mark;
}
