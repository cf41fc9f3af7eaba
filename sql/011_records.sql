-- Retrying a failed message, changes of customers and the figures for people.

-- Whether a text that this program accepted is pending and nothing takes it up again: it has neither a live row in the queue
-- nor an attempt whose outcome is open, unknown or taken. Somebody changed its row, or that of the queue, by hand.
create function sms.is_lost(p_message_id uuid)
returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $f$
begin
  return exists (
      select 1 from public.send_logs l
      where l.id = p_message_id and l.status is not distinct from 'pending' and l.channel is not distinct from 'sms' and l.decision is not null)
    and not exists (
      select 1 from public.sms_retry_queue q where q.send_log_id = p_message_id and q.status in ('pending', 'processing'))
    and not exists (
      select 1 from sms.attempts a
      where a.message_id = p_message_id and (a.state in ('open', 'unknown')
        -- An attempt from before the message was sent back to the queue by hand does not count.
        or a.state = 'accepted' and a.started_n > coalesce((
          select max(e.id) from sms.message_events e where e.message_id = p_message_id and e.type = 'requeued'), 0)));
end $f$;

-- A failed message, or one that got lost, goes back to the queue with a fresh set of attempts: requeued, not_found, or
-- not_retryable (it has not failed, an attempt's outcome is unknown, or the provider took one that is not known to
-- have failed, its time is over, its text is not kept any more, or its customer was erased).
create function sms.retry_message(p_business_id uuid, p_id uuid, p_at timestamptz)
returns text
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  l public.send_logs;
begin
  select t.* into l from public.send_logs t
  where t.id = p_id and t.business_id is not distinct from p_business_id and t.channel is not distinct from 'sms'
  for no key update;
  if l.id is null then
    return 'not_found';
  end if;
  if l.status <> 'failed' and not sms.is_lost(p_id) or l.valid_until <= p_at or l.body = ''
    or exists (select 1 from public.customers c where c.id = l.customer_id and c.erased_at is not null)
    -- Nor beside an attempt that may arrive: under way, or taken and not known to have failed.
    or exists (select 1 from sms.attempts a where a.message_id = p_id
      and (a.state in ('open', 'unknown') or (a.state = 'accepted' and a.error_class is null))) then
    return 'not_retryable';
  end if;

  update public.send_logs t
  set status = 'pending', attempt_count = 0,
      later_decision = coalesce(t.later_decision, (
        select a.decision from sms.attempts a where a.message_id = p_id order by a.started_n desc limit 1)),
      error_code = null, error_class = null, error_message = null,
      sent_at = null, updated_at = p_at
  where t.id = p_id;
  insert into public.sms_retry_queue (business_id, send_log_id, customer_id, max_attempts, scheduled_for, last_attempted_at, lane, accepted_at)
  select l.business_id, l.id, l.customer_id, l.max_attempts, p_at, max(a.started_at), case l.category when 'otp' then 0 else 1 end, l.created_at
  from sms.attempts a where a.message_id = p_id;
  insert into sms.message_events (message_id, business_id, at, type) values (p_id, p_business_id, p_at, 'requeued');
  return 'requeued';
end $f$;

-- Changes what is not null; the customer's waiting messages are planned anew, since the place may have
-- changed. What another number means for consent and for what waits is sms.number_moves'; p_consent is entered for the
-- number that the customer has then. Returns no row when there is no such customer; raises unique_violation when the
-- number is another customer's.
create function sms.change_customer(
  p_business_id uuid, p_id uuid, p_name text, p_phone text, p_timezone text, p_postal_code text, p_at timestamptz,
  p_state text default null, p_actor text default 'database', p_consent text default null, p_method text default null, p_source text default null,
  p_consent_at timestamptz default null, p_notes text default null, p_ip text default null, p_consent_id uuid default gen_random_uuid(),
  p_wording text default null)
