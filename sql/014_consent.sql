-- Consent, opt-outs and inbound texts. The ledger sms.consent_events is the truth about consent: customers.sms_consent_*
-- follow its last entry, by trigger, whoever writes.

-- An opt-out and the beginning of an attempt for one number take turns: whoever begins shares the number's lock, whoever
-- withdraws has it alone, and both look only afterwards. So once an opt-out is committed no attempt begins. Both take it
-- before any other lock, and several in order. Numbers share a few locks: a group write would fill the server's table
-- of locks with one for each.
create function sms.share_recipients(p_phones text[])
returns void
language plpgsql set search_path = '' as $f$
begin
  perform pg_advisory_xact_lock_shared(7267, b.n)
  from (select distinct hashtext(p) & 63 as n from unnest(p_phones) p where p is not null order by 1) b;
end $f$;

create function sms.lock_recipient(p_phone text)
returns void
language plpgsql set search_path = '' as $f$
begin
  if p_phone is not null then
    perform pg_advisory_xact_lock(7267, hashtext(p_phone) & 63);
  end if;
end $f$;

-- The ledger. Entries of one customer are numbered under the customer's lock, so the last one is the one in force.
create function sms.consent_is_added()
returns trigger
language plpgsql set search_path = '' as $f$
begin
  select coalesce(new.phone, c.phone_e164) into new.phone
  from public.customers c where c.id = new.customer_id and c.business_id is not distinct from new.business_id;
  if not found then
    raise exception 'customer % is not one of business %', new.customer_id, new.business_id using errcode = 'insufficient_privilege';
  end if;
  if new.status <> 'opted_in' then
    perform sms.lock_recipient(new.phone);
  end if;
  perform 1 from public.customers c where c.id = new.customer_id for no key update;
  new.n := nextval('sms.consent_order');
  new.wording_hash := sha256(convert_to(new.wording, 'UTF8'));
  return new;
end $f$;
create trigger consent_is_added before insert on sms.consent_events
  for each row execute function sms.consent_is_added();

create function sms.consent_moves()
returns trigger
language plpgsql set search_path = '' as $f$
begin
  update public.customers c
  set sms_consent_id = new.id, sms_consent_status = new.status, sms_consent_method = new.method, sms_consent_source = new.source,
      sms_consent_at = new.at, sms_consent_notes = new.notes, sms_consent_ip = new.ip, updated_at = new.recorded_at
  where c.id = new.customer_id;
  if new.status = 'opted_out' then
    -- What waits may go to a number that the customer had before.
    perform sms.cancel_waiting(array[new.business_id], p.phone, new.recorded_at, 'opted_out')
    from (
      select new.phone as phone
      union
      select l.to_phone
      from public.sms_retry_queue q
      cross join lateral (select x.to_phone from public.send_logs x where x.id = q.send_log_id limit 1) l
      where q.business_id = new.business_id and q.customer_id = new.customer_id
        and q.status in ('pending', 'processing') and q.accepted_at >= '-infinity') p
    where p.phone is not null;
  end if;
  return null;
end $f$;
create trigger consent_moves after insert on sms.consent_events
  for each row execute function sms.consent_moves();

-- Nothing of it is changed or deleted, by whomever; an erasure may blank the notes and the address it came from.
create function sms.consent_is_kept()
returns trigger
language plpgsql set search_path = '' as $f$
begin
  if tg_op = 'UPDATE' then
    if to_jsonb(new) - 'notes' - 'ip' = to_jsonb(old) - 'notes' - 'ip'
      and (new.notes is null or new.notes = old.notes) and (new.ip is null or new.ip = old.ip) then
      return new;
    end if;
  end if;
  raise exception 'the consent ledger is append-only' using errcode = 'restrict_violation';
end $f$;
create trigger consent_is_kept before update or delete on sms.consent_events
  for each row execute function sms.consent_is_kept();
create trigger consent_is_never_emptied before truncate on sms.consent_events
  for each statement execute function sms.consent_is_kept();

