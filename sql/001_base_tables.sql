-- The tables of the e-mail product that texting was added to, in its own names, so that an empty
-- database and an adopted one end alike. What exists already is left as it is.

-- What cannot be adopted is refused before anything is changed. And which tables are new is noted for this
-- transaction: the rights on the others are their owner's to give.
-- A column that is there keeps its type. The type will do when all that texting writes there comes back as it was: so
-- examples are tried. A column of free text may be short, then what is written is cut to fit.
do $do$
declare
  v_fault text;
  v_column record;
  v_example text;
  v_fits boolean;
begin
  select format('public.%I is %s, and a table is needed', c.relname,
      case c.relkind when 'v' then 'a view' when 'm' then 'a materialized view' when 'p' then 'a partitioned table' else 'no table' end)
  into v_fault
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind <> 'r'
    and c.relname in ('businesses', 'customers', 'send_logs', 'scheduled_sends', 'sms_retry_queue')
  order by c.relname limit 1;

  for v_column in
    select n.relation, n.name, n.kind, n.examples, a.attgenerated <> '' as is_generated, format_type(a.atttypid, a.atttypmod) as type,
      case when t.typtype = 'd' then b.typname else t.typname end as base, t.typcategory as category, t.typtype = 'd' as is_domain,
      case when t.typtype = 'e' then (select r.rolname from pg_roles r where r.oid = t.typowner) end as enum_owner,
      t.typtype = 'e' and not pg_has_role(current_user, t.typowner, 'usage') as is_foreign_enum
    from (values
      ('businesses', 'uuid', 'id user_id', null::text[]),
      ('businesses', 'text', 'timezone', '{America/Argentina/ComodRivadavia}'), ('businesses', 'free', 'name', array['x', repeat('x', 200)]),
      ('businesses', 'jsonb', 'sms_settings', null), ('businesses', 'integer', 'sms_version', '{0,100000}'), ('businesses', 'time', 'created_at updated_at', null),
      ('customers', 'uuid', 'id business_id sms_consent_id', null),
      ('customers', 'text', 'phone phone_e164 phone_shared phone_read sms_consent_phone', '{+123456789012345}'),
      ('customers', 'text', 'timezone', '{America/Argentina/ComodRivadavia}'), ('customers', 'text', 'state', '{TX}'),
      ('customers', 'words', 'sms_consent_status', '{opted_in,opted_out,unknown,under_review}'),
      ('customers', 'words', 'sms_consent_method', '{verbal_in_person,phone_call,service_agreement,website_form,sms_keyword,other}'),
      ('customers', 'free', 'name postal_code sms_consent_source sms_consent_notes', array['x', repeat('x', 200)]),
      ('customers', 'any', 'sms_consent_ip', null), ('customers', 'time', 'created_at updated_at sms_consent_at erased_at', null),
      ('send_logs', 'uuid', 'id business_id customer_id contact_id template_id', null),
      ('send_logs', 'words', 'status', '{pending,sent,delivered,failed,cancelled}'), ('send_logs', 'words', 'channel', '{email,sms}'),
      ('send_logs', 'words', 'category', '{marketing,transactional,otp}'), ('send_logs', 'words', 'encoding', '{gsm7,ucs2}'),
      ('send_logs', 'text', 'to_phone', '{+123456789012345,+******2345}'), ('send_logs', 'text', 'body footer', array[repeat('x', 1600)]),
      ('send_logs', 'text', 'error_class', array[repeat('x', 20)]), ('send_logs', 'free', 'error_message', array['x', repeat('x', 200)]),
      ('send_logs', 'integer', 'segments attempt_count max_attempts', '{0,1000}'), ('send_logs', 'integer', 'error_code', '{99999}'),
      ('send_logs', 'jsonb', 'decision later_decision', null), ('send_logs', 'json', 'provider_message_id metadata', null),
      ('send_logs', 'time', 'created_at updated_at send_at valid_until sent_at delivered_at check_at', null),
      ('sms_retry_queue', 'uuid', 'id business_id send_log_id customer_id', null),
      ('sms_retry_queue', 'words', 'status', '{pending,processing,completed,failed,cancelled}'),
      ('sms_retry_queue', 'words', 'reason', '{quiet_hours,twilio_error,rate_limit,scheduled}'),
      ('sms_retry_queue', 'free', 'last_error', array['x', repeat('x', 200)]), ('sms_retry_queue', 'integer', 'attempt_count max_attempts', '{0,1000}'),
      ('sms_retry_queue', 'time', 'scheduled_for last_attempted_at created_at updated_at', null)) g (relation, kind, names, examples)
    cross join lateral (select g.relation, g.kind, g.examples, y.name from regexp_split_to_table(g.names, ' ') y (name)) n
    join pg_class c on c.relnamespace = 'public'::regnamespace and c.relname = n.relation
    join pg_attribute a on a.attrelid = c.oid and a.attname = n.name and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_type b on b.oid = t.typbasetype
    order by n.relation, n.name
  loop
    exit when v_fault is not null;
    v_example := null;
    v_fits := not v_column.is_generated and case v_column.kind
      when 'uuid' then v_column.base = 'uuid' and not v_column.is_domain
      when 'words' then v_column.category in ('S', 'E') and not v_column.is_foreign_enum
        and not (v_column.category = 'E' and v_column.is_domain)
      when 'text' then v_column.category = 'S'
      when 'free' then v_column.category = 'S'
      when 'integer' then v_column.base in ('int2', 'int4', 'int8')
      when 'jsonb' then v_column.base = 'jsonb'
      when 'json' then v_column.base in ('json', 'jsonb')
      when 'time' then v_column.base in ('timestamptz', 'timestamp')
      else true end;
    if v_fits and v_column.kind = 'time' then
      -- Without a zone it is meant in that of the session: where clocks are put back, an hour comes twice.
      execute format('select min(t) from generate_series(timestamptz ''2026-01-01 00:00:00.000001Z'', ''2027-12-31Z'', interval ''1 hour'') t where t <> t::%s::timestamptz', v_column.type)
        into v_example;
    elsif v_fits then
      for v_example in select e from unnest(v_column.examples) e loop
        begin
          execute format(case v_column.kind when 'integer' then 'select $1::int::%s::int = $1::int'
              when 'free' then 'select ($1::%s)::text <> ''''' else 'select ($1::%s)::text = $1' end, v_column.type)
            into v_fits using v_example;
        exception when data_exception or check_violation or not_null_violation then
          v_fits := false;
        end;
        exit when not v_fits;
        v_example := null;
      end loop;
    end if;
    if v_example is not null then
      v_fault := format('public.%I.%I is of type %s, which does not hold what texting writes there (%s)', v_column.relation, v_column.name, v_column.type,
        case when length(v_example) > 100 then length(v_example) || ' characters' else quote_literal(v_example) end);
    elsif not v_fits then
      v_fault := format('public.%I.%I is %s, and texting needs %s there', v_column.relation, v_column.name,
        case when v_column.is_generated then 'generated'
          when v_column.is_foreign_enum then format('of type %s, which belongs to %I', v_column.type, v_column.enum_owner)
          else 'of type ' || v_column.type end,
        case when v_column.is_foreign_enum then 'a type of its own' else
          case v_column.kind when 'words' then 'text' when 'free' then 'text' when 'any' then 'text' when 'time' then 'timestamptz' else v_column.kind end end);
    end if;
  end loop;

  if v_fault is null then
    select format('public.%I has no primary or unique key on id alone', c.relname)
    into v_fault
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relname in ('businesses', 'customers', 'send_logs')
      and not exists (
        select 1 from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attname = 'id'
        where i.indrelid = c.oid and i.indisunique and i.indpred is null and i.indnkeyatts = 1 and i.indkey[0] = a.attnum)
    order by c.relname limit 1;
  end if;

  -- A message has one live row in the queue at most.
  if v_fault is null and (
    select count(*) = 2 from pg_attribute a
    where a.attrelid = to_regclass('public.sms_retry_queue') and a.attname in ('send_log_id', 'status') and not a.attisdropped) then
    execute 'select q.send_log_id::text from public.sms_retry_queue q where q.status in (''pending'', ''processing'') group by q.send_log_id having count(*) > 1 limit 1'
      into v_example;
    if v_example is not null then
      v_fault := format('public.sms_retry_queue has several pending or processing rows for message %s, and one is meant', v_example);
    end if;
  end if;

  -- What is there is to be read and filled, and row security would hide it without a word.
  if v_fault is null then
    select format('row security is forced on public.%I, and login %I is not above it (BYPASSRLS)', c.relname, current_user)
    into v_fault
    from pg_class c, pg_roles r
    where c.relnamespace = 'public'::regnamespace and c.relname in ('businesses', 'customers', 'contacts', 'send_logs', 'sms_retry_queue')
      and c.relrowsecurity and c.relforcerowsecurity
      and r.rolname = current_user and not r.rolsuper and not r.rolbypassrls
    order by c.relname limit 1;
  end if;

  if v_fault is not null then
    raise exception 'this database cannot be adopted as it is: %', v_fault using errcode = 'datatype_mismatch';
  end if;
  perform set_config('sms.new_tables', (
    select coalesce(string_agg(n.relation, ' '), '')
    from unnest(array['businesses', 'customers', 'email_templates', 'send_logs', 'scheduled_sends']) n (relation)
    where to_regclass('public.' || n.relation) is null), true);
end $do$;

-- Stand-ins for what Supabase brings: the roles of its HTTP layer and auth.uid(). Roles belong to the
-- whole server, so another database's migration may be making the same ones at this moment.
do $do$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select 1 from pg_roles where rolname = v_role) then
      begin
        -- As on Supabase the last of them stands above row security; only a superuser may give that, see below.
        execute format('create role %I nologin noinherit %s', v_role, case
          when v_role = 'service_role' and (select r.rolsuper from pg_roles r where r.rolname = current_user) then 'bypassrls' else '' end);
      exception when duplicate_object or unique_violation or insufficient_privilege then
        null;
      end;
    end if;
  end loop;
end $do$;

-- An existing schema auth belongs to somebody else: nothing of it is touched.
do $do$
begin
  if to_regnamespace('auth') is null then
    create schema auth;
    grant usage on schema auth to anon, authenticated, service_role;
  end if;
  if to_regclass('auth.users') is null then
    create table auth.users (
      id uuid primary key default gen_random_uuid(),
      email text,
      created_at timestamptz not null default now());
  end if;
end $do$;

do $do$
begin
  if to_regprocedure('auth.uid()') is null then
    -- Who is calling: the subject of the JWT that the HTTP layer put into the transaction.
    create function auth.uid() returns uuid language sql stable set search_path = pg_catalog, pg_temp as $f$
      select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
    $f$;
  end if;
end $do$;

-- moddatetime(column) sets that column to the transaction's time before an update. The extension is
-- not a trusted one: where it is neither installed nor may be, a function of the same name and effect.
do $do$
begin
  if not exists (select 1 from pg_proc where proname = 'moddatetime' and prorettype = 'trigger'::regtype) then
    begin
      create extension moddatetime;
    exception when insufficient_privilege or feature_not_supported or undefined_file then
      create function public.moddatetime() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $f$
      begin
        return jsonb_populate_record(new, jsonb_build_object(tg_argv[0], current_timestamp));
      end $f$;
    end;
  end if;
end $do$;

create table if not exists public.businesses (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete cascade,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Whose business it is; one that was made by texting alone has nobody.
alter table public.businesses add column if not exists user_id uuid;

create table if not exists public.customers (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  name text,
  email text,
  phone text,
  status text not null default 'active',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- A later version of that product keeps its templates in message_templates: then email_templates is a view on it.
do $do$
declare
  v_body name;
begin
  if to_regclass('public.email_templates') is null and to_regclass('public.message_templates') is not null then
    select a.attname into v_body
    from unnest(array['body', 'content', 'message', 'text']) with ordinality n (name, place)
    join pg_attribute a on a.attrelid = 'public.message_templates'::regclass and a.attname = n.name and not a.attisdropped
    order by n.place limit 1;
    if v_body is null then
      raise exception 'this database cannot be adopted as it is: public.message_templates has no column body, content, message or text'
        using errcode = 'undefined_column';
    end if;
    execute format('create view public.email_templates with (security_invoker = true) as
      select t.id, t.business_id, t.name, t.%I as body from public.message_templates t', v_body);
  end if;
end $do$;

create table if not exists public.email_templates (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  name text not null,
  subject text,
  body text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists public.send_logs (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  customer_id uuid not null references public.customers (id) on delete cascade,
  template_id uuid,
  status text not null default 'pending',
  provider_id text,
  error_message text,
  subject text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint send_logs_status_valid check (status in (
    'pending', 'sent', 'delivered', 'failed', 'cancelled', 'bounced', 'complained', 'opened'))
);

create table if not exists public.scheduled_sends (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  template_id uuid,
  customer_ids uuid[] not null default '{}',
  scheduled_for timestamptz not null,
  status text not null default 'pending',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint scheduled_sends_status_valid check (
    status in ('pending', 'processing', 'completed', 'failed', 'cancelled'))
);

do $do$
declare
  v_table text;
begin
  foreach v_table in array array['send_logs', 'scheduled_sends'] loop
    continue when not v_table = any (string_to_array(current_setting('sms.new_tables'), ' '));
    execute format('alter table public.%I add constraint %I foreign key (template_id) references public.%I (id) on delete set null',
      v_table, v_table || '_template_id_fkey',
      (select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
         and c.relname in ('email_templates', 'message_templates') order by c.relname desc limit 1));
  end loop;
end $do$;

-- Row security: an owner sees what hangs off the businesses that carry the owner's user id.
-- (select auth.uid()) is evaluated once a statement, not once a row. A table that came with row security keeps
-- exactly its own policies, and rights that somebody gave or took are not touched; but what row security does not
-- hold back (truncate, triggers, references) is no client's.
do $do$
declare
  v_table text;
  v_relation regclass;
  v_role name;
  v_owned text;
  v_is_new boolean;
  v_had_policies boolean;
begin
  foreach v_table in array array['businesses', 'customers', 'contacts', 'email_templates', 'message_templates', 'send_logs', 'scheduled_sends'] loop
    v_relation := to_regclass('public.' || v_table);
    -- contacts, where it is a table, holds whom customers holds, and is theirs alone.
    continue when v_table = 'contacts' and not exists (select 1 from pg_class c where c.oid = v_relation and c.relkind in ('r', 'p'));
    v_is_new := v_table = any (string_to_array(current_setting('sms.new_tables'), ' '));
    continue when v_relation is null;
    for v_role in select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role') order by 1 loop
      if v_is_new then
        -- Default privileges may have handed it to all of them.
        execute format('revoke all on %s from %I', v_relation, v_role);
      elsif v_role <> 'service_role' then
        execute format('revoke truncate, references, trigger on %s from %I', v_relation, v_role);
      end if;
      if v_role <> 'anon' and v_table <> 'contacts' and not has_any_column_privilege(v_role, v_relation, 'select, insert, update') then
        execute format('grant select, insert, update, delete on %s to %I', v_relation, v_role);
      end if;
    end loop;

    continue when not exists (
      select 1 from pg_class c
      where c.oid = v_relation and c.relkind in ('r', 'p') and not c.relrowsecurity
        and (v_table = 'businesses' or exists (
          select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'business_id' and not a.attisdropped)));
    v_had_policies := exists (select 1 from pg_policy p where p.polrelid = v_relation);
    execute format('alter table %s enable row level security', v_relation);
    -- Whoever else was let in by name, a login for reports say, goes on seeing all.
    for v_role in
      select distinct r.rolname
      from pg_class c, aclexplode(c.relacl) g
      join pg_roles r on r.oid = g.grantee and not r.rolsuper and not r.rolbypassrls
      where c.oid = v_relation and g.grantee <> c.relowner
        and r.rolname not in ('anon', 'authenticated', 'service_role', 'sms_app', 'sms_drain')
    loop
      execute format('create policy %I on %s for all to %I using (true) with check (true)', v_table || '_of_' || v_role, v_relation, v_role);
    end loop;
    -- Where it could not be put above row security.
    for v_role in select r.rolname from pg_roles r where r.rolname = 'service_role' and not r.rolsuper and not r.rolbypassrls loop
      execute format('create policy %I on %s for all to %I using (true) with check (true)', v_table || '_service', v_relation, v_role);
    end loop;
    continue when v_had_policies;
    v_owned := case v_table
      when 'businesses' then 'user_id = (select auth.uid())'
      else 'business_id in (select id from public.businesses where user_id = (select auth.uid()))'
    end;
    execute format('create policy %I on public.%I for select to authenticated using (%s)',
      v_table || '_owner_select', v_table, v_owned);
    execute format('create policy %I on public.%I for insert to authenticated with check (%s)',
      v_table || '_owner_insert', v_table, v_owned);
    execute format('create policy %I on public.%I for update to authenticated using (%s) with check (%s)',
      v_table || '_owner_update', v_table, v_owned, v_owned);
  end loop;
end $do$;
