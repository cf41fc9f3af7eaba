-- What clients of the HTTP layer, and whoever else can connect, may not reach. Default privileges hand new tables and
-- functions to the roles of that layer, so what they shall not have is taken from them by name. Last of the files, and
-- over the catalog: what a file before forgot is closed here.
do $do$
declare
  v_role name;
  v_function regprocedure;
begin
  revoke all on schema sms from public;
  revoke all on all tables in schema sms from public;
  revoke all on all sequences in schema sms from public;
  revoke all on all functions in schema sms from public;
  for v_role in select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on schema sms from %I', v_role);
    execute format('revoke all on all tables in schema sms from %I', v_role);
    execute format('revoke all on all sequences in schema sms from %I', v_role);
    execute format('revoke all on all functions in schema sms from %I', v_role);
    if v_role = 'anon' then
      revoke all on public.sms_retry_queue from anon;
    else
      -- Row security holds back neither of them.
      execute format('revoke truncate, references, trigger, delete on public.sms_retry_queue from %I', v_role);
    end if;
    for v_function in
      select p.oid::regprocedure from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.proname in ('claim_due_sms_retries', 'recover_stuck_sms_retries')
    loop
      execute format('revoke all on function %s from public', v_function);
      if v_role <> 'service_role' then
        execute format('revoke all on function %s from %I', v_function, v_role);
      end if;
    end loop;
  end loop;
end $do$;

-- Of the type names in a body those of the session's own temporary schema come first unless the path says otherwise, which
-- each function's own path does. Beside that nobody but the owner makes anything there: this program's other logins need
-- none, and the owner gives it back to whoever does (grant temporary on database). Only the database's owner may say it.
do $do$
begin
  if (select pg_has_role(current_user, d.datdba, 'usage') from pg_database d where d.datname = current_database()) then
    execute format('revoke temporary on database %I from public', current_database());
  else
    raise notice 'the owner of database % has to say: revoke temporary on database % from public', current_database(), quote_ident(current_database());
  end if;
end $do$;

-- What a row points to is the same business's: a foreign key sees all rows, and would tell of another's id whether it is
-- there. So whoever writes as a client of that layer must see what the row points to, as a row of its business: beside all
-- policies that are there, theirs too. Nothing of it is asked of the application.
do $do$
declare
  v_link record;
begin
  for v_link in
    select l.relation, l.name, t.relation as target, t.key, r.rolname
    from (
      select c.conrelid as relation, c.conkey[1] as attnum, c.confrelid as target, c.confkey[1] as key
      from pg_constraint c
      where c.contype = 'f' and cardinality(c.conkey) = 1
        and c.conrelid in (select to_regclass('public.' || n) from unnest(array[
          'customers', 'contacts', 'email_templates', 'message_templates', 'send_logs', 'scheduled_sends', 'sms_retry_queue']) n)
      union
      -- An adopted queue may have no keys of its own.
      select a.attrelid, a.attnum, to_regclass(n.target), k.attnum
      from (values ('send_log_id', 'public.send_logs'), ('customer_id', 'public.customers')) n (name, target)
      join pg_attribute a on a.attrelid = 'public.sms_retry_queue'::regclass and a.attname = n.name
      join pg_attribute k on k.attrelid = to_regclass(n.target) and k.attname = 'id') f
    cross join lateral (
      select f.relation::regclass as relation, a.attname as name from pg_attribute a where a.attrelid = f.relation and a.attnum = f.attnum) l
    cross join lateral (
      select f.target::regclass as relation, a.attname as key from pg_attribute a where a.attrelid = f.target and a.attnum = f.key) t
    join pg_class o on o.oid = f.relation and o.relrowsecurity
    join pg_roles r on r.rolname = 'authenticated'
    -- Both are a business's, and the client may look.
    where exists (select 1 from pg_attribute a where a.attrelid = f.relation and a.attname = 'business_id' and not a.attisdropped)
      and has_column_privilege(r.oid, f.target, f.key, 'select')
      and has_column_privilege(
        r.oid, f.target, (select a.attnum from pg_attribute a where a.attrelid = f.target and a.attname = 'business_id' and not a.attisdropped), 'select')
  loop
    for v_command in 1..2 loop
      execute format('create policy %I on %s as restrictive for %s to %I with check (
          %I is null or exists (select 1 from %s t where t.%I = %s.%I and t.business_id = %2$s.business_id))',
        'sms_texting_own_' || v_link.name || case v_command when 1 then '_insert' else '_update' end, v_link.relation,
        case v_command when 1 then 'insert' else 'update' end, v_link.rolname,
        v_link.name, v_link.target, v_link.key, v_link.relation, v_link.name);
    end loop;
  end loop;
end $do$;

