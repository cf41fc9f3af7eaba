-- What is read on the way of a send, for many callers at once, and the message as the API shows it.

create type sms.lookup_row as (
  n int, business_id uuid, customer_id uuid, phone text, key text, message_id uuid, template_id uuid, sender text,
  marketing boolean, since timestamptz);

-- What is known of a recipient at this moment, for the decision about one text to it: by the customer's record (p_status,
-- p_given_for: the consent and the number that it is for; p_present: the number that the customer has) and by the number.
-- recent: when marketing went to it since p_since, the latest ten.
create function sms.recipient_facts(
  p_business_id uuid, p_customer_id uuid, p_phone text, p_sender text, p_marketing boolean, p_status text, p_given_for text, p_present text,
  p_since timestamptz)
returns table (consent text, opted_out boolean, unreachable boolean, recent timestamptz[])
-- No settings of its own, and all names in full: the planner puts it where it is called.
language sql stable
as $f$
  select
    case
      when p_status is distinct from 'opted_out'
        and exists (select 1 from sms.suppressions s where s.business_id = p_business_id and s.phone = p_phone and s.kind = 'under_review' offset 0) then 'under_review'
      -- For a number that the customer had before: what was entered for it last, unless the person withdrew.
      when p_present <> p_phone and p_status not in ('opted_out', 'under_review') then coalesce((
        select e.status from sms.consent_events e where e.customer_id = p_customer_id and e.phone = p_phone order by e.n desc limit 1), 'unknown')
      else sms.consent_for(p_status, p_given_for, p_phone) end,
    exists (select 1 from sms.suppressions s where s.business_id = p_business_id and s.phone = p_phone and s.kind = 'opt_out' offset 0)
      or exists (select 1 from sms.sender_opt_outs o where o.sender = p_sender and o.phone = p_phone and p_business_id <> all (o.lifted_for) offset 0),
    exists (select 1 from sms.suppressions s where s.business_id = p_business_id and s.phone = p_phone and s.kind = 'unreachable' offset 0),
    array(
      select coalesce(a.ended_at, a.started_at) from sms.attempts a
      where p_marketing and a.business_id = p_business_id and a.phone = p_phone and a.state in ('open', 'unknown', 'accepted')
        and a.started_at > p_since
      order by a.started_at desc limit 10)
$f$;

