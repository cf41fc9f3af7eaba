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

-- Goes on with an erasure: ends p_most of the texts that wait, and blanks p_most of the messages that ended, with their
-- attempts. Nobody is texted meanwhile: sms.begin_attempts asks whether the customer was erased. What is left when all that
-- can be done is done has an attempt under way or of unknown outcome, which needs the number and the text until it is settled, or
-- is locked by somebody else; it is looked at again in a minute. Returns whether the erasure is complete.
create function sms.erase_part(e sms.erasures, p_at timestamptz, p_most int default 500)
returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  -- False: not all could be ended; null: there may be more.
  v_are_ended boolean := sms.cancel_customer(e.customer_id, 'infinity', p_at, 'erased', p_most);
  v_texts uuid[];
  v_others uuid[];
  v_is_more boolean;
  v_is_complete boolean;
begin
  if e.phone is not null then
    v_are_ended := sms.cancel_waiting(array[e.business_id], e.phone, e.erased_at, p_at, 'erased', p_most) and v_are_ended;
  end if;

  v_texts := array(
    select l.id from public.send_logs l
    where l.customer_id = e.customer_id and l.channel <> 'email' and l.channel is not distinct from 'sms'
      and l.to_phone not like '+*%' and l.status is distinct from 'pending'
      and not exists (select 1 from sms.attempts a where a.message_id = l.id and a.ended_at is null offset 0)
    limit p_most
    for no key update skip locked);
  update sms.attempts a set phone = null where a.message_id = any (v_texts) and a.phone is not null;
  update public.send_logs l
  set body = '', metadata = '{}', to_phone = '+******' || right(l.to_phone, 4), subject = null, updated_at = p_at
  where l.id = any (v_texts);
  v_others := array(
    select l.id from public.send_logs l
    where l.customer_id = e.customer_id and l.channel is distinct from 'sms' and l.subject is not null
    limit p_most
    for no key update skip locked);
  update public.send_logs l set subject = null where l.id = any (v_others);

  v_is_more := v_are_ended is null or cardinality(v_texts) is not distinct from p_most or cardinality(v_others) is not distinct from p_most;
  v_is_complete := not v_is_more and v_are_ended
    and not exists (
      select 1 from public.send_logs l
      where l.customer_id = e.customer_id and l.channel <> 'email' and l.channel is not distinct from 'sms' and l.to_phone not like '+*%' offset 0)
    and not exists (
      select 1 from public.send_logs l
      where l.customer_id = e.customer_id and l.channel is distinct from 'sms' and l.subject is not null offset 0);
  update sms.erasures t
  set is_complete = v_is_complete, phone = case when v_is_complete then null else t.phone end,
      next_at = case when v_is_more then p_at else p_at + interval '1 minute' end
  where t.customer_id = e.customer_id;
  return v_is_complete;
end $f$;

-- Erases a customer. The transaction must name the business. Returns erased, also when the customer was erased before, or
-- not_found. A number that withdrew, or may have, stays suppressed. Of very many texts a part ends here, and the others by
-- sms.finish_erasure.
create function sms.erase_customer(p_business_id uuid, p_id uuid, p_actor text, p_at timestamptz)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  c public.customers;
  v_erasure sms.erasures;
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
  end if;

  update sms.consent_events e set notes = null, ip = null where e.customer_id = p_id and (e.notes is not null or e.ip is not null);
  if exists (select 1 from pg_catalog.pg_class r where r.oid = to_regclass('public.contacts') and r.relkind in ('r', 'p')) then
    perform sms.blank_person('public.contacts'::regclass, p_id);
  end if;
  perform sms.blank_person('public.customers'::regclass, p_id);
  update public.customers t set erased_at = p_at, updated_at = p_at where t.id = p_id;
  insert into sms.erasures (customer_id, business_id, actor, erased_at, is_complete, phone)
  values (p_id, p_business_id, p_actor, p_at, false, v_phone)
  returning * into v_erasure;
  perform sms.erase_part(v_erasure, p_at);
  return 'erased';
end $f$;

-- Goes on with one of the erasures that are due by now. Returns whether it is complete; null: none is due.
create function sms.finish_erasure(p_at timestamptz)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  e sms.erasures;
begin
  select t.* into e from sms.erasures t
  where not t.is_complete and t.next_at <= p_at
  order by t.next_at limit 1 for no key update skip locked;
  if not found then
    return null;
  end if;
  return sms.erase_part(e, p_at);
exception when others then
  -- What the database refuses of one keeps no other back.
  raise warning 'the erasure of customer % cannot go on: %', e.customer_id, sqlerrm;
  update sms.erasures t set next_at = p_at + interval '1 minute' where t.customer_id = e.customer_id;
  return false;
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
  sms.blank_person(regclass, uuid), sms.erase_part(sms.erasures, timestamptz, int), sms.erase_customer(uuid, uuid, text, timestamptz),
  sms.finish_erasure(timestamptz), sms.blank_bodies(timestamptz, int)
from public;
grant execute on function sms.erase_customer(uuid, uuid, text, timestamptz) to sms_app;
grant execute on function sms.finish_erasure(timestamptz), sms.blank_bodies(timestamptz, int) to sms_drain;
