using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Calls.Api.Endpoints;

/// <summary>What the OpenAPI document says beyond what the endpoints' own types do: who may ask, where, and with which headers.</summary>
internal static class Documentation
{
    private const string Bearer = "bearer";

    private static readonly string[] Conditional = ["AddParticipant", "UpdateParticipant", "RemoveParticipant", "EndSession"];

    public static void Describe(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Calls",
                Version = "v1",
                Description = "Multi-party voice calls on Twilio: see a call, follow it live, add phones to it, mute, hold, end. Errors are problem details (RFC 9457) with a stable `type` and `code`, listed in docs/problems.md.",
                License = new OpenApiLicense { Name = "Apache-2.0", Identifier = "Apache-2.0" },
            };
            document.Servers = [new OpenApiServer { Url = "/", Description = "The service that this document came from." }];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal)
            {
                [Bearer] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.Http,
                    Scheme = "bearer",
                    BearerFormat = "JWT",
                    Description = "`sub` is the bearer's client identity; the scope `calls.operate` makes an operator.",
                },
            };
            document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, document)] = [] }];
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, _, _) =>
        {
            operation.Responses ??= [];
            operation.Responses.TryAdd("429", new OpenApiResponse { Description = "Too Many Requests; `Retry-After` says when to come back, `RateLimit` and `RateLimit-Policy` which rule it was." });
            if (operation.OperationId == "AddParticipant")
                AddHeader(operation, RequestHeaders.IdempotencyKey, "Makes a repetition the same request: the phone is rung once, and the answer is the first one's; 409 where that still waits for Twilio a second later, 422 where the key came with something else. 1 to 255 printable characters; kept for as long as the call can be seen.");
            if (Conditional.Contains(operation.OperationId, StringComparer.Ordinal))
                AddHeader(operation, "If-Match", "The `ETag` of the version that is meant; 412 where the call is at another one.");
            return Task.CompletedTask;
        });
    }

    private static void AddHeader(OpenApiOperation operation, string name, string description)
    {
        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter { Name = name, In = ParameterLocation.Header, Description = description, Schema = new OpenApiSchema { Type = JsonSchemaType.String } });
    }
}
