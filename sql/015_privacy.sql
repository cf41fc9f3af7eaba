-- Erasure and retention. What is kept of a person: the suppression of the number, the ledger of consent without notes and
-- addresses, and why each message went or waited, under the ids alone.

-- Blanks what tells of a person in a row of customers or contacts, in the columns of others too: texts, lists, JSON,
-- dates without time, network addresses. What is not null gets its default, or an empty value.
create function sms.blank_person(p_table regclass, p_id uuid)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_sets text;
begin
  select string_agg(format('%I = %s', a.attname, case
      when not a.attnotnull then 'null'
      when d.adbin is not null then 'default'
      when t.typcategory = 'A' or t.typname in ('json', 'jsonb') then quote_literal('{}')
      else quote_literal('') end), ', ')
  into v_sets
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and (t.typcategory in ('S', 'A', 'I') or t.typname in ('json', 'jsonb', 'date'))
    and a.attname not in ('status', 'sms_consent_status', 'sms_consent_method', 'sms_consent_source');
  execute format('update %s set %s where id = $1', p_table, v_sets) using p_id;
end $f$;

-- Blanks the messages and attempts of an erased customer, and ends what waits. False: some have attempts under way or of
-- unknown outcome, which need the number and the text until they are settled, or are locked by somebody else.
create function sms.blank_messages(p_customer_id uuid, p_at timestamptz)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_ids uuid[];
begin
  perform sms.cancel_customer(p_customer_id, 'infinity', p_at, 'erased', null);
  v_ids := array(
    select l.id from public.send_logs l where l.customer_id = p_customer_id and l.channel <> 'email'
    union all
    select l.id from public.send_logs l where l.customer_id = p_customer_id and l.channel is distinct from 'sms');
  update sms.attempts a set phone = null
  where a.message_id = any (v_ids) and a.phone is not null and a.ended_at is not null;
  update public.send_logs l
  set body = '', metadata = '{}', to_phone = '+******' || right(l.to_phone, 4), subject = null, updated_at = p_at
  where l.id = any (v_ids) and l.channel is not distinct from 'sms' and l.to_phone not like '+*%' and l.status <> 'pending'
    and not exists (select 1 from sms.attempts a where a.message_id = l.id and a.ended_at is null offset 0);
  update public.send_logs l set subject = null where l.id = any (v_ids) and l.channel is distinct from 'sms' and l.subject is not null;
  return not exists (
    select 1 from public.send_logs l where l.id = any (v_ids) and l.channel is not distinct from 'sms' and l.to_phone not like '+*%');
end $f$;

-- Erases a customer. The transaction must name the business. Returns erased, also when the customer was erased before, or
-- not_found. A number that withdrew, or may have, stays suppressed.
create function sms.erase_customer(p_business_id uuid, p_id uuid, p_actor text, p_at timestamptz)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  c public.customers;
  v_phone text;
begin
  -- With its owner's rights row security does not say it.
  if (p_business_id = any (sms.business_ids())) is not true then
    return 'not_found';
  end if;
  select t.* into c from public.customers t where t.id = p_id and t.business_id is not distinct from p_business_id;
  if c.id is null then
    return 'not_found';
  end if;
  v_phone := coalesce(c.phone_e164, c.phone_shared);
  perform sms.lock_recipient(v_phone);
  select t.* into c from public.customers t where t.id = p_id for no key update;
  if c.erased_at is not null then
    return 'erased';
  end if;

  if v_phone is not null then
    if c.sms_consent_status in ('opted_out', 'under_review') then
      insert into sms.suppressions (business_id, phone, kind, source, reason, actor, created_at)
      values (p_business_id, v_phone, 'opt_out', case c.sms_consent_method when 'sms_keyword' then 'keyword' else 'erased' end,
        c.sms_consent_status, p_actor, p_at)
      on conflict (business_id, phone, kind) do update set source = 'erased' where sms.suppressions.source = 'consent';
    end if;
    -- What is no withdrawal tells of the person only.
    delete from sms.suppressions s
    where s.business_id = p_business_id and s.phone = v_phone and s.kind <> 'opt_out'
      and not exists (select 1 from sms.customers_with(p_business_id, v_phone) o where o.id <> p_id);
    perform sms.cancel_waiting(array[p_business_id], v_phone, 'infinity', p_at, 'erased', null);
  end if;

  update sms.consent_events e set notes = null, ip = null where e.customer_id = p_id and (e.notes is not null or e.ip is not null);
  if exists (select 1 from pg_catalog.pg_class r where r.oid = to_regclass('public.contacts') and r.relkind in ('r', 'p')) then
    perform sms.blank_person('public.contacts'::regclass, p_id);
  end if;
  perform sms.blank_person('public.customers'::regclass, p_id);
  update public.customers t set erased_at = p_at, updated_at = p_at where t.id = p_id;
  insert into sms.erasures (customer_id, business_id, actor, erased_at, is_complete)
  values (p_id, p_business_id, p_actor, p_at, sms.blank_messages(p_id, p_at));
  return 'erased';
end $f$;

-- Blanks what erasures had to leave; returns how many are complete now.
create function sms.finish_erasures(p_at timestamptz, p_limit int)
returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_finished int;
begin
  update sms.erasures e set is_complete = true
  where e.customer_id = any (array(
      select o.customer_id from sms.erasures o where not o.is_complete order by o.customer_id limit p_limit for no key update skip locked))
    and sms.blank_messages(e.customer_id, p_at);
  get diagnostics v_finished = row_count;
  return v_finished;
end $f$;

-- Blanks the bodies of at most p_limit messages that ended and are older than the instant given; returns how many.
create function sms.blank_bodies(p_before timestamptz, p_limit int)
returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_blanked int;
begin
  with old as materialized (
    select l.id from public.send_logs l
    where l.channel = 'sms' and l.body <> '' and l.created_at < p_before and l.status <> 'pending'
    order by l.created_at
    limit p_limit
    for no key update skip locked)
  update public.send_logs l set body = ''
  from old o
  where l.id = o.id
    and not exists (select 1 from sms.attempts a where a.message_id = l.id and a.state in ('open', 'unknown') offset 0);
  get diagnostics v_blanked = row_count;
  return v_blanked;
end $f$;

revoke all on function
  sms.blank_person(regclass, uuid), sms.blank_messages(uuid, timestamptz), sms.erase_customer(uuid, uuid, text, timestamptz),
  sms.finish_erasures(timestamptz, int), sms.blank_bodies(timestamptz, int)
from public;
grant execute on function sms.erase_customer(uuid, uuid, text, timestamptz) to sms_app;
grant execute on function sms.finish_erasures(timestamptz, int), sms.blank_bodies(timestamptz, int) to sms_drain;
