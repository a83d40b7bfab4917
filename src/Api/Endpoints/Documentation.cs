using System.Security.Cryptography;
using Scalar.AspNetCore;

namespace Calls.Api.Endpoints;

/// <summary>Serves the description of REST, and a page that shows it.</summary>
internal static class Documentation
{
    /// <summary>The description and a page that shows it, unless the configuration turns them off. The page loads only from this
    /// service.</summary>
    /// <remarks>Scalar puts its styles into the page, so these are allowed. A script needs the nonce of the answer.</remarks>
    public static void MapDocumentation(this WebApplication app)
    {
        var docs = app.Services.GetRequiredService<IOptions<CallsOptions>>().Value.Docs;
        if (!(docs.Enabled ?? app.Environment.IsDevelopment()))
            return;
        app.MapOpenApi().AllowAnonymous();
        app.MapScalarApiReference("/docs", (reference, http) =>
        {
            var nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
            http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data:; "
                + $"style-src 'self' 'unsafe-inline'; script-src 'nonce-{nonce}'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
            reference.WithTitle("Calls").WithNonce(nonce)
                .DisableDefaultFonts().DisableAgent().DisableMcp().DisableTelemetry().HideClientButton().HideDeveloperTools()
                // The page advertises its maker with a link.
                .WithCustomCss("a[href*='scalar.com'] { display: none }");
        }).AllowAnonymous();
    }
}
