using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sms.Silo.Simulator;

/// <summary>What people and black-box checks see and steer: /simulator, without credentials.</summary>
internal sealed class SimulatorEndpoints(
    TwilioSimulatorOptions options, SimulatorLedger ledger, TwilioFaults faults, CarrierOutcomes outcomes,
    InboundTexts inbound, CancellationToken stopping)
{
    private const int MaxCount = 100_000, MaxOutcomes = 10_000;
    private const int MaxInboundBody = 1600;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/simulator/messages", (string? to) => Results.Json(
            new { ledger.Requests, ledger.Lookups, Messages = to is null ? ledger.Messages : ledger.MessagesTo(to) }, Json));
        routes.MapPost("/simulator/faults", (Delegate)EnqueueAsync);
        routes.MapDelete("/simulator/faults", () =>
        {
            faults.Clear();
            faults.ReleaseHangs();
            return Results.NoContent();
        });
        routes.MapPost("/simulator/outcomes", (Delegate)SetOutcomesAsync);
        routes.MapDelete("/simulator/outcomes", () =>
        {
            outcomes.Clear();
            return Results.NoContent();
        });
        routes.MapPost("/simulator/inbound", (Delegate)ReceiveAsync);
    }

    private async Task<IResult> EnqueueAsync(HttpContext context)
    {
        var (script, wrong) = await ReadAsync<ScriptedFault[]>(context, $"kind is one of {Words<SimulatedFaultKind>()}; target is one of {Words<FaultTarget>()}.");
        if (script is null)
            return wrong;
        if (script.Any(line => line is not { Count: >= 1 and <= MaxCount, LatencyMs: >= 0 }))
            return Bad($"A list of faults is required, each with a count of 1 to {MaxCount}.");
        if (script.FirstOrDefault(line => !SimulatedFault.Fits(line.Kind, line.Target)) is { } misfit)
            return Bad($"{misfit.Kind} cannot happen to a {misfit.Target}.");
        foreach (var line in script)
        {
            var fault = new SimulatedFault(line.Kind, line.Code, line.RetryAfter, TimeSpan.FromMilliseconds(line.LatencyMs), line.Status);
            faults.Enqueue(fault, line.To, line.Count, line.Target);
        }

        return Results.Json(new { faults.Pending }, Json);
    }

    private async Task<IResult> SetOutcomesAsync(HttpContext context)
    {
        var (list, wrong) = await ReadAsync<OutcomeOf[]>(context, $"to is required, and status: one of {Words<CarrierStatus>()}.");
        if (list is null)
            return wrong;
        if (list.Length > MaxOutcomes || list.Any(line => line is null || !CreateRules.IsNumber(line.To ?? "") || line.ErrorCode is < 10_000 or > 99_999))
            return Bad($"A list of at most {MaxOutcomes} outcomes is required, each with an E.164 number and, if at all, a code of five digits.");
        foreach (var line in list)
            outcomes.Set(line.To, new CarrierOutcome(line.Status, line.ErrorCode));
        return Results.NoContent();
    }

    private async Task<IResult> ReceiveAsync(HttpContext context)
    {
        var (text, wrong) = await ReadAsync<InboundText>(context, "from, to and body are texts.");
        if (text is null)
            return wrong;
        if (!CreateRules.IsNumber(text.From ?? "") || text.To is not { Length: > 0 } || text.Body is not { Length: <= MaxInboundBody })
            return Bad($"from (E.164), to and a body of at most {MaxInboundBody} characters are required.");
        if (text.OptOutType is not (null or "STOP" or "START" or "HELP"))
            return Bad("optOutType is STOP, START, HELP or left out.");
        if (options.InboundUrl is not { } url)
            return Results.Text("The simulator was started without an inbound URL.", statusCode: StatusCodes.Status409Conflict);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            var result = await inbound.ReceiveAsync(text, url, either.Token);
            return Results.Json(result, Json, statusCode: result.Status is null ? StatusCodes.Status502BadGateway : StatusCodes.Status200OK);
        }
        catch (OperationCanceledException)
        {
            // The client went or the simulator stops: there is nobody to answer.
            context.Abort();
            return Results.Empty;
        }
    }

    private static async Task<(T? Value, IResult Wrong)> ReadAsync<T>(HttpContext context, string fitting)
        where T : class
    {
        try
        {
            return (await context.Request.ReadFromJsonAsync<T>(Json, context.RequestAborted), Bad("JSON is required."));
        }
        catch (JsonException wrong)
        {
            return (null, Bad($"{wrong.Path ?? "The JSON"} cannot be read: {fitting}"));
        }
        catch (InvalidOperationException)
        {
            return (null, Bad("Content-Type must be application/json."));
        }
    }

    private static string Words<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetNames<T>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName));

    private static IResult Bad(string why) => Results.Text(why, statusCode: StatusCodes.Status400BadRequest);

    /// <param name="Kind">A <see cref="SimulatedFaultKind"/> in snake_case.</param>
    /// <param name="Target">What it befalls.</param>
    /// <param name="Count">How many targets meet it, 1 to 100,000.</param>
    /// <param name="To">Only those with this number, when set.</param>
    /// <param name="Code">Twilio's code, for <c>refuse</c>.</param>
    /// <param name="RetryAfter">The header's text, for <c>rate_limit</c>.</param>
    /// <param name="LatencyMs">Milliseconds, for <c>latency</c> and <c>delayed</c>.</param>
    /// <param name="Status">For callbacks: only the one with this status, when set.</param>
    private sealed record ScriptedFault(
        [property: JsonRequired] SimulatedFaultKind Kind,
        FaultTarget Target = FaultTarget.Create,
        int Count = 1,
        string? To = null,
        int? Code = null,
        string? RetryAfter = null,
        int LatencyMs = 0,
        string? Status = null);

    /// <param name="To">E.164.</param>
    /// <param name="Status">A <see cref="CarrierStatus"/> in snake_case.</param>
    /// <param name="ErrorCode">Twilio's code, for undelivered and failed.</param>
    private sealed record OutcomeOf(
        [property: JsonRequired] string To, [property: JsonRequired] CarrierStatus Status, int? ErrorCode = null);
}
