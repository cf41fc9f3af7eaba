-- What Twilio tells: status callbacks and inbound texts. Neither names a business, so these functions run
-- with their owner's rights, find out whose it is, and are granted to the application by name.

-- The senders that a business sends from: its own, else the installation's (given by the caller).
create function sms.is_sender_of(p_settings jsonb, p_senders text[], p_is_default boolean)
returns boolean
language sql immutable set search_path = '' as $f$
  select case when jsonb_typeof(p_settings -> 'sender') = 'object'
    then coalesce(p_settings -> 'sender' ->> 'from', p_settings -> 'sender' ->> 'messagingServiceSid') = any (p_senders)
    else p_is_default end
$f$;

create type sms.callback_row as (
  n int, attempt_id uuid, sid text, status text, moves_to text, rank int,
  error_code int, error_class text, error_message text, suppress text, at timestamptz,
  check_at timestamptz);

-- Applies status callbacks: unordered, repeated, early (before the reply to the create), late. Keyed by
-- the attempt's id, else by the provider's. Per row, outcome is
--   applied   the message's status moved forward, or the report was new
--   repeated  the same report came before
--   conflict  the message had ended otherwise: the first end stays, the report is noted
--   double    as applied, and news of an attempt beside which another is under way, of unknown outcome or taken too:
--             the recipient may be texted twice
--   unknown   no such attempt
-- moves_to is sent, delivered or failed. A callback is proof that the provider took the attempt: it
-- settles an attempt that is open or of unknown outcome, and ends the waiting of its message.
create function sms.apply_callbacks(p_rows jsonb)
returns table (n int, outcome text)
language plpgsql security definer set search_path = '' as $f$
#variable_conflict use_column
declare
  r sms.callback_row;
  a sms.attempts;
  l public.send_logs;
  v_outcome text;
  v_other_open boolean;
  v_double boolean;
