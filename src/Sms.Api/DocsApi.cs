using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Net.Http.Headers;
using Microsoft.OpenApi;

namespace Sms.Api;

/// <summary>
/// The API's description, as an OpenAPI document and as a page with every error code under the anchor that a problem's
/// type names. Both are made once: whoever asks for them has no key. The page has no script and nothing from another host.
/// </summary>
internal static class DocsApi
{
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void MapDocs(this WebApplication app)
    {
        var documents = new Documents(app.Services.GetRequiredKeyedService<IOpenApiDocumentProvider>(OpenApiDocument.Name));
        app.MapGet($"/openapi/{OpenApiDocument.Name}.json", async () => (await documents.MadeAsync()).Json.ToResult()).ExcludeFromDescription().AllowAnonymous();
        app.MapGet("/docs", async (HttpContext http) =>
        {
            http.Response.Headers.ContentSecurityPolicy = Policy;
            return (await documents.MadeAsync()).Page.ToResult();
        }).ExcludeFromDescription().AllowAnonymous();
    }

    /// <summary>Makes both for the first who asks; what failed is made again for the next.</summary>
    private sealed class Documents(IOpenApiDocumentProvider provider)
    {
        private readonly Lock _gate = new();
        private Task<(Document Json, Document Page)>? _made;

        public Task<(Document Json, Document Page)> MadeAsync()
        {
            lock (_gate)
                return _made = _made is null or { IsCompleted: true, IsCompletedSuccessfully: false } ? MakeAsync() : _made;
        }

        private async Task<(Document Json, Document Page)> MakeAsync()
        {
            var document = await provider.GetOpenApiDocumentAsync(CancellationToken.None);
            var json = await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_1, CancellationToken.None);
            return (Document.Of(json, "application/json; charset=utf-8"), Document.Of(new DocsPage(JsonNode.Parse(json)!).ToString(), "text/html; charset=utf-8"));
        }
    }

    /// <summary>What is sent as it is, or not at all to those who have it.</summary>
    private sealed record Document(byte[] Content, string Type, EntityTagHeaderValue Tag)
    {
        public static Document Of(string text, string type)
        {
            var content = Encoding.UTF8.GetBytes(text);
            return new Document(content, type, new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(content)[..16])}\""));
        }

        public FileContentHttpResult ToResult() => TypedResults.Bytes(Content, Type, entityTag: Tag);
    }
}
