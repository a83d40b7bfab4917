using System.Security.Cryptography;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Scalar.AspNetCore;

namespace Calls.Api.Endpoints;

/// <summary>Adds to the OpenAPI document what the endpoints' types do not say: the bearer, the server and the limits.</summary>
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

    public static void Describe(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Calls",
                Version = "v1",
                Description = "Multi-party voice calls on Twilio. See a call, follow it live, add phones, mute, hold, end. "
                    + "Errors are problem details (RFC 9457) with a stable `type` and `code`; docs/problems.md lists them.",
                License = new OpenApiLicense { Name = "Apache-2.0", Identifier = "Apache-2.0" },
            };
            document.Servers = [new OpenApiServer { Url = "/", Description = "The service that serves this document." }];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal)
            {
                ["bearer"] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.Http,
                    Scheme = "bearer",
                    BearerFormat = "JWT",
                    Description = "`sub`, or the claim that `Calls:IdentityClaim` names, is the client identity of the bearer. "
                        + "A bearer with the scope `calls.operate` is an operator.",
                },
            };
            document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("bearer", document)] = [] }];
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, _, _) =>
        {
            operation.Responses ??= [];
            operation.Responses.TryAdd("429", new OpenApiResponse
            {
                Description = "Too Many Requests. `Retry-After` says when to ask again. `RateLimit` and `RateLimit-Policy` name the rule.",
            });
            return Task.CompletedTask;
        });
    }
}
