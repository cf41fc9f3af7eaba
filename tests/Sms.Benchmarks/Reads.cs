using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>How long a reader waits among many messages of 20 businesses, nine in ten of them one business's, a tenth waiting.</summary>
internal static class Reads
{
    private const int Businesses = 20, Customers = 1000, Chunk = 250_000, Requests = 200;

    public static async Task RunAsync(PostgresServer server, Load load)
    {
        await using var rig = await Rig.StartAsync(server);
        await rig.MakeBusinessesAsync(Businesses, Customers);
        var big = rig.Businesses[0];
        await FillAsync(rig, big.Id, load.Messages);

        var report = new Report("reads");
        var all = $"/v1/businesses/{big.Id}/messages";
        var customer = await rig.Database.ScalarAsync<Guid>("select id from customers where business_id = $1 and phone_e164 = $2", big.Id, Rig.Phone(7));
        var deep = JsonNode.Parse(await GetAsync(rig, $"{all}?limit=50&until={Uri.EscapeDataString((await DayAsync(rig, 200)).ToString("o"))}", big.Key))!["nextCursor"]!.GetValue<string>();
        var lists = new[]
        {
            ("the newest 50 messages", $"{all}?limit=50"),
            ("50 messages, deep in the list", $"{all}?limit=50&cursor={Uri.EscapeDataString(deep)}"),
            ("50 failed ones", $"{all}?limit=50&status=failed"),
            ("50 that wait for their hour", $"{all}?limit=50&reason=quiet_hours"),
            ("those to one number", $"{all}?limit=50&to={Uri.EscapeDataString(Rig.Phone(7))}"),
            ("those of one customer", $"{all}?limit=50&customerId={customer}"),
            ("a business's figures", $"/v1/businesses/{big.Id}/stats"),
        };
        // A program that has run for a while: its code is compiled for good.
        foreach (var (_, path) in lists)
            await MeasureAsync(rig, path, big.Key, runs: 1);
        foreach (var (name, path) in lists)
            Add($"{name}, of {load.Messages:N0}", await MeasureAsync(rig, path, big.Key, load.Runs));

        Add($"the whole queue's figures, {load.Messages / 10:N0} wait", await MeasureAsync(rig, "/v1/retries/stats", null, load.Runs));
        await report.SaveAsync();

        void Add(string name, (List<double> Median, List<double> Most) took)
        {
            report.Add($"{name}: p50", "ms", took.Median);
            report.Add($"{name}: p99", "ms", took.Most, target: "< 20");
        }
    }

    /// <returns>Of each run of 200 requests, one after the other, the median and the 99th percentile in milliseconds.</returns>
    private static async Task<(List<double> Median, List<double> Most)> MeasureAsync(Rig rig, string path, string? key, int runs)
    {
        await GetAsync(rig, path, key);
        var (median, most) = (new List<double>(), new List<double>());
        for (var run = 0; run < runs; run++)
        {
            var took = new double[Requests];
            for (var n = 0; n < Requests; n++)
            {
                var started = Stopwatch.GetTimestamp();
                await GetAsync(rig, path, key);
                took[n] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }

            Array.Sort(took);
            median.Add(took[Requests / 2]);
            most.Add(took[Requests * 99 / 100]);
        }

        return (median, most);
    }

    /// <param name="key">Null: the admin's.</param>
    private static async Task<string> GetAsync(Rig rig, string path, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var reply = await rig.Silo.Http.SendAsync(request);
        reply.EnsureSuccessStatusCode();
        return await reply.Content.ReadAsStringAsync();
    }

    private static async Task<DateTime> DayAsync(Rig rig, int ago) =>
        (await rig.Database.ScalarAsync<DateTime>("select now() - make_interval(days => $1)", ago)).ToUniversalTime();

    /// <summary>A year of messages. Without triggers, or it would take the better part of an hour; what they keep is written after them.</summary>
    private static async Task FillAsync(Rig rig, Guid big, int messages)
    {
        await rig.Database.ExecuteAsync(
            """
            create unlogged table bench_people as
            select row_number() over (order by business_id <> $1) - 1 as n, id, business_id, phone_e164 from customers
            """, big);
        await rig.Database.ExecuteAsync("create unique index on bench_people (n)");
        for (var from = 0; from < messages; from += Chunk)
        {
            await rig.Database.ExecuteAsync(
                $$"""
                set session_replication_role = replica;
                with l as (
                  insert into send_logs (id, business_id, customer_id, status, channel, to_phone, body, category, encoding, segments, attempt_count, created_at, updated_at)
                  select (lpad(to_hex((extract(epoch from m.at) * 1000)::bigint), 12, '0') || '7' || substr(md5(m.n::text), 1, 3) || '8' || substr(md5(m.n::text), 4, 15))::uuid,
                    p.business_id, p.id, case when m.n % 10 = 3 then 'pending' when m.n % 500 = 1 then 'failed' else 'delivered' end, 'sms', p.phone_e164,
                    'Hello, your technician arrives at nine.', 'transactional', 'gsm7', 1, 1, m.at, m.at
                  from (select n, now() - interval '365 days' * (1 - n::float8 / {{messages}}) as at from generate_series({{from}}, {{Math.Min(from + Chunk, messages) - 1}}) n) m
                  join bench_people p on p.n = case when m.n % 10 = 0 then {{Customers}} + m.n / 10 % {{Customers * (Businesses - 1)}} else (m.n / 10 + m.n) % {{Customers}} end
                  returning id, business_id, customer_id, status, created_at)
                insert into sms_retry_queue (id, business_id, send_log_id, customer_id, scheduled_for, reason, accepted_at)
                select l.id, l.business_id, l.id, l.customer_id, now() + interval '1 day', 'quiet_hours', l.created_at from l where l.status = 'pending';
                set session_replication_role = origin
                """);
        }

        await rig.Database.ExecuteAsOwnerAsync("insert into sms.message_states select id, business_id, status, created_at from send_logs");
        await rig.Database.ExecuteAsOwnerAsync("insert into sms.count_changes select business_id, status, count(*) from send_logs group by 1, 2");
        await rig.Database.ExecuteAsOwnerAsync("insert into sms.queue_changes select business_id, reason, false, date_trunc('minute', scheduled_for, 'UTC'), count(*) from sms_retry_queue group by 1, 2, 3, 4");
        await rig.Database.ExecuteAsync("drop table bench_people");
        await rig.Database.ExecuteAsOwnerAsync("vacuum analyze");
        // The filling's own writing is over before the first look.
        await rig.Database.ExecuteAsync("checkpoint");
    }
}
