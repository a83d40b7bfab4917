using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Calls.Api.Endpoints;

/// <summary>Adds to the OpenAPI document what the endpoints' types do not say: the bearer, the server and the headers.</summary>
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
                Description = "Multi-party voice calls on Twilio. See a call, follow it live, add phones, mute, hold, end. "
                    + "Errors are problem details (RFC 9457) with a stable `type` and `code`; docs/problems.md lists them.",
                License = new OpenApiLicense { Name = "Apache-2.0", Identifier = "Apache-2.0" },
            };
            document.Servers = [new OpenApiServer { Url = "/", Description = "The service that serves this document." }];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal)
            {
                [Bearer] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.Http,
                    Scheme = "bearer",
                    BearerFormat = "JWT",
                    Description = "`sub` is the client identity of the bearer. A bearer with the scope `calls.operate` is an operator.",
                },
            };
            document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, document)] = [] }];
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, _, _) =>
        {
            operation.Responses ??= [];
            operation.Responses.TryAdd("429", new OpenApiResponse
            {
                Description = "Too Many Requests. `Retry-After` says when to ask again. `RateLimit` and `RateLimit-Policy` name the rule.",
            });
            if (operation.OperationId == "AddParticipant")
            {
                AddHeader(operation, RequestHeaders.IdempotencyKey,
                    "A repeated request with the same key rings no phone and gets the first answer. "
                    + "409: the first request still waits for Twilio after a second. 422: the key came with another phone number or label. "
                    + "The key has 1 to 255 printable characters. It is kept for as long as the call can be seen.");
            }


            if (Conditional.Contains(operation.OperationId, StringComparer.Ordinal))
                AddHeader(operation, "If-Match", "The `ETag` of the expected version. 412: the call has another version.");
            return Task.CompletedTask;
        });
    }

    private static void AddHeader(OpenApiOperation operation, string name, string description)
    {
        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = name,
            In = ParameterLocation.Header,
            Description = description,
            Schema = new OpenApiSchema { Type = JsonSchemaType.String },
        });
    }
}
