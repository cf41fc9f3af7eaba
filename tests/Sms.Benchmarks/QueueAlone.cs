using System.Diagnostics;
using System.Globalization;
using Npgsql;
using NpgsqlTypes;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>
/// The queue without a provider: rows are claimed and completed, the last batch and the next claim in one transaction.
/// The rows are made without their messages: neither statement looks at them.
/// </summary>
internal static class QueueAlone
{
    private const int Businesses = 200, Runs = 3;

    private static readonly int[] Backlogs = [10_000, 100_000, 1_000_000];

    public static async Task RunAsync(PostgresServer server)
    {
        var report = new Report("queue");
        await using var database = await server.CreateDatabaseAsync();
        await database.ExecuteAsync("insert into businesses (name) select 'B' || n from generate_series(1, $1) n", Businesses);
        await database.ExecuteAsync("create table bare (id bigint generated always as identity primary key, t text)");

        var claims = new Dictionary<int, List<double>>();
        foreach (var backlog in Backlogs)
        {
            await SeedAsync(database, backlog, "now() - interval '2 hours' + n * interval '3 ms'", giant: false);
            var (rates, bare, wal) = (new List<double>(), new List<double>(), new List<double>());
            claims[backlog] = [];
            var size = Math.Min(backlog / (Runs + 1), 60_000);
            for (var run = 0; run < Runs; run++)
            {
                if (await Floor.RunAsync(database, Floor.BareRow, 64, 3) is { } floor)
                    bare.Add(floor);
                claims[backlog].Add(Report.Median((await DrainAsync(database, workers: 1, limit: 50, rows: size / 6)).Claims));
                var before = await WalAsync(database);
                var drained = await DrainAsync(database, workers: 4, limit: 200, rows: size);
                rates.Add(drained.Rows / drained.Took.TotalSeconds);
                wal.Add((await WalAsync(database) - before) / drained.Rows);
            }

            report.Add($"claim and complete, backlog {Text(backlog)}, 4 claimers, 200 a claim", "rows/s", rates, "one row, one commit", bare, backlog > Backlogs[0] ? "≥ 25,000" : "");
            report.Add($"WAL, backlog {Text(backlog)}", "B/row", wal);
        }

        foreach (var backlog in Backlogs)
            report.Add($"complete, claim 50, commit: p50, backlog {Text(backlog)}", "ms", claims[backlog], backlog == Backlogs[0] ? "" : $"backlog {Text(Backlogs[0])}", backlog == Backlogs[0] ? null : claims[Backlogs[0]], backlog == Backlogs[^1] ? "ratio ≤ 1.5" : "");

        await PinnedAsync(database, report);
        await HerdAsync(database, report);
        await report.SaveAsync();
    }

    /// <summary>100,000 claims of rows behind a transaction that somebody left open.</summary>
    private static async Task PinnedAsync(TestDatabase database, Report report)
    {
        await SeedAsync(database, 150_000, "now() - interval '2 hours' + n * interval '3 ms'", giant: false);
        await using var pinned = new NpgsqlConnection(database.AdminConnectionString);
        await pinned.OpenAsync();
        await using var open = await pinned.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead);
        await using (var look = new NpgsqlCommand("select 1 from sms_retry_queue limit 1", pinned))
            await look.ExecuteScalarAsync();

        var (first, last) = (new List<double>(), new List<double>());
        for (var run = 0; run < Runs; run++)
        {
            var drained = await DrainAsync(database, workers: 1, limit: 50, rows: 33_000);
            var each = drained.Claims.Count / Runs;
            if (run == 0)
                first.AddRange(drained.Claims.Chunk(each).Select(Report.Median));
            last = [.. drained.Claims.Chunk(each).Select(Report.Median)];
        }