returns setof public.customers
language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  perform set_config('sms.actor', p_actor, true);
  perform 1 from public.customers c where c.id = p_id and c.business_id is not distinct from p_business_id and c.erased_at is null;
  if not found then
    return;
  end if;
  if p_consent is not null then
    perform sms.record_consent(p_business_id, p_id, p_consent_id, p_consent, p_method, p_source, coalesce(p_consent_at, p_at), p_notes, p_ip, p_wording, p_actor, p_at,
      p_phone, true);
  end if;
  update public.customers c
  set name = coalesce(p_name::sms.customers_name, c.name),
      phone = case when p_phone = coalesce(c.phone_e164, c.phone_shared) then c.phone else coalesce(p_phone, c.phone) end,
      phone_e164 = case when p_phone = c.phone_shared then c.phone_e164 else coalesce(p_phone, c.phone_e164) end,
      phone_shared = case when p_phone <> c.phone_shared then null else c.phone_shared end,
      sms_consent_phone = case when p_phone is null then c.sms_consent_phone else coalesce(c.sms_consent_phone, c.phone_e164, c.phone_shared, c.phone) end,
      timezone = coalesce(p_timezone, c.timezone), postal_code = coalesce(p_postal_code::sms.customers_postal_code, c.postal_code), state = coalesce(p_state, c.state),
      updated_at = p_at
  where c.id = p_id and c.business_id is not distinct from p_business_id and c.erased_at is null;
  update public.sms_retry_queue q
  set scheduled_for = p_at
  where q.business_id = p_business_id and q.customer_id = p_id and q.status = 'pending' and q.accepted_at >= '-infinity'
    and q.reason is not distinct from 'quiet_hours' and q.scheduled_for > p_at;
  return query select c.* from public.customers c
    where c.id = p_id and c.business_id is not distinct from p_business_id and c.erased_at is null;
end $f$;

-- Adds a key to a business; repeating it changes nothing. False: the business has p_most live keys already. Whoever adds
-- one holds the business's row until the commit, so two at the same time cannot both be the last; sends do not wait for it.
create function sms.add_api_key(p_business_id uuid, p_id uuid, p_hash bytea, p_hint text, p_at timestamptz, p_most int)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  perform 1 from public.businesses b where b.id = p_business_id for no key update;
  if exists (select 1 from sms.api_keys k where k.id = p_id and k.business_id is not distinct from p_business_id) then
    return true;
  end if;
  if (select count(*) from sms.api_keys k where k.business_id = p_business_id and k.revoked_at is null) >= p_most then
    return false;
  end if;
  insert into sms.api_keys (id, business_id, key_hash, hint, created_at) values (p_id, p_business_id, p_hash, p_hint, p_at) on conflict do nothing;
  return true;
end $f$;

