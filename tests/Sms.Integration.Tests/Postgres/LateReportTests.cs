using NodaTime;
using Sms.Contracts;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Reports on attempts that were given up, or that others followed: the message ends as what the recipient got.</summary>
public sealed class LateReportTests : DatabaseTest
{
    private Guid _business;

    [Theory]
    [InlineData("sent", "sent", "sent", null)]
    [InlineData("delivered", "delivered", "delivered", null)]
    [InlineData("undelivered", "failed", "failed", "transient")]
    public async Task That_the_provider_took_it_overrules_a_failure_that_only_we_decided(string word, string movesTo, string status, string? error)
    {
        var (message, attempt) = await GivenUpAsync();

        Assert.Equal("applied", await ReportAsync(attempt, word, movesTo));

        Assert.Equal((status, error, $"SM{attempt.Id:N}"), await StateAsync(message));
        Assert.Equal("sent,status" + (status is "failed" ? ",failed" : ""), await LastEventsAsync(message, status is "failed" ? 3 : 2));
        Assert.Equal(status is "failed" ? RetryOutcome.Requeued : RetryOutcome.NotRetryable, await RetryAsync(message));
    }

    [Fact]
    public async Task Then_its_end_is_its_own_and_is_asked_for_if_nobody_tells()
    {
        var (message, attempt) = await GivenUpAsync();
        await ReportAsync(attempt, "sent", "sent");
        Assert.Equal([$"SM{attempt.Id:N}"], await new ReconcileStore(new Database(Db.App)).ClaimUnreportedAsync(10, Now, Now + Duration.FromMinutes(1)));

        Assert.Equal("applied", await ReportAsync(attempt, "delivered", "delivered"));

        Assert.Equal(("delivered", null, $"SM{attempt.Id:N}"), await StateAsync(message));
    }

    [Fact]
    public async Task The_failure_of_an_earlier_attempt_does_not_stand_against_what_the_last_one_becomes()
    {
        var (message, first) = await RequeuedAsync();
        await using var store = Store();
        var last = await BeginAsync(store);
        Assert.Equal("double", await ReportAsync(first, "undelivered", "failed"));
        Assert.Equal(("failed", "transient", $"SM{first.Id:N}"), await StateAsync(message));
        Assert.Equal(RetryOutcome.NotRetryable, await RetryAsync(message));

        await store.SettleAsync(Samples.Settle(_business, last.Id, "accepted", Now));
        Assert.Equal(("sent", null, $"SM{last.Id:N}"), await StateAsync(message));

        Assert.Equal("applied", await ReportAsync(last, "delivered", "delivered"));
        Assert.Equal(("delivered", null, $"SM{last.Id:N}"), await StateAsync(message));
    }

    [Fact]
    public async Task It_neither_fails_what_the_provider_took_since_and_when_that_fails_too_the_message_has_failed()
    {
        var (message, first) = await RequeuedAsync();
        await using var store = Store();
        var last = await BeginAsync(store);
        await store.SettleAsync(Samples.Settle(_business, last.Id, "accepted", Now));

        Assert.Equal("double", await ReportAsync(first, "undelivered", "failed"));
        Assert.Equal(("sent", null, $"SM{last.Id:N}"), await StateAsync(message));

        Assert.Equal("applied", await ReportAsync(last, "undelivered", "failed"));
        Assert.Equal(("failed", "transient", $"SM{last.Id:N}"), await StateAsync(message));
        Assert.Equal(RetryOutcome.Requeued, await RetryAsync(message));
    }

    [Fact]
    public async Task What_the_recipient_has_is_delivered_whichever_attempt_it_was()
    {
        var (message, first) = await RequeuedAsync();
        await using var store = Store();
        var last = await BeginAsync(store);
        await store.SettleAsync(Samples.Settle(_business, last.Id, "accepted", Now));
        await ReportAsync(last, "undelivered", "failed");

        await ReportAsync(first, "delivered", "delivered");
        Assert.Equal(("delivered", null, $"SM{first.Id:N}"), await StateAsync(message));

        Assert.Equal("conflict", await ReportAsync(last, "failed", "failed"));
        Assert.Equal("delivered", (await StateAsync(message)).Status);
    }

