using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sms.Silo.Simulator;

/// <summary>What people and black-box checks see and steer: /simulator, without credentials.</summary>
internal sealed class SimulatorEndpoints(SimulatorLedger ledger, TwilioFaults faults)
{
    private const int MaxCount = 100_000;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/simulator/messages", (string? to) => Results.Json(
            new { ledger.Requests, Messages = to is null ? ledger.Messages : ledger.MessagesTo(to) }, Json));
        routes.MapPost("/simulator/faults", (Delegate)EnqueueAsync);
        routes.MapDelete("/simulator/faults", () =>
        {
            faults.Clear();
            faults.ReleaseHangs();
            return Results.NoContent();
        });
    }

    private async Task<IResult> EnqueueAsync(HttpContext context)
    {
        ScriptedFault[]? script;
        try
        {
            script = await context.Request.ReadFromJsonAsync<ScriptedFault[]>(Json, context.RequestAborted);
        }
        catch (JsonException wrong)
        {
            return Results.Text(wrong.Message, statusCode: StatusCodes.Status400BadRequest);
        }

        if (script is null || script.Any(line => line is not { Count: >= 1 and <= MaxCount, LatencyMs: >= 0 }))
            return Results.Text($"A list of faults is required, each with a count of 1 to {MaxCount}.", statusCode: StatusCodes.Status400BadRequest);
        foreach (var line in script)
        {
            var fault = new SimulatedFault(line.Kind, line.Code, line.RetryAfter, TimeSpan.FromMilliseconds(line.LatencyMs));
            faults.Enqueue(fault, line.To, line.Count);
        }

        return Results.Json(new { faults.Pending }, Json);
    }

    /// <param name="Kind">A <see cref="SimulatedFaultKind"/> in snake_case.</param>
    /// <param name="Count">How many creates meet it, 1 to 100,000.</param>
    /// <param name="To">Only creates to this number, when set.</param>
    /// <param name="Code">Twilio's code, for <c>refuse</c>.</param>
    /// <param name="RetryAfter">The header's text, for <c>rate_limit</c>.</param>
    /// <param name="LatencyMs">Milliseconds, for <c>latency</c>.</param>
    private sealed record ScriptedFault(
        [property: JsonRequired] SimulatedFaultKind Kind,
        int Count = 1,
        string? To = null,
        int? Code = null,
        string? RetryAfter = null,
        int LatencyMs = 0);
}
