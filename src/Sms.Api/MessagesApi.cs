using Sms.Contracts;
using Sms.Domain.Phones;

namespace Sms.Api;

/// <summary>Messages: send, read, list, cancel.</summary>
internal static class MessagesApi
{
    private static readonly string[] Statuses = ["pending", "sent", "delivered", "failed", "cancelled"];
    private static readonly string[] Reasons = ["quiet_hours", "twilio_error", "rate_limit", "scheduled"];

    public static void MapMessages(this RouteGroupBuilder business)
    {
        business.MapPost("/messages", SendAsync)
            .WithTags("Messages").WithName("sendMessage").WithSummary("Accepts a send: it goes now, or waits and says why and until when")
            .Accepts<SendMessageRequest>("application/json").TakesIdempotencyKey()
            .Produces<MessageView>(StatusCodes.Status202Accepted).Produces<MessageView>();
        business.MapGet("/messages", ListAsync)
            .WithTags("Messages").WithName("listMessages").WithSummary("The messages, newest first").Produces<MessagePage>()
            .TakesQuery("status", $"One of {string.Join(", ", Statuses)}.")
            .TakesQuery("reason", $"Why it waits: one of {string.Join(", ", Reasons)}.")
            .TakesQuery("customerId", "The recipient's id.")
            .TakesQuery("to", "The recipient's number.")
            .TakesQuery("since", "Created at this instant or later.")
            .TakesQuery("until", "Created before this instant.")
            .TakesQuery("limit", "1 to 200; default 50.")
            .TakesQuery("cursor", "The nextCursor of the page before.");
        business.MapGet("/messages/{messageId}", GetAsync)
            .WithTags("Messages").WithName("getMessage").WithSummary("The message").Produces<MessageView>();
        business.MapPost("/messages/{messageId}/cancel", CancelAsync)
            .WithTags("Messages").WithName("cancelMessage").WithSummary("Ends a message that waits and has no attempt under way").Produces<MessageView>();
    }

    private static async Task<IResult> SendAsync(HttpContext http, IGrainFactory grains)
    {
        var business = http.BusinessId();
        var key = SendRequests.IdempotencyKey(http.Request);
        var request = await RequestBody.ReadAsync<SendMessageRequest>(http.Request);
        var command = SendRequests.ToCommand(request, key, http.NewId(), http.Now());
        var reply = await http.RepeatAsync(() => grains.GetGrain<IBusinessGrain>(business).SendAsync(command));
        if (reply.Refusal is { } refusal)
            return Problem.Of(refusal).ToResult();
        if (!reply.Replayed)
            return TypedResults.Accepted($"/v1/businesses/{business}/messages/{reply.Message!.Id}", reply.Message);
        http.Response.Headers["Idempotent-Replayed"] = "true";
        return TypedResults.Ok(reply.Message);
    }

    private static async Task<IResult> GetAsync(HttpContext http, IGrainFactory grains) =>
        ToResult(await ReadAsync(http, grains, http.BusinessId(), http.PathId("messageId")));

    private static async Task<IResult> CancelAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, id) = (http.BusinessId(), http.PathId("messageId"));
        var outcome = await http.RepeatAsync(() => grains.GetGrain<IBusinessGrain>(business).CancelAsync(id));
        return outcome switch
        {
            CancelOutcome.Cancelled => ToResult(await ReadAsync(http, grains, business, id)),
            CancelOutcome.NotFound => Problem.NotFound.ToResult(),
            _ => Problem.Of(StatusCodes.Status409Conflict, "not_cancellable", "The message waits no more, or an attempt is under way.").ToResult(),
        };
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        var business = http.BusinessId();
        var query = ReadQuery(http.Request.Query);
        if (await http.RepeatAsync(() => grains.GetGrain<IBusinessGrain>(business).GetAsync()) is { Business: null })
            return Problem.NotFound.ToResult();
        return TypedResults.Ok(await http.RepeatAsync(() => grains.GetGrain<IReaderGrain>(0).ListMessagesAsync(business, query)));
    }

    private static Task<MessageView?> ReadAsync(HttpContext http, IGrainFactory grains, Guid business, Guid id) =>
        http.RepeatAsync(() => grains.GetGrain<IReaderGrain>(0).GetMessageAsync(business, id));

    private static MessageQuery ReadQuery(IQueryCollection query)
    {
        var result = new MessageQuery
        {
            Status = Word(query, "status", Statuses),
            Reason = Word(query, "reason", Reasons),
            CustomerId = One(query, "customerId") is { } id
                ? Guid.TryParseExact(id, "D", out var customer) ? customer : throw Invalid("customerId", "must be a UUID")
                : null,
            To = One(query, "to") is { } to
                ? PhoneNumber.TryParse(to, "US", out var phone) ? phone.E164 : throw new ProblemException(Problem.Of(new Refusal("invalid_phone", "to is not a possible number.")))
                : null,
            Since = Time(query, "since"),
            Until = Time(query, "until"),
            Limit = One(query, "limit") is not { } limit ? 50
                : int.TryParse(limit, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= 200 ? n
                : throw Invalid("limit", "must be a whole number from 1 to 200"),
        };
        if (One(query, "cursor") is not { } cursor)
            return result;
        return System.Buffers.Text.Base64Url.IsValid(cursor) && PageCursor.TryParse(cursor, out var createdAt, out var last)
            ? result with { BeforeCreatedAt = createdAt, BeforeId = last }
            : throw Invalid("cursor", "must be the nextCursor of a page");
    }

    private static string? One(IQueryCollection query, string name) =>
        query.TryGetValue(name, out var values) && values.Count > 0
            ? values.Count == 1 ? values[0] : throw Invalid(name, "must be given once")
            : null;

    private static string? Word(IQueryCollection query, string name, string[] words) =>
        One(query, name) is not { } word ? null
            : words.Contains(word, StringComparer.Ordinal) ? word : throw Invalid(name, $"must be one of {string.Join(", ", words)}");

    private static DateTimeOffset? Time(IQueryCollection query, string name)
    {
        if (One(query, name) is not { } text)
            return null;
        // A plus sign that was not percent-encoded arrives as a space.
        return ApiJson.TryReadInstant(text.Replace(' ', '+'), out var at)
            ? at.ToDateTimeOffset()
            : throw Invalid(name, "must be an instant such as 2026-11-22T13:00:00Z");
    }

    private static IResult ToResult(MessageView? message) => message is null ? Problem.NotFound.ToResult() : TypedResults.Ok(message);

    private static ProblemException Invalid(string member, string what) => new(Problem.Invalid(member, what));
}
