using System.Diagnostics;
using Npgsql;

namespace Sms.Benchmarks;

/// <summary>
/// What years leave behind: texts with their attempts, reports, states and keys, half of them of campaigns that went
/// through the queue; customers with their consent, half of whom opted out.
/// </summary>
internal static class BusinessPast
{
    /// <summary>Those of each business that are texted now: those with the numbers of <see cref="Rig.Phone"/> from 0, spread over all that did not opt out.</summary>
    public const int Texted = 2000;

    private const int Customers = 100_000, OptedIn = Customers / 2, Apart = OptedIn / Texted;

    /// <summary>What is rewritten, and how a row of it changes in life: with new entries in the indexes where it does so in life.</summary>
    private static readonly (string Table, string Change)[] Changes =
    [
        ("sms.attempts", "ended_at = ended_at + interval '1 us'"),
        ("public.send_logs", "updated_at = updated_at + interval '1 us'"),
        ("sms.message_states", "status = case status when 'delivered' then 'sent' when 'sent' then 'delivered' else status end"),
        ("public.customers", "updated_at = updated_at + interval '1 us'"),
        ("sms.message_events", "at = at + interval '1 us'"),
        ("sms.consent_events", "recorded_at = recorded_at + interval '1 us'"),
        ("public.sms_retry_queue", "scheduled_for = scheduled_for + interval '1 us'"),
        ("sms.idempotency_keys", "created_at = created_at + interval '1 us'"),
        ("sms.suppressions", "created_at = created_at + interval '1 us'"),
        ("sms.sender_opt_outs", "created_at = created_at + interval '1 us'"),
        ("sms.usage", "segments = segments"),
        ("public.businesses", "updated_at = updated_at + interval '1 us'"),
    ];

    /// <summary>Without triggers, or it would take the better part of a day; what they keep is written beside it.</summary>
    /// <param name="rig">Whose customers are replaced.</param>
    /// <param name="texts">Of each of its businesses.</param>
    public static async Task<TimeSpan> FillAsync(Rig rig, params int[] texts)
    {
        var started = Stopwatch.GetTimestamp();
        await rig.Database.ExecuteAsync(
            $$"""
            set session_replication_role = replica;
            delete from customers;
            delete from sms.consent_events;
            -- In the order of time, as the program's ids are.
            create function bench_id(n bigint, salt text) returns uuid language sql immutable as
              $$ select (lpad(to_hex(1700000000000 + n * 1000), 12, '0') || '7' || substr(md5(salt || n), 1, 3) || '8' || substr(md5(salt || n), 4, 15))::uuid $$;
            create function bench_phone(n bigint) returns text language sql immutable as
              $$ select '+1512' || lpad((2000000 + case when n < {{OptedIn}} then n % {{Apart}} * {{Texted}} + n / {{Apart}} else n end)::text, 7, '0') $$;
            """);
        // Of the machine's two cores each has its share.
        await Parallel.ForEachAsync(rig.Businesses.Zip(texts), new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (b, _) => await FillAsync(rig, b.First.Id, b.Second));
        await rig.Database.ExecuteAsync(
            $"""
            insert into sms.sender_opt_outs (sender, phone, keyword, created_at)
            select '+15005550006', bench_phone(n), 'STOP', now() - interval '1 day' from generate_series({OptedIn}, {Customers - 1}) n;
            insert into sms.count_changes select business_id, status, count(*) from sms.message_states group by 1, 2;
            insert into sms.usage (business_id, period, starts_on, messages, segments)
            select b.id, p, current_date - n, 1, 1 from businesses b, unnest(array['day', 'month']) p, generate_series(1, 365) n;
            drop function bench_id(bigint, text), bench_phone(bigint)
            """);
        await rig.Database.ExecuteAsync("vacuum analyze");
        await rig.Database.ExecuteAsync("checkpoint");
        return Stopwatch.GetElapsedTime(started);
    }

    /// <summary>Every row of every table anew, so many times, with a vacuum after each: tables and indexes are as loose as they get.</summary>
    public static async Task<TimeSpan> RewriteAsync(Rig rig, int times)
    {
        var started = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(Changes, new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (c, _) =>
        {
            for (var time = 0; time < times; time++)
            {
                await RewriteAsync(rig, c);
                await ExecuteAsync(rig, $"vacuum {c.Table}");
            }
        });
        await rig.Database.ExecuteAsync("checkpoint");
        return Stopwatch.GetElapsedTime(started);
    }

    /// <summary>The program goes on meanwhile, and now and then is in the way.</summary>
    private static async Task RewriteAsync(Rig rig, (string Table, string Change) change)
    {
        while (true)
        {
            try
            {
                await ExecuteAsync(rig, $"set session_replication_role = replica; update {change.Table} set {change.Change}");
                return;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DeadlockDetected)
            {
                await Task.Yield();
            }
        }
    }

