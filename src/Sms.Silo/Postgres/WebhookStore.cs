using NodaTime;
using Npgsql;
using NpgsqlTypes;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Ports;
using static Sms.Silo.Postgres.Parameter;

namespace Sms.Silo.Postgres;

/// <summary>Callbacks and inbound texts in PostgreSQL.</summary>
internal sealed class WebhookStore(Database database) : IWebhookStore
{
    public Task<string[]> ApplyCallbacksAsync(IReadOnlyList<ReportedStatus> reports) => Replay.OnConflictAsync(() => database.AsQueueAsync(
        "select * from sms.apply_callbacks($1)",
        async r =>
        {
            var outcomes = new string[reports.Count];
            while (await r.ReadAsync())
                outcomes[r.GetInt32(0)] = r.GetString(1);
            return outcomes;
        },
        Rows.Json(reports.Select((report, n) => new
        {
            N = n,
            report.AttemptId,
            report.Sid,
            report.Status,
            report.MovesTo,
            report.Rank,
            report.ErrorCode,
            ErrorClass = report.ErrorClass?.ToWire(),
            report.ErrorMessage,
            report.Suppress,
            At = report.At.ToDateTimeOffset(),
            CheckAt = report.CheckAt.ToDateTimeOffset(),
        }))));

    public Task<InboundOutcome> ApplyInboundAsync(
        string sid, string[] senders, bool isDefault, string phone, string kind, string? words, string? note, Instant at) =>
        Replay.OnConflictAsync(() => database.AsQueueAsync(
            "select a.kind, a.business_id, a.customer_id, a.unfinished from sms.apply_inbound($1, $2, $3, $4, $5, $6, $7, $8) a",
            async r =>
            {
                await r.ReadAsync();
                return new InboundOutcome(r.GetString(0), r.Optional<Guid?>(1), r.Optional<Guid?>(2), r.Optional<long?>(3));
            },
            sid, senders, isDefault, phone, kind, Text(words), Text(note), at.ToDateTimeUtc()));

    public Task<bool> FinishOptOutAsync(long id, Instant at) => Replay.OnConflictAsync(() => database.AsQueueAsync(
        "select sms.finish_opt_out($1, $2)", async r => await r.ReadAsync() && r.GetBoolean(0), id, at.ToDateTimeUtc()));

    public Task<IReadOnlyList<UnfinishedOptOut>> FindUnfinishedOptOutsAsync(Instant at, int limit) => database.AsQueueAsync(
        "select u.id, u.tries, u.last_error from sms.opt_outs_to_finish($1, $2) u",
        async r =>
        {
            var found = new List<UnfinishedOptOut>();
            while (await r.ReadAsync())
                found.Add(new UnfinishedOptOut(r.GetInt64(0), r.GetInt32(1), r.Text(2)));
            return (IReadOnlyList<UnfinishedOptOut>)found;
        },
        at.ToDateTimeUtc(), limit);
}
