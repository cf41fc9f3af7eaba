-- The queue over all businesses. These run with their owner's rights and are called by name only:
-- whoever may claim needs no right on any table.

-- Those of the e-mail product's own making would be called in their place.
drop function if exists public.claim_due_sms_retries(int);
drop function if exists public.recover_stuck_sms_retries(int);

-- Claims up to limit_count due rows: one-time passwords first, then by due time, then by id.
-- Guarantees: never more rows than limit_count (the array keeps the planner from re-running the
-- locking sub-select for every candidate row); a row is given to one caller only (skip locked); a
-- claim is dead p_lease after p_now unless renewed. It counts no attempt.
--   limit_count  0 to 1,000; less (or null) is none, more is 1,000
--   p_low        watermark: rows due before it are not looked for; null: all are. Cures dead index
--                entries behind a long-open transaction; a caller that finds too little repeats without it.
create function public.claim_due_sms_retries(
  limit_count int default 50,
  p_lease interval default interval '20 seconds',
  p_now timestamptz default now(),
  p_low timestamptz default '-infinity')
returns setof public.sms_retry_queue
language plpgsql security definer set search_path = '' as $f$
declare
  v_token constant uuid := gen_random_uuid();
  v_low constant timestamptz := coalesce(p_low, '-infinity');
  v_left int := least(greatest(coalesce(limit_count, 0), 0), 1000);
  v_taken int;
begin
  for v_lane in 0..1 loop
    exit when v_left = 0;
    return query
      update public.sms_retry_queue q
      set status = 'processing', lease_token = v_token, lease_until = p_now + p_lease, claimed_at = p_now
      where q.id = any (array(
        select d.id
        from public.sms_retry_queue d
        where d.status = 'pending' and d.held is null and d.lane = v_lane
          and d.scheduled_for <= p_now and d.scheduled_for >= v_low
        order by d.lane, d.scheduled_for, d.id
        limit v_left
        for no key update skip locked))
      returning q.*;
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
  end loop;
end $f$;

-- Gives back rows whose claim died: claimed at least stale_minutes ago and no live lease. A row whose
-- message has an attempt under way or of unknown outcome is left to reconciliation: sending it again
-- could text somebody twice. A row that has spent its attempts is failed, not tried once more.
create function public.recover_stuck_sms_retries(
  stale_minutes int default 10,
  p_now timestamptz default now())
returns setof public.sms_retry_queue
language plpgsql security definer set search_path = '' as $f$
declare
  v_dead uuid[];
begin
  v_dead := array(
    select q.id
    from public.sms_retry_queue q
    where q.status = 'processing'
      and coalesce(q.lease_until, '-infinity') < p_now
      and coalesce(q.claimed_at, q.last_attempted_at, q.updated_at)
        <= p_now - make_interval(mins => greatest(coalesce(stale_minutes, 0), 0))
      and not exists (
        select 1 from sms.attempts a where a.message_id = q.send_log_id and a.state in ('open', 'unknown'))
    order by q.id
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
          select 1 from sms.attempts a where a.message_id = q.send_log_id and a.state in ('open', 'unknown'))),
    recovered as (
      update public.sms_retry_queue q
      set status = case when s.spent then 'failed' else 'pending' end,
          last_error = case when s.spent then 'attempts are spent' else q.last_error end,
          lease_token = null, lease_until = null, claimed_at = null
      from stuck s
      where q.id = s.id
      returning q.*),
    failed as (
      update public.send_logs l
      set status = 'failed', error_message = 'attempts are spent', updated_at = p_now
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
language sql security definer set search_path = '' as $f$
  with mine as materialized (
    select q.id
    from unnest(p_ids, p_tokens) as c (id, token)
    join public.sms_retry_queue q on q.id = c.id and q.lease_token = c.token and q.status = 'processing'
    order by q.id
    for no key update of q),
  renewed as (
    update public.sms_retry_queue q set lease_until = p_until from mine m where q.id = m.id returning q.id)
  select c.id from unnest(p_ids) as c (id) where c.id not in (select r.id from renewed r)
$f$;

-- Attempts still open so long after their request must have left that nobody can be waiting for the
-- reply (their process died): the outcome is unknown from now on. Returns their messages.
create function sms.expire_attempts(p_left_before timestamptz, p_now timestamptz, p_lookup_at timestamptz)
returns setof uuid
language sql security definer set search_path = '' as $f$
  with dead as materialized (
    select a.id from sms.attempts a
    where a.state = 'open' and a.leave_by < p_left_before
    order by a.id limit 1000
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

-- When the next row falls due, so that an idle claimer knows how long it may sleep; null: none waits.
create function sms.next_due()
returns timestamptz
language sql stable security definer set search_path = '' as $f$
  select least(
    (select q.scheduled_for from public.sms_retry_queue q
     where q.status = 'pending' and q.held is null and q.lane = 0
     order by q.lane, q.scheduled_for limit 1),
    (select q.scheduled_for from public.sms_retry_queue q
     where q.status = 'pending' and q.held is null and q.lane = 1
     order by q.lane, q.scheduled_for limit 1))
$f$;

revoke all on function
  public.claim_due_sms_retries(int, interval, timestamptz, timestamptz),
  public.recover_stuck_sms_retries(int, timestamptz),
  sms.renew_leases(uuid[], uuid[], timestamptz),
  sms.expire_attempts(timestamptz, timestamptz, timestamptz),
  sms.next_due()
from public, anon, authenticated;
grant execute on function
  public.claim_due_sms_retries(int, interval, timestamptz, timestamptz),
  public.recover_stuck_sms_retries(int, timestamptz)
to service_role, sms_drain;
grant execute on function
  sms.renew_leases(uuid[], uuid[], timestamptz),
  sms.expire_attempts(timestamptz, timestamptz, timestamptz),
  sms.next_due()
to sms_drain;
