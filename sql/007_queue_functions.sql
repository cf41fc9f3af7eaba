-- The queue over all businesses. These run with their owner's rights and are called by name only:
-- whoever may claim needs no right on any table.

-- Those of the e-mail product's own making would be called in their place.
drop function if exists public.claim_due_sms_retries(int);
drop function if exists public.recover_stuck_sms_retries(int);

-- The business whose turn at the queue was last, as the hash of its id; not transactional, so that claimers at the
-- same time begin at different places.
create sequence sms.claim_turn as bigint minvalue -2147483649 start -2147483649;

-- Claims up to limit_count due rows: one-time passwords first, then by due time, then by id; but when more is due
-- than a claim of 8 or more takes, the businesses take turns and share it evenly, so that a million due rows of one
-- hold up nobody else.
-- Guarantees: never more rows than limit_count (arrays keep the planner from re-running a locking sub-select for
-- every candidate row); a row is given to one caller only (skip locked); a claim is dead p_lease after p_now unless
-- renewed. It counts no attempt. Its cost does not grow with the backlog: a turn looks at 128 businesses at most, and
-- goes on where the last one ended.
--   limit_count  0 to 1,000; less (or null) is none, more is 1,000
--   p_low        watermark: rows due before it are not looked for; null: all are. Cures dead index
--                entries behind a long-open transaction; a caller that finds too little repeats without it.
--   p_last_lane  0 claims one-time passwords alone: for a caller that has room for nothing else
create function public.claim_due_sms_retries(
  limit_count int default 50,
  p_lease interval default interval '20 seconds',
  p_now timestamptz default now(),
  p_low timestamptz default '-infinity',
  p_last_lane smallint default 1)
returns setof public.sms_retry_queue
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_token constant uuid := gen_random_uuid();
  v_low constant timestamptz := coalesce(p_low, '-infinity');
  v_probes constant int := 128;
  v_left int := least(greatest(coalesce(limit_count, 0), 0), 1000);
  v_turn bigint;
  v_near uuid[];
  v_due uuid[];
  v_share int;
  v_rows tid[];
  v_taken int;
begin
  for v_lane in 0..least(p_last_lane, 1) loop
    exit when v_left = 0;
    v_rows := '{}';

    if v_left >= 8 then
      perform 1 from public.sms_retry_queue d
      where d.status = 'pending' and d.held is null and d.fault_count >= 0 and d.lane = v_lane
        and d.scheduled_for <= p_now and d.scheduled_for >= v_low
      order by d.lane, d.scheduled_for
      offset v_left limit 1;
      if found then
        -- The next businesses round the circle, and which of them have something due.
        select t.last_value into v_turn from sms.claim_turn t;
        v_near := array(
          select b.id from public.businesses b where uuid_hash(b.id) > v_turn order by uuid_hash(b.id) limit v_probes);
        if cardinality(v_near) < v_probes then
          v_near := v_near || array(
            select b.id from public.businesses b where uuid_hash(b.id) <= v_turn order by uuid_hash(b.id)
            limit v_probes - cardinality(v_near));
        end if;
        v_due := array(
          select n.id from unnest(v_near) with ordinality n (id, place)
          cross join lateral (
            select 1 from public.sms_retry_queue d
            where d.status = 'pending' and d.held is null and d.lane = v_lane and d.business_id = n.id
              and d.scheduled_for <= p_now and d.scheduled_for >= v_low
            order by d.lane, d.business_id, d.scheduled_for
            limit 1) d
          order by n.place limit v_left);
        perform setval('sms.claim_turn', uuid_hash(
          case when cardinality(v_due) = v_left then v_due[v_left] else v_near[cardinality(v_near)] end));

        v_share := ceil(v_left::numeric / greatest(cardinality(v_due), 1));
        v_rows := array(
          select d.row from unnest(v_due) n (id)
          cross join lateral (
            select q.ctid as row from public.sms_retry_queue q
            where q.status = 'pending' and q.held is null and q.lane = v_lane and q.business_id = n.id
              and q.scheduled_for <= p_now and q.scheduled_for >= v_low
            order by q.lane, q.business_id, q.scheduled_for
            limit v_share
            for no key update skip locked) d
          limit v_left);
      end if;
    end if;

    if cardinality(v_rows) < v_left then
      v_rows := v_rows || array(
        select d.ctid
        from public.sms_retry_queue d
        where d.status = 'pending' and d.held is null and d.fault_count >= 0 and d.lane = v_lane
          and d.scheduled_for <= p_now and d.scheduled_for >= v_low
          and d.ctid <> all (v_rows)
        order by d.lane, d.scheduled_for, d.id
        limit v_left - cardinality(v_rows)
        for no key update skip locked);
    end if;

    return query
      update public.sms_retry_queue q
      set status = 'processing', lease_token = v_token, lease_until = p_now + p_lease, claimed_at = p_now, updated_at = now()
      where q.ctid = any (v_rows)
      returning q.*;
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
  end loop;
