using NodaTime;
using Npgsql;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>The queue's functions.</summary>
internal sealed class RetryQueue(Database database) : IRetryQueue
{
    private const int ChangesOfRound = 5000, LookedAtOfRound = 2000;

    // Where the search for lost messages goes on; null: at the beginning. Each silo that searches goes its own rounds.
    private (Guid Business, DateTime Before, Guid BeforeId)? _lostAfter;

    private static readonly Duration LongestLease = Duration.FromHours(1);

    public Task<DueRows> ClaimDueAsync(int limit, Duration lease, Instant now, Instant? low = null, bool onlyPasswords = false) => database.AsQueueAsync(
        async r =>
        {
            var (rows, unreadable) = (new List<DueRow>(), new List<UnreadableRow>());
            while (await r.ReadAsync())
            {
                // By then the claim stands: what cannot be read must not take the other rows with it.
                try
                {
                    rows.Add(new DueRow(r.GetGuid(ClaimRow.Width), ClaimRow.Read(r)));
                }
                catch (Exception e) when (e is not NpgsqlException)
                {
                    unreadable.Add(new UnreadableRow(r.GetGuid(0), r.GetGuid(1), r.Optional<Guid?>(ClaimRow.Width), $"{e.GetType().Name}: {e.Message}"));
                }
            }

            await r.NextResultAsync();
            await r.ReadAsync();
            return new DueRows(rows, r.Instant(0), unreadable);
        },
        new Statement(
            $"""
            select {ClaimRow.Columns}, c.business_id from public.claim_due_sms_retries($1, $2, $3, $4, $5) c
            order by c.lane, c.scheduled_for, c.accepted_at
            """,
            limit, lease.ToTimeSpan(), now.ToDateTimeUtc(), Low(low), (short)(onlyPasswords ? 0 : 1)),
        new Statement("select sms.next_due($1)", Low(low)));

    public Task<int> RecoverAsync(Instant now, Duration? lease = null) => database.AsQueueAsync(
        "select count(*)::int from public.recover_stuck_sms_retries(0, $1, $2)", ReadCountAsync,
        now.ToDateTimeUtc(), (lease ?? LongestLease).ToTimeSpan());

    public Task<long> CountClaimedInVainAsync(Instant now) => database.AsQueueAsync(
        "select sms.claimed_in_vain($1)", async r => await r.ReadAsync() ? r.GetInt64(0) : 0, now.ToDateTimeUtc());

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

    public async Task<int> RequeueLostAsync(Instant now)
    {
        var (business, before, beforeId) = _lostAfter ?? (Guid.Empty, DateTime.SpecifyKind(DateTime.MaxValue, DateTimeKind.Utc), Guid.AllBitsSet);
        var (next, found) = await database.AsQueueAsync(
            "select * from sms.requeue_lost($1, $2, $3, $4, $5)",
            async r => await r.ReadAsync()
                ? (r.IsDBNull(0) || r.IsDBNull(1) ? ((Guid, DateTime, Guid)?)null : (r.GetGuid(0), r.GetDateTime(1), r.GetGuid(2)), r.GetInt32(3))
                : (null, 0),
            now.ToDateTimeUtc(), LookedAtOfRound, business, before, beforeId);
        _lostAfter = next;
        return found;
    }

    public async Task<int> EndExpiredAsync(Instant now)
    {
        int ended, all = 0;
        do
        {
            ended = await database.AsQueueAsync("select sms.end_expired($1, $2)", ReadCountAsync, now.ToDateTimeUtc(), ChangesOfRound);
            all += ended;
        }
        while (ended == ChangesOfRound);
        return all;
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

    private static async Task<int> ReadCountAsync(NpgsqlDataReader reader) => await reader.ReadAsync() ? reader.GetInt32(0) : 0;
}
