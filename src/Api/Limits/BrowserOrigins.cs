using Microsoft.AspNetCore.Cors.Infrastructure;

namespace Calls.Api.Limits;

/// <summary>Admits the pages of <c>Calls:Cors:AllowedOrigins</c> to REST (fetch.spec.whatwg.org, CORS). Without the key no page of another
/// origin can read an answer.</summary>
/// <remarks>The bearer is in a header, and the service reads no cookie. So the browser needs no credentials of the service, and another
/// page cannot use them. An app on a phone sends no origin and needs no key.</remarks>
internal static class BrowserOrigins
{
    /// <summary>Chromium keeps a permission for two hours at most.</summary>
    private static readonly TimeSpan PreflightAge = TimeSpan.FromHours(2);
    private static readonly string[] Methods = ["GET", "POST", "PATCH", "DELETE"];
    private static readonly string[] RequestHeaderNames =
    [
        "Authorization", "Content-Type", RequestHeaders.IdempotencyKey, RequestHeaders.IfMatch, "Last-Event-ID", "traceparent",
        "tracestate",
    ];
    /// <summary>The headers of answers that a page may read, beside those that every page may read.</summary>
    private static readonly string[] Exposed =
        ["ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "WWW-Authenticate"];

    public static void AddBrowserOrigins(this IServiceCollection services) =>
        services.AddCors().AddOptions<CorsOptions>().Configure<IOptions<CallsOptions>>((cors, calls) => cors.AddDefaultPolicy(policy =>
            policy.WithOrigins([.. calls.Value.Cors.AllowedOrigins]).WithMethods(Methods).WithHeaders(RequestHeaderNames)
                .WithExposedHeaders(Exposed).SetPreflightMaxAge(PreflightAge)));

    /// <summary>Before authentication and limits: a preflight has no bearer, and a page must be able to read each error.</summary>
    public static void UseBrowserOrigins(this WebApplication app)
    {
        var management = ManagementPort.Of(app.Configuration);
        if (app.Services.GetRequiredService<IOptions<CallsOptions>>().Value.Cors.AllowedOrigins.Count > 0)
            app.UseWhen(http => RestLimits.IsRest(http) && http.Connection.LocalPort != management, rest => rest.UseCors());
    }

    /// <summary>Whether the text is an origin as a browser sends it: scheme, host, and the port if it is not the scheme's own.</summary>
    internal static bool IsOrigin(string text) => Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Host.Length > 0
        && string.Equals(url.GetLeftPart(UriPartial.Authority), text, StringComparison.OrdinalIgnoreCase);
}
