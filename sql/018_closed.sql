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

-- Columns of open tables that clients of that layer may read and not set: which hours hold, who may be sent from
-- and texted, and how much are the operator's choice, a
-- consent is an entry of the ledger, and who goes before all others is this program's.
create function sms.refuse_from_outside() returns trigger language plpgsql set search_path = '' as $f$
begin
  raise exception 'column % of % is not written from outside', tg_argv[0], tg_table_name using errcode = 'insufficient_privilege';
end $f$;
revoke all on function sms.refuse_from_outside() from public;
create trigger businesses_policy_made before insert on public.businesses for each row
  when (current_user in ('anon', 'authenticated') and new.sms_settings ?| array['quietHoursPolicy', 'allowedSenders', 'allowedCountries',
    'maxSegmentsPerSecond', 'maxDailySegments', 'maxMonthlyMessages'])
  execute function sms.refuse_from_outside('sms_settings');
create trigger businesses_policy_kept before update of sms_settings on public.businesses for each row
  when (current_user in ('anon', 'authenticated') and (
    array[new.sms_settings -> 'quietHoursPolicy', new.sms_settings -> 'allowedSenders', new.sms_settings -> 'allowedCountries',
      new.sms_settings -> 'maxSegmentsPerSecond', new.sms_settings -> 'maxDailySegments', new.sms_settings -> 'maxMonthlyMessages']
    is distinct from array[old.sms_settings -> 'quietHoursPolicy', old.sms_settings -> 'allowedSenders', old.sms_settings -> 'allowedCountries',
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
