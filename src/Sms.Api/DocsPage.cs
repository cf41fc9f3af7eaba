using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sms.Api;

/// <summary>Writes an OpenAPI document as one HTML page.</summary>
internal sealed class DocsPage
{
    private const string Style = """
        :root{color-scheme:light dark;--line:#8885;--soft:#8881}
        body{font:16px/1.5 system-ui,sans-serif;margin:0;display:grid;grid-template-columns:17rem minmax(0,56rem);gap:2rem}
        nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;box-sizing:border-box;border-right:1px solid var(--line);font-size:.85rem}
        nav a{display:block;text-decoration:none;color:inherit;padding:.1rem 0}nav b{display:block;margin-top:.8rem}nav small{display:block;opacity:.7}
        main{padding:1rem;min-width:0}code{overflow-wrap:anywhere}#to-contents{display:none}section{overflow-x:auto;border-top:1px solid var(--line);margin-top:1.5rem;padding-top:.5rem}
        h3 code{font-size:1rem}pre,code{font-family:ui-monospace,monospace;font-size:.85rem}
        pre{background:var(--soft);padding:.7rem;overflow:auto;border-radius:.3rem}
        table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{border-bottom:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top}
        :target{background:#fd05}.verb{display:inline-block;min-width:4rem;font-weight:700}
        @media(max-width:50rem){body{display:flex;flex-direction:column;gap:0}nav{order:2;position:static;height:auto;border:0}#to-contents{display:block}}
        """;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly StringBuilder _html = new();
    private readonly JsonObject _document;

    public DocsPage(JsonNode document)
    {
        _document = document.AsObject();
        var calls = Calls().GroupBy(c => c.Tag, StringComparer.Ordinal).ToList();
        var schemas = _document["components"]?["schemas"]?.AsObject() ?? [];
        Add($"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Sms API</title><style>{Style}</style></head><body>");
        WriteContents(calls, schemas);
        Add($"<main><h1>Sms API</h1><p id=\"to-contents\"><a href=\"#contents\">All calls, errors and shapes</a></p><p>{Text(_document["info"]?["description"])}</p>"
            + "<p>Every call under <code>/v1</code> wants <code>Authorization: Bearer KEY</code>. The same in machine-readable form: <a href=\"/openapi/v1.json\">/openapi/v1.json</a>.</p>");
        foreach (var tag in calls)
        {
            Add($"<h2>{Text(tag.Key)}</h2>");
            foreach (var call in tag)
                WriteCall(call);
        }

        WriteCodes();
        Add("<h2>Shapes</h2>");
        foreach (var (name, schema) in schemas)
            Add($"<section id=\"shape-{Text(name)}\"><h3><code>{Text(name)}</code></h3>{Described(schema)}{Members(schema)}</section>");
        Add("</main></body></html>");
    }

    public override string ToString() => _html.ToString();

    private IEnumerable<Call> Calls() =>
        from path in _document["paths"]!.AsObject()
        from verb in path.Value!.AsObject()
        let operation = verb.Value!.AsObject()
        select new Call(path.Key, verb.Key.ToUpperInvariant(), operation["tags"]?[0]?.GetValue<string>() ?? "Other", operation["operationId"]?.GetValue<string>() ?? "", operation);

    private void WriteContents(List<IGrouping<string, Call>> calls, JsonObject schemas)
    {
        Add("<nav id=\"contents\">");
        foreach (var tag in calls)
        {
            Add($"<b>{Text(tag.Key)}</b>");
            foreach (var call in tag)
                Add($"<a href=\"#call-{Text(call.Name)}\"><code>{call.Verb} {Text(call.Path.Replace("/v1/businesses/{businessId}", "…", StringComparison.Ordinal))}</code><small>{Text(call.Operation["summary"] ?? call.Name)}</small></a>");
        }

        Add("<b>Errors</b>");
        foreach (var code in ErrorCodes.All)
            Add($"<a href=\"#{code.Code}\">{code.Code}</a>");
        Add("<b>Shapes</b>");
        foreach (var (name, _) in schemas)
            Add($"<a href=\"#shape-{Text(name)}\">{Text(name)}</a>");
        Add("</nav>");
    }

