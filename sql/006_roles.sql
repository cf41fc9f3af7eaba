-- The roles of the application. Neither is a superuser, owns a table or bypasses row security:
--   sms_app    tenant work: sees the businesses named in the transaction's setting sms.business_ids
--   sms_drain  what serves all businesses, the queue and the provider's webhooks: may call its functions and touch no table
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
-- The policies say "in (select …)" and not "= any (array)": that is a look into a hash for each row, however many
-- businesses a group write serves, and no condition that an index would be searched by once for each of them.
-- Every statement asks once for each table that it touches: the body is bound when it is made, needs no search path of
-- its own, and so the planner puts it where it is called.
create function sms.business_ids() returns uuid[] language sql stable
return coalesce(string_to_array(nullif(current_setting('sms.business_ids', true), ''), ',')::uuid[], '{}');

grant usage on schema public, sms to sms_app, sms_drain;
grant execute on function sms.business_ids(), sms.consent_word(text), sms.plain(anyelement) to sms_app;

-- What the program's own statements do to each table, and no more: what functions do with their owner's rights needs none.
do $do$
declare
  v_table record;
begin
  for v_table in
    select t.relation, t.rights
    from (values
      ('public.customers', 'select, insert, update'), ('public.email_templates', 'select'), ('public.message_templates', 'select'),
      ('public.send_logs', 'select, update'), ('public.sms_retry_queue', 'select, insert, update'),
      ('sms.api_keys', 'select, insert, update'), ('sms.idempotency_keys', 'select'),
      ('sms.attempts', 'select'), ('sms.message_events', 'select, insert'),
      ('sms.consent_events', 'select, insert'), ('sms.erasures', 'select'),
      ('sms.suppressions', 'select, insert, update, delete'), ('sms.unfinished_opt_outs', 'insert'), ('sms.usage', 'select'),
      ('sms.message_states', 'select'), ('sms.message_counts', 'select'), ('sms.count_changes', 'select'),
      ('sms.queue_counts', 'select'), ('sms.queue_changes', 'select')) t (relation, rights)
    where exists (
      select 1 from pg_attribute a where a.attrelid = to_regclass(t.relation) and a.attname = 'business_id' and not a.attisdropped)
  loop
    execute format('grant %s on %s to sms_app', v_table.rights, v_table.relation);
    -- A view asks for the rights of whoever reads it, on the table beneath.
    continue when not exists (select 1 from pg_class c where c.oid = to_regclass(v_table.relation) and c.relkind in ('r', 'p'));
    execute format('alter table %s enable row level security', v_table.relation);
    execute format('create policy sms_app_tenant on %s for all to sms_app
      using (business_id in (select unnest(sms.business_ids())))
      with check (business_id in (select unnest(sms.business_ids())))', v_table.relation);
  end loop;
end $do$;

grant select, insert, update on public.businesses to sms_app;
create policy sms_app_tenant on public.businesses for all to sms_app
  using (id in (select unnest(sms.business_ids())))
  with check (id in (select unnest(sms.business_ids())));

grant select on sms.templates to sms_app;
grant usage on sequence sms.event_order, sms.consent_order to sms_app;

-- Policies of theirs that are for everybody are for the application too, and row security lets pass what any policy
-- lets pass. So on their tables a restrictive one says the same again. And what their policies look into, the
-- application must be able to look into: else every statement of its would end there.
do $do$
declare
  v_table text;
  v_app constant oid := (select r.oid from pg_roles r where r.rolname = 'sms_app');
  v_seen record;
begin
  -- Not where the owner works in the role's place: its functions for all businesses pass by a policy of their own.
  if not exists (select 1 from pg_policy p where p.polrelid = 'public.businesses'::regclass and p.polname = 'sms_app_tenant' and p.polroles = array[v_app]) then
    return;
  end if;
  foreach v_table in array array['businesses', 'customers', 'email_templates', 'message_templates', 'send_logs'] loop
    continue when not exists (
      select 1 from pg_policy p where p.polrelid = to_regclass('public.' || v_table) and p.polname = 'sms_app_tenant');
    execute format('create policy sms_app_tenant_only on public.%I as restrictive for all to sms_app
      using (%2$s in (select unnest(sms.business_ids()))) with check (%2$s in (select unnest(sms.business_ids())))',
      v_table, case v_table when 'businesses' then 'id' else 'business_id' end);
    -- What the restrictive one says need not be asked twice.
    execute format('alter policy sms_app_tenant on public.%I using (true) with check (true)', v_table);
  end loop;
  for v_seen in
    with recursive reached as (
      select c.oid as relation, 0 as attnum
      from pg_class c where c.relnamespace = 'public'::regnamespace
        and c.relname in ('businesses', 'customers', 'email_templates', 'message_templates', 'send_logs')
      union
      select d.refobjid, d.refobjsubid
      from reached r
      join pg_policy p on p.polrelid = r.relation and p.polroles = '{0}'
      join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass)
    select r.relation::regclass as relation, a.attname
    from reached r
    join pg_class c on c.oid = r.relation and c.relkind in ('r', 'p', 'v', 'm')
    join pg_attribute a on a.attrelid = r.relation and a.attnum = r.attnum and a.attnum > 0
    where not has_column_privilege('sms_app', r.relation, a.attnum, 'select')
  loop
    begin
      execute format('grant select (%I) on %s to sms_app', v_seen.attname, v_seen.relation);
    exception when insufficient_privilege then
      raise warning 'a policy looks into %, and nobody here may let sms_app look too', v_seen.relation;
    end;
  end loop;
end $do$;

alter table sms.sender_opt_outs enable row level security;
alter table sms.inbound_messages enable row level security;
grant select on sms.sender_opt_outs to sms_app;
-- Not a tenant's: a sender may serve many, and each must be able to see that it may not text this number.
create policy sms_app_read on sms.sender_opt_outs for select to sms_app using (true);

-- The operator's, not a tenant's: reached through functions only.
alter table sms.blackouts enable row level security;
alter table sms.blackout_revision enable row level security;