    private static Task FillAsync(Rig rig, Guid business, int texts) => ExecuteAsync(
        rig,
        $"""
        set session_replication_role = replica;
        insert into customers (id, business_id, name, phone, phone_e164, phone_read, sms_consent_phone, timezone, sms_consent_status, sms_consent_method,
          sms_consent_source, sms_consent_at, sms_consent_id, created_at, updated_at)
        select bench_id(n, '{business} customer '), '{business}', 'Ana', p.phone, p.phone, p.phone, p.phone, 'America/Chicago',
          case when n < {OptedIn} then 'opted_in' else 'opted_out' end, 'website_form', 'https://acme.example/signup', d.at, bench_id(n, '{business} consent '), d.at, d.at
        from generate_series(0, {Customers - 1}) n
        cross join lateral (select bench_phone(n) as phone) p
        cross join lateral (select now() - interval '400 days' + n * interval '1 second' as at) d;
        insert into sms.consent_events (id, n, business_id, customer_id, phone, status, method, source, at, actor, recorded_at)
        select c.sms_consent_id, nextval('sms.consent_order'), c.business_id, c.id, c.phone, c.sms_consent_status, 'website_form', c.sms_consent_source, c.created_at, 'admin', c.created_at
        from customers c where c.business_id = '{business}';
        insert into sms.suppressions (business_id, phone, kind, source, reason, actor, created_at)
        select c.business_id, c.phone, 'opt_out', 'keyword', 'STOP', 'recipient', c.created_at
        from customers c where c.business_id = '{business}' and c.sms_consent_status = 'opted_out';

        create temp table t as
        select n, bench_id(n, '{business} text ') as id, bench_id(n, '{business} attempt ') as attempt_id, bench_id(n % {Customers}, '{business} customer ') as customer_id,
          bench_phone(n % {Customers}) as phone, case when n % 500 = 1 then 'failed' else 'delivered' end as status,
          n % 2 = 0 as is_campaign, now() - interval '300 days' * (1 - n::float8 / {texts}) - interval '1 hour' as at
        from generate_series(0, {texts - 1}) n;
        insert into send_logs (id, business_id, customer_id, status, channel, to_phone, body, category, encoding, segments, attempt_count,
          provider_message_id, decision, created_at, updated_at, sent_at, delivered_at)
        select t.id, '{business}', t.customer_id, t.status, 'sms', t.phone, 'Hello, your technician arrives at nine.',
          case when t.is_campaign then 'marketing' else 'transactional' end, 'gsm7', 1, 1, jsonb_build_object('twilio_sid', 'SM' || md5(t.id::text)),
          jsonb_build_object('timezone', 'America/Chicago', 'timezone_source', 'customer', 'timezones', '["America/Chicago"]'::jsonb, 'rule', 'business', 'tzdb', '2026f',
            'at', t.at, 'local_time', '2026-01-01 12:00:00'), t.at, t.at, t.at, t.at
        from t;
        insert into sms.message_states (message_id, business_id, status, created_at) select t.id, '{business}', t.status, t.at from t;
        insert into sms.attempts (id, message_id, business_id, customer_id, number, owner, phone, sender, state, started_at, leave_by, claimed_at, sent_n, ended_at, twilio_sid)
        select t.attempt_id, t.id, '{business}', t.customer_id, 1, 'silo', case when t.is_campaign then t.phone end, '+15005550006', 'accepted', t.at, t.at + interval '10 s',
          case when t.is_campaign then t.at end, nextval('sms.event_order'), t.at, 'SM' || md5(t.id::text)
        from t;
        insert into sms_retry_queue (id, business_id, send_log_id, customer_id, status, attempt_count, reason, scheduled_for, last_attempted_at, accepted_at)
        select t.id, '{business}', t.id, t.customer_id, 'completed', 1, 'scheduled', t.at, t.at, t.at from t where t.is_campaign;
        insert into sms.message_events (message_id, business_id, at, type, data)
        select t.id, '{business}', t.at, 'status', jsonb_build_object('attempt', t.attempt_id, 'status', t.status) from t;
        insert into sms.idempotency_keys (business_id, key, request_hash, message_id, created_at)
        select '{business}', 'order-' || t.n, sha256(t.id::text::bytea), t.id, t.at from t;
        drop table t
        """);

    /// <summary>However long it takes.</summary>
    private static async Task ExecuteAsync(Rig rig, string sql)
    {
        await using var connection = new NpgsqlConnection(rig.Database.AdminConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync();
    }
}
