-- The tables of the e-mail product that texting was added to, in its own names, so that an empty
-- database and an adopted one end alike. What exists already is left as it is.

-- Stand-ins for what Supabase brings: the roles of its HTTP layer and auth.uid(). Roles belong to the
-- whole server, so another database's migration may be making the same ones at this moment.
do $do$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select 1 from pg_roles where rolname = v_role) then
      begin
        execute format('create role %I nologin noinherit', v_role);
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
    create function auth.uid() returns uuid language sql stable set search_path = '' as $f$
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
      create function public.moddatetime() returns trigger language plpgsql as $f$
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
  template_id uuid references public.email_templates (id) on delete set null,
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
  template_id uuid references public.email_templates (id) on delete set null,
  customer_ids uuid[] not null default '{}',
  scheduled_for timestamptz not null,
  status text not null default 'pending',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint scheduled_sends_status_valid check (
    status in ('pending', 'processing', 'completed', 'failed', 'cancelled'))
);

-- Row security: an owner sees what hangs off the businesses that carry the owner's user id.
-- (select auth.uid()) is evaluated once a statement, not once a row. A table that came with policies keeps
-- exactly those.
do $do$
declare
  v_table text;
  v_owned text;
begin
  foreach v_table in array array['businesses', 'customers', 'email_templates', 'message_templates', 'send_logs', 'scheduled_sends'] loop
    continue when not exists (
      select 1 from pg_class c where c.oid = to_regclass('public.' || v_table) and c.relkind in ('r', 'p'));
    execute format('grant select, insert, update, delete on public.%I to authenticated, service_role', v_table);
    continue when exists (select 1 from pg_policy p where p.polrelid = to_regclass('public.' || v_table));
    execute format('alter table public.%I enable row level security', v_table);
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
