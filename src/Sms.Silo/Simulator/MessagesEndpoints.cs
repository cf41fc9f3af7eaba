namespace Sms.Silo.Simulator;

/// <summary>The rest of the Messages resource: list, one, cancel.</summary>
internal sealed class MessagesEndpoints(TwilioSimulatorOptions options, SimulatorLedger ledger, TimeProvider time)
{
    private const int DefaultPageSize = 50, MaxPageSize = 1000;
    private const string TokenPrefix = "PA";

    /// <summary>
    /// Newest first. A page is continued after the last SID shown (its PageToken), so that
    /// messages that arrive between two pages neither repeat nor hide any.
    /// </summary>
    public IResult List(HttpContext context, string? to, string? from, int? pageSize, int? page, string? pageToken)
    {
        var size = Math.Clamp(pageSize ?? DefaultPageSize, 1, MaxPageSize);
        IEnumerable<SimulatedMessage> found = (to is null ? ledger.Messages : ledger.MessagesTo(to)).Reverse();
        if (from is not null)
            found = found.Where(message => string.Equals(message.From, from, StringComparison.Ordinal));
        if (pageToken is not null)
        {
            var last = pageToken.StartsWith(TokenPrefix, StringComparison.Ordinal) ? pageToken[TokenPrefix.Length..] : pageToken;
            found = found.SkipWhile(message => !string.Equals(message.Sid, last, StringComparison.Ordinal)).Skip(1);
        }

        var shown = found.Take(size + 1).ToList();
        var hasMore = shown.Count > size;
        if (hasMore)
            shown.RemoveAt(size);
        return Results.Json(
            new
            {
                Messages = shown.Select(message => MessageJson.Of(options.AccountSid, message)),
                Page = page ?? 0,
                PageSize = size,
                Start = (page ?? 0) * size,
                End = ((page ?? 0) * size) + Math.Max(shown.Count - 1, 0),
                Uri = context.Request.Path + context.Request.QueryString,
                FirstPageUri = PageUri(0, token: null),
                NextPageUri = hasMore ? PageUri((page ?? 0) + 1, TokenPrefix + shown[^1].Sid) : null,
                PreviousPageUri = (string?)null,
            },
            TwilioError.Snake);

        string PageUri(int number, string? token)
        {
            KeyValuePair<string, string?>[] query =
                [new("To", to), new("From", from), new("PageSize", $"{size}"), new("Page", $"{number}"), new("PageToken", token)];
            return context.Request.Path + QueryString.Create(query.Where(part => part.Value is not null));
        }
    }

    public IResult Fetch(HttpContext context, string sid) =>
        ledger.Find(sid) is { } message ? Show(message) : TwilioError.NotFound(context.Request.Path).ToResult();

    /// <summary>Status=canceled, the only update there is; only a scheduled message can be cancelled.</summary>
    public async Task<IResult> CancelAsync(HttpContext context, string sid)
    {
        var form = context.Request.HasFormContentType ? await context.Request.ReadFormAsync(context.RequestAborted) : null;
        if (!string.Equals(form?["Status"], "canceled", StringComparison.Ordinal))
            return new TwilioError(20001, "Only Status=canceled can be set.").ToResult();
        var result = ledger.Change(sid, message =>
            message.Status is "scheduled" ? message with { Status = "canceled", UpdatedAt = time.GetUtcNow() } : message);
        return result switch
        {
            null => TwilioError.NotFound(context.Request.Path).ToResult(),
            { Status: "canceled" } => Show(result),
            _ => new TwilioError(30409, "Message cannot be canceled.", StatusCodes.Status409Conflict).ToResult(),
        };
    }

    private IResult Show(SimulatedMessage message) =>
        Results.Json(MessageJson.Of(options.AccountSid, message), TwilioError.Snake);
}
