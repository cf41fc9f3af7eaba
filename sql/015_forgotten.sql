-- Messages that nothing would take up again. Both functions go over all businesses and are called as the queue.

-- Puts pending messages back into the queue that have neither a live row there nor an attempt (sms.is_lost); one whose row
-- somebody set to cancelled is cancelled. They keep the attempts that they have used. Looks at most at p_limit messages and
-- businesses, from the place given on, and returns where the next call goes on, and how many it found; next_business is null
-- at the end. Messages of the last minute, and those that somebody has locked, are left to the next round.
create function sms.requeue_lost(
  p_now timestamptz, p_limit int, p_business uuid default '00000000-0000-0000-0000-000000000000',
  p_before timestamptz default 'infinity', p_before_id uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff')
returns table (next_business uuid, next_before timestamptz, next_before_id uuid, found_lost int)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  l public.send_logs;
  v_left int := p_limit;
  v_ids uuid[];
  v_lost uuid[] := '{}';
  v_id uuid;
begin
  next_business := p_business;
  next_before := p_before;
  next_before_id := p_before_id;
  found_lost := 0;
  while v_left > 0 loop
    v_ids := array(
      select s.message_id from sms.message_states s
      where s.business_id = next_business and s.status = 'pending'
        and (s.created_at, s.message_id) < (least(next_before, p_now - interval '1 minute'), next_before_id)
      order by s.created_at desc, s.message_id desc
      limit v_left);
    v_lost := v_lost || array(select i.id from unnest(v_ids) i (id) where sms.is_lost(i.id));
    v_left := v_left - cardinality(v_ids) - 1;
    if v_left >= 0 then
      select s.business_id into next_business from sms.message_states s where s.business_id > next_business order by s.business_id limit 1;
      exit when next_business is null;
      next_before := 'infinity';
      next_before_id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    else
      next_before_id := v_ids[cardinality(v_ids)];
      select t.created_at into next_before from public.send_logs t where t.id = next_before_id;
    end if;
  end loop;

  foreach v_id in array v_lost loop
    select t.* into l from public.send_logs t where t.id = v_id for no key update skip locked;
    -- Not by what was seen before the lock.
    continue when l.id is null or not sms.is_lost(v_id);
    if exists (select 1 from public.sms_retry_queue q where q.id = v_id and q.send_log_id = v_id and q.status is not distinct from 'cancelled') then
      update public.send_logs t set status = 'cancelled', updated_at = p_now where t.id = v_id;
      insert into sms.message_events (message_id, business_id, at, type) values (v_id, l.business_id, p_now, 'cancelled');
    else
      insert into public.sms_retry_queue (business_id, send_log_id, customer_id, attempt_count, max_attempts, scheduled_for, last_attempted_at, lane, accepted_at)
      select l.business_id, l.id, l.customer_id, coalesce(l.attempt_count, 0), coalesce(l.max_attempts, 3), p_now, max(a.started_at),
        case l.category when 'otp' then 0 else 1 end, l.created_at
      from sms.attempts a where a.message_id = v_id;
      insert into sms.message_events (message_id, business_id, at, type, data) values (v_id, l.business_id, p_now, 'requeued', '{"reason": "lost"}');
    end if;
    found_lost := found_lost + 1;
  end loop;
  return next;
end $f$;

-- What waits for the end of a pause is not looked at, so nobody would see its time run out.
create index if not exists idx_sms_retry_queue_paused_otp on public.sms_retry_queue (lane, accepted_at)
  where status = 'pending' and held = 'paused' and lane = 0;

-- Ends one-time passwords that are held for a pause and have expired, p_limit at most; returns how many. Other messages are
-- looked at when the pause is over: there may be a million of them, and nobody waits for what they say.
create function sms.end_expired(p_now timestamptz, p_limit int)
returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_words constant text := 'The message was valid until a time that has passed.';
  v_ended uuid[];
begin
  with late as materialized (
    select q.id from public.sms_retry_queue q
    where q.status = 'pending' and q.held = 'paused' and q.lane = 0
      and exists (select 1 from public.send_logs l where l.id = q.send_log_id and l.valid_until <= p_now for no key update skip locked)
    order by q.lane, q.accepted_at
    limit p_limit
    for no key update skip locked),
  ended as (
    update public.sms_retry_queue q
    set status = 'failed', held = null, last_error = v_words::sms.sms_retry_queue_last_error, updated_at = now()
    from late k where q.id = k.id
    returning q.send_log_id)
  select coalesce(array_agg(e.send_log_id), '{}') into v_ended from ended e;

  with failed as (
    update public.send_logs l
    set status = 'failed', error_code = null, error_class = 'expired', error_message = v_words::sms.send_logs_error_message, updated_at = p_now
    where l.id = any (v_ended) and l.status is not distinct from 'pending'
    returning l.id, l.business_id)
  insert into sms.message_events (message_id, business_id, at, type, data)
  select f.id, f.business_id, p_now, 'failed', jsonb_build_object('class', 'expired', 'message', v_words) from failed f order by f.id;
  return cardinality(v_ended);
end $f$;

revoke all on function sms.requeue_lost(timestamptz, int, uuid, timestamptz, uuid), sms.end_expired(timestamptz, int) from public;
grant execute on function sms.requeue_lost(timestamptz, int, uuid, timestamptz, uuid), sms.end_expired(timestamptz, int) to sms_drain;