end $f$;

-- Gives back rows whose claim died: claimed at least stale_minutes ago and no live lease. A row whose
-- message has an attempt under way or of unknown outcome is left to reconciliation: sending it again
-- could text somebody twice. A row that has spent its attempts is failed, not tried once more.
-- A lease that ends later than p_lease from now was made before the clock was put back, and so was a claim of the
-- future: it is dead, for a live holder renews it by the present clock.
--   p_lease  how long a claim holds; by default the longest that can be set
create function public.recover_stuck_sms_retries(
  stale_minutes int default 10,
  p_now timestamptz default now(),
  p_lease interval default interval '1 hour')
returns setof public.sms_retry_queue
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  -- By so much the clocks of two silos may differ.
  v_apart constant interval := interval '10 seconds';
  v_dead uuid[];
begin
  v_dead := array(
    select q.id
    from public.sms_retry_queue q
    where q.status = 'processing' and q.fault_count >= 0
      and coalesce(q.lease_until, '-infinity') not between p_now and p_now + p_lease + v_apart
      and (coalesce(q.claimed_at, q.last_attempted_at, q.updated_at)
          <= p_now - make_interval(mins => greatest(coalesce(stale_minutes, 0), 0))
        or coalesce(q.claimed_at, q.last_attempted_at, q.updated_at) > p_now + v_apart)
      and not exists (
        select 1 from sms.attempts a where a.message_id = q.send_log_id and a.state in ('open', 'unknown') offset 0)
    order by q.lease_until
    limit 1000
    for no key update skip locked);

  -- Asked again now that the rows are locked: the statement above may have begun before the commit of
  -- an attempt on one of them.
  return query
    with stuck as materialized (
      select q.id, q.attempt_count >= q.max_attempts as spent
      from public.sms_retry_queue q
      where q.id = any (v_dead)
        and not exists (
          select 1 from sms.attempts a where a.message_id = q.send_log_id and a.state in ('open', 'unknown') offset 0)),
    recovered as (
      update public.sms_retry_queue q
      set status = case when s.spent then 'failed' else 'pending' end,
          last_error = case when s.spent then 'attempts are spent'::sms.sms_retry_queue_last_error else q.last_error end,
          lease_token = null, lease_until = null, claimed_at = null,
          lost_claims = case when q.lost_at > p_now - 10 * p_lease - interval '10 minutes' then least(q.lost_claims, 1000) + 1 else 1 end,
          lost_at = p_now
      from stuck s
      where q.id = s.id
      returning q.*),
    failed as (
      update public.send_logs l
      set status = 'failed', error_message = 'attempts are spent'::sms.send_logs_error_message, updated_at = p_now
      from recovered r
      where r.status = 'failed' and l.id = r.send_log_id and l.status = 'pending'
      returning l.id, l.business_id),
    noted as (
      insert into sms.message_events (message_id, business_id, at, type, data)
      select f.id, f.business_id, p_now, 'failed', '{"reason": "attempts are spent"}'::jsonb from failed f)
    select r.* from recovered r;
end $f$;

-- Prolongs the claims that the caller still holds; returns the rows that it holds no longer.
create function sms.renew_leases(p_ids uuid[], p_tokens uuid[], p_until timestamptz)
returns setof uuid
language sql security definer set search_path = pg_catalog, pg_temp as $f$
  with mine as materialized (
    select q.id
    from (select c.id, c.token from unnest(p_ids, p_tokens) c (id, token) order by c.id) c
    cross join lateral (
      select q.id from public.sms_retry_queue q
      where q.id = c.id and q.lease_token is not distinct from c.token and q.status is not distinct from 'processing'
      for no key update skip locked) q),
  renewed as (
    update public.sms_retry_queue q set lease_until = p_until from mine m where q.id = m.id)
  select c.id from unnest(p_ids, p_tokens) c (id, token)
  where not exists (
    select 1 from public.sms_retry_queue q
    where q.id = c.id and q.lease_token is not distinct from c.token and q.status is not distinct from 'processing' offset 0)
$f$;

-- Attempts still open so long after their request must have left that nobody can be waiting for the
-- reply (their process died): the outcome is unknown from now on. Returns their messages. Sooner, those of
-- owners that are none of p_alive and had to leave before p_gone_before: they hold up their recipients' next
-- messages. An owner that lives all the same, unseen, settles its attempt still: an outcome ends the not knowing.
create function sms.expire_attempts(
  p_left_before timestamptz, p_now timestamptz, p_lookup_at timestamptz,
  p_gone_before timestamptz default '-infinity', p_alive text[] default '{}')