-- Keeps the counts of messages by status, whoever writes them: one entry a statement, business and status; and the
-- narrow copy of their states. What a statement left alone is in both of its tables and falls out. The attempts of a
-- message that is deleted go with it; its history stays. (An adopted table may have rows of nobody, or of no time.)
create function sms.count_messages() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
begin
  if tg_op = 'INSERT' then
    with counted as (
      insert into sms.count_changes (business_id, status, n)
      select r.business_id, r.status, count(*) from added r where r.channel = 'sms' and num_nulls(r.business_id, r.status, r.created_at) = 0 group by r.business_id, r.status)
    insert into sms.message_states (message_id, business_id, status, created_at, check_at)
    select r.id, r.business_id, r.status, r.created_at, case when r.status = 'sent' then r.check_at end
    from added r where r.channel = 'sms' and num_nulls(r.business_id, r.status, r.created_at) = 0 order by r.business_id, r.status, r.created_at;
  elsif tg_op = 'DELETE' then
    insert into sms.count_changes (business_id, status, n)
    select r.business_id, r.status, -count(*) from gone r where r.channel = 'sms' and num_nulls(r.business_id, r.status, r.created_at) = 0 group by r.business_id, r.status;
    delete from sms.message_states s using gone r
    where s.business_id = r.business_id and s.status = r.status::text and s.created_at = r.created_at and s.message_id = r.id;
    -- What the rows told that go now.
    insert into sms.message_events (id, message_id, business_id, at, type, data)
    select 0, r.id, r.business_id, r.created_at, 'accepted', case when r.decision is null then '{}' else jsonb_build_object('decision', r.decision) end
    from gone r where r.channel = 'sms' and num_nulls(r.business_id, r.status, r.created_at) = 0
    union all
    select t.id, t.message_id, t.business_id, t.at, t.type, t.data from gone r cross join lateral (select e.* from sms.timeline e where e.message_id = r.id offset 0) t where r.channel = 'sms'
    on conflict do nothing;
    delete from sms.attempts a where a.message_id in (select r.id from gone r);
  else
    with changed as materialized (
      select c.id, c.business_id, c.status, c.created_at, c.check_at, sum(c.n) as n
      from (
        select r.id, r.business_id, r.status::text as status, r.created_at, case when r.status = 'sent' then r.check_at end as check_at, 1 as n
        from added r where r.channel = 'sms' and num_nulls(r.business_id, r.status, r.created_at) = 0
        union all
        select r.id, r.business_id, r.status::text, r.created_at, case when r.status = 'sent' then r.check_at end, -1
        from gone r where r.channel = 'sms' and num_nulls(r.business_id, r.status, r.created_at) = 0) c
      group by c.id, c.business_id, c.status, c.created_at, c.check_at
      having sum(c.n) <> 0),
    counted as (
      insert into sms.count_changes (business_id, status, n)
      select c.business_id, c.status, sum(c.n) from changed c group by c.business_id, c.status having sum(c.n) <> 0),
    left_it as (
      delete from sms.message_states s using changed c
      where c.n < 0 and s.business_id = c.business_id and s.status = c.status and s.created_at = c.created_at and s.message_id = c.id)
    insert into sms.message_states (message_id, business_id, status, created_at, check_at)
    select c.id, c.business_id, c.status, c.created_at, c.check_at from changed c where c.n > 0;
  end if;
  return null;
end $f$;
create trigger send_logs_count_added after insert on public.send_logs
  referencing new table as added for each statement execute function sms.count_messages();
create trigger send_logs_count_changed after update on public.send_logs
  referencing new table as added old table as gone for each statement execute function sms.count_messages();
create trigger send_logs_count_gone after delete on public.send_logs
  referencing old table as gone for each statement execute function sms.count_messages();

-- Keeps the counts of the queue's live rows in the same way. (An adopted queue may allow rows of nobody, or for no time.)
create function sms.count_waiting() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
begin
  if tg_op = 'INSERT' then
    insert into sms.queue_changes (business_id, reason, is_held, minute, n)
    select r.business_id, coalesce(r.reason, 'scheduled'), r.held is not null, date_trunc('minute', coalesce(r.scheduled_for, 'infinity'), 'UTC'), count(*)
    from added r where r.status in ('pending', 'processing') and r.business_id is not null group by 1, 2, 3, 4;
  elsif tg_op = 'DELETE' then
    insert into sms.queue_changes (business_id, reason, is_held, minute, n)
    select r.business_id, coalesce(r.reason, 'scheduled'), r.held is not null, date_trunc('minute', coalesce(r.scheduled_for, 'infinity'), 'UTC'), -count(*)
    from gone r where r.status in ('pending', 'processing') and r.business_id is not null group by 1, 2, 3, 4;
  else
    insert into sms.queue_changes (business_id, reason, is_held, minute, n)
    select c.business_id, coalesce(c.reason, 'scheduled'), c.held is not null, date_trunc('minute', coalesce(c.scheduled_for, 'infinity'), 'UTC'), sum(c.n)
    from (
      select r.business_id, r.reason, r.held, r.scheduled_for, 1 as n from added r where r.status in ('pending', 'processing') and r.business_id is not null
      union all
      select r.business_id, r.reason, r.held, r.scheduled_for, -1 from gone r where r.status in ('pending', 'processing') and r.business_id is not null) c
    group by 1, 2, 3, 4
    having sum(c.n) <> 0;
  end if;
  return null;
end $f$;
create trigger sms_retry_queue_count_added after insert on public.sms_retry_queue
  referencing new table as added for each statement execute function sms.count_waiting();
create trigger sms_retry_queue_count_changed after update on public.sms_retry_queue
  referencing new table as added old table as gone for each statement execute function sms.count_waiting();