-- A status that others write into customers (the e-mail product, a person with SQL) is entered for them.
create function sms.consent_of_others()
returns trigger
language plpgsql security definer set search_path = '' as $f$
begin
  insert into sms.consent_events (id, business_id, customer_id, status, method, source, at, notes, ip, actor, recorded_at)
  values (gen_random_uuid(), new.business_id, new.id, new.sms_consent_status, new.sms_consent_method, new.sms_consent_source,
    coalesce(new.sms_consent_at, now()), new.sms_consent_notes, new.sms_consent_ip, 'database ' || session_user, now());
  return null;
end $f$;
create trigger customers_consent_added after insert on public.customers for each row
  when (new.sms_consent_status <> 'unknown' and new.sms_consent_id is null)
  execute function sms.consent_of_others();
create trigger customers_consent_changed after update of sms_consent_status on public.customers for each row
  when (new.sms_consent_status is distinct from old.sms_consent_status and new.sms_consent_id is not distinct from old.sms_consent_id)
  execute function sms.consent_of_others();

-- Ends what waits for one number at some businesses; an attempt under way is not called back.
create function sms.cancel_waiting(p_business_ids uuid[], p_phone text, p_at timestamptz, p_reason text)
returns int
language plpgsql set search_path = '' as $f$
declare
  v_ended int;
begin
  with waiting as materialized (
    select q.id, q.send_log_id, q.business_id
    from (
      select x.id
      from unnest(p_business_ids) b (id)
      cross join lateral (
        select l.id from public.send_logs l
        where l.channel = 'sms' and l.to_phone = p_phone and l.business_id = b.id and l.status is not distinct from 'pending' offset 0) l
      cross join lateral (
        select w.id from public.sms_retry_queue w where w.send_log_id = l.id and w.status in ('pending', 'processing') limit 1) x
      where not exists (select 1 from sms.attempts a where a.message_id = l.id and a.state in ('open', 'unknown') offset 0)
      order by x.id) o
    cross join lateral (
      select w.id, w.send_log_id, w.business_id from public.sms_retry_queue w
      where w.id = o.id and (w.status is not distinct from 'pending' or w.status is not distinct from 'processing')
      for no key update) q),
  ended as (
    update public.sms_retry_queue q
    set status = 'cancelled', lease_token = null, lease_until = null, claimed_at = null
    from waiting w where q.id = w.id),
  cancelled as (
    update public.send_logs l
    set status = 'cancelled', error_class = p_reason,
        error_message = case p_reason when 'erased' then 'the customer was erased' else 'the recipient opted out' end, updated_at = p_at
    from waiting w where l.id = w.send_log_id and l.status = 'pending'
    returning l.id, l.business_id),
  noted as (
    insert into sms.message_events (message_id, business_id, at, type, data)
    select c.id, c.business_id, p_at, 'cancelled', jsonb_build_object('reason', p_reason) from cancelled c)
  select count(*)::int into v_ended from cancelled;
  return v_ended;
end $f$;

-- Makes a customer, or finds the one of this business with the same number; then only what is not known
-- yet is filled in, and consent is never weakened: a status counts when none was recorded, and an opt-out
-- always. What is said about consent is appended to the ledger.
create function sms.add_customer(
  p_business_id uuid, p_id uuid, p_name text, p_phone text, p_timezone text, p_postal_code text,
  p_consent text, p_method text, p_source text, p_consent_at timestamptz, p_notes text, p_ip text, p_actor text, p_at timestamptz,
  p_state text default null)
returns setof public.customers
language plpgsql set search_path = '' as $f$
declare
  v_id uuid;
  v_before text;