returns setof uuid
language sql security definer set search_path = pg_catalog, pg_temp as $f$
  with dead as materialized (
    select a.id from sms.attempts a
    where a.state = 'open' and a.leave_by < greatest(p_left_before, p_gone_before)
      and (a.leave_by < p_left_before or a.owner <> all (p_alive))
    order by a.customer_id limit 1000
    for no key update skip locked),
  expired as (
    update sms.attempts a
    set state = 'unknown', unknown_at = p_now, next_lookup_at = p_lookup_at, error_class = 'unknown',
        error_message = 'the process that made the request ended'
    from dead d where a.id = d.id
    returning a.id, a.message_id, a.business_id),
  noted as (
    insert into sms.message_events (message_id, business_id, at, type, data)
    select e.message_id, e.business_id, p_now, 'attempt_failed',
      jsonb_build_object('attempt', e.id, 'outcome', 'unknown', 'reason', 'the process that made the request ended')
    from expired e)
  select e.message_id from expired e
$f$;

-- When the next row falls due, so that an idle claimer knows how long it may sleep and a busy one where its watermark
-- is; null: none waits. Rows due before p_low are not looked for. Whatever the rows say, it is a time that callers can read.
create function sms.next_due(p_low timestamptz default '-infinity')
returns timestamptz
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_due constant timestamptz := least(
    (select q.scheduled_for from public.sms_retry_queue q
     where q.status = 'pending' and q.held is null and q.fault_count >= 0 and q.lane = 0 and q.scheduled_for >= coalesce(p_low, '-infinity')
     order by q.lane, q.scheduled_for limit 1),
    (select q.scheduled_for from public.sms_retry_queue q
     where q.status = 'pending' and q.held is null and q.fault_count >= 0 and q.lane = 1 and q.scheduled_for >= coalesce(p_low, '-infinity')
     order by q.lane, q.scheduled_for limit 1));
begin
  return case when v_due < '3000-01-01' then greatest(v_due, '2000-01-01') end;
end $f$;

-- How many rows are claimed again and again and come to nothing: three times or more handling them threw and they are due
-- again soon, or their claim was lost lately.
create function sms.claimed_in_vain(p_now timestamptz)
returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
begin
  return (
    select count(*) from public.sms_retry_queue q
    where q.status not in ('completed', 'failed', 'cancelled') and (q.fault_count >= 3 or q.lost_claims >= 3)
      and (q.fault_count >= 3 and q.scheduled_for < p_now + interval '10 minutes'
        or q.lost_claims >= 3 and q.lost_at > p_now - interval '10 minutes'));
end $f$;

-- Of each business with rows held because the provider refuses its sender one falls due: whoever handles it finds out
-- whether the sender is still refused. So nothing stays held when those who held it are gone. Returns how many.
create function sms.probe_stopped(p_now timestamptz)
returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_business uuid := '00000000-0000-0000-0000-000000000000';
  v_probe uuid;
  v_probes uuid[] := '{}';
begin
  loop
    select q.business_id into v_business from public.sms_retry_queue q
    where q.status = 'pending' and q.held = 'sender' and q.business_id > v_business
    order by q.business_id limit 1;
    exit when not found;
    select q.id into v_probe from public.sms_retry_queue q
    where q.status = 'pending' and q.held = 'sender' and q.business_id = v_business
    order by q.business_id, q.lane, q.accepted_at limit 1
    for no key update skip locked;
    if found then
      v_probes := v_probes || v_probe;
    end if;
  end loop;
  update public.sms_retry_queue q set held = null, scheduled_for = p_now where q.id = any (v_probes);
  return cardinality(v_probes);
end $f$;

-- Rows held for a pause of a business that is not paused (any more) fall due: the process that resumed it may have died
-- before all were released, and a row that was in its hands be put back after that. At most p_limit rows; returns how many.
create function sms.release_unpaused(p_now timestamptz, p_limit int)
returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_business uuid := '00000000-0000-0000-0000-000000000000';
  v_released int := 0;
  v_round int;
begin
  while v_released < p_limit loop
    select q.business_id into v_business from public.sms_retry_queue q
    where q.status = 'pending' and q.held = 'paused' and q.business_id > v_business
    order by q.business_id limit 1;
    exit when not found;
    continue when exists (select 1 from public.businesses b where b.id = v_business and b.sms_settings @> '{"paused": true}');
    update public.sms_retry_queue q set held = null,
      scheduled_for = case when q.reason = 'rate_limit' then q.scheduled_for else least(q.scheduled_for, p_now) end
    where q.id = any (array(
      select w.id from public.sms_retry_queue w
      where w.status = 'pending' and w.held = 'paused' and w.business_id = v_business
      order by w.business_id, w.accepted_at
      limit p_limit - v_released
      for no key update skip locked));
    get diagnostics v_round = row_count;
    v_released := v_released + v_round;
  end loop;
  return v_released;
