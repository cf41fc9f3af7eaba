-- Where the application's roles cannot be made or taken, it works as the owner of the database. An owner is above row
-- security unless it is forced: it is here, on all tables of texting, and on the others where they are new too (where
-- they were adopted, their owner's own programs must go on seeing them). Functions that serve all businesses say so
-- for the length of their call: in application_name, because a setting of our own may be tied to a function by
-- superusers only.
do $do$
declare
  v_table regclass;
  v_function regprocedure;
  v_is_new constant boolean := not exists (select 1 from public.businesses);
begin
  if not exists (
    select 1 from pg_policy p
    where p.polrelid = 'sms.attempts'::regclass and p.polname = 'sms_app_tenant'
      and p.polroles = array[(select r.oid from pg_roles r where r.rolname = current_user)]) then
    return;
  end if;

  for v_table in
    select c.oid::regclass from pg_class c
    where c.relkind = 'r' and c.relrowsecurity
      and (c.relnamespace = 'sms'::regnamespace or c.oid = 'public.sms_retry_queue'::regclass
        or c.relnamespace = 'public'::regnamespace and c.relowner = (select r.oid from pg_roles r where r.rolname = current_user)
          and v_is_new)
  loop
    execute format('create policy sms_all_businesses on %s for all to current_user
      using (current_setting(''application_name'') = ''sms: all businesses'') with check (current_setting(''application_name'') = ''sms: all businesses'')', v_table);
    execute format('alter table %s force row level security', v_table);
  end loop;

  for v_function in
    select p.oid::regprocedure from pg_proc p
    where p.prosecdef
      and (p.pronamespace = 'sms'::regnamespace
        or p.pronamespace = 'public'::regnamespace and p.proname in ('claim_due_sms_retries', 'recover_stuck_sms_retries', 'contacts_to_customers'))
  loop
    execute format('alter function %s set application_name = ''sms: all businesses''', v_function);
  end loop;
end $do$;