create trigger sms_retry_queue_count_gone after delete on public.sms_retry_queue
  referencing old table as gone for each statement execute function sms.count_waiting();
-- What a text was accepted on is written by this program: not by clients of the HTTP layer, who may write to the logs of
-- their own business.
create function sms.refuse_acceptance() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  raise exception 'what a text was accepted on is not written from outside' using errcode = 'insufficient_privilege';
end $f$;
create trigger send_logs_acceptance_made before insert on public.send_logs for each row
  when (new.decision is not null and current_user in ('anon', 'authenticated', 'service_role'))
  execute function sms.refuse_acceptance();
create trigger send_logs_acceptance_kept before update of id, business_id, channel, category, created_at, decision on public.send_logs for each row
  when (current_user in ('anon', 'authenticated', 'service_role') and (old.decision is not null or new.decision is not null)
    and (old.id, old.business_id, old.channel, old.category, old.created_at, old.decision)
      is distinct from (new.id, new.business_id, new.channel, new.category, new.created_at, new.decision))
  execute function sms.refuse_acceptance();

-- Emptied tables count nothing, and attempts without messages are none.
create function sms.count_emptied() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
begin
  if tg_table_name = 'send_logs' then
    delete from sms.attempts;
    delete from sms.message_states;
    delete from sms.message_counts;
    delete from sms.count_changes;
  else
    delete from sms.queue_counts;
    delete from sms.queue_changes;
  end if;
  return null;
end $f$;
create trigger send_logs_count_emptied after truncate on public.send_logs for each statement execute function sms.count_emptied();
create trigger sms_retry_queue_count_emptied after truncate on public.sms_retry_queue for each statement execute function sms.count_emptied();
-- What is adopted.
insert into sms.message_states (message_id, business_id, status, created_at, check_at)
select l.id, l.business_id, l.status, l.created_at, case when l.status = 'sent' then l.check_at end
from public.send_logs l where l.channel = 'sms' and num_nulls(l.business_id, l.status, l.created_at) = 0;
insert into sms.count_changes (business_id, status, n)
select s.business_id, s.status, count(*) from sms.message_states s group by s.business_id, s.status;
insert into sms.queue_changes (business_id, reason, is_held, minute, n)
select q.business_id, coalesce(q.reason, 'scheduled'), q.held is not null, date_trunc('minute', coalesce(q.scheduled_for, 'infinity'), 'UTC'), count(*)
from public.sms_retry_queue q where q.status in ('pending', 'processing') and q.business_id is not null group by 1, 2, 3, 4;

-- Folds changes into the sums: at most p_limit of each, those that nobody else is folding; returns how many.
create function sms.fold_counts(p_limit int)
returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_rows tid[];
  v_waiting tid[];
begin
  v_rows := array(select c.ctid from sms.count_changes c limit p_limit for update skip locked);
  with folded as (
    delete from sms.count_changes c where c.ctid = any (v_rows) returning c.business_id, c.status, c.n)
  insert into sms.message_counts (business_id, status, n)
  select f.business_id, f.status, sum(f.n) from folded f
  group by f.business_id, f.status
  having sum(f.n) <> 0
  order by f.business_id, f.status
  on conflict (business_id, status) do update set n = sms.message_counts.n + excluded.n;

  v_waiting := array(select c.ctid from sms.queue_changes c limit p_limit for update skip locked);
  with folded as (
    delete from sms.queue_changes c where c.ctid = any (v_waiting) returning c.business_id, c.reason, c.is_held, c.minute, c.n)
  insert into sms.queue_counts (business_id, reason, is_held, minute, n)
  select f.business_id, f.reason, f.is_held, f.minute, sum(f.n) from folded f
  group by 1, 2, 3, 4
  having sum(f.n) <> 0
  order by 1, 2, 3, 4
  on conflict (business_id, reason, is_held, minute) do update set n = sms.queue_counts.n + excluded.n;
  delete from sms.queue_counts c where c.n = 0;
  return greatest(cardinality(v_rows), cardinality(v_waiting));
end $f$;