    private void WriteCall(Call call)
    {
        Add($"<section id=\"call-{Text(call.Name)}\"><h3>{Text(call.Operation["summary"])}</h3><p><code><span class=\"verb\">{call.Verb}</span> {Text(call.Path)}</code></p>");
        if (call.Operation["parameters"]?.AsArray() is { Count: > 0 } parameters)
        {
            Add("<table><tr><th>parameter</th><th>in</th><th>shape</th><th></th></tr>");
            foreach (var parameter in parameters)
                Add($"<tr><td><code>{Text(parameter!["name"])}</code></td><td>{Text(parameter["in"])}</td><td>{Shape(parameter["schema"])}</td><td>{Text(parameter["description"])}</td></tr>");
            Add("</table>");
        }

        if (call.Operation["requestBody"]?["content"]?.AsObject() is { } request)
            WriteContent("Request", request);
        foreach (var (status, reply) in call.Operation["responses"]?.AsObject() ?? [])
        {
            if (reply!["content"]?["application/problem+json"] is not null)
                continue;
            Add($"<h4>{Text(status)} {Text(reply["description"])}</h4>");
            if (reply["content"]?.AsObject() is { } content)
                WriteContent("", content);
        }

        WriteProblems(call.Operation);
        Add("</section>");
    }

    private void WriteContent(string title, JsonObject content)
    {
        foreach (var (type, media) in content)
        {
            Add($"<p>{Text(title)} <code>{Text(type)}</code> {Shape(media!["schema"])}</p>");
            if (media["example"] is { } example)
                Add($"<pre>{Text(example.ToJsonString(Indented))}</pre>");
        }
    }

    private void WriteProblems(JsonObject operation)
    {
        var problems = (operation["responses"]?.AsObject() ?? []).Where(r => r.Value!["content"]?["application/problem+json"] is not null).ToList();
        if (problems.Count == 0)
            return;
        Add("<p>Problems: ");
        foreach (var (status, problem) in problems)
        {
            var codes = (problem!["description"]?.GetValue<string>() ?? "").Split('`').Where((_, n) => n % 2 == 1);
            Add($"{Text(status)} {string.Join(", ", codes.Select(c => $"<a href=\"#{Text(c)}\">{Text(c)}</a>"))}; ");
        }

        Add("</p>");
    }

    private void WriteCodes()
    {
        Add("<h2>Errors</h2><p>An error is <code>application/problem+json</code>, a <a href=\"#shape-Problem\">Problem</a>; branch on its <code>code</code>. Only what the web server refuses before it is a request to this API (bytes that are no HTTP, <code>%00</code> in a path, headers beyond its limits) is answered 400, 408, 414 or 431 without one.</p><table><tr><th>code</th><th>status</th><th>meaning</th></tr>");
        foreach (var code in ErrorCodes.All)
            Add($"<tr id=\"{code.Code}\"><td><code>{code.Code}</code></td><td>{code.Status.ToString(CultureInfo.InvariantCulture)}</td><td>{Text(code.Meaning)}</td></tr>");
        Add("</table>");
    }

    private void Add(string html) => _html.Append(html);

    private static string Members(JsonNode? schema)
    {
        if (schema?["properties"]?.AsObject() is not { Count: > 0 } members)
            return $"<p>{Shape(schema)}</p>";
        var required = schema["required"]?.AsArray().Select(r => r!.GetValue<string>()).ToHashSet(StringComparer.Ordinal) ?? [];
        var html = new StringBuilder("<table><tr><th>member</th><th>shape</th><th></th></tr>");
        foreach (var (name, member) in members)
            html.Append(CultureInfo.InvariantCulture, $"<tr><td><code>{Text(name)}</code>{(required.Contains(name) ? "" : " <small>optional</small>")}</td><td>{Shape(member)}</td><td>{Text(member?["description"])}</td></tr>");
        return html.Append("</table>").ToString();
    }

    private static string Described(JsonNode? schema) => schema?["description"] is { } description ? $"<p>{Text(description)}</p>" : "";

    /// <summary>A schema in one line: its words, its name as a link, or its type.</summary>
    private static string Shape(JsonNode? schema)
    {
        if (schema is not JsonObject shape || shape.Count == 0)
            return "any";
        if (shape["$ref"]?.GetValue<string>() is { } reference && reference.Split('/')[^1] is var name)
            return $"<a href=\"#shape-{Text(name)}\">{Text(name)}</a>";
        if (shape["enum"]?.AsArray() is { } words)
            return string.Join(" | ", words.Select(w => $"<code>{Text(w is null ? "null" : w.ToString())}</code>"));
        if ((shape["oneOf"] ?? shape["allOf"])?.AsArray() is { } several)
            return string.Join(" | ", several.Select(Shape));
        var type = shape["type"] is JsonArray types ? string.Join(" | ", types.Select(t => t!.ToString())) : shape["type"]?.ToString() ?? "any";
        var more = shape["format"] is { } format ? $" ({format})"
            : shape["minimum"] is { } least ? $" {least} to {shape["maximum"]?.ToString() ?? "…"}" : "";
        return type == "array" ? $"list of {Shape(shape["items"])}" : Text($"{type}{more}");
    }

    private static string Text(JsonNode? text) => Text(text?.ToString() ?? "");

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private sealed record Call(string Path, string Verb, string Tag, string Name, JsonObject Operation);
}