end $f$;

-- Recipients with rows that are held because enough was claimed for them, p_limit at most: whoever held them may be gone.
create function sms.crowded_recipients(p_limit int)
returns table (business_id uuid, customer_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $f$
  with recursive found as (
    (select q.business_id, q.customer_id from public.sms_retry_queue q
     where q.status = 'pending' and q.held = 'recipient'
     order by q.business_id, q.customer_id limit 1)
    union all
    select n.business_id, n.customer_id
    from found f
    cross join lateral (
      select q.business_id, q.customer_id from public.sms_retry_queue q
      where q.status = 'pending' and q.held = 'recipient' and (q.business_id, q.customer_id) > (f.business_id, f.customer_id)
      order by q.business_id, q.customer_id limit 1) n)
  select f.business_id, f.customer_id from found f limit p_limit
$f$;

-- The blackouts and their revision; one row without an id when there are none, no row when p_known is the revision.
create function sms.blackout_calendar(p_known bigint)
returns table (revision bigint, id uuid, state text, from_day date, until_day date, reason text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $f$
  select v.revision, b.id, b.state, b.from_day, b.until_day, b.reason
  from sms.blackout_revision v
  left join sms.blackouts b on true
  where v.revision is distinct from p_known
  order by b.from_day, b.id
$f$;

-- What waits for its hour by a decision made under another tz database, other rules or another calendar of blackouts
-- falls due now and is decided again. Looks at most at p_limit rows after the given place in the order of the queue;
-- returns that of the last one, how many it looked at and how many it changed. Rows in others' hands are passed over:
-- they are decided again anyhow.
create function sms.replan_outdated(
  p_tzdb text, p_rule_set text, p_blackouts bigint, p_now timestamptz, p_limit int, p_after timestamptz, p_after_id uuid)
returns table (last_at timestamptz, last_id uuid, looked_at int, changed int)
language sql security definer set search_path = pg_catalog, pg_temp as $f$
  with looked as materialized (
    select q.id, q.scheduled_for, q.send_log_id, q.reason
    from public.sms_retry_queue q
    where q.status = 'pending' and q.held is null and q.fault_count >= 0 and q.lane = 1
      and q.scheduled_for > p_now and (q.scheduled_for, q.id) > (p_after, p_after_id)
    order by q.lane, q.scheduled_for, q.id
    limit p_limit
    for no key update skip locked),
  moved as (
    update public.sms_retry_queue q set scheduled_for = p_now
    from looked k
    cross join lateral (
      select coalesce(l.later_decision, l.decision) as decision from public.send_logs l where l.id = k.send_log_id limit 1) d
    where q.id = k.id and k.reason = 'quiet_hours'
      and (d.decision ->> 'tzdb' is distinct from p_tzdb
        or d.decision ->> 'rule_set' is distinct from p_rule_set
        or (d.decision ->> 'blackouts')::bigint <> p_blackouts)
    returning 1)
  select (select k.scheduled_for from looked k order by k.scheduled_for desc, k.id desc limit 1),
    (select k.id from looked k order by k.scheduled_for desc, k.id desc limit 1),
    (select count(*)::int from looked), (select count(*)::int from moved)
$f$;

revoke all on function
  sms.blackout_calendar(bigint),
  sms.replan_outdated(text, text, bigint, timestamptz, int, timestamptz, uuid)
from public, anon, authenticated;
grant execute on function
  sms.blackout_calendar(bigint),
  sms.replan_outdated(text, text, bigint, timestamptz, int, timestamptz, uuid)
to sms_drain;

revoke all on function
  public.claim_due_sms_retries(int, interval, timestamptz, timestamptz, smallint),
  public.recover_stuck_sms_retries(int, timestamptz, interval),
  sms.renew_leases(uuid[], uuid[], timestamptz),
  sms.expire_attempts(timestamptz, timestamptz, timestamptz, timestamptz, text[]),
  sms.next_due(timestamptz), sms.claimed_in_vain(timestamptz), sms.probe_stopped(timestamptz), sms.release_unpaused(timestamptz, int), sms.crowded_recipients(int)
from public, anon, authenticated;
grant execute on function
  public.claim_due_sms_retries(int, interval, timestamptz, timestamptz, smallint),
  public.recover_stuck_sms_retries(int, timestamptz, interval)
to service_role, sms_drain;
grant execute on function
  sms.renew_leases(uuid[], uuid[], timestamptz),
  sms.expire_attempts(timestamptz, timestamptz, timestamptz, timestamptz, text[]),
  sms.next_due(timestamptz), sms.claimed_in_vain(timestamptz), sms.probe_stopped(timestamptz), sms.release_unpaused(timestamptz, int), sms.crowded_recipients(int)
to sms_drain;
