using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Sms.Api;

namespace Sms.Integration.Tests.Operations;

/// <summary>The OpenAPI document and the page made of it.</summary>
public sealed partial class DocumentTests(ApiDescription description)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>UPDATE_OPENAPI=1 writes the file anew instead; see docs/operations.md.</summary>
    [Fact]
    public async Task The_checked_in_document_is_what_the_API_serves()
    {
        var path = Path.Combine(ApiDescription.Root(), "docs", "openapi.json");
        var served = JsonNode.Parse(await description.GetAsync("/openapi/v1.json"))!.ToJsonString(Indented).ReplaceLineEndings("\n") + "\n";
        if (Environment.GetEnvironmentVariable("UPDATE_OPENAPI") is "1")
            await File.WriteAllTextAsync(path, served, TestContext.Current.CancellationToken);
        Assert.Equal(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), served);
    }

    [Fact]
    public async Task Every_endpoint_is_in_the_document()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.UseOrleansClient(client => client.UseLocalhostClustering());
        builder.Services.AddSmsApi(new ApiOptions("an-admin-key-of-no-cluster", new Uri("http://localhost"), []));
        await using var app = builder.Build();
        app.MapSmsApi(operationsUrls: []);
        var mapped = ((IEndpointRouteBuilder)app).DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .Where(e => e.RoutePattern.RawText is not ("/" or "/docs" or "/openapi/v1.json"))
            .SelectMany(e => e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Select(m => $"{m} {e.RoutePattern.RawText!.TrimEnd('/')}"))
            .Order(StringComparer.Ordinal).ToList();
        Assert.NotEmpty(mapped);

        var document = JsonNode.Parse(await description.GetAsync("/openapi/v1.json"))!;
        var described = document["paths"]!.AsObject().SelectMany(p => p.Value!.AsObject().Select(o => $"{o.Key.ToUpperInvariant()} {p.Key}"));
        Assert.Equal(mapped, described.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_call_names_itself_its_parameters_and_its_problems()
    {
        var document = JsonNode.Parse(await description.GetAsync("/openapi/v1.json"))!;
        foreach (var (path, item) in document["paths"]!.AsObject())
        {
            foreach (var (verb, operation) in item!.AsObject())
            {
                var call = $"{verb} {path}";
                Assert.False(string.IsNullOrEmpty(operation!["summary"]?.GetValue<string>()), call);
                var given = operation["parameters"]?.AsArray().Where(p => p!["in"]!.GetValue<string>() is "path").Select(p => p!["name"]!.GetValue<string>()) ?? [];
                Assert.Equal(Places().Matches(path).Select(m => m.Groups["name"].Value), given);
                if (!path.StartsWith("/v1/", StringComparison.Ordinal))
                    continue;
                var problems = operation["responses"]!.AsObject().Where(r => r.Value!["content"]?["application/problem+json"] is not null).Select(r => r.Key).ToList();
                Assert.Contains("401", problems);
                Assert.Contains("503", problems);
                if (verb is "post" or "patch" or "put" && operation["requestBody"] is { } body)
                    Assert.True(body["content"]!["application/json"]!["example"] is not null, $"{call} has no example");
            }
        }
    }

    [Fact]
    public async Task The_examples_have_the_members_of_their_shapes()
    {
        var document = JsonNode.Parse(await description.GetAsync("/openapi/v1.json"))!;
        var schemas = document["components"]!["schemas"]!.AsObject();
        var contents = document["paths"]!.AsObject().SelectMany(p => p.Value!.AsObject()).SelectMany(o =>
            (o.Value!["responses"]!.AsObject().Select(r => r.Value!["content"]))
            .Append(o.Value["requestBody"]?["content"]).Select(c => c?["application/json"]).OfType<JsonObject>());
        var seen = 0;
        foreach (var content in contents.Where(c => c["example"] is JsonObject))
        {
            var name = content["schema"]!["$ref"]!.GetValue<string>().Split('/')[^1];
            var members = schemas[name]!["properties"]!.AsObject().Select(p => p.Key).ToHashSet(StringComparer.Ordinal);
            var example = content["example"]!.AsObject().Select(p => p.Key).ToHashSet(StringComparer.Ordinal);
            Assert.Subset(members, example);
            foreach (var required in schemas[name]!["required"]?.AsArray() ?? [])
                Assert.Contains(required!.GetValue<string>(), example);
            seen++;
        }

        Assert.InRange(seen, 20, 100);
    }

    [Fact]
    public async Task The_page_explains_every_code_and_loads_nothing()
    {
        var page = await description.GetAsync("/docs");
        foreach (var code in ErrorCodes.All)
            Assert.Contains($"id=\"{code.Code}\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("src=", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("url(", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("@import", page, StringComparison.OrdinalIgnoreCase);
        Assert.All(Links().Matches(page).Select(m => m.Groups["to"].Value), to => Assert.True(to.StartsWith('#') || to.StartsWith('/'), to));
        // Every link within the page leads somewhere.
        Assert.All(
            Links().Matches(page).Select(m => m.Groups["to"].Value).Where(to => to.StartsWith('#')),
            to => Assert.Contains($"id=\"{to[1..]}\"", page, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_code_in_the_sources_is_listed()
    {
        var known = ErrorCodes.All.Select(c => c.Code).ToHashSet(StringComparer.Ordinal);
        var used = Directory.EnumerateFiles(Path.Combine(ApiDescription.Root(), "src"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(f => Codes().Matches(File.ReadAllText(f)).Select(m => m.Groups["code"].Value)).ToHashSet(StringComparer.Ordinal);
        Assert.Contains("not_found", used);
        Assert.Subset(known, used);
    }

    [GeneratedRegex("""\{(?<name>[A-Za-z]+)\}""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Places();

    [GeneratedRegex("href=\"(?<to>[^\"]*)\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Links();

    [GeneratedRegex("""(Refusal\(|Refuse\(|\bOf\(\s*[a-z.A-Z]+\.Status\w+,\s*)"(?<code>[a-z_]+)""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Codes();
}