begin
  if p_consent = 'opted_out' then
    perform sms.lock_recipient(p_phone);
  end if;
  insert into public.customers (id, business_id, name, phone, phone_e164, timezone, postal_code, state, created_at, updated_at)
  values (p_id, p_business_id, p_name, p_phone, p_phone, p_timezone, p_postal_code, p_state, p_at, p_at)
  on conflict (business_id, phone_e164) do nothing;

  select c.id, coalesce(c.sms_consent_status, 'unknown') into v_id, v_before
  from public.customers c where c.business_id = p_business_id and c.phone_e164 = p_phone
  for no key update;

  update public.customers c
  set name = coalesce(c.name, p_name), timezone = coalesce(c.timezone, p_timezone),
      postal_code = coalesce(c.postal_code, p_postal_code), state = coalesce(c.state, p_state)
  where c.id = v_id and v_id <> p_id;

  if p_consent is not null and p_consent <> 'unknown' and p_consent <> v_before
    and (v_before = 'unknown' or p_consent = 'opted_out') then
    insert into sms.consent_events (id, business_id, customer_id, status, method, source, at, notes, ip, actor, recorded_at)
    values (gen_random_uuid(), p_business_id, v_id, p_consent, p_method, p_source, p_consent_at, p_notes, p_ip, p_actor, p_at);
  end if;

  return query select c.* from public.customers c where c.id = v_id;
end $f$;

-- Appends to the consent ledger, which moves the current status and, on an opt-out, ends what waits. Returns no row when
-- there is no such customer. Repeating it under the same id changes nothing.
create function sms.record_consent(
  p_business_id uuid, p_customer_id uuid, p_id uuid, p_status text, p_method text, p_source text,
  p_consent_at timestamptz, p_notes text, p_ip text, p_wording text, p_actor text, p_at timestamptz)
returns setof sms.consent_events
language plpgsql set search_path = '' as $f$
begin
  if exists (select 1 from public.customers c where c.id = p_customer_id and c.business_id is not distinct from p_business_id and c.erased_at is null)
    and not exists (select 1 from sms.consent_events e where e.id = p_id) then
    insert into sms.consent_events (id, business_id, customer_id, status, method, source, at, notes, ip, wording, actor, recorded_at)
    values (p_id, p_business_id, p_customer_id, p_status, p_method, p_source, p_consent_at, p_notes, p_ip, p_wording, p_actor, p_at);
  end if;
  return query select e.* from sms.consent_events e where e.id = p_id and e.customer_id is not distinct from p_customer_id;
end $f$;

-- Puts a number on a business's suppression list and ends what waits for it there. No text of the recipient lifts it.
create function sms.add_opt_out(p_business_id uuid, p_phone text, p_reason text, p_actor text, p_at timestamptz)
returns boolean
language plpgsql set search_path = '' as $f$
begin
  perform sms.lock_recipient(p_phone);
  insert into sms.suppressions (business_id, phone, kind, source, reason, actor, created_at)
  values (p_business_id, p_phone, 'opt_out', 'business', p_reason, p_actor, p_at)
  on conflict (business_id, phone, kind) do update
    set reason = coalesce(excluded.reason, sms.suppressions.reason), source = 'business', actor = excluded.actor;
  perform sms.cancel_waiting(array[p_business_id], p_phone, p_at, 'opted_out');
  return true;
end $f$;

-- The senders that a business sends from: its own, else the installation's (given by the caller).
create function sms.is_sender_of(p_settings jsonb, p_senders text[], p_is_default boolean)
returns boolean
language sql immutable set search_path = '' as $f$
  select case when jsonb_typeof(p_settings -> 'sender') = 'object'
    then coalesce(p_settings -> 'sender' ->> 'from', p_settings -> 'sender' ->> 'messagingServiceSid') = any (p_senders)
    else p_is_default end
$f$;

-- Takes a number off a business's list. If the recipient told the business's sender to stop, that is lifted for this
-- business alone. Twilio keeps a list of its own: what it still blocks comes back as 21610.
create function sms.remove_opt_out(p_business_id uuid, p_phone text, p_sender text)
returns boolean
language plpgsql security definer set search_path = '' as $f$
declare
  v_lifted boolean;