-- Statistics of tables that have grown to more than twice of what is known. Plans are kept by each connection: one made
-- over an almost empty table reads it from end to end, and would do so until the server's own analysis, which comes once
-- a minute at best; a table may have grown by a hundred thousand rows then. Beyond 64 MiB that is soon enough. Sends
-- share the cores with it, so a tenth of the usual sample must do, and of tables beyond 4 MiB there is one a call.
create function sms.analyze_grown()
returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp set default_statistics_target = 10 as $f$
declare
  v_table record;
  v_grown int := 0;
begin
  for v_table in
    select c.oid::regclass as name, c.relpages as known, s.pages
    from pg_class c
    cross join lateral (select pg_relation_size(c.oid) / current_setting('block_size')::int as pages) s
    where c.relkind = 'r' and (c.relnamespace = 'sms'::regnamespace
        or c.oid in ('public.businesses'::regclass, 'public.customers'::regclass, 'public.send_logs'::regclass, 'public.sms_retry_queue'::regclass))
      and c.relpages < 8192 and s.pages > 2 * greatest(c.relpages, 1)
    order by s.pages
  loop
    execute format('analyze (skip_locked) %s', v_table.name);
    v_grown := v_grown + 1;
    -- Not one that was passed over because it is locked.
    exit when v_table.pages > 512 and (select c.relpages from pg_class c where c.oid = v_table.name) <> v_table.known;
  end loop;
  return v_grown;
end $f$;

-- How many businesses are paused while texts of theirs wait for that to end. It reads one row of each, and of 1,000 at most.
create function sms.paused_businesses()
returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $f$
declare
  v_business uuid := '00000000-0000-0000-0000-000000000000';
  v_paused bigint := 0;
begin
  while v_paused < 1000 loop
    select q.business_id into v_business from public.sms_retry_queue q
    where q.status = 'pending' and q.held = 'paused' and q.business_id > v_business
    order by q.business_id limit 1;
    exit when not found;
    v_paused := v_paused + 1;
  end loop;
  return v_paused;
end $f$;

