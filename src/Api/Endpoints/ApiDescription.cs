using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Mvc.Infrastructure;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Calls.Api.Endpoints;

/// <summary>Adds to the OpenAPI document what the endpoints' types do not say: the bearer, the problems, the headers, and the values of a
/// text. Clients are generated from the document (docs/adr/0027-clients-are-generated.md).</summary>
internal static partial class ApiDescription
{
    private const string ProblemType = "application/problem+json";

    public static void Describe(OpenApiOptions options)
    {
        options.AddSchemaTransformer((schema, context, _) =>
        {
            var attributes = context.JsonPropertyInfo?.AttributeProvider?.GetCustomAttributes(inherit: false)
                ?? (context.ParameterDescription?.ParameterDescriptor as IParameterInfoParameterDescriptor)?.ParameterInfo
                    .GetCustomAttributes(inherit: false) ?? [];
            Narrow(schema, attributes);
            if ((Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type) is { IsEnum: true } names)
            {
                // Where the value can be null, the place that refers to the enumeration says so.
                schema.Type = JsonSchemaType.String;
                schema.Enum = [.. Enum.GetNames(names).Select(name => JsonValue.Create(JsonNamingPolicy.KebabCaseLower.ConvertName(name)))];
            }

            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            var document = context.Document ?? throw new UnreachableException("An operation is part of a document");
            AddComponents(document);
            AddProblems(operation, context.Description.ActionDescriptor.EndpointMetadata, document);
            foreach (var (status, response) in operation.Responses ?? [])
                AddHeaders((OpenApiResponse)response, status, operation, document);
            return Task.CompletedTask;
        });
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Calls",
                Version = "v1",
                Description = "Multi-party voice calls on Twilio. See a call, follow it live, add phones, mute, hold, end. "
                    + "docs/api.md says how a frontend begins. Errors are problem details (RFC 9457) with a stable `type` and `code`; "
                    + "docs/problems.md lists them.",
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
            // Each endpoint answers the schema Problem, which has the code too.
            document.Components.Schemas?.Remove(nameof(HttpValidationProblemDetails));
            foreach (var schema in document.Components.Schemas?.Values.OfType<OpenApiSchema>() ?? [])
            {
                schema.Description = OnOneLine(schema.Description);
                foreach (var property in schema.Properties?.Values ?? [])
                    property.Description = OnOneLine(property.Description);
            }

            return Task.CompletedTask;
        });
    }

    /// <summary>The values that a text may have, and the range of a number that is read as a text.</summary>
    private static void Narrow(OpenApiSchema schema, IEnumerable<object> attributes)
    {
        foreach (var attribute in attributes)
        {
            if (attribute is AllowedValuesAttribute { Values: var values })
            {
                schema.Enum = [.. values.Select(value => JsonValue.Create((string?)value)!)];
                if (schema.Type?.HasFlag(JsonSchemaType.Null) == true)
                    schema.Enum.Add(JsonNullSentinel.JsonNull);
            }
            else if (attribute is RangeAttribute { Minimum: int least, Maximum: int most })
            {
                (schema.Type, schema.Minimum, schema.Maximum) = (JsonSchemaType.Integer, Text(least), Text(most));
            }
        }
    }

    private static void AddComponents(OpenApiDocument document)
    {
        document.AddComponent("ProblemCode", Text("The kind of a problem. It never changes its meaning.", schema =>
            schema.Enum = [.. ProblemCatalogue.All.Select(problem => JsonValue.Create(problem.Code))]));
        document.AddComponent("Problem", new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = "An error (RFC 9457).",
            Required = new HashSet<string>(["type", "title", "status", "detail", "code", "traceId"], StringComparer.Ordinal),
            Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
            {
                ["type"] = Text("`urn:calls:problem:` and the code."),
                ["title"] = Text("The name of the status."),
                ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int32", Description = "The status." },
                ["detail"] = Text("A sentence for people."),
                ["code"] = new OpenApiSchemaReference("ProblemCode", document),
                ["traceId"] = Text("The trace of the request, for the operator."),
                ["errors"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Object,
                    Description = "`invalid-request`: each field that cannot be used, with sentences that say why.",
                    AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Array, Items = Text(null) },
                },
                ["policy"] = Text("`too-many-requests`: the limit."),
                ["twilioCode"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Integer | JsonSchemaType.Null,
                    Format = "int32",
                    Description = "`refused-by-twilio`: the error code of Twilio (twilio.com/docs/api/errors).",
                },
                ["missingKeys"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Array,
                    Description = "`tokens-not-configured`: the configuration keys that are missing.",
                    Items = Text(null),
                },
                ["candidates"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Array,
                    Description = "The candidates that cannot be rung.",
                    Items = new OpenApiSchema
                    {
                        Type = JsonSchemaType.Object,
                        Required = new HashSet<string>(["index", "code", "detail"], StringComparer.Ordinal),
                        Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
                        {
                            ["index"] = new OpenApiSchema
                            {
                                Type = JsonSchemaType.Integer,
                                Format = "int32",
                                Description = "The place in `oneOf`, from 0.",
                            },
                            ["code"] = new OpenApiSchemaReference("ProblemCode", document),
                            ["detail"] = Text("A sentence for people."),
                        },
                    },
                },
            },
        });
        document.Components!.Headers = new Dictionary<string, IOpenApiHeader>(StringComparer.Ordinal)
        {
            ["ETag"] = Header("The version of the call, for `If-Match`."),
            ["Location"] = Header("The path of the call."),
            ["Retry-After"] = Header("In how many seconds to ask again.", JsonSchemaType.Integer),
            ["WWW-Authenticate"] = Header("What is wrong with the bearer (RFC 6750)."),
            ["RateLimit-Policy"] = Header("The limit of requests (draft-ietf-httpapi-ratelimit-headers-11)."),
            ["RateLimit"] = Header("The requests that are left, and the seconds until the limit is full again."),
        };
    }

    /// <summary>One response for each status. Its schema names the codes of this operation.</summary>
    private static void AddProblems(OpenApiOperation operation, IEnumerable<object> metadata, OpenApiDocument document)
    {
        operation.Responses ??= [];
        foreach (var problems in ProblemCatalogue.Of(metadata, operation.RequestBody is not null).GroupBy(problem => problem.Status))
        {
            var codes = new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
                {
                    ["code"] = Text(null, schema => schema.Enum = [.. problems.Select(problem => JsonValue.Create(problem.Code))]),
                },
            };
            operation.Responses[Text(problems.Key)] = new OpenApiResponse
            {
                Description = string.Join("\n", problems.Select(problem => $"- `{problem.Code}`: {problem.Meaning}")),
                Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                {
                    [ProblemType] = new OpenApiMediaType
                    {
                        Schema = new OpenApiSchema { AllOf = [new OpenApiSchemaReference("Problem", document), codes] },
                    },
                },
            };
        }
    }

    private static void AddHeaders(OpenApiResponse response, string status, OpenApiOperation operation, OpenApiDocument document)
    {
        string[] names =
        [
            .. status == "200" && operation.OperationId == "GetSession" ? ["ETag"] : Array.Empty<string>(),
            .. status is "201" or "202" ? ["Location"] : Array.Empty<string>(),
            .. status is "409" or "429" or "503" ? ["Retry-After"] : Array.Empty<string>(),
            .. status is "401" ? ["WWW-Authenticate"] : Array.Empty<string>(),
            "RateLimit", "RateLimit-Policy",
        ];
        response.Headers = names.ToDictionary(
            name => name, IOpenApiHeader (name) => new OpenApiHeaderReference(name, document), StringComparer.Ordinal);
    }

    private static OpenApiSchema Text(string? description, Action<OpenApiSchema>? configure = null)
    {
        var schema = new OpenApiSchema { Type = JsonSchemaType.String, Description = description };
        configure?.Invoke(schema);
        return schema;
    }

    private static OpenApiHeader Header(string description, JsonSchemaType type = JsonSchemaType.String) =>
        new() { Description = description, Schema = new OpenApiSchema { Type = type } };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The comments of the source are broken into lines.</summary>
    private static string? OnOneLine(string? text) => text is null ? null : LineBreak().Replace(text, " ");

    [GeneratedRegex(@"\s*\n\s*", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LineBreak();
}