-- The same of whom a scheduled send is for, where it lists them: no key looks at a list.
create function sms.refuse_others_people() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_is_own boolean;
begin
  execute format('select coalesce(bool_and(exists (select 1 from public.%I c where c.id = i.id and c.business_id = $2)), true) from unnest(($1).%I) i (id)',
    tg_argv[0], tg_argv[1]) into v_is_own using new, new.business_id;
  if v_is_own is not true then
    raise exception '% of % has people of another business', tg_argv[1], tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return new;
end $f$;
revoke all on function sms.refuse_others_people() from public;
do $do$
declare
  v_list record;
begin
  for v_list in
    select n.relation, a.attname
    from (values ('customers', 'customer_ids'), ('contacts', 'contact_ids')) n (relation, name)
    join pg_attribute a on a.attrelid = 'public.scheduled_sends'::regclass and a.attname = n.name and a.atttypid = 'uuid[]'::regtype and not a.attisdropped
    where to_regclass('public.' || n.relation) is not null
      and (select count(*) = 2 from pg_attribute b
           where b.attrelid in (a.attrelid, to_regclass('public.' || n.relation)) and b.attname = 'business_id' and not b.attisdropped)
  loop
    execute format('create trigger %I before insert or update of business_id, %I on public.scheduled_sends for each row
      when (current_user in (''anon'', ''authenticated'')) execute function sms.refuse_others_people(%L, %L)',
      'zz_sms_own_' || v_list.attname, v_list.attname, v_list.relation, v_list.attname);
  end loop;
end $do$;

-- Columns of open tables that clients of that layer may read and not set: which hours hold, who may be sent from
-- and texted, and how much are the operator's choice, a
-- consent is an entry of the ledger, and who goes before all others is this program's.
create function sms.refuse_from_outside() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  raise exception 'column % of % is not written from outside', tg_argv[0], tg_table_name using errcode = 'insufficient_privilege';
end $f$;
revoke all on function sms.refuse_from_outside() from public;
create trigger businesses_policy_made before insert on public.businesses for each row
  when (current_user in ('anon', 'authenticated') and new.sms_settings ?| array['quietHoursPolicy', 'quietHoursProfile', 'allowedSenders', 'allowedCountries',
    'maxSegmentsPerSecond', 'maxDailySegments', 'maxMonthlyMessages'])
  execute function sms.refuse_from_outside('sms_settings');
create trigger businesses_policy_kept before update of sms_settings on public.businesses for each row
  when (current_user in ('anon', 'authenticated') and (
    array[new.sms_settings -> 'quietHoursPolicy', new.sms_settings -> 'quietHoursProfile', new.sms_settings -> 'allowedSenders', new.sms_settings -> 'allowedCountries',
      new.sms_settings -> 'maxSegmentsPerSecond', new.sms_settings -> 'maxDailySegments', new.sms_settings -> 'maxMonthlyMessages']
    is distinct from array[old.sms_settings -> 'quietHoursPolicy', old.sms_settings -> 'quietHoursProfile', old.sms_settings -> 'allowedSenders', old.sms_settings -> 'allowedCountries',
      old.sms_settings -> 'maxSegmentsPerSecond', old.sms_settings -> 'maxDailySegments', old.sms_settings -> 'maxMonthlyMessages']
    -- Where no countries are named, they are the region's.
    or new.sms_settings -> 'allowedCountries' is null and new.sms_settings -> 'region' is distinct from old.sms_settings -> 'region'))
  execute function sms.refuse_from_outside('sms_settings');
create trigger customers_ledger_made before insert on public.customers for each row
  when (current_user in ('anon', 'authenticated', 'service_role') and (new.sms_consent_id is not null or new.sms_consent_phone is not null))
  execute function sms.refuse_from_outside('sms_consent_id');
create trigger customers_ledger_kept before update of sms_consent_id, sms_consent_phone on public.customers for each row
  when (current_user in ('anon', 'authenticated', 'service_role')
    and (new.sms_consent_id is distinct from old.sms_consent_id or new.sms_consent_phone is distinct from old.sms_consent_phone))
  execute function sms.refuse_from_outside('sms_consent_id');
create trigger sms_retry_queue_lane_made before insert on public.sms_retry_queue for each row
  when (current_user in ('anon', 'authenticated', 'service_role') and new.lane <> 1)
  execute function sms.refuse_from_outside('lane');
create trigger sms_retry_queue_lane_kept before update of lane on public.sms_retry_queue for each row
  when (current_user in ('anon', 'authenticated', 'service_role') and new.lane <> old.lane)
  execute function sms.refuse_from_outside('lane');

-- The migrations' own tools.
drop function if exists sms.columns_of_contacts(), sms.widen_words(regclass, name, text[]), sms.widen_check(regclass, name, text), sms.give_identity(regclass), sms.fit_columns(regclass, text[], text[]);
