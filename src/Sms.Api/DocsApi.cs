using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Sms.Api;

/// <summary>
/// The API reference as a page: the OpenAPI document in readable form, and every error code under the anchor that a
/// problem's type names. It is made here, without a script and without anything from another host.
/// </summary>
internal static class DocsApi
{
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void MapDocs(this WebApplication app) => app.MapGet("/docs", ShowAsync).ExcludeFromDescription();

    private static async Task<IResult> ShowAsync(
        HttpContext http, [FromKeyedServices(OpenApiDocument.Name)] IOpenApiDocumentProvider provider, CancellationToken cancellationToken)
    {
        var document = await provider.GetOpenApiDocumentAsync(cancellationToken);
        var json = JsonNode.Parse(await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_1, cancellationToken))!;
        http.Response.Headers.ContentSecurityPolicy = Policy;
        return TypedResults.Content(new DocsPage(json).ToString(), "text/html; charset=utf-8");
    }
}