begin
  perform sms.lock_recipient(p_phone);
  update sms.sender_opt_outs o
  set lifted_for = o.lifted_for || p_business_id
  where o.sender = p_sender and o.phone = p_phone and p_business_id <> all (o.lifted_for)
    and exists (select 1 from public.customers c where c.business_id = p_business_id and c.phone_e164 = p_phone offset 0);
  v_lifted := found;
  delete from sms.suppressions s where s.business_id = p_business_id and s.phone = p_phone and s.kind = 'opt_out';
  return v_lifted or found;
end $f$;

-- An inbound text, judged. p_senders: our number and, if it came through one, the messaging service; p_is_default:
-- whether that is the installation's own sender; p_words: what said so; p_note: the text where a person should read it.
--   opt_out  holds for the senders and ends what waits there for the number, at every business that uses them
--   opt_in   lifts that, and what the provider refused for the same reason (21610, 30004), and only that: who withdrew in
--            another way stays withdrawn; other, when there is nothing to lift
--   review   who did not withdraw is under review
-- Consent is written to the ledger of every customer with that number. kind is repeated when the text came before.
-- business_id and customer_id: for help, who answers: the business that texted the number last from these senders.
create function sms.apply_inbound(
  p_sid text, p_senders text[], p_is_default boolean, p_phone text, p_kind text, p_words text, p_note text, p_at timestamptz,
  out kind text, out business_id uuid, out customer_id uuid)
language plpgsql security definer set search_path = '' as $f$
#variable_conflict use_column
declare
  v_businesses uuid[];
begin
  if p_kind in ('opt_out', 'opt_in', 'review') then
    perform sms.lock_recipient(p_phone);
  end if;
  kind := p_kind;
  insert into sms.inbound_messages (sid, sender, kind, received_at)
  values (p_sid, p_senders[1], p_kind, p_at)
  on conflict do nothing;
  if not found then
    kind := 'repeated';
  end if;

  -- Asked again, it is answered under the same id: the one who answered first may have died over it.
  if p_kind = 'help' then
    select c.business_id, c.id into business_id, customer_id
    from public.customers c
    join public.businesses b on b.id = c.business_id and sms.is_sender_of(b.sms_settings, p_senders, p_is_default)
    left join lateral (
      select m.created_at from public.send_logs m
      where m.customer_id = c.id and m.channel = 'sms' order by m.created_at desc limit 1) t on true
    where c.phone_e164 = p_phone
    order by t.created_at desc nulls last, c.id
    limit 1;
    return;
  end if;
  if kind in ('repeated', 'other') then
    return;
  end if;

  select coalesce(array_agg(c.business_id), '{}') into v_businesses
  from public.customers c
  join public.businesses b on b.id = c.business_id
  where c.phone_e164 = p_phone and sms.is_sender_of(b.sms_settings, p_senders, p_is_default);

  if p_kind = 'opt_out' then
    insert into sms.sender_opt_outs (sender, phone, keyword, created_at)
    select s, p_phone, p_words, p_at from unnest(p_senders) s order by s
    on conflict (sender, phone) do update set keyword = excluded.keyword, created_at = excluded.created_at, lifted_for = '{}'
      where sms.sender_opt_outs.lifted_for <> '{}';
  elsif p_kind = 'opt_in' then
    with told as (
      delete from sms.sender_opt_outs o where o.sender = any (p_senders) and o.phone = p_phone returning 1),
    kept as (
      delete from sms.suppressions s
      where s.business_id = any (v_businesses) and s.phone = p_phone and s.kind = 'opt_out'
        and s.source in ('keyword', 'provider') returning 1)
    select case when exists (select 1 from told) or exists (select 1 from kept) then 'opt_in' else 'other' end into kind;
    -- A yes of somebody who never stopped is an ordinary answer.
    if kind = 'other' then
      return;
    end if;
  end if;

  insert into sms.consent_events (id, business_id, customer_id, status, method, source, at, notes, actor, recorded_at)
  select gen_random_uuid(), c.business_id, c.id,
    case p_kind when 'opt_out' then 'opted_out' when 'opt_in' then 'opted_in' else 'under_review' end,
    'sms_keyword', p_words, p_at, p_note, 'recipient', p_at
  from (
    select c.id, c.business_id, c.sms_consent_status, c.sms_consent_method
    from public.customers c
    where c.business_id = any (v_businesses) and c.phone_e164 = p_phone
    offset 0) c
  where case p_kind
      when 'opt_out' then true
      when 'opt_in' then c.sms_consent_status = 'opted_out' and c.sms_consent_method = 'sms_keyword'
      else c.sms_consent_status not in ('opted_out', 'under_review') end
  order by c.id;

  -- Customers before the queue's rows, as whoever changes a customer locks them. Of customers with another number now, or
  -- with one that nobody has read, the message itself tells the number.
  if p_kind = 'opt_out' then
    perform sms.cancel_waiting(
      array(
        select distinct b.id from public.send_logs l
        join public.businesses b on b.id = l.business_id and sms.is_sender_of(b.sms_settings, p_senders, p_is_default)
        where l.channel = 'sms' and l.status = 'pending' and l.to_phone = p_phone),
      p_phone, p_at, 'opted_out');
  end if;
