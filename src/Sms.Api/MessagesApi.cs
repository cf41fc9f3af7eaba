using Sms.Contracts;
using Sms.Domain.Sending;

namespace Sms.Api;

/// <summary>Messages: send, read, list, cancel.</summary>
internal static class MessagesApi
{
    private static readonly string[] Statuses = ["pending", "sent", "delivered", "failed", "cancelled"];
    private static readonly string[] Categories = ["marketing", "transactional", "otp"];
    private static readonly string[] Reasons = ["quiet_hours", "twilio_error", "rate_limit", "scheduled"];

    public static void MapMessages(this RouteGroupBuilder business)
    {
        business.MapPost("/messages", SendAsync)
            .WithTags("Messages").WithName("sendMessage").WithSummary("Accepts a send: it goes now, or waits and says why and until when")
            .Accepts<SendMessageRequest>("application/json")
            .Produces<MessageView>(StatusCodes.Status202Accepted).Produces<MessageView>();
        business.MapGet("/messages", ListAsync)
            .WithTags("Messages").WithName("listMessages").WithSummary("The messages, newest first").Produces<MessagePage>();
        business.MapGet("/messages/{messageId}", GetAsync)
            .WithTags("Messages").WithName("getMessage").WithSummary("The message").Produces<MessageView>();
        business.MapPost("/messages/batch", SendBatchAsync)
            .WithTags("Messages").WithName("sendMessages").WithSummary("Accepts up to 1,000 sends; each entry stands alone")
            .Accepts<SendBatchRequest>("application/json").Produces<BatchReply>();
        business.MapGet("/messages/{messageId}/events", EventsAsync)
            .WithTags("Messages").WithName("listMessageEvents").WithSummary("The message's history, oldest first").Produces<EventList>();
        business.MapPost("/messages/{messageId}/retry", RetryAsync)
            .WithTags("Messages").WithName("retryMessage").WithSummary("Sends a failed message back to the queue with a fresh set of attempts")
            .Produces<MessageView>(StatusCodes.Status202Accepted);
        business.MapGet("/stats", StatsAsync)
            .WithTags("Messages").WithName("getStats").WithSummary("Counts by status and by reason of waiting, segments, oldest due").Produces<BusinessStats>();
        business.MapPost("/messages/{messageId}/cancel", CancelAsync)
            .WithTags("Messages").WithName("cancelMessage").WithSummary("Ends a message that waits and has no attempt under way").Produces<MessageView>();
    }

    private static async Task<IResult> SendAsync(HttpContext http, IGrainFactory grains)
    {
        var business = http.BusinessId();
        var key = SendRequests.IdempotencyKey(http.Request);
        var request = await RequestBody.ReadAsync<SendMessageRequest>(http.Request);
        var command = SendRequests.ToCommand(request, key, http.NewId(), http.Now());
        var reply = await http.RepeatAsync(async isRepeated =>
            await RepeatedSends.OfAllAsync(await grains.Business(business).SendAsync(command), isRepeated, () => grains.Reader().GetMessageAsync(business, command.MessageId)));
        ApiMetrics.Sends.Add(1, Outcome(reply));
        if (reply.Refusal is { } refusal)
            return Problem.Of(refusal).ToResult();
        if (!reply.Replayed)
            return TypedResults.Accepted($"/v1/businesses/{business}/messages/{reply.Message!.Id}", reply.Message);
        MarkReplayed(http);
        return TypedResults.Ok(reply.Message);
    }

    private static KeyValuePair<string, object?> Outcome(SendReply reply) =>
        new("outcome", reply.Refusal?.Code ?? (reply.Replayed ? "replayed" : "accepted"));

    private static async Task<IResult> SendBatchAsync(HttpContext http, IGrainFactory grains)
    {
        var business = http.BusinessId();
        var wholeKey = SendRequests.IdempotencyKey(http.Request);
        var request = await RequestBody.ReadBatchAsync(http.Request);
        if (request.Messages is not { Length: > 0 and <= SendBatchRequest.MaxMessages } entries)
            return Problem.Invalid("messages", $"must be 1 to {SendBatchRequest.MaxMessages}").ToResult();

        var (results, commands) = (new BatchResult[entries.Length], new List<(int Index, SendCommand Command)>());
        for (var n = 0; n < entries.Length; n++)
        {
            try
            {
                var entry = RequestBody.Read<BatchEntry>(request.Json[entries[n].Place]);
                commands.Add((n, SendRequests.ToCommand(entry, SendRequests.EntryKey(entry, wholeKey, n), http.NewId(), http.Now())));
            }
            catch (ProblemException e)
            {
                results[n] = new BatchResult(n, e.Problem.Status, null, e.Problem);
            }
        }

        var replies = await http.RepeatAsync(async isRepeated =>
        {
            var all = await grains.Business(business).SendManyAsync([.. commands.Select(c => c.Command)]);
            foreach (var (n, reply) in all.Index())
                all[n] = await RepeatedSends.OfAllAsync(reply, isRepeated, () => grains.Reader().GetMessageAsync(business, commands[n].Command.MessageId));
            return all;
        });
        foreach (var ((index, _), reply) in commands.Zip(replies))
        {
            ApiMetrics.Sends.Add(1, Outcome(reply));
            var problem = reply.Refusal is { } refusal ? Problem.Of(refusal) : null;
            results[index] = new BatchResult(
                index, problem?.Status ?? (reply.Replayed ? StatusCodes.Status200OK : StatusCodes.Status202Accepted), reply.Message, problem);
        }

        if (replies.Length == entries.Length && replies.All(r => r.Replayed))
            MarkReplayed(http);
        return TypedResults.Ok(new BatchReply(results));
    }