begin
  for r in
    select * from jsonb_populate_recordset(null::sms.callback_row, p_rows) c order by c.attempt_id, c.sid, c.rank, c.n
  loop
    a := null;
    if r.attempt_id is not null then
      select t.* into a from sms.attempts t where t.id = r.attempt_id;
    end if;
    -- A message of the provider's that is bound already stays bound: a look-up could not tell it from that of another
    -- attempt with the same text to the same number, and either serves.
    if r.sid is not null and a.twilio_sid is distinct from r.sid then
      select coalesce(max(t.id::text)::uuid, a.id) into a.id from sms.attempts t where t.twilio_sid = r.sid;
    end if;
    select t.* into a from sms.attempts t where t.id = a.id;
    -- The queue's row first, as all others lock them; then the attempt as it is by now.
    perform 1 from public.sms_retry_queue q
    where q.send_log_id = a.message_id and q.status in ('pending', 'processing')
    for no key update;
    select t.* into a from sms.attempts t where t.id = a.id for no key update;
    if a.id is null or (a.twilio_sid is not null and r.sid is not null and a.twilio_sid <> r.sid) then
      n := r.n; outcome := 'unknown'; return next;
      continue;
    end if;

    select t.* into l from public.send_logs t where t.id = a.message_id for no key update;
    if exists (select 1 from sms.message_events e
               where e.message_id = l.id and e.type = 'status'
                 and e.data ->> 'attempt' = a.id::text and e.data ->> 'status' = r.status) then
      n := r.n; outcome := 'repeated'; return next;
      continue;
    end if;

    update sms.attempts t
    set state = 'accepted', twilio_sid = coalesce(t.twilio_sid, r.sid), next_lookup_at = null, ended_at = coalesce(t.ended_at, r.at)
    where t.id = a.id and (t.state <> 'accepted' or t.twilio_sid is null);

    v_other_open := exists (select 1 from sms.attempts o where o.message_id = l.id and o.id <> a.id and o.state = 'open');
    v_double := a.state <> 'accepted' and exists (
      select 1 from sms.attempts o where o.message_id = l.id and o.id <> a.id and o.state in ('open', 'unknown', 'accepted'));
    v_outcome := case
      when v_double then 'double'
      when l.status in ('delivered', 'failed', 'cancelled') and r.moves_to <> 'sent' and r.moves_to <> l.status then 'conflict'
      else 'applied' end;

    update public.send_logs t
    set status = case
          when t.status = 'pending' then r.moves_to
          when t.status = 'sent' and r.moves_to <> 'sent' then r.moves_to
          else t.status end,
        provider_message_id = case when r.sid is null then t.provider_message_id
          else t.provider_message_id || jsonb_build_object('twilio_sid', r.sid) end,
        sent_at = case when t.status in ('pending', 'sent') then coalesce(t.sent_at, r.at) else t.sent_at end,
        delivered_at = case when t.status in ('pending', 'sent') and r.moves_to = 'delivered' then coalesce(t.delivered_at, r.at) else t.delivered_at end,
        check_at = case when t.status = 'pending' and r.moves_to = 'sent' then r.check_at else t.check_at end,
        error_code = case when t.status not in ('pending', 'sent') then t.error_code when r.moves_to = 'failed' then r.error_code end,
        error_class = case when t.status not in ('pending', 'sent') then t.error_class when r.moves_to = 'failed' then r.error_class end,
        error_message = case when t.status not in ('pending', 'sent') then t.error_message when r.moves_to = 'failed' then r.error_message end,
        updated_at = r.at
    where t.id = l.id;

    if not v_other_open then
      update public.sms_retry_queue q
      set status = 'completed', lease_token = null, lease_until = null, claimed_at = null
      where q.send_log_id = l.id and q.status in ('pending', 'processing');
    end if;

    if l.status = 'pending' then
      insert into sms.message_events (message_id, business_id, at, type, data)
      values (l.id, l.business_id, r.at, 'sent', jsonb_build_object('attempt', a.id, 'twilioSid', r.sid, 'by', 'callback'));
    end if;
    insert into sms.message_events (message_id, business_id, at, type, data)
    values (l.id, l.business_id, r.at, 'status', jsonb_strip_nulls(jsonb_build_object(
      'attempt', a.id, 'status', r.status, 'code', r.error_code,
      'conflict', case when v_outcome = 'conflict' then true end,
      'possibleDouble', case when v_double then true end)));
    if v_outcome in ('applied', 'double') and r.moves_to = 'failed' and l.status in ('pending', 'sent') then
      insert into sms.message_events (message_id, business_id, at, type, data)
      values (l.id, l.business_id, r.at, 'failed', jsonb_strip_nulls(jsonb_build_object('code', r.error_code, 'class', r.error_class)));
    end if;
    if r.suppress is not null then
      insert into sms.suppressions (business_id, phone, kind, reason, error_code, created_at)
      values (l.business_id, l.to_phone, r.suppress, r.error_message, r.error_code, r.at)
      on conflict do nothing;
    end if;

    n := r.n; outcome := v_outcome; return next;
  end loop;
end $f$;

-- Ends what waits for one number at some businesses; an attempt under way is not called back.
create function sms.cancel_waiting(p_business_ids uuid[], p_phone text, p_at timestamptz, p_reason text)
returns int
language plpgsql set search_path = '' as $f$
declare
  v_ended int;
begin
  with waiting as materialized (
    select q.id, q.send_log_id, q.business_id
    from public.customers c
    join public.sms_retry_queue q on q.business_id = c.business_id and q.customer_id = c.id and q.status in ('pending', 'processing')
    where c.business_id = any (p_business_ids) and c.phone_e164 = p_phone
      and not exists (select 1 from sms.attempts a where a.message_id = q.send_log_id and a.state in ('open', 'unknown'))
    order by q.id
    for no key update of q),
  ended as (
    update public.sms_retry_queue q
    set status = 'cancelled', lease_token = null, lease_until = null, claimed_at = null
    from waiting w where q.id = w.id and q.status in ('pending', 'processing')),
  cancelled as (
    update public.send_logs l
    set status = 'cancelled', error_class = p_reason, error_message = 'the recipient opted out', updated_at = p_at
    from waiting w where l.id = w.send_log_id and l.status = 'pending'
    returning l.id, l.business_id),
  noted as (
    insert into sms.message_events (message_id, business_id, at, type, data)
    select c.id, c.business_id, p_at, 'cancelled', jsonb_build_object('reason', p_reason) from cancelled c)
  select count(*)::int into v_ended from cancelled;
  return v_ended;
