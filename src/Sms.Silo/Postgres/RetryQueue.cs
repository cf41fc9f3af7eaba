using NodaTime;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>The queue's functions.</summary>
internal sealed class RetryQueue(Database database) : IRetryQueue
{
    private const int ChangesOfRound = 5000;

    public Task<DueRows> ClaimDueAsync(int limit, Duration lease, Instant now, Instant? low = null) => database.AsQueueAsync(
        async r =>
        {
            var rows = new List<DueRow>();
            while (await r.ReadAsync())
                rows.Add(new DueRow(r.GetGuid(ClaimRow.Width), ClaimRow.Read(r)));

            await r.NextResultAsync();
            await r.ReadAsync();
            return new DueRows(rows, r.Instant(0));
        },
        new Statement(
            $"""
            select {ClaimRow.Columns}, c.business_id from public.claim_due_sms_retries($1, $2, $3, $4) c
            order by c.lane, c.scheduled_for, c.accepted_at
            """,
            limit, lease.ToTimeSpan(), now.ToDateTimeUtc(), Low(low)),
        new Statement("select sms.next_due($1)", Low(low)));

    public Task<int> RecoverAsync(Instant now) => database.AsQueueAsync(
        "select count(*)::int from public.recover_stuck_sms_retries(0, $1)", ReadCountAsync, now.ToDateTimeUtc());

    public Task<int> ExpireAttemptsAsync(Instant leftBefore, Instant now, Instant lookupAt, Instant goneBefore, IReadOnlyList<string> alive) => database.AsQueueAsync(
        "select count(*)::int from sms.expire_attempts($1, $2, $3, $4, $5)", ReadCountAsync,
        leftBefore.ToDateTimeUtc(), now.ToDateTimeUtc(), lookupAt.ToDateTimeUtc(), goneBefore.ToDateTimeUtc(), alive.ToArray());

    public Task<IReadOnlyList<Guid>> RenewAsync(IReadOnlyList<(Guid QueueId, Guid LeaseToken)> claims, Instant until) => database.AsQueueAsync(
        "select * from sms.renew_leases($1, $2, $3)",
        async r =>
        {
            var lost = new List<Guid>();
            while (await r.ReadAsync())
                lost.Add(r.GetGuid(0));
            return (IReadOnlyList<Guid>)lost;
        },
        claims.Select(c => c.QueueId).ToArray(), claims.Select(c => c.LeaseToken).ToArray(), until.ToDateTimeUtc());

    public Task<int> ProbeStoppedAsync(Instant now) => database.AsQueueAsync(
        "select sms.probe_stopped($1)", ReadCountAsync, now.ToDateTimeUtc());

    public async Task ReleaseUnpausedAsync(Instant now)
    {
        while (await database.AsQueueAsync("select sms.release_unpaused($1, $2)", ReadCountAsync, now.ToDateTimeUtc(), ChangesOfRound) == ChangesOfRound)
        {
        }
    }

    public Task<ILookup<Guid, Guid>> FindCrowdedAsync() => database.AsQueueAsync(
        "select c.business_id, c.customer_id from sms.crowded_recipients($1) c",
        async r =>
        {
            var found = new List<(Guid Business, Guid Customer)>();
            while (await r.ReadAsync())
                found.Add((r.GetGuid(0), r.GetGuid(1)));
            return found.ToLookup(f => f.Business, f => f.Customer);
        },
        ChangesOfRound);

    public async Task FoldCountsAsync()
    {
        while (await database.AsQueueAsync("select sms.fold_counts($1)", ReadCountAsync, ChangesOfRound) == ChangesOfRound)
        {
        }
    }

    public Task<int> AnalyzeGrownAsync() => database.AsQueueAsync("select sms.analyze_grown()", ReadCountAsync);

    /// <summary>The driver sends the least instant as -infinity.</summary>
    private static DateTime Low(Instant? low) => low?.ToDateTimeUtc() ?? DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc);

    private static async Task<int> ReadCountAsync(Npgsql.NpgsqlDataReader reader) => await reader.ReadAsync() ? reader.GetInt32(0) : 0;
}