    [Fact]
    public async Task Of_one_attempt_the_first_end_stays()
    {
        _business = await Seed.BusinessAsync();
        var message = await Seed.RowAsync(_business, await Seed.CustomerAsync(_business), Now);
        await using var store = Store();
        var attempt = await BeginAsync(store);
        await store.SettleAsync(Samples.Settle(_business, attempt.Id, "accepted", Now));
        await ReportAsync(attempt, "undelivered", "failed");

        Assert.Equal("conflict", await ReportAsync(attempt, "delivered", "delivered"));

        Assert.Equal(("failed", "transient", $"SM{attempt.Id:N}"), await StateAsync(message));
    }

    [Fact]
    public async Task Whatever_somebody_wrote_into_its_row_what_may_arrive_is_not_sent_again_by_hand()
    {
        var (message, attempt) = await GivenUpAsync();
        await ReportAsync(attempt, "sent", "sent");
        await Db.ExecuteAsync("update send_logs set status = 'failed' where id = $1", message);
        Assert.Equal(RetryOutcome.NotRetryable, await RetryAsync(message));

        Assert.Equal("applied", await ReportAsync(attempt, "undelivered", "failed"));

        Assert.Equal(RetryOutcome.Requeued, await RetryAsync(message));
    }

    [Fact]
    public async Task A_message_that_went_on_does_not_show_the_error_of_an_attempt_that_ended_later()
    {
        var (message, first) = await RequeuedAsync();
        await using var store = Store();
        var last = await BeginAsync(store);
        Assert.Equal("double", await ReportAsync(first, "sent", "sent"));

        await store.SettleAsync(Samples.Settle(_business, last.Id, "failed", Now) with { ErrorClass = FailureClass.Content });

        Assert.Equal(("sent", null, $"SM{first.Id:N}"), await StateAsync(message));
    }

    /// <summary>Its only attempt is of unknown outcome, and the provider says that it has no such message.</summary>
    private async Task<(Guid Message, NewAttempt Attempt)> GivenUpAsync()
    {
        var (message, attempt) = await RequeuedAsync(maxAttempts: 1);
        Assert.Equal(("failed", "unknown", null), await StateAsync(message));
        return (message, attempt);
    }

    private async Task<(Guid Message, NewAttempt First)> RequeuedAsync(int maxAttempts = 3)
    {
        _business = await Seed.BusinessAsync();
        var message = await Seed.RowAsync(_business, await Seed.CustomerAsync(_business), Now);
        await Db.ExecuteAsync("update send_logs set max_attempts = $1", maxAttempts);
        await using var store = Store();
        var attempt = await BeginAsync(store);
        await store.SettleAsync(Samples.Settle(_business, attempt.Id, "unknown", Now));
        await new ReconcileStore(new Database(Db.App)).SettleLookupAsync(new LookupFinding
        {
            AttemptId = attempt.Id,
            Sids = [],
            IsFinal = true,
            NextLookupAt = Now,
            CheckAt = Now,
            At = Now,
        });
        return (message, attempt);
    }

    private async Task<NewAttempt> BeginAsync(MessageStore store)
    {
        var begin = Samples.Begin(Assert.Single(await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now)), Now);
        Assert.Equal(BeginOutcome.Begun, (await store.BeginAttemptAsync(begin)).Outcome);
        return begin.Attempt;
    }

    private async Task<string> ReportAsync(NewAttempt attempt, string status, string movesTo) =>
        Assert.Single(await new WebhookStore(new Database(Db.App)).ApplyCallbacksAsync([new ReportedStatus
        {
            AttemptId = attempt.Id,
            Sid = $"SM{attempt.Id:N}",
            Status = status,
            MovesTo = movesTo,
            Rank = movesTo is "sent" ? 4 : 6,
            ErrorClass = movesTo is "failed" ? FailureClass.Transient : null,
            At = Now,
            CheckAt = Now,
        }]));

    private Task<RetryOutcome> RetryAsync(Guid message) => new RecordStore(new Database(Db.App)).RetryMessageAsync(_business, message, Now);

    private async Task<(string Status, string? Error, string? Sid)> StateAsync(Guid message)
    {
        var found = await Db.ScalarAsync<string>(
            "select concat_ws('|', status, coalesce(error_class, '-'), coalesce(provider_message_id ->> 'twilio_sid', '-')) from send_logs where id = $1", message);
        return found!.Split('|') is [var status, var error, var sid] ? (status, error is "-" ? null : error, sid is "-" ? null : sid) : default;
    }

    private Task<string?> LastEventsAsync(Guid message, int count) => Db.ScalarAsync<string>(
        "select string_agg(type, ',' order by id) from (select type, id from sms.timeline where message_id = $1 order by id desc limit $2) e", message, count);
}
