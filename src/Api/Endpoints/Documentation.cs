using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Calls.Api.Endpoints;

/// <summary>Adds to the OpenAPI document what the endpoints' types do not say: the bearer, the server and the limits.</summary>
internal static class Documentation
{
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
                    Description = "`sub` is the client identity of the bearer. A bearer with the scope `calls.operate` is an operator.",
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
