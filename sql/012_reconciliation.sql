-- What the provider is asked: what became of an attempt of unknown outcome, and how a message ended of which
-- no final report came. Both go over all businesses and are called as the queue.

-- Takes attempts whose look-up is due. Guarantees: each is given to one caller only until p_until; then,
-- should that caller have died, to the next.
create function sms.claim_lookups(p_limit int, p_now timestamptz, p_until timestamptz)
returns table (
  attempt_id uuid, to_phone text, body text, sender text, started_at timestamptz, unknown_at timestamptz,
  message_id uuid, business_id uuid)
language sql security definer set search_path = pg_catalog, pg_temp as $f$
  with due as materialized (
    select a.id, a.message_id from sms.attempts a
    where a.state = 'unknown' and a.next_lookup_at <= p_now
      -- One whose message is gone would stay first for ever.
      and exists (select 1 from public.send_logs l where l.id = a.message_id offset 0)
    order by a.next_lookup_at
    limit p_limit
    for no key update skip locked)
  update sms.attempts a
  set next_lookup_at = p_until
  from due d, lateral (select x.to_phone, x.body, x.footer from public.send_logs x where x.id = d.message_id limit 1) l
  where a.id = d.id
  returning a.id, l.to_phone, l.body || coalesce(l.footer, ''), a.sender, a.started_at, a.unknown_at, a.message_id, a.business_id
$f$;

-- Settles one attempt of unknown outcome by what a look-up found; p_sids are the provider's messages that
-- may be it, the likeliest first. outcome is
--   found     the first of them that no other attempt has is this one: sent
--   absent    none is left; looked up again at p_next
--   requeued  none is left and p_final: it never reached the provider, back to the queue
--   failed    as requeued, but its attempts are spent, or its message waits no more
--   waits     another attempt with the same text, sender and recipient is under way, and whose a message
--             is cannot be told before that one has ended
--   settled   somebody else settled it meanwhile
create function sms.settle_lookup(
  p_attempt_id uuid, p_sids text[], p_final boolean, p_next timestamptz, p_check_at timestamptz, p_now timestamptz)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  a sms.attempts;
  l public.send_logs;
  v_sid text;
begin
  -- The queue's row first, as all others lock them.
  perform 1 from public.sms_retry_queue q
  where q.send_log_id = (select t.message_id from sms.attempts t where t.id = p_attempt_id)
    and q.status in ('pending', 'processing')
  for no key update;
  select t.* into a from sms.attempts t where t.id = p_attempt_id for no key update;
  if a.id is null or a.state <> 'unknown' then
    return 'settled';
  end if;
  select t.* into l from public.send_logs t where t.id = a.message_id for no key update;

  -- Asked after the provider was: what was under way then has either ended, and its message is bound,
  -- or is seen here.
  if exists (
    select 1
    from public.customers c
    cross join lateral (
      select x.message_id from sms.attempts x where x.customer_id = c.id and x.state = 'open' and x.sender = a.sender offset 0) o
    cross join lateral (select x.body, x.footer from public.send_logs x where x.id = o.message_id limit 1) ol
    where c.phone_e164 = l.to_phone and ol.body || coalesce(ol.footer, '') = l.body || coalesce(l.footer, '')) then
    update sms.attempts t set next_lookup_at = p_now + interval '2 seconds' where t.id = a.id;
    return 'waits';
  end if;

  select s.sid into v_sid
  from unnest(p_sids) with ordinality s (sid, n)
  where not exists (select 1 from sms.attempts b where b.twilio_sid = s.sid offset 0)
  order by s.n limit 1;

  if v_sid is null and not p_final then
    update sms.attempts t set next_lookup_at = p_next where t.id = a.id;
    return 'absent';
  end if;

  insert into sms.message_events (message_id, business_id, at, type, data)
  values (l.id, l.business_id, p_now, 'reconciled', jsonb_strip_nulls(jsonb_build_object(
    'attempt', a.id, 'found', v_sid is not null, 'twilioSid', v_sid)));

  if v_sid is null and l.status <> 'pending' then
    update sms.attempts t set state = 'void', next_lookup_at = null, ended_at = p_now where t.id = a.id;
    update public.send_logs t set attempt_count = a.number, later_decision = null where t.id = l.id;
    return 'failed';
  end if;

  perform set_config('sms.business_ids', a.business_id::text, true);
  perform sms.settle_attempts(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
    'attempt_id', a.id, 'business_id', a.business_id, 'at', p_now,
    'outcome', case when v_sid is null then 'retry' else 'accepted' end,
    'twilio_sid', v_sid, 'check_at', p_check_at,
    'error_class', case when v_sid is null then 'unknown' end,
    'error_message', case when v_sid is null then 'the provider never got the message' end,
    'scheduled_for', p_now, 'reason', 'twilio_error', 'cause', 'provider_error'))));

  return case
    when v_sid is not null then 'found'
    when exists (select 1 from public.send_logs t where t.id = l.id and t.status = 'pending') then 'requeued'
    else 'failed' end;
end $f$;

-- The provider did not answer: nothing follows from that, and it is asked again then.
create function sms.postpone_lookup(p_attempt_id uuid, p_until timestamptz)
returns void
language sql security definer set search_path = pg_catalog, pg_temp as $f$
  update sms.attempts a set next_lookup_at = p_until where a.id = p_attempt_id and a.state is not distinct from 'unknown'
$f$;

-- Takes messages that were sent long enough ago for a final report and have none. Guarantees: each is given to one
-- caller only until p_until; then, should the provider not have answered or that caller have died, to the next.
create function sms.claim_unreported(p_limit int, p_now timestamptz, p_until timestamptz)
returns setof text
language sql security definer set search_path = pg_catalog, pg_temp as $f$
  update public.send_logs l
  set check_at = p_until
  where l.id = any (array(
    select d.id from public.send_logs d
    where d.id = any (array(select s.message_id from sms.message_states s where s.check_at <= p_now order by s.check_at limit p_limit))
      and d.status = 'sent' and d.check_at <= p_now
    for no key update skip locked))
  returning l.provider_message_id ->> 'twilio_sid'
$f$;

-- The provider has no final report of it yet. It is asked again when six times as long has passed since the sending,
-- up to three days: some carriers never report.
create function sms.postpone_report(p_sid text, p_now timestamptz)
returns void
language sql security definer set search_path = pg_catalog, pg_temp as $f$
  update public.send_logs l
  set check_at = case when p_now - l.sent_at < interval '12 hours' then l.sent_at + 6 * (p_now - l.sent_at) end
  from sms.attempts a
  where a.twilio_sid = p_sid and l.id = a.message_id and l.status = 'sent'
$f$;

revoke all on function
  sms.claim_lookups(int, timestamptz, timestamptz),
  sms.settle_lookup(uuid, text[], boolean, timestamptz, timestamptz, timestamptz),
  sms.postpone_lookup(uuid, timestamptz), sms.claim_unreported(int, timestamptz, timestamptz),
  sms.postpone_report(text, timestamptz)
from public;
grant execute on function
  sms.claim_lookups(int, timestamptz, timestamptz),
  sms.settle_lookup(uuid, text[], boolean, timestamptz, timestamptz, timestamptz),
  sms.postpone_lookup(uuid, timestamptz), sms.claim_unreported(int, timestamptz, timestamptz),
  sms.postpone_report(text, timestamptz)
to sms_drain;
