using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Sms.Api;

/// <summary>What the OpenAPI document says beyond the endpoints themselves.</summary>
internal static class OpenApiDocument
{
    public const string Name = "v1";

    public static void Describe(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Sms",
                Version = "v1",
                Description = "Sends text messages for many businesses, lawfully and without losing or doubling one. "
                    + "Every error is an application/problem+json object with a stable code. "
                    + "A key goes into the header Authorization: Bearer. The admin key makes businesses, finds what is whose, and may do what a business's key may; a business's key knows its own business only. "
                    + "Instants are RFC 3339 in UTC, to the microsecond; they are taken with any offset. "
                    + "Lists have 50 entries a page, limit makes it 1 to 200, and nextCursor of one page is cursor of the next. "
                    + "A send with an Idempotency-Key can be repeated safely: the same request under the same key is answered with the message that there is, another one is refused. "
                    + "Members and parameters that there are not are refused.",
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
        options.AddDocumentTransformer(async (document, context, cancellationToken) =>
        {
            await OpenApiOperations.DescribeAsync(document, context, cancellationToken);
            OpenApiSchemas.Describe(document);
        });
    }
}