    private static void MarkReplayed(HttpContext http) => http.Response.Headers["Idempotent-Replayed"] = "true";

    private static async Task<IResult> EventsAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, id, page) = (http.BusinessId(), http.PathId("messageId"), http.Request.Query.Page());
        var events = await http.RepeatAsync(() => grains.Reader().GetEventsAsync(business, id, page));
        return events is null ? Problem.NotFound.ToResult() : TypedResults.Ok(new EventList([.. events.Data.Select(EventList.Of)], events.NextCursor));
    }

    private static async Task<IResult> RetryAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, id) = (http.BusinessId(), http.PathId("messageId"));
        await RequestBody.RequireNothingAsync(http.Request);
        var outcome = await http.RepeatAsync(async isRepeated =>
        {
            var answer = await grains.Business(business).RetryAsync(id);
            // Not failed any more: that was the call whose answer was lost.
            return isRepeated && answer == RetryOutcome.NotRetryable && await ReadAsync(http, grains, business, id) is { Status: not "failed" }
                ? RetryOutcome.Requeued
                : answer;
        });
        return outcome switch
        {
            RetryOutcome.Requeued => TypedResults.Accepted($"/v1/businesses/{business}/messages/{id}", await ReadAsync(http, grains, business, id)),
            RetryOutcome.NotFound => Problem.NotFound.ToResult(),
            _ => Problem.Of(StatusCodes.Status409Conflict, "not_retryable", "Only a failed message can be retried, and only while it is valid.").ToResult(),
        };
    }

    private static async Task<IResult> StatsAsync(HttpContext http, IGrainFactory grains)
    {
        var stats = await http.RepeatAsync(() => grains.Records(http.BusinessId()).GetStatsAsync());
        return stats is null ? Problem.NotFound.ToResult() : TypedResults.Ok(stats);
    }

    private static async Task<IResult> GetAsync(HttpContext http, IGrainFactory grains) =>
        ToResult(await ReadAsync(http, grains, http.BusinessId(), http.PathId("messageId")));

    private static async Task<IResult> CancelAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, id) = (http.BusinessId(), http.PathId("messageId"));
        await RequestBody.RequireNothingAsync(http.Request);
        var outcome = await http.RepeatAsync(async isRepeated =>
        {
            var answer = await grains.Business(business).CancelAsync(id);
            return isRepeated && answer == CancelOutcome.NotCancellable && await ReadAsync(http, grains, business, id) is { Status: "cancelled" }
                ? CancelOutcome.Cancelled
                : answer;
        });
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
        var query = ReadQuery(http.Request.Query) with { To = await http.PhoneAsync("to") };
        return TypedResults.Ok(await http.RepeatAsync(() => grains.Reader().ListMessagesAsync(business, query)));
    }

    private static Task<MessageView?> ReadAsync(HttpContext http, IGrainFactory grains, Guid business, Guid id) =>
        http.RepeatAsync(() => grains.Reader().GetMessageAsync(business, id));

    private static MessageQuery ReadQuery(IQueryCollection query)
    {
        var result = new MessageQuery
        {
            Statuses = query.Words("status", Statuses),
            Reasons = query.Words("reason", Reasons),
            Causes = query.Words("cause", WaitWords.All),
            Categories = query.Words("category", Categories),
            Sids = query.Many("sid"),
            ErrorCodes = query.Numbers("errorCode"),
            ErrorClasses = query.Many("errorClass"),
            Unknown = query.Word("unknown", ["true", "false"]) is { } unknown ? unknown is "true" : null,
            UpdatedSince = query.Time("updatedSince"),
            Metadata = query.Members("metadata"),
            CustomerId = query.One("customerId") is { } id
                ? ApiJson.TryReadId(id, out var customer) ? customer : throw Invalid("customerId", "must be a UUID")
                : null,
            Since = query.Time("since"),
            Until = query.Time("until"),
        };
        var page = query.Page();
        return result with { Limit = page.Limit, BeforeCreatedAt = page.BeforeCreatedAt, BeforeId = page.BeforeId };
    }

    private static IResult ToResult(MessageView? message) => message is null ? Problem.NotFound.ToResult() : TypedResults.Ok(message);

    private static ProblemException Invalid(string member, string what) => new(Problem.Invalid(member, what));
}