        report.Add("complete, claim 50, commit: p50, the first 33,000 rows behind an open transaction", "ms", first);
        report.Add("complete, claim 50, commit: p50, the last of 100,000 rows behind an open transaction", "ms", last, "the first of them", first, "flat");
    }

    /// <summary>A million rows of 200 businesses due in one instant, 90 % of one of them.</summary>
    private static async Task HerdAsync(TestDatabase database, Report report)
    {
        await SeedAsync(database, 1_000_000, "now() - interval '1 second'", giant: true);
        var seen = new HashSet<Guid>();
        var claims = 0;
        var started = Stopwatch.GetTimestamp();
        await using var worker = await Worker.OpenAsync(database, 50);
        while (seen.Count < Businesses)
        {
            seen.UnionWith((await worker.NextAsync()).Businesses);
            claims++;
        }

        report.Add("1,000,000 rows due at once, 90 % of one business: claims of 50 until all 200 had one", "claims", [claims]);
        report.Add("the same, time", "s", [Stopwatch.GetElapsedTime(started).TotalSeconds]);
    }

    private static async Task<(int Rows, TimeSpan Took, List<double> Claims)> DrainAsync(TestDatabase database, int workers, int limit, int rows)
    {
        await database.ExecuteAsync("checkpoint");
        var all = new List<double>();
        var done = 0;
        var opened = await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Worker.OpenAsync(database, limit)));
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(opened.Select(worker => Task.Run(async () =>
        {
            var own = new List<double>();
            while (Volatile.Read(ref done) < rows)
            {
                var from = Stopwatch.GetTimestamp();
                var (claimed, _) = await worker.NextAsync();
                own.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
                Interlocked.Add(ref done, claimed);
                if (claimed == 0)
                    break;
            }

            lock (all)
                all.AddRange(own);
        })));
        var took = Stopwatch.GetElapsedTime(started);
        foreach (var worker in opened)
            await worker.DisposeAsync();
        return (done, took, all);
    }

    private static async Task SeedAsync(TestDatabase database, int rows, string due, bool giant)
    {
        await using var connection = new NpgsqlConnection(database.AdminConnectionString);
        await connection.OpenAsync();
        // Neither foreign keys nor counters: the messages of these rows do not exist.
        foreach (var sql in new[]
        {
            "set session_replication_role = replica", "truncate sms_retry_queue",
            $"""
            insert into sms_retry_queue (id, send_log_id, business_id, customer_id, scheduled_for)
            -- Ids in the order of time, one for both, as the program makes them.
            select i.id, i.id, b.ids[case when {(giant ? "n % 10 <> 0" : "false")} then 1 else 1 + (n / 10) % {Businesses} end], gen_random_uuid(), {due}
            from (select array_agg(id) as ids from businesses) b, generate_series(1, {rows.ToString(CultureInfo.InvariantCulture)}) n
            cross join lateral (select (lpad(to_hex(n), 12, '0') || '70008' || left(md5(n::text), 15))::uuid as id) i
            """,
            "vacuum analyze sms_retry_queue",
        })
        {
            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync();
        }
    }

    private static async Task<double> WalAsync(TestDatabase database) =>
        (double)await database.ScalarAsync<decimal>("select pg_current_wal_lsn() - '0/0'");

    private static string Text(int rows) => rows.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>One claimer, as the retry grain is one: it passes its watermark.</summary>
    private sealed class Worker(NpgsqlConnection connection, int limit) : IAsyncDisposable
    {
        private Guid[] _done = [];
        private Guid _token;
        private DateTime _low = DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc);

        public static async Task<Worker> OpenAsync(TestDatabase database, int limit)
        {
            var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database.AdminConnectionString) { MaxAutoPrepare = 10, AutoPrepareMinUsages = 1, Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            return new Worker(connection, limit);
        }

        public async Task<(int Claimed, List<Guid> Businesses)> NextAsync()
        {
            await using var batch = new NpgsqlBatch(connection);
            batch.BatchCommands.Add(Command(
                "update sms_retry_queue set status = 'completed', lease_token = null, lease_until = null, claimed_at = null where id = any ($1) and lease_token = $2 and status = 'processing'",
                _done, _token));
            batch.BatchCommands.Add(Command(
                "select c.id, c.business_id, c.lease_token from claim_due_sms_retries($1, interval '20 seconds', now(), $2) c", limit, _low));
            batch.BatchCommands.Add(Command("select least(sms.next_due($1), now() - interval '60 seconds')", _low));
            await using var reader = await batch.ExecuteReaderAsync();
            var (ids, businesses) = (new List<Guid>(limit), new List<Guid>(limit));
            while (await reader.ReadAsync())
            {
                ids.Add(reader.GetGuid(0));
                businesses.Add(reader.GetGuid(1));
                _token = reader.GetGuid(2);
            }

            await reader.NextResultAsync();
            await reader.ReadAsync();
            _low = reader.GetDateTime(0);
            _done = [.. ids];
            return (ids.Count, businesses);
        }

        public async ValueTask DisposeAsync()
        {
            await NextAsync();
            await connection.DisposeAsync();
        }

        private static NpgsqlBatchCommand Command(string sql, params object[] parameters)
        {
            var command = new NpgsqlBatchCommand(sql);
            foreach (var parameter in parameters)
                command.Parameters.Add(parameter is DateTime time ? new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.TimestampTz, Value = time } : new NpgsqlParameter { Value = parameter });
            return command;
        }
    }
}
