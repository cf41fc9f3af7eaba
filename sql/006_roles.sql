-- The roles of the application. Neither is a superuser, owns a table or bypasses row security:
--   sms_app    tenant work: sees the businesses named in the transaction's setting sms.business_ids
--   sms_drain  the queue over all businesses: may call the queue's functions and touch no table
do $do$
declare
  v_role text;
begin
  foreach v_role in array array['sms_app', 'sms_drain'] loop
    if not exists (select 1 from pg_roles where rolname = v_role) then
      begin
        execute format('create role %I nologin nosuperuser nobypassrls', v_role);
      exception when duplicate_object or unique_violation or insufficient_privilege then
        null;
      end;
    end if;
    -- Without them the application works as the owner: see 017.
    continue when not exists (select 1 from pg_roles where rolname = v_role);
    -- Since PostgreSQL 16 the maker of a role is its member without the right to become it.
    if not pg_has_role(current_user, v_role,
      case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end) then
      begin
        execute format('grant %I to current_user', v_role);
      exception when unique_violation or insufficient_privilege then
        null; -- another database's migration granted it at this moment, or nobody lets us
      end;
    end if;
  end loop;
end $do$;

-- The businesses that this transaction may touch: set by the caller from its own identity (the grain's
-- key, the API key's business), never from the rows at hand. Nothing set: none.
create function sms.business_ids() returns uuid[] language sql stable set search_path = '' as $f$
  select coalesce(string_to_array(nullif(current_setting('sms.business_ids', true), ''), ',')::uuid[], '{}')
$f$;

grant usage on schema public, sms to sms_app, sms_drain;
grant execute on function sms.business_ids() to sms_app;

do $do$
declare
  v_table text;
begin
  foreach v_table in array array['public.customers', 'public.email_templates', 'public.message_templates', 'public.send_logs',
    'public.sms_retry_queue', 'sms.api_keys', 'sms.idempotency_keys', 'sms.attempts', 'sms.message_events',
    'sms.consent_events', 'sms.erasures', 'sms.suppressions', 'sms.usage', 'sms.message_counts', 'sms.count_changes'] loop
    continue when to_regclass(v_table) is null;
    execute format('grant select, insert, update, delete on %s to sms_app', v_table);
    -- A view asks for the rights of whoever reads it, on the table beneath.
    continue when not exists (select 1 from pg_class c where c.oid = to_regclass(v_table) and c.relkind in ('r', 'p'));
    execute format('alter table %s enable row level security', v_table);
    execute format('create policy sms_app_tenant on %s for all to sms_app
      using (business_id = any ((select sms.business_ids())::uuid[]))
      with check (business_id = any ((select sms.business_ids())::uuid[]))', v_table);
  end loop;
end $do$;

-- The ledger is only appended to; a trigger holds all others to that too.
revoke update, delete on sms.consent_events from sms_app;
revoke insert, update, delete on sms.erasures from sms_app;

grant select, insert, update on public.businesses to sms_app;
create policy sms_app_tenant on public.businesses for all to sms_app
  using (id = any ((select sms.business_ids())::uuid[]))
  with check (id = any ((select sms.business_ids())::uuid[]));

grant usage on all sequences in schema sms to sms_app;

alter table sms.sender_opt_outs enable row level security;
alter table sms.inbound_messages enable row level security;
grant select on sms.sender_opt_outs to sms_app;
-- Not a tenant's: a sender may serve many, and each must be able to see that it may not text this number.
create policy sms_app_read on sms.sender_opt_outs for select to sms_app using (true);