end $f$;

-- An inbound text of a known kind. p_senders: our number and, if it came through one, the messaging
-- service; p_is_default: whether that is the installation's own sender. An opt-out holds for the senders,
-- ends what waits there for the number, and is written to the consent ledger of every customer with that
-- number; an opt-in lifts it, and only it: who withdrew in another way stays withdrawn.
-- Returns false when the text came before.
create function sms.apply_inbound(
  p_sid text, p_senders text[], p_is_default boolean, p_phone text, p_kind text, p_keyword text, p_at timestamptz)
returns boolean
language plpgsql security definer set search_path = '' as $f$
declare
  v_businesses uuid[];
  v_lifted boolean := false;
begin
  insert into sms.inbound_messages (sid, sender, phone, kind, received_at)
  values (p_sid, p_senders[1], p_phone, p_kind, p_at)
  on conflict do nothing;
  if not found then
    return false;
  end if;
  if p_kind not in ('opt_out', 'opt_in') then
    return true;
  end if;

  select coalesce(array_agg(c.business_id), '{}') into v_businesses
  from public.customers c
  join public.businesses b on b.id = c.business_id
  where c.phone_e164 = p_phone and sms.is_sender_of(b.sms_settings, p_senders, p_is_default);

  if p_kind = 'opt_out' then
    insert into sms.sender_opt_outs (sender, phone, keyword, created_at)
    select s, p_phone, p_keyword, p_at from unnest(p_senders) s
    on conflict do nothing;
  else
    with lifted as (
      delete from sms.sender_opt_outs o where o.sender = any (p_senders) and o.phone = p_phone returning 1)
    select count(*) > 0 into v_lifted from lifted;
    -- A yes of somebody who never stopped is an ordinary answer.
    if not v_lifted then
      return true;
    end if;
  end if;

  with moved as (
    update public.customers c
    set sms_consent_status = case p_kind when 'opt_out' then 'opted_out' else 'opted_in' end,
        sms_consent_method = 'sms_keyword', sms_consent_source = p_keyword, sms_consent_at = p_at,
        sms_consent_notes = null, sms_consent_ip = null, updated_at = p_at
    where c.business_id = any (v_businesses) and c.phone_e164 = p_phone
      and (p_kind = 'opt_out' or (c.sms_consent_status = 'opted_out' and c.sms_consent_method = 'sms_keyword'))
    returning c.id, c.business_id, c.sms_consent_status)
  insert into sms.consent_events (id, business_id, customer_id, status, method, source, at, recorded_at)
  select gen_random_uuid(), m.business_id, m.id, m.sms_consent_status, 'sms_keyword', p_keyword, p_at, p_at from moved m;

  if p_kind = 'opt_out' then
    perform sms.cancel_waiting(v_businesses, p_phone, p_at, 'opted_out');
  end if;
  return true;
end $f$;

revoke all on function
  sms.is_sender_of(jsonb, text[], boolean), sms.apply_callbacks(jsonb),
  sms.cancel_waiting(uuid[], text, timestamptz, text),
  sms.apply_inbound(text, text[], boolean, text, text, text, timestamptz)
from public;
grant execute on function
  sms.apply_callbacks(jsonb), sms.cancel_waiting(uuid[], text, timestamptz, text),
  sms.apply_inbound(text, text[], boolean, text, text, text, timestamptz)
to sms_app;