-- The queue over all businesses, in one row; by_reason counts its live rows. Nothing of it is counted row by row but
-- what is in hand, of unknown outcome, or due since the beginning of this minute: of the last, when there are more than
-- 10,000, all that falls due in this minute is taken for due.
create function sms.queue_figures(p_now timestamptz)
returns table (pending bigint, due bigint, processing bigint, held bigint, oldest_due timestamptz, by_reason jsonb,
  unknown bigint, oldest_unknown timestamptz, claimed_in_vain bigint, paused_businesses bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_minute constant timestamptz := date_trunc('minute', p_now, 'UTC');
  v_processing constant bigint := (select count(*) from public.sms_retry_queue q where q.status = 'processing' and q.fault_count >= 0);
  v_now_due constant bigint := (
    select count(*) from (
      select 1 from unnest(array[0, 1]::smallint[]) n (lane)
      cross join lateral (
        select 1 from public.sms_retry_queue q
        where q.status = 'pending' and q.held is null and q.fault_count >= 0 and q.lane = n.lane
          and q.scheduled_for >= v_minute and q.scheduled_for <= p_now
        order by q.lane, q.scheduled_for
        limit 10001) q
      limit 10001) d);
  v_now_processing constant bigint := (
    select count(*) from public.sms_retry_queue q
    where q.status = 'processing' and q.fault_count >= 0 and q.scheduled_for >= v_minute);
  v_oldest constant timestamptz := sms.next_due();
begin
  return query
  with live as (
    select c.reason, c.is_held, c.minute, c.n from sms.queue_counts c
    union all
    select c.reason, c.is_held, c.minute, c.n from sms.queue_changes c),
  sums as materialized (
    select l.reason, sum(l.n) as n, sum(l.n) filter (where l.is_held) as held,
      sum(l.n) filter (where not l.is_held and l.minute < v_minute) as past,
      sum(l.n) filter (where not l.is_held and l.minute = v_minute) as present
    from live l group by l.reason)
  select greatest(coalesce(sum(s.n), 0)::bigint - v_processing, 0),
    greatest(coalesce(sum(s.past), 0)::bigint - (v_processing - v_now_processing), 0)
      + case when v_now_due <= 10000 then v_now_due else coalesce(sum(s.present), 0)::bigint - v_now_processing end,
    v_processing, coalesce(sum(s.held), 0)::bigint,
    case when v_oldest <= p_now then v_oldest end,
    coalesce(jsonb_object_agg(s.reason, s.n) filter (where s.n <> 0), '{}'),
    (select count(*) from sms.attempts a where a.state = 'unknown'),
    (select min(a.unknown_at) from sms.attempts a where a.state = 'unknown'),
    sms.claimed_in_vain(p_now),
    sms.paused_businesses()
  from sums s;
end $f$;

revoke all on function
  sms.is_lost(uuid), sms.retry_message(uuid, uuid, timestamptz), sms.add_api_key(uuid, uuid, bytea, text, timestamptz, int),
  sms.change_customer(uuid, uuid, text, text, text, text, timestamptz, text, text, text, text, text, timestamptz, text, text, uuid, text),
  sms.refuse_acceptance(), sms.count_messages(), sms.count_waiting(), sms.count_emptied(), sms.fold_counts(int), sms.analyze_grown(), sms.paused_businesses(), sms.queue_figures(timestamptz)
from public;
grant execute on function
  sms.is_lost(uuid), sms.retry_message(uuid, uuid, timestamptz), sms.add_api_key(uuid, uuid, bytea, text, timestamptz, int),
  sms.change_customer(uuid, uuid, text, text, text, text, timestamptz, text, text, text, text, text, timestamptz, text, text, uuid, text)
to sms_app;
grant execute on function sms.queue_figures(timestamptz), sms.fold_counts(int), sms.analyze_grown() to sms_drain;

-- What the operator asks for who does not know whose it is. These functions see all businesses; the API answers them to the
-- admin key alone.

-- Where a text is: by its id, or by the provider's.
create function sms.find_message(p_id uuid, p_sid text)
returns table (business_id uuid, id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_id uuid := p_id;
begin
  if v_id is null then
    select a.message_id into v_id from sms.attempts a where a.twilio_sid = p_sid;
  end if;
  return query
    select l.business_id, l.id from public.send_logs l
    where l.id = v_id and l.business_id is not null and l.channel is not distinct from 'sms';
end $f$;

-- Texts to a number, whichever business's, newest first, from before (p_before, p_before_id). By the customers who have the
-- number: of each no more than a page is looked at.
create function sms.find_messages_to(p_phone text, p_before timestamptz, p_before_id uuid, p_limit int)
returns table (business_id uuid, id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
begin
  return query
    select n.business_id, n.id
    from public.customers c
    cross join lateral (
      select l.business_id, l.id, l.created_at from public.send_logs l
      where l.customer_id = c.id and l.business_id is not distinct from c.business_id and l.channel <> 'email' and l.to_phone = p_phone
        and (l.created_at, l.id) < (p_before, p_before_id)
      order by l.created_at desc, l.id desc
      limit p_limit) n
    where c.phone_e164 = p_phone and n.business_id is not null
    order by n.created_at desc, n.id desc
    limit p_limit;
end $f$;

-- Businesses in the order of their ids, the last first, from below p_before_id; with p_query those whose name has it, in
-- whatever case, or whose id it is.
create function sms.list_businesses(p_query text, p_before_id uuid, p_limit int)
returns setof public.businesses
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
begin
  return query
    select b.* from public.businesses b
    where b.id < p_before_id
      and (p_query is null or position(lower(p_query) in lower(b.name::text)) > 0 or b.id::text = lower(p_query))
    order by b.id desc
    limit p_limit;
end $f$;

revoke all on function
  sms.find_message(uuid, text), sms.find_messages_to(text, timestamptz, uuid, int), sms.list_businesses(text, uuid, int)
from public, anon, authenticated;
grant execute on function
  sms.find_message(uuid, text), sms.find_messages_to(text, timestamptz, uuid, int), sms.list_businesses(text, uuid, int)
to sms_drain;