-- For each asked send: who it goes to, whether that is suppressed, which template it names, and which
-- message its idempotency key or its id made before. Whether somebody was texted marketing before, or will be, is asked
-- for marketing only. Reads the primary's last committed state.
create function sms.lookup_sends(p_rows jsonb)
returns table (
  n int, customer_id uuid, phone text, timezone text, postal_code text, state text, consent_id uuid,
  consent text, opted_out boolean, unreachable boolean, recent timestamptz[],
  texted_before boolean, template_body text, existing_message uuid, existing_hash text, raw_phone text, consent_method text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_mine constant uuid[] := sms.business_ids();
  -- A list of its own: of one read from JSON the planner expects a hundred, and reads whole tables for them.
  v_rows sms.lookup_row[];
  v_are_mine boolean;
begin
  select coalesce(array_agg(r), '{}'), coalesce(bool_and((r.business_id = any (v_mine)) is true), true) into v_rows, v_are_mine
  from jsonb_populate_recordset(null::sms.lookup_row, p_rows) r;
  if not v_are_mine then
    raise exception 'a send of a business that this transaction does not work for' using errcode = 'insufficient_privilege';
  end if;
  return query
  select r.n, c.id, p.phone, c.timezone::text, c.postal_code::text, c.state::text, c.sms_consent_id,
    f.consent, f.opted_out, f.unreachable, f.recent,
    coalesce(r.marketing, false) and (
      exists (select 1 from sms.attempts a where a.business_id = r.business_id and a.phone = p.phone
        and a.state in ('open', 'unknown', 'accepted') offset 0)
      or exists (select 1 from public.sms_retry_queue e where e.business_id = r.business_id and e.customer_id = c.id
        and e.status in ('pending', 'processing') and e.accepted_at >= '-infinity'
        and exists (select 1 from public.send_logs b where b.id = e.send_log_id and b.category is not distinct from 'marketing' offset 0) offset 0)),
    t.body,
    coalesce(k.message_id, l.id), encode(k.request_hash, 'hex'), c.phone::text, c.sms_consent_method::text
  from unnest(v_rows) r
  left join lateral (
    select x.* from public.customers x
    where x.id = r.customer_id and x.business_id is not distinct from r.business_id and x.erased_at is null
    union all
    select x.* from public.customers x where r.customer_id is null and x.business_id = r.business_id and x.phone_e164 = r.phone
    limit 1) c on true
  -- A column of its own: row security lets no index be searched by an expression such as coalesce(…).
  cross join lateral (select coalesce(c.phone_e164::text, c.phone_shared::text, r.phone) as phone offset 0) p
  cross join lateral sms.recipient_facts(
    r.business_id, c.id, p.phone, r.sender, coalesce(r.marketing, false), c.sms_consent_status::text, c.sms_consent_phone::text, p.phone, r.since) f
  left join lateral (
    select x.body from sms.templates x where x.id = r.template_id and x.business_id is not distinct from r.business_id limit 1) t on true
  left join lateral (
    select x.message_id, x.request_hash from sms.idempotency_keys x where x.business_id = r.business_id and x.key = r.key limit 1) k on true
  left join lateral (
    select x.id from public.send_logs x where x.id = r.message_id and x.business_id is not distinct from r.business_id limit 1) l on true;
end $f$;

-- For each claimed row: its message and its recipient as they are now. counted: its segments are in the day's already.
create function sms.lookup_claims(p_queue_ids uuid[], p_senders text[], p_since timestamptz)
returns table (
  queue_id uuid, customer_id uuid, phone text, timezone text, postal_code text, state text, consent_id uuid,
  consent text, opted_out boolean, unreachable boolean, recent timestamptz[],
  message_id uuid, body text, footer text, category text, segments int, send_at timestamptz, valid_until timestamptz,
  message_status text, counted boolean, erased boolean, raw_phone text, consent_method text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_mine constant uuid[] := sms.business_ids();
begin
  return query
  select q.id, l.customer_id, l.to_phone::text, c.timezone::text, c.postal_code::text, c.state::text, c.sms_consent_id,
    f.consent, f.opted_out, f.unreachable, f.recent,
    l.id, l.body::text, l.footer::text, l.category::text, l.segments::int, l.send_at::timestamptz, l.valid_until::timestamptz,
    l.status::text,
    q.attempt_count > 0 or q.last_attempted_at is not null
      and coalesce((select a.state = 'void' from sms.attempts a where a.message_id = l.id order by a.started_n desc limit 1), false),
    c.erased_at is not null,
    -- Written by others since, and not read yet.
    case when l.by_customer and c.phone_e164 is null and c.phone_shared is null and c.phone_read is distinct from c.phone then c.phone::text end,
    c.sms_consent_method::text
  from unnest(p_queue_ids, p_senders) i (id, sender)
  cross join lateral (
    select x.id, x.business_id, x.send_log_id, x.attempt_count, x.last_attempted_at from public.sms_retry_queue x where x.id = i.id limit 1) q
  cross join lateral (
    select x.id, x.business_id, x.customer_id, x.to_phone, x.by_customer, x.body, x.footer, x.category, x.segments, x.send_at, x.valid_until, x.status, x.channel
    from public.send_logs x where x.id = q.send_log_id and x.business_id is not distinct from q.business_id limit 1) l
  cross join lateral (select x.* from public.customers x where x.id = l.customer_id and x.business_id is not distinct from q.business_id limit 1) c
  cross join lateral (select l.to_phone::text as phone, coalesce(c.phone_e164, c.phone_shared)::text as present offset 0) p
  cross join lateral sms.recipient_facts(
    l.business_id, c.id, p.phone, i.sender, l.category = 'marketing', c.sms_consent_status::text, c.sms_consent_phone::text, p.present, p_since) f
  -- A row that somebody else put into the queue may be of no text.
  where q.business_id = any (v_mine) and l.channel is not distinct from 'sms' and num_nulls(l.to_phone, l.body, l.category, l.segments, l.status) = 0;
end $f$;

-- The message as the API shows it. Row security is the reader's (security_invoker). Lists say that it is no e-mail:
-- so they, and no look-up of one message, may go by an index over all texts. Texts that somebody else sent from these tables
-- are shown as far as they are known; those of nobody, or of no time, are not.
create view sms.messages with (security_invoker = true) as
  select l.id, l.business_id, l.customer_id, l.to_phone::text as to_phone, coalesce(l.body, '')::text as body, l.footer::text as footer,
    coalesce(l.category::text, 'marketing') as category, l.status::text as status, coalesce(l.encoding::text, 'gsm7') as encoding, coalesce(l.segments, 0)::int as segments,
    coalesce(a.number, l.attempt_count, 0)::int as attempt_count, coalesce(l.max_attempts, 3)::int as max_attempts, l.metadata,
    coalesce(a.decision, l.later_decision, e.decision, l.decision) as decision, l.provider_message_id ->> 'twilio_sid' as twilio_sid,
    l.error_code::int as error_code, l.error_class::text as error_class, l.error_message::text as error_message, l.created_at::timestamptz as created_at,
    coalesce(greatest(l.updated_at, a.started_at), l.created_at)::timestamptz as updated_at, l.sent_at::timestamptz as sent_at, l.delivered_at::timestamptz as delivered_at,
    q.reason::text as retry_reason, q.scheduled_for::timestamptz as retry_at, q.status::text as retry_status, q.held as retry_held,
    q.cause as retry_cause, q.cause_code as retry_code, q.last_attempted_at is not null as retry_is_tried, q.slot_at is not null as retry_is_paced,
    a.id as attempt_id, a.state as attempt_state, a.started_at as attempt_started_at,
    a.next_lookup_at as attempt_next_lookup_at, l.channel
  from public.send_logs l
  left join lateral (
    select x.reason, x.scheduled_for, x.status, x.held, x.cause, x.cause_code, x.last_attempted_at, x.slot_at from public.sms_retry_queue x
    where x.send_log_id = l.id and x.status in ('pending', 'processing') limit 1) q on true
  left join lateral (
    select x.id, x.number, x.decision, x.state, x.started_at, x.next_lookup_at from sms.attempts x
    where x.message_id = l.id and x.state in ('open', 'unknown') limit 1) a on true
  left join lateral (
    select t.decision from sms.attempts t where t.message_id = l.id order by t.started_n desc limit 1) e on true
  where l.channel is not distinct from 'sms' and l.business_id is not null and l.customer_id is not null and l.status is not null and l.created_at is not null;

-- What a message of this view waits for at p_now; null: for nothing, or for the outcome of an attempt. What is due waits for
-- those before it: to the same recipient by the rule of begin_attempts, or of all.
create function sms.wait_cause(m sms.messages, p_now timestamptz)
returns text
language sql stable
as $f$
  select case
    when m.retry_status is null or m.attempt_id is not null then null
    when m.retry_held = 'paused' then 'paused'
    when m.retry_held = 'sender' then coalesce(m.retry_cause, 'sender_refused')
    -- Acceptances are a microsecond apart at least, and so ahead of a clock that stands: what falls due when it was accepted is due.
    when m.retry_held is null and m.retry_status = 'pending' and m.retry_at > greatest(p_now, m.created_at) and m.retry_cause <> 'busy' then m.retry_cause
    when m.retry_held is null and m.retry_status = 'pending' and m.retry_at > greatest(p_now, m.created_at) and m.retry_cause is null then
      -- Of a row that came without a word, or was written by others.
      case m.retry_reason when 'quiet_hours' then 'quiet_hours' when 'twilio_error' then 'provider_error'
        when 'rate_limit' then case when m.retry_is_tried then 'provider_rate' when m.retry_is_paced then 'pace' else 'daily_limit' end
        else 'send_at' end
    when m.retry_held = 'recipient'
      or exists (select 1 from sms.attempts a where a.customer_id = m.customer_id and a.state = 'open' offset 0)
      or exists (
        select 1
        from (select x.id, x.lane, x.accepted_at from public.sms_retry_queue x where x.send_log_id = m.id and x.status in ('pending', 'processing') limit 1) w
        join public.sms_retry_queue e on e.business_id = m.business_id and e.customer_id = m.customer_id
          and e.status in ('pending', 'processing') and e.accepted_at >= '-infinity' and (e.held is null or e.held = 'recipient')
          and e.scheduled_for <= p_now + interval '1 second' and (e.lane, e.accepted_at, e.id) < (w.lane, w.accepted_at, w.id)
          and not exists (select 1 from sms.attempts u where u.message_id = e.send_log_id and u.next_lookup_at is not null offset 0)
        offset 0) then 'turn'
    else 'busy' end
$f$;

-- What happened to each message, in the order of id. A deferral that came with the acceptance, or after an attempt, was decided as they were.
create view sms.timeline with (security_invoker = true) as
  select l.id as message_id, l.business_id, 0::bigint as id, l.created_at::timestamptz as at, 'accepted' as type,
    case when l.decision is null then '{}' else jsonb_build_object('decision', l.decision) end as data
  from public.send_logs l where l.channel is not distinct from 'sms' and l.created_at is not null
  union all
  select a.message_id, a.business_id, a.started_n, a.started_at, 'claimed',
    jsonb_build_object('scheduledFor', a.scheduled_for, 'claimedAt', a.claimed_at)
  from sms.attempts a where a.claimed_at is not null
  union all
  select a.message_id, a.business_id, a.started_n + 1, a.started_at, 'attempt_started',
    jsonb_build_object('attempt', a.id, 'number', a.number)
      || case when a.decision is null then '{}' else jsonb_build_object('decision', a.decision) end
  from sms.attempts a
  union all
  select a.message_id, a.business_id, a.sent_n, a.ended_at, 'sent',
    jsonb_strip_nulls(jsonb_build_object('attempt', a.id, 'twilioSid', a.twilio_sid))
  from sms.attempts a where a.sent_n is not null
  union all
  select e.message_id, e.business_id, e.id, e.at, e.type,
    case when e.type <> 'deferred' or e.data ? 'decision' or e.data ? 'held' then e.data
      else e.data || jsonb_strip_nulls(jsonb_build_object('decision', (
        select coalesce((select a.decision from sms.attempts a where a.id = (e.data ->> 'attempt')::uuid), l.decision)
        from public.send_logs l
        where l.id = e.message_id and (e.data ? 'attempt' or l.created_at::timestamptz = e.at)))) end
  from sms.message_events e;

grant select on sms.messages, sms.timeline to sms_app;

-- Whose keys these are: n is the place in the list, from 1. Runs with its owner's rights: before it is answered there is
-- no tenant to name.
create function sms.find_api_keys(p_hashes bytea[])
returns table (n int, business_id uuid, id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
begin
  return query
    select h.n::int, k.business_id, k.id
    from unnest(p_hashes) with ordinality h (hash, n)
    cross join lateral (
      select x.business_id, x.id from sms.api_keys x where x.key_hash = h.hash and x.revoked_at is null limit 1) k;
end $f$;

revoke all on all functions in schema sms from public;
grant execute on function
  sms.business_ids(), sms.consent_word(text), sms.plain(anyelement), sms.accept_messages(jsonb), sms.begin_attempts(jsonb), sms.settle_attempts(jsonb),
  sms.release_claims(jsonb), sms.cancel_message(uuid, uuid, timestamptz),
  sms.replan(uuid, boolean, boolean, timestamptz, int, uuid),
  sms.hold_due(uuid, timestamptz, timestamptz, int, text, int), sms.release_stopped(uuid, timestamptz, int),
  sms.claim_crowded(uuid, uuid, int, interval, timestamptz),
  sms.wait_cause(sms.messages, timestamptz), sms.lookup_sends(jsonb), sms.lookup_claims(uuid[], text[], timestamptz),
  sms.find_api_keys(bytea[])
to sms_app;
