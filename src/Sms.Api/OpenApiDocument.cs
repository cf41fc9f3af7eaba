using System.Text.RegularExpressions;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Sms.Api;

/// <summary>What the OpenAPI document says beyond the endpoints themselves.</summary>
internal static partial class OpenApiDocument
{
    public static void Describe(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Sms",
                Version = "v1",
                Description = "Sends text messages for many businesses, lawfully and without losing or doubling one. "
                    + "Every error is an application/problem+json object with a stable code.",
            };
            // The address is the caller's to know: behind a proxy ours would be wrong.
            document.Servers = [];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal)
            {
                ["key"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "The admin key or a business's key." },
            };
            document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("key", document)] = [] }];
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            // Handlers read the request themselves, so that each mistake gets its own words: nothing can be inferred here.
            var path = RoutePlaces().Matches(context.Description.RelativePath ?? "").Select(m => m.Groups["name"].Value);
            var notes = context.Description.ActionDescriptor.EndpointMetadata.OfType<ParameterNote>();
            operation.Parameters =
            [
                .. path.Select(name => Parameter(name, ParameterLocation.Path, "A UUID.")),
                .. notes.Select(n => Parameter(n.Name, n.In, n.Description)),
            ];
            operation.Responses ??= [];
            operation.Responses["default"] = new OpenApiResponse
            {
                Description = "A problem: branch on its code.",
                Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                {
                    ["application/problem+json"] = new() { Schema = ProblemSchema() },
                },
            };
            return Task.CompletedTask;
        });
    }

    /// <summary>Tells the document of a parameter of the query.</summary>
    public static RouteHandlerBuilder TakesQuery(this RouteHandlerBuilder endpoint, string name, string description) =>
        endpoint.WithMetadata(new ParameterNote(name, ParameterLocation.Query, description));

    /// <summary>Tells the document of the idempotency key.</summary>
    public static RouteHandlerBuilder TakesIdempotencyKey(this RouteHandlerBuilder endpoint) => endpoint.WithMetadata(new ParameterNote(
        "Idempotency-Key", ParameterLocation.Header, "1 to 255 visible ASCII characters: the same key and request, the same message."));

    private static OpenApiParameter Parameter(string name, ParameterLocation place, string description) => new()
    {
        Name = name,
        In = place,
        Required = place == ParameterLocation.Path,
        Description = description,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = place == ParameterLocation.Path ? "uuid" : null },
    };

    private static OpenApiSchema ProblemSchema() => new()
    {
        Type = JsonSchemaType.Object,
        Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
        {
            ["type"] = Text("Where the code is explained."),
            ["title"] = Text("The status in words."),
            ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer },
            ["detail"] = Text("One sentence for the client's developer."),
            ["code"] = Text("A stable snake_case word."),
            ["errors"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Description = "For invalid input: member to what is wrong with it.",
                AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.String } },
            },
            ["traceId"] = Text("Ties the answer to the logs."),
        },
    };

    private static OpenApiSchema Text(string description) => new() { Type = JsonSchemaType.String, Description = description };

    [GeneratedRegex("\\{(?<name>[A-Za-z]+)\\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex RoutePlaces();

    private sealed record ParameterNote(string Name, ParameterLocation In, string Description);
}
