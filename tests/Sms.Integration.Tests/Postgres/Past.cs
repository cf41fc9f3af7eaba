using NodaTime;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Businesses with a past: in every table many rows of each, in every state, so that a wrong plan shows.</summary>
internal static class Past
{
    public const string Sender = "+15005550006";

    /// <summary>Analyzes the tables while nothing waits and no attempt is under way; afterwards all is as before.</summary>
    public static async Task AnalyzeAtNightAsync(TestDatabase database)
    {
        await database.ExecuteAsync(
            """
            set session_replication_role = replica;
            create table public.kept_rows as select * from public.sms_retry_queue where status in ('pending', 'processing');
            create table public.kept_attempts as select * from sms.attempts where state in ('open', 'unknown');
            delete from public.sms_retry_queue where status in ('pending', 'processing');
            delete from sms.attempts where state in ('open', 'unknown');
            """);
        await database.ExecuteAsync("vacuum analyze");
        await database.ExecuteAsync(
            """
            set session_replication_role = replica;
            insert into public.sms_retry_queue select * from public.kept_rows;
            insert into sms.attempts select * from public.kept_attempts;
            drop table public.kept_rows, public.kept_attempts;
            """);
    }

    /// <summary>Adds businesses with so many of everything. Written without triggers; what they keep is written beside it.</summary>
    /// <remarks>
    /// The n-th customer of each business has the number +1512 plus n in seven digits, and the n-th message is to it. By the
    /// last digit of n: 0 waits, 1 is of unknown outcome, 2 is under way, 3 failed, 4 was sent, the others were delivered.
    /// </remarks>
    public static async Task AddAsync(TestDatabase database, int businesses, int each, Instant now) => await database.ExecuteAsync(
        $$"""
        set session_replication_role = replica;
        create temp table b as
        select gen_random_uuid() as id, k, (select count(*) from businesses) + k as place from generate_series(1, {{businesses}}) k;
        insert into businesses (id, name, timezone, sms_settings)
        select id, 'B' || place, 'America/Chicago', case when place % 4 = 2 then '{"paused": true}'::jsonb else '{}' end from b;

        create temp table m as
        select b.id as business_id, b.k, b.place, n, gen_random_uuid() as customer_id, gen_random_uuid() as id, gen_random_uuid() as attempt_id,
          gen_random_uuid() as consent_id, '+1512' || lpad(n::text, 7, '0') as phone, n % 10 as kind,
          '{{now}}'::timestamptz - interval '200 days' + n * interval '1 minute' as at
        from b, generate_series(1, {{each}}) n;

        insert into customers (id, business_id, name, phone, phone_e164, phone_read, sms_consent_phone, timezone, sms_consent_status, sms_consent_id, created_at, erased_at)
        select customer_id, business_id, 'Ana', phone, case when n % 40 <> 39 then phone end, case when n % 40 <> 39 then phone end, phone,
          'America/Chicago', 'opted_in', consent_id, at, case when n % 40 = 38 then at end from m;
        insert into sms.consent_events (id, n, business_id, customer_id, phone, status, at, recorded_at)
        select consent_id, nextval('sms.consent_order'), business_id, customer_id, phone, 'opted_in', at, at from m;
        insert into sms.erasures (customer_id, business_id, actor, erased_at, is_complete)
        select customer_id, business_id, 'admin', at, n % 80 = 38 from m where n % 40 = 38;
        insert into email_templates (business_id, name, body) select id, 'T', 'Hello' from b, generate_series(1, 100);

        insert into send_logs (id, business_id, customer_id, channel, status, to_phone, by_customer, body, category, encoding, segments, attempt_count,
          provider_message_id, check_at, created_at, updated_at, decision)
        select id, business_id, customer_id, 'sms', case when kind < 3 then 'pending' when kind = 3 then 'failed' when kind = 4 then 'sent' else 'delivered' end,
          phone, kind = 0, 'Hello', 'marketing', 'gsm7', 1, case when kind = 0 then 0 else 1 end,
          case when kind > 3 then jsonb_build_object('twilio_sid', 'SM' || id) else '{}' end, case when kind = 4 then at + interval '1 hour' end, at, at,
          '{"timezone": "America/Chicago", "timezone_source": "customer", "timezones": ["America/Chicago"], "rule": "us_states", "tzdb": "old",
            "at": "2026-11-23T18:00:00Z", "local_time": "2026-11-23 12:00:00"}'
        from m;
        insert into sms.message_states (message_id, business_id, status, created_at, check_at)
        select l.id, l.business_id, l.status, l.created_at, l.check_at from send_logs l where l.business_id in (select id from b);

        insert into sms.attempts (id, message_id, business_id, customer_id, number, owner, phone, sender, state, started_at, leave_by, claimed_at,
          sent_n, unknown_at, next_lookup_at, ended_at, twilio_sid)
        select attempt_id, id, business_id, customer_id, 1, 'silo-1', phone, '{{Sender}}',
          case kind when 1 then 'unknown' when 2 then 'open' when 3 then 'refused' else 'accepted' end, at, at + interval '10 s', at,
          case when kind > 3 then nextval('sms.event_order') end, case when kind = 1 then at end,
          case when kind = 1 then at + interval '1 minute' end, case when kind > 2 then at end, case when kind > 3 then 'SM' || id end
        from m where kind > 0;

        -- Those that wait: due, for their hour, paused, for a refused sender, for their recipient's turn; and claims that died.
        insert into sms_retry_queue (id, business_id, send_log_id, customer_id, status, reason, held, scheduled_for, accepted_at, lease_token, lease_until, claimed_at, attempt_count)
        select id, business_id, id, customer_id,
          case when kind in (1, 2) or n % 600 = 50 then 'processing' when kind = 0 then 'pending' when kind = 3 then 'failed' else 'completed' end,
          case when kind = 0 and n % 60 in (10, 20) then 'quiet_hours' when kind = 0 and n % 60 = 0 then 'rate_limit' end,
          case when kind = 0 then (array['paused', 'sender', 'recipient'])[n % 60 / 10 - 1] end,
          case when kind = 0 and n % 60 = 10 then '{{now}}'::timestamptz + n * interval '1 minute' else at end, at,
          case when kind = 2 or n % 600 = 50 then gen_random_uuid() end,
          case when kind = 2 then '{{now}}'::timestamptz + interval '15 s' when n % 600 = 50 then at end, at, case when kind = 0 then 0 else 1 end
        from m;

        insert into sms.message_events (message_id, business_id, at, type, data)
        select m.id, m.business_id, m.at, e.type, jsonb_build_object('attempt', m.attempt_id, 'status', 'sent') from m, unnest(array['status', 'deferred']) e (type);
        insert into sms.idempotency_keys (business_id, key, request_hash, message_id, created_at) select business_id, 'key-' || n, '\x00', id, at from m;
        insert into sms.suppressions (business_id, phone, kind, source, created_at)
        select business_id, '+1513' || lpad(n::text, 7, '0'), (array['opt_out', 'unreachable'])[1 + n % 2], (array['business', 'keyword'])[1 + n % 3 / 2], at from m;
        insert into sms.sender_opt_outs (sender, phone, created_at)
        select distinct on (n) '{{Sender}}', '+1514' || lpad(n::text, 7, '0'), at from m on conflict do nothing;
        insert into sms.unfinished_opt_outs (phone, senders, status, at, next_at)
        select '+1516' || lpad(n::text, 7, '0'), array['{{Sender}}'], 'opted_out', at, '{{now}}'::timestamptz + interval '1 hour' from m where kind = 0;
        insert into sms.inbound_messages (sid, sender, kind, received_at) select 'SMIN' || id, '{{Sender}}', 'other', at from m;
        insert into sms.usage (business_id, period, starts_on, messages, segments)
        select id, p, '{{now}}'::timestamptz::date - n, 1, 1 from b, unnest(array['day', 'month']) p, generate_series(1, 500) n;
        insert into sms.api_keys (id, business_id, key_hash, hint, created_at, revoked_at)
        select gen_random_uuid(), id, sha256((id::text || n)::bytea), 'x', now(), case when n > 5 then now() end from b, generate_series(1, 60) n;
        insert into sms.message_counts select business_id, status, count(*) from sms.message_states where business_id in (select id from b) group by 1, 2;
        insert into sms.count_changes select id, 'sent', 0 from b, generate_series(1, 200);
        insert into sms.queue_counts
        select business_id, coalesce(reason, 'scheduled'), held is not null, date_trunc('minute', scheduled_for), count(*)
        from sms_retry_queue where status in ('pending', 'processing') and business_id in (select id from b) group by 1, 2, 3, 4;
        insert into sms.queue_changes select id, 'scheduled', false, '{{now}}', 0 from b, generate_series(1, 200)
        """);
}