end $f$;

revoke all on function
  sms.share_recipients(text[]), sms.lock_recipient(text),
  sms.consent_is_added(), sms.consent_moves(), sms.consent_is_kept(), sms.consent_of_others(),
  sms.cancel_waiting(uuid[], text, timestamptz, text),
  sms.add_customer(uuid, uuid, text, text, text, text, text, text, text, timestamptz, text, text, text, timestamptz, text),
  sms.record_consent(uuid, uuid, uuid, text, text, text, timestamptz, text, text, text, text, timestamptz),
  sms.add_opt_out(uuid, text, text, text, timestamptz), sms.is_sender_of(jsonb, text[], boolean),
  sms.remove_opt_out(uuid, text, text),
  sms.apply_inbound(text, text[], boolean, text, text, text, text, timestamptz)
from public;
grant execute on function
  sms.share_recipients(text[]), sms.lock_recipient(text),
  sms.cancel_waiting(uuid[], text, timestamptz, text),
  sms.add_customer(uuid, uuid, text, text, text, text, text, text, text, timestamptz, text, text, text, timestamptz, text),
  sms.record_consent(uuid, uuid, uuid, text, text, text, timestamptz, text, text, text, text, timestamptz),
  sms.add_opt_out(uuid, text, text, text, timestamptz), sms.remove_opt_out(uuid, text, text),
  sms.apply_inbound(text, text[], boolean, text, text, text, text, timestamptz)
to sms_app;

-- What was known before there was a ledger begins it. Last in this file: nothing may be fired that is not there yet. And
-- nothing is fired at all: each row of customers keeps what it says, and triggers of others are told of no change.
do $do$
declare
  v_back text;
begin
  if not exists (select 1 from public.customers c where c.sms_consent_status <> 'unknown' and c.sms_consent_id is null) then
    return;
  end if;
  v_back := sms.still_triggers('public.customers') || sms.still_triggers('sms.consent_events');
  with begun as (
    insert into sms.consent_events (id, n, business_id, customer_id, phone, status, method, source, at, notes, ip, actor, recorded_at)
    select gen_random_uuid(), nextval('sms.consent_order'), c.business_id, c.id, c.phone_e164, sms.consent_word(c.sms_consent_status::text),
      c.sms_consent_method, c.sms_consent_source, coalesce(c.sms_consent_at, c.created_at, now()), c.sms_consent_notes, c.sms_consent_ip, 'adopted', now()
    from public.customers c where c.sms_consent_status <> 'unknown' and c.sms_consent_id is null
    order by c.id
    returning id, customer_id)
  update public.customers c set sms_consent_id = b.id from begun b where c.id = b.customer_id;
  execute v_back;
end $do$;
