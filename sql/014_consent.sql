-- Consent, opt-outs and inbound texts. The ledger sms.consent_events is the truth about consent: customers.sms_consent_*
-- follow its last entry, by trigger, whoever writes. Consent and withdrawal belong to the number: a withdrawal through
-- any record of a number suppresses the number at that business, and consent counts for the number that it was given for.
--
-- A withdrawal waits for nobody. What it needs is committed without any row of others: its entry in the ledger, and the
-- suppression. Whatever is locked by somebody else (the customer's row, a row of the queue, a message) is left to
-- sms.finish_opt_out, which is repeated until nothing is left; meanwhile the texts are refused at their turn.

-- An opt-out and the beginning of an attempt for one number take turns: whoever begins shares the number's lock, whoever
-- withdraws has it alone, and both look only afterwards. So once an opt-out is committed no attempt begins. Several
-- numbers are locked in order. Numbers share a few locks: a group write would fill the server's table of locks with
-- one for each. PostgreSQL lets every login take every advisory lock, but a table only who has a right on it: these have
-- nothing in them, and nobody but their owner has any.
do $do$
begin
  for n in 0..63 loop
    execute format('create table sms.number_lock_%s (); alter table sms.number_lock_%1$s enable row level security, replica identity full', n);
  end loop;
end $do$;

create function sms.lock_numbers(p_locks int[], p_mode text)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_tables constant text := (
    select string_agg('sms.number_lock_' || b.n, ', ' order by b.n) from (select distinct n from unnest(p_locks) n where n is not null) b);
begin
  if v_tables is not null then
    execute format('lock table %s in %s mode', v_tables, p_mode);
  end if;
end $f$;

-- After two seconds the opt-out goes on without the lock: whoever holds it for so long waits for somebody's row, and an
-- attempt that looked before the opt-out may still begin then.
create function sms.lock_recipient(p_phone text)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $f$
begin
  perform sms.lock_numbers(array[hashtext(p_phone) & 63], 'exclusive');
exception when lock_not_available then
  raise notice 'the lock on a number is held by somebody else for long; the opt-out goes on';
end $f$;

-- The customers of a business that have this number, by whatever record; p_business_id null: of all businesses.
create function sms.customers_with(p_business_id uuid, p_phone text)
returns table (id uuid, business_id uuid)
language sql stable set search_path = pg_catalog, pg_temp as $f$
  select c.id, c.business_id from public.customers c where p_business_id is null and c.phone_e164 = p_phone
  union all
  select c.id, c.business_id from public.customers c where c.phone_e164 = p_phone and c.business_id = p_business_id
  union all
  select c.id, c.business_id from public.customers c
  where c.phone_shared = p_phone and (p_business_id is null or c.business_id is not distinct from p_business_id)
$f$;

-- The ledger. The last entry of a customer is the one in force. Entries that do not withdraw are numbered under the
-- customer's lock; a withdrawal waits for no lock, and a customer who is locked follows it later.
create function sms.consent_is_added()
returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  select coalesce(new.phone, c.phone_e164, c.phone_shared) into new.phone
  from public.customers c where c.id = new.customer_id and c.business_id is not distinct from new.business_id;
  if not found then
    raise exception 'customer % is not one of business %', new.customer_id, new.business_id using errcode = 'insufficient_privilege';
  end if;
  if new.status in ('opted_out', 'under_review') then
    -- Entries for others are made behind the locks that sms.consent_of_others could get.
    if current_setting('sms.numbers_locked', true) is distinct from 'on' then
      perform sms.lock_recipient(new.phone);
    end if;
  else
    perform 1 from public.customers c where c.id = new.customer_id for no key update;
  end if;
  new.n := nextval('sms.consent_order');
  new.wording_hash := sha256(convert_to(new.wording, 'UTF8'));
  return new;
end $f$;
create trigger consent_is_added before insert on sms.consent_events
  for each row execute function sms.consent_is_added();

-- Lets customers.sms_consent_* repeat the last entry of the ledger. Returns the status in force; null: somebody else has
-- the customer's row locked, and it is to be repeated.
create function sms.follow_consent(p_customer_id uuid)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '300ms' as $f$
declare
  e sms.consent_events;
begin
  -- A block that catches is a transaction of its own, and an import makes very many entries: only who meets a lock has one.
  perform 1 from public.customers c where c.id = p_customer_id for no key update skip locked;
  if not found then
    begin
      perform 1 from public.customers c where c.id = p_customer_id for no key update;
    exception when lock_not_available then
      return null;
    end;
  end if;
  select t.* into e from sms.consent_events t where t.customer_id = p_customer_id order by t.n desc limit 1;
  update public.customers c
  set sms_consent_id = e.id, sms_consent_status = e.status, sms_consent_method = e.method,
      sms_consent_source = e.source::sms.customers_sms_consent_source, sms_consent_at = e.at,
      sms_consent_notes = e.notes::sms.customers_sms_consent_notes, sms_consent_ip = sms.consent_ip(e.ip), sms_consent_phone = e.phone, updated_at = e.recorded_at
  where c.id = p_customer_id and c.sms_consent_id is distinct from e.id and c.erased_at is null;
  return e.status;
end $f$;

-- Ends those of the messages that wait, without waiting for anybody; an attempt under way is not called back. False: some
-- are locked by somebody else.
create function sms.cancel_messages(p_ids uuid[], p_at timestamptz, p_reason text)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_ended uuid[];
begin
  with waiting as materialized (
    select q.id, q.send_log_id
    from (
      select w.id, w.send_log_id
      from unnest(p_ids) i (id)
      cross join lateral (
        select x.id, x.send_log_id from public.sms_retry_queue x where x.send_log_id = i.id and x.status in ('pending', 'processing') limit 1) w
      where not exists (select 1 from sms.attempts a where a.message_id = i.id and a.ended_at is null offset 0)
      order by w.id) q
    cross join lateral (
      select 1 from public.sms_retry_queue x
      where x.id = q.id and (x.status is not distinct from 'pending' or x.status is not distinct from 'processing')
      for no key update skip locked) locked
    cross join lateral (
      select 1 from public.send_logs x where x.id = q.send_log_id and x.status is not distinct from 'pending'
      for no key update skip locked) message),
  ended as (
    update public.sms_retry_queue q
    set status = 'cancelled', lease_token = null, lease_until = null, claimed_at = null
    from waiting w where q.id = w.id),
  cancelled as (
    update public.send_logs l
    set status = 'cancelled', error_class = p_reason,
        error_message = (case p_reason when 'erased' then 'the customer was erased'
          when 'consent_required' then 'the customer has another number now, and there is no consent for it'
          else 'the recipient opted out' end)::sms.send_logs_error_message, updated_at = p_at
    from waiting w where l.id = w.send_log_id
    returning l.id, l.business_id),
  noted as (
    insert into sms.message_events (message_id, business_id, at, type, data)
    select c.id, c.business_id, p_at, 'cancelled', jsonb_build_object('reason', p_reason) from cancelled c)
  select coalesce(array_agg(c.id), '{}') into v_ended from cancelled c;

  return not exists (
    select 1 from unnest(p_ids) i (id)
    where i.id <> all (v_ended)
      and exists (select 1 from public.sms_retry_queue q where q.send_log_id = i.id and q.status in ('pending', 'processing') offset 0)
      and not exists (select 1 from sms.attempts a where a.message_id = i.id and a.ended_at is null offset 0));
end $f$;

-- The same of what was accepted by p_until and waits for a number at some businesses. Every writer of an opt-out calls it,
-- itself or by leaving the opt-out to sms.finish_opt_out. It ends p_most texts at most, and returns null when those were
-- ended and there may be more: several numbers share a lock, and whoever sends to one of them waits meanwhile.
create function sms.cancel_waiting(
  p_business_ids uuid[], p_phone text, p_until timestamptz, p_at timestamptz, p_reason text, p_most int default 500)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_ids constant uuid[] := array(
    select l.id
    from unnest(p_business_ids) b (id)
    cross join lateral (
      select x.id from public.send_logs x
      where x.channel <> 'email' and x.to_phone = p_phone and x.business_id = b.id and x.created_at <= p_until
        and x.status is not distinct from 'pending'
        -- Those that cannot be ended are none of the p_most.
        and exists (select 1 from public.sms_retry_queue w where w.send_log_id = x.id and w.status in ('pending', 'processing') offset 0)
        and not exists (select 1 from sms.attempts a where a.message_id = x.id and a.ended_at is null offset 0)
      offset 0) l
    limit p_most);
  v_are_ended constant boolean := sms.cancel_messages(v_ids, p_at, p_reason);
begin
  return case when cardinality(v_ids) is distinct from p_most or not v_are_ended then v_are_ended end;
end $f$;

-- The same of what waits for a customer, whatever number it goes to.
create function sms.cancel_customer(p_customer_id uuid, p_until timestamptz, p_at timestamptz, p_reason text, p_most int default 500)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_ids constant uuid[] := array(
    select q.send_log_id
    from public.customers c
    cross join lateral (
      select x.send_log_id from public.sms_retry_queue x
      where x.business_id = c.business_id and x.customer_id = c.id and x.status in ('pending', 'processing')
        and x.accepted_at >= '-infinity' and (x.accepted_at <= p_until) is not false
        and not exists (select 1 from sms.attempts a where a.message_id = x.send_log_id and a.ended_at is null offset 0)
      offset 0) q
    where c.id = p_customer_id
    limit p_most);
  v_are_ended constant boolean := sms.cancel_messages(v_ids, p_at, p_reason);
begin
  return case when cardinality(v_ids) is distinct from p_most or not v_are_ended then v_are_ended end;
end $f$;

-- Consent was entered for a number: withdrawals through a record of it at that business, and what was thought of its
-- reachability, hold no longer. Not what was entered into the list itself, nor what the recipient told the sender.
create function sms.lift_withdrawal(p_business_id uuid, p_phone text, p_status text)
returns void
language sql set search_path = pg_catalog, pg_temp as $f$
  delete from sms.suppressions s
  where s.business_id = p_business_id and s.phone = p_phone
    and (s.kind = 'opt_out' and s.source = 'consent' or s.kind = 'under_review' or s.kind = 'unreachable' and p_status = 'opted_in')
$f$;

create function sms.consent_moves()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_in_force text;
  v_is_done boolean;
begin
  if new.status not in ('opted_out', 'under_review') then
    perform sms.follow_consent(new.customer_id);
    return null;
  end if;

  insert into sms.suppressions (business_id, phone, kind, source, reason, actor, created_at)
  select new.business_id, new.phone, case new.status when 'opted_out' then 'opt_out' else 'under_review' end,
    case new.method when 'sms_keyword' then 'keyword' else 'consent' end, new.source, new.actor, new.recorded_at
  where new.phone is not null
  on conflict do nothing;
  -- The other records of the number.
  insert into sms.consent_events (id, business_id, customer_id, phone, status, method, source, at, notes, ip, wording, actor, recorded_at)
  select gen_random_uuid(), new.business_id, o.id, new.phone, new.status, new.method, new.source, new.at, new.notes, new.ip, new.wording, new.actor, new.recorded_at
  from sms.customers_with(new.business_id, new.phone) o
  where o.id <> new.customer_id
    and coalesce((select e.status from sms.consent_events e where e.customer_id = o.id order by e.n desc limit 1), 'unknown')
      not in ('opted_out', new.status);

  v_in_force := sms.follow_consent(new.customer_id);
  if v_in_force not in ('opted_out', 'under_review') then
    -- Somebody's consent came after it, and saw nothing of this.
    perform sms.lift_withdrawal(new.business_id, new.phone, v_in_force);
    return null;
  end if;
  v_is_done := v_in_force is not null;
  if new.status = 'opted_out' then
    -- What waits may go to a number that the customer had before.
    v_is_done := sms.cancel_customer(new.customer_id, 'infinity', new.recorded_at, 'opted_out') and v_is_done;
    v_is_done := sms.cancel_waiting(array[new.business_id], new.phone, 'infinity', new.recorded_at, 'opted_out') and v_is_done;
  end if;
  if v_is_done is not true then
    insert into sms.unfinished_opt_outs (phone, business_id, customer_id, status, at) values (
      new.phone, new.business_id, new.customer_id, new.status, new.recorded_at);
  end if;
  return null;
end $f$;
create trigger consent_moves after insert on sms.consent_events
  for each row execute function sms.consent_moves();

-- Nothing of it is changed or deleted, by whomever; an erasure may blank the notes and the address it came from.
create function sms.consent_is_kept()
returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $f$
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

-- A status that others write into customers (the e-mail product, a person with SQL) is entered for them, at their commit:
-- a transaction of theirs may stay open for long, and holds no lock on a number meanwhile. The locks on all of its numbers
-- are taken in order before the first entry. Whoever waits for one of them goes on without it after half a second, so
-- that no deadlock ends a transaction of theirs.
create function sms.note_withdrawal()
returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_noted constant text[] := string_to_array(nullif(current_setting('sms.withdrawn', true), ''), ',');
  v_lock constant text := hashtext(coalesce(new.phone_e164, new.phone_shared)) & 63;
begin
  if v_lock <> all (coalesce(v_noted, '{}')) then
    perform set_config('sms.withdrawn', array_to_string(v_noted || v_lock, ','), true);
  end if;
  return null;
end $f$;
create trigger customers_withdrawal_added after insert on public.customers for each row
  when (new.sms_consent_status in ('opted_out', 'under_review') and new.sms_consent_id is null and coalesce(new.phone_e164, new.phone_shared) is not null)
  execute function sms.note_withdrawal();
create trigger customers_withdrawal_noted after update of sms_consent_status on public.customers for each row
  when (new.sms_consent_status in ('opted_out', 'under_review') and new.sms_consent_status is distinct from old.sms_consent_status
    and new.sms_consent_id is not distinct from old.sms_consent_id and coalesce(new.phone_e164, new.phone_shared) is not null)
  execute function sms.note_withdrawal();

create function sms.lock_withdrawn()
returns void
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '500ms' as $f$
declare
  v_noted constant text := nullif(current_setting('sms.withdrawn', true), '');
begin
  if v_noted is null then
    return;
  end if;
  perform set_config('sms.withdrawn', '', true);
  begin
    perform sms.lock_numbers(string_to_array(v_noted, ',')::int[], 'exclusive');
  exception when lock_not_available then
    raise notice 'the lock on a number is held by somebody else for long; the withdrawal goes on';
  end;
end $f$;

create function sms.consent_of_others()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
begin
  perform sms.lock_withdrawn();
  perform set_config('sms.numbers_locked', 'on', true);
  insert into sms.consent_events (id, business_id, customer_id, status, method, source, at, notes, ip, actor, recorded_at)
  values (gen_random_uuid(), new.business_id, new.id, sms.consent_word(new.sms_consent_status::text), new.sms_consent_method, new.sms_consent_source,
    coalesce(new.sms_consent_at, now()), new.sms_consent_notes, sms.plain(new.sms_consent_ip), 'database ' || session_user, now());
  perform set_config('sms.numbers_locked', 'off', true);
  if tg_op = 'UPDATE' and new.sms_consent_status in ('opted_in', 'unknown') then
    perform sms.lift_withdrawal(new.business_id, coalesce(new.phone_e164, new.phone_shared), new.sms_consent_status::text);
  end if;
  return null;
end $f$;
create constraint trigger customers_consent_added after insert on public.customers
  deferrable initially deferred for each row
  when (new.sms_consent_status <> 'unknown' and new.sms_consent_id is null and new.business_id is not null)
  execute function sms.consent_of_others();
create constraint trigger customers_consent_changed after update of sms_consent_status on public.customers
  deferrable initially deferred for each row
  when (new.sms_consent_status is distinct from old.sms_consent_status and new.sms_consent_id is not distinct from old.sms_consent_id and new.business_id is not null)
  execute function sms.consent_of_others();

-- A customer has another number now, whoever wrote it. Consent that was given for the one before is not known for this one;
-- marketing that waits on it ends, where the business asks for consent. All else that is for the customer and not for the
-- number goes to the new one: what is locked by somebody now is moved at its turn.
create function sms.number_moves()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_phone constant text := coalesce(new.phone_e164, new.phone_shared);
  v_actor constant text := nullif(current_setting('sms.actor', true), '');
  v_at constant timestamptz := case when v_actor is null then now() else new.updated_at end;
begin
  if new.sms_consent_status = 'opted_in' and new.sms_consent_phone <> v_phone then
    insert into sms.consent_events (id, business_id, customer_id, phone, status, source, at, actor, recorded_at)
    values (gen_random_uuid(), new.business_id, new.id, v_phone, 'unknown', 'the number changed', v_at,
      coalesce(v_actor, 'database ' || session_user), v_at);
    if not exists (select 1 from public.businesses b where b.id = new.business_id and b.sms_settings @> '{"requireConsent": false}') then
      perform sms.cancel_messages(array(
        select l.id
        from public.sms_retry_queue q
        cross join lateral (select x.id, x.by_customer, x.category from public.send_logs x where x.id = q.send_log_id limit 1) l
        where q.business_id = new.business_id and q.customer_id = new.id and q.status in ('pending', 'processing')
          and q.accepted_at >= '-infinity' and l.by_customer and l.category = 'marketing'),
        v_at, 'consent_required');
    end if;
  end if;

  with waiting as materialized (
    select q.id, q.send_log_id
    from (
      select i.id, i.send_log_id
      from (
        select w.id, w.send_log_id from public.sms_retry_queue w
        where w.business_id = new.business_id and w.customer_id = new.id and w.status in ('pending', 'processing') and w.accepted_at >= '-infinity'
          and not exists (select 1 from sms.attempts a where a.message_id = w.send_log_id and a.ended_at is null offset 0)
        offset 0) i
      order by i.id) q
    cross join lateral (
      select 1 from public.sms_retry_queue x
      where x.id = q.id and (x.status is not distinct from 'pending' or x.status is not distinct from 'processing')
      for no key update skip locked) locked
    cross join lateral (
      select 1 from public.send_logs x
      where x.id = q.send_log_id and x.status is not distinct from 'pending' and x.by_customer and x.to_phone is distinct from v_phone
      for no key update skip locked) message),
  sooner as (
    -- Its hours are decided again: the new number may be elsewhere.
    update public.sms_retry_queue q set scheduled_for = least(q.scheduled_for, v_at)
    from waiting w where q.id = w.id and q.status is not distinct from 'pending' and q.reason is not distinct from 'quiet_hours')
  update public.send_logs l set to_phone = v_phone, updated_at = v_at
  from waiting w where l.id = w.send_log_id;
  return null;
end $f$;
create trigger zz_sms_number_moves after update of phone_e164, phone_shared on public.customers for each row
  when (coalesce(new.phone_e164, new.phone_shared) is not null
    and coalesce(new.phone_e164, new.phone_shared) is distinct from coalesce(old.phone_e164, old.phone_shared))
  execute function sms.number_moves();

-- Makes a customer, or finds the one of this business with the same number; then only what is not known
-- yet is filled in, and consent is never weakened: a status counts when none was recorded, and an opt-out
-- always. What is said about consent is appended to the ledger. Consent that is given with a new record does not lift an
-- earlier withdrawal of its number.
create function sms.add_customer(
  p_business_id uuid, p_id uuid, p_name text, p_phone text, p_timezone text, p_postal_code text,
  p_consent text, p_method text, p_source text, p_consent_at timestamptz, p_notes text, p_ip text, p_actor text, p_at timestamptz,
  p_state text default null, p_wording text default null)
returns setof public.customers
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_id uuid;
  v_before text;
begin
  if p_consent = 'opted_out' then
    perform sms.lock_recipient(p_phone);
  end if;
  -- An existing row may be locked, and an insert that conflicts with it would wait.
  insert into public.customers (id, business_id, name, phone, phone_e164, timezone, postal_code, state, created_at, updated_at)
  select p_id, p_business_id, p_name::sms.customers_name, p_phone, p_phone, p_timezone, p_postal_code::sms.customers_postal_code, p_state, p_at, p_at
  where not exists (select 1 from public.customers c where c.business_id = p_business_id and c.phone_e164 = p_phone)
  on conflict (business_id, phone_e164) do nothing;
  select c.id into v_id from public.customers c where c.business_id = p_business_id and c.phone_e164 = p_phone;

  -- A withdrawal waits for nobody's row.
  if p_consent = 'opted_out' then
    perform 1 from public.customers c where c.id = v_id for no key update skip locked;
  else
    perform 1 from public.customers c where c.id = v_id for no key update;
  end if;
  if found and v_id <> p_id then
    update public.customers c
    set name = coalesce(c.name, p_name::sms.customers_name), timezone = coalesce(c.timezone, p_timezone),
        postal_code = coalesce(c.postal_code, p_postal_code::sms.customers_postal_code), state = coalesce(c.state, p_state)
    where c.id = v_id;
  end if;

  v_before := coalesce((select e.status from sms.consent_events e where e.customer_id = v_id order by e.n desc limit 1), 'unknown');
  if p_consent is not null and p_consent <> 'unknown' and p_consent <> v_before
    and (v_before = 'unknown' or p_consent = 'opted_out') then
    insert into sms.consent_events (id, business_id, customer_id, status, method, source, at, notes, ip, wording, actor, recorded_at)
    values (gen_random_uuid(), p_business_id, v_id, p_consent, p_method, p_source, p_consent_at, p_notes, p_ip, p_wording, p_actor, p_at);
  end if;

  return query select c.* from public.customers c where c.id = v_id;
end $f$;

-- Appends to the consent ledger, which moves the current status and, on an opt-out, ends what waits. Returns no row when
-- there is no such customer. Repeating it under the same id changes nothing. p_phone: the number as the caller reads
-- what the customer's row says, for a row that nobody has read yet; with p_is_new the number that it is about to have.
create function sms.record_consent(
  p_business_id uuid, p_customer_id uuid, p_id uuid, p_status text, p_method text, p_source text,
  p_consent_at timestamptz, p_notes text, p_ip text, p_wording text, p_actor text, p_at timestamptz, p_phone text default null, p_is_new boolean default false)
returns setof sms.consent_events
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_phone text;
begin
  select coalesce(case when p_is_new then p_phone end, c.phone_e164, c.phone_shared, p_phone) into v_phone
  from public.customers c where c.id = p_customer_id and c.business_id is not distinct from p_business_id and c.erased_at is null;
  if found and not exists (select 1 from sms.consent_events e where e.id = p_id) then
    insert into sms.consent_events (id, business_id, customer_id, phone, status, method, source, at, notes, ip, wording, actor, recorded_at)
    values (p_id, p_business_id, p_customer_id, v_phone, p_status, p_method, p_source, p_consent_at, p_notes, p_ip, p_wording, p_actor, p_at);
    if p_status in ('opted_in', 'unknown') then
      perform sms.lift_withdrawal(p_business_id, v_phone, p_status);
    end if;
  end if;
  return query select e.* from sms.consent_events e where e.id = p_id and e.customer_id is not distinct from p_customer_id;
end $f$;

-- Puts a number on a business's suppression list and ends what waits for it there. No text of the recipient lifts it.
create function sms.add_opt_out(p_business_id uuid, p_phone text, p_reason text, p_actor text, p_at timestamptz)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  perform sms.lock_recipient(p_phone);
  insert into sms.suppressions (business_id, phone, kind, source, reason, actor, created_at)
  values (p_business_id, p_phone, 'opt_out', 'business', p_reason, p_actor, p_at)
  on conflict (business_id, phone, kind) do update
    set reason = coalesce(excluded.reason, sms.suppressions.reason), source = 'business', actor = excluded.actor;
  if sms.cancel_waiting(array[p_business_id], p_phone, 'infinity', p_at, 'opted_out') is not true then
    insert into sms.unfinished_opt_outs (phone, business_id, status, at) values (p_phone, p_business_id, 'opted_out', p_at);
  end if;
  return true;
end $f$;

-- The senders that a business sends from: its own, else the installation's (given by the caller).
create function sms.is_sender_of(p_settings jsonb, p_senders text[], p_is_default boolean)
returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $f$
  select case when jsonb_typeof(p_settings -> 'sender') = 'object'
    then coalesce(p_settings -> 'sender' ->> 'from', p_settings -> 'sender' ->> 'messagingServiceSid') = any (p_senders)
      and (p_is_default or coalesce(p_settings -> 'allowedSenders' @> jsonb_build_array(jsonb_strip_nulls(p_settings -> 'sender')), false))
    else p_is_default end
$f$;

-- Takes a number off a business's list: its opt-out, or (p_kind) what else refuses texts to it. If the recipient told the
-- business's sender to stop, that is lifted for this business alone. Twilio keeps a list of its own: what it still
-- blocks comes back as 21610. Only for a business that the transaction names.
create function sms.remove_suppression(p_business_id uuid, p_phone text, p_sender text, p_kind text)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_lifted boolean := false;
begin
  -- With its owner's rights row security does not say it.
  if (p_business_id = any (sms.business_ids())) is not true then
    return false;
  end if;
  if p_kind = 'opt_out' then
    perform sms.lock_recipient(p_phone);
    update sms.sender_opt_outs o
    set lifted_for = o.lifted_for || p_business_id
    where o.sender = p_sender and o.phone = p_phone and p_business_id <> all (o.lifted_for);
    v_lifted := found;
  end if;
  delete from sms.suppressions s where s.business_id = p_business_id and s.phone = p_phone and s.kind = p_kind;
  return v_lifted or found;
end $f$;

-- The businesses that a number is a recipient of by these senders: those that send from them and have the number among their
-- customers, and those that texted the number from them, whatever they send from now.
create function sms.businesses_of(p_senders text[], p_is_default boolean, p_phone text)
returns uuid[]
language sql stable set search_path = pg_catalog, pg_temp as $f$
  with recursive texted as (
    (select l.business_id from public.send_logs l
     where l.channel <> 'email' and l.to_phone = p_phone order by l.business_id limit 1)
    union all
    select n.business_id
    from texted t
    cross join lateral (
      select l.business_id from public.send_logs l
      where l.channel <> 'email' and l.to_phone = p_phone and l.business_id > t.business_id
      order by l.business_id limit 1) n)
  select coalesce(array_agg(distinct f.business_id), '{}')
  from (
    select c.business_id
    from sms.customers_with(null, p_phone) c
    join public.businesses b on b.id = c.business_id and sms.is_sender_of(b.sms_settings, p_senders, p_is_default)
    union all
    select t.business_id
    from texted t
    join public.businesses b on b.id = t.business_id
    where sms.is_sender_of(b.sms_settings, p_senders, p_is_default)
      or exists (
        select 1 from public.send_logs l
        join sms.attempts a on a.message_id = l.id and a.sender = any (p_senders)
        where l.channel <> 'email' and l.to_phone = p_phone and l.business_id = t.business_id)) f
$f$;

-- Calls for help that were answered: one for each number and sender, whose hash is the id. Older than four hours they say
-- nothing, and the next call removes them.
create table sms.help_calls (
  id uuid primary key,
  sid text not null,
  at timestamptz not null
);
create index help_calls_at on sms.help_calls (at);
alter table sms.help_calls enable row level security;

-- An inbound text, judged. p_senders: our number and, if it came through one, the messaging service; p_is_default:
-- whether that is the installation's own sender; p_words: what said so; p_note: the text where a person should read it.
--   opt_out  holds for the senders, and at each business that uses them or texted the number from them
--   opt_in   lifts that, and what the provider refused for the same reason (21610, 30004), and only that: who withdrew in
--            another way stays withdrawn; other, when there is nothing to lift
--   review   who did not withdraw is under review
-- kind is repeated when the text came before.
-- unfinished: an opt-out or a review is in force and committed with this call; the ledger and what waits follow by
-- sms.finish_opt_out.
-- business_id and customer_id: for help, who answers: the business that texted the number last from these senders. Null
-- when another call from the number to the sender was answered in the four hours before, however many come at once.
create function sms.apply_inbound(
  p_sid text, p_senders text[], p_is_default boolean, p_phone text, p_kind text, p_words text, p_note text, p_at timestamptz,
  out kind text, out business_id uuid, out customer_id uuid, out unfinished bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
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
    from sms.customers_with(null, p_phone) c
    join public.businesses b on b.id = c.business_id and sms.is_sender_of(b.sms_settings, p_senders, p_is_default)
    left join lateral (
      select m.created_at from public.send_logs m
      where m.customer_id = c.id and m.channel <> 'email' order by m.created_at desc, m.id desc limit 1) t on true
    order by t.created_at desc nulls last, c.id
    limit 1;
    if customer_id is not null then
      insert into sms.help_calls as h (id, sid, at)
      values (md5(concat('help ', p_senders[1], ' ', p_phone))::uuid, p_sid, p_at)
      on conflict (id) do update set sid = excluded.sid, at = excluded.at
        where h.sid = excluded.sid or h.at <= excluded.at - interval '4 hours';
      if not found then
        business_id := null;
        customer_id := null;
      end if;
      delete from sms.help_calls h
      where h.id = any (array(
        select o.id from sms.help_calls o where o.at <= p_at - interval '4 hours' order by o.at limit 100 for update skip locked));
    end if;
    return;
  end if;
  if kind in ('repeated', 'other') then
    return;
  end if;

  if p_kind in ('opt_out', 'review') then
    if p_kind = 'opt_out' then
      insert into sms.sender_opt_outs (sender, phone, keyword, created_at)
      select s, p_phone, p_words, p_at from unnest(p_senders) s order by s
      on conflict (sender, phone) do update set keyword = excluded.keyword, created_at = excluded.created_at, lifted_for = '{}'
        where sms.sender_opt_outs.lifted_for <> '{}';
    end if;
    insert into sms.unfinished_opt_outs (phone, senders, is_default, status, words, note, at)
    values (p_phone, p_senders, p_is_default, case p_kind when 'opt_out' then 'opted_out' else 'under_review' end, p_words, p_note, p_at)
    returning id into unfinished;
    return;
  end if;

  v_businesses := sms.businesses_of(p_senders, p_is_default, p_phone);
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
  delete from sms.suppressions s where s.business_id = any (v_businesses) and s.phone = p_phone and s.kind = 'unreachable';
  delete from sms.unfinished_opt_outs u where u.phone = p_phone and u.senders && p_senders;
  insert into sms.consent_events (id, business_id, customer_id, phone, status, method, source, at, notes, actor, recorded_at)
  select gen_random_uuid(), c.business_id, c.id, p_phone, 'opted_in', 'sms_keyword', p_words, p_at, p_note, 'recipient', p_at
  from sms.customers_with(null, p_phone) w
  cross join lateral (select x.* from public.customers x where x.id = w.id limit 1) c
  where c.business_id = any (v_businesses) and c.sms_consent_status = 'opted_out' and c.sms_consent_method = 'sms_keyword'
  order by c.id;
end $f$;

-- Does what an opt-out or a review left to do: suppressions at the businesses of its senders, the entries in the ledger of
-- every customer with that number, and the end of what waits. True: nothing is left. False: it is to be repeated. Then
-- either a part of many texts was ended, and it is due again at once; or something is locked by somebody else or refused by
-- the database, what could be done is done, and it is due later. It waits for nobody longer than half a second.
create function sms.finish_opt_out(p_id bigint, p_now timestamptz)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms' as $f$
declare
  u sms.unfinished_opt_outs;
  v_businesses uuid[];
  v_customer record;
  v_error text;
  v_is_done boolean := true;
begin
  select t.* into u from sms.unfinished_opt_outs t where t.id = p_id for update skip locked;
  if not found then
    return true;
  end if;
  perform sms.lock_recipient(u.phone);
  v_businesses := case when u.business_id is null then sms.businesses_of(u.senders, u.is_default, u.phone) else array[u.business_id] end;

  if u.business_id is null then
    begin
      insert into sms.suppressions (business_id, phone, kind, source, reason, actor, created_at)
      select b.id, u.phone, case u.status when 'opted_out' then 'opt_out' else 'under_review' end, 'keyword', u.words, 'recipient', u.at
      from unnest(v_businesses) b (id) order by b.id
      on conflict do nothing;
    exception when others then
      v_error := sqlerrm;
    end;
    for v_customer in
      select c.id, c.business_id, md5(concat('opt-out ', u.id, ' ', c.id))::uuid as entry
      from sms.customers_with(null, u.phone) c
      where c.business_id = any (v_businesses)
        and (u.status = 'opted_out' or coalesce((
          select e.status from sms.consent_events e where e.customer_id = c.id order by e.n desc limit 1), 'unknown') not in ('opted_out', 'under_review'))
      order by c.id
    loop
      begin
        insert into sms.consent_events (id, business_id, customer_id, phone, status, method, source, at, notes, actor, recorded_at)
        select v_customer.entry, v_customer.business_id, v_customer.id, u.phone, u.status, 'sms_keyword', u.words, u.at, u.note, 'recipient', u.at
        where not exists (select 1 from sms.consent_events e where e.id = v_customer.entry);
      exception when others then
        v_error := sqlerrm;
      end;
    end loop;
  end if;

  begin
    if u.customer_id is not null then
      v_is_done := sms.follow_consent(u.customer_id) is not null;
      if u.status = 'opted_out' then
        v_is_done := sms.cancel_customer(u.customer_id, u.at, p_now, 'opted_out') and v_is_done;
      end if;
    end if;
    if u.status = 'opted_out' then
      v_is_done := sms.cancel_waiting(v_businesses, u.phone, u.at, p_now, 'opted_out') and v_is_done;
    end if;
  exception when others then
    v_error := sqlerrm;
  end;

  v_is_done := v_is_done and v_error is null;
  if v_is_done then
    delete from sms.unfinished_opt_outs t where t.id = p_id;
  elsif v_is_done is null then
    update sms.unfinished_opt_outs t set tries = 0, last_error = null, next_at = p_now where t.id = p_id;
  else
    update sms.unfinished_opt_outs t
    set tries = t.tries + 1, last_error = v_error, next_at = p_now + least(power(2, t.tries), 30) * interval '1 second'
    where t.id = p_id;
  end if;
  return coalesce(v_is_done, false);
end $f$;

-- Opt-outs that are to be finished by now, the longest waiting first. Fails when no opt-out can be written: it writes one
-- of nobody's, and takes it back.
create function sms.opt_outs_to_finish(p_now timestamptz, p_limit int)
returns table (id bigint, tries int, last_error text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $f$
begin
  begin
    insert into sms.inbound_messages (sid, sender, kind, received_at) values ('', '', 'opt_out', p_now);
    insert into sms.sender_opt_outs (sender, phone, created_at) values ('', '', p_now);
    insert into sms.unfinished_opt_outs (phone, status, at) values ('', 'opted_out', p_now);
    raise exception sqlstate 'SMS00';
  exception when sqlstate 'SMS00' then
    -- It could be written; nothing of it stays.
  end;
  return query
    select u.id, u.tries, u.last_error from sms.unfinished_opt_outs u where u.next_at <= p_now order by u.next_at limit p_limit;
end $f$;

revoke all on function
  sms.lock_numbers(int[], text), sms.lock_recipient(text), sms.customers_with(uuid, text), sms.consent_for(text, text, text),
  sms.consent_is_added(), sms.follow_consent(uuid), sms.consent_moves(), sms.consent_is_kept(), sms.consent_of_others(),
  sms.note_withdrawal(), sms.lock_withdrawn(), sms.number_moves(),
  sms.cancel_messages(uuid[], timestamptz, text), sms.cancel_waiting(uuid[], text, timestamptz, timestamptz, text, int),
  sms.cancel_customer(uuid, timestamptz, timestamptz, text, int),
  sms.lift_withdrawal(uuid, text, text),
  sms.add_customer(uuid, uuid, text, text, text, text, text, text, text, timestamptz, text, text, text, timestamptz, text, text),
  sms.record_consent(uuid, uuid, uuid, text, text, text, timestamptz, text, text, text, text, timestamptz, text, boolean),
  sms.add_opt_out(uuid, text, text, text, timestamptz), sms.is_sender_of(jsonb, text[], boolean),
  sms.remove_suppression(uuid, text, text, text), sms.businesses_of(text[], boolean, text),
  sms.apply_inbound(text, text[], boolean, text, text, text, text, timestamptz),
  sms.finish_opt_out(bigint, timestamptz), sms.opt_outs_to_finish(timestamptz, int)
from public;
grant execute on function
  sms.lock_recipient(text), sms.consent_for(text, text, text),
  sms.cancel_messages(uuid[], timestamptz, text), sms.cancel_waiting(uuid[], text, timestamptz, timestamptz, text, int),
  sms.lift_withdrawal(uuid, text, text),
  sms.add_customer(uuid, uuid, text, text, text, text, text, text, text, timestamptz, text, text, text, timestamptz, text, text),
  sms.record_consent(uuid, uuid, uuid, text, text, text, timestamptz, text, text, text, text, timestamptz, text, boolean),
  sms.add_opt_out(uuid, text, text, text, timestamptz), sms.remove_suppression(uuid, text, text, text)
to sms_app;
-- An inbound text names no business: whoever may say what arrived could lift any business's opt-outs.
grant execute on function
  sms.apply_inbound(text, text[], boolean, text, text, text, text, timestamptz), sms.finish_opt_out(bigint, timestamptz), sms.opt_outs_to_finish(timestamptz, int)
to sms_drain;

-- What was known before there was a ledger begins it. Last in this file: nothing may be fired that is not there yet. And
-- nothing is fired at all: each row of customers keeps what it says, and triggers of others are told of no change.
do $do$
declare
  v_back text;
begin
  if not exists (select 1 from public.customers c where c.sms_consent_status <> 'unknown' and c.sms_consent_id is null and c.business_id is not null) then
    return;
  end if;
  v_back := sms.still_triggers('public.customers') || sms.still_triggers('sms.consent_events');
  with begun as (
    insert into sms.consent_events (id, n, business_id, customer_id, phone, status, method, source, at, notes, ip, actor, recorded_at)
    select gen_random_uuid(), nextval('sms.consent_order'), c.business_id, c.id, c.phone_e164, sms.consent_word(c.sms_consent_status::text),
      c.sms_consent_method, c.sms_consent_source, coalesce(c.sms_consent_at, c.created_at, now()), c.sms_consent_notes, sms.plain(c.sms_consent_ip), 'adopted', now()
    from public.customers c where c.sms_consent_status <> 'unknown' and c.sms_consent_id is null and c.business_id is not null
    order by c.id
    returning id, customer_id)
  update public.customers c set sms_consent_id = b.id from begun b where c.id = b.customer_id;
  execute v_back;
end $do$;
