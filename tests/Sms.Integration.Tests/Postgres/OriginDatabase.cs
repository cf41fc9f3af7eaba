using System.Globalization;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>How the e-mail product's send_logs names people.</summary>
public enum OriginShape
{
    /// <summary>By contact_id; people are in the table contacts.</summary>
    Contacts,

    /// <summary>By contact_id; people are in customers, and contacts is a view on it.</summary>
    ContactsView,

    /// <summary>By contact_id and, for some rows, by a customer_id beside it; people are in customers.</summary>
    Both,

    /// <summary>By customer_id, with templates in message_templates.</summary>
    Customers,
}

/// <summary>
/// A database as the e-mail product left it: rows, checks, triggers, policies, grants, views and columns of its own, and
/// whatever else a product of some years has.
/// </summary>
internal static class OriginDatabase
{
    /// <summary>Makes it, with so many rows in send_logs, of two businesses.</summary>
    public static async Task<Guid> FillAsync(TestDatabase database, OriginShape shape, int logs)
    {
        await database.ExecuteAsOwnerAsync(Sql(shape, logs));
        return await database.ScalarAsync<Guid>("select md5('b1')::uuid");
    }

    /// <summary>Where people are.</summary>
    public static string People(OriginShape shape) => shape == OriginShape.Contacts ? "contacts" : "customers";

    /// <summary>By which column the e-mail writers name them.</summary>
    public static string Person(OriginShape shape) => shape == OriginShape.Customers ? "customer_id" : "contact_id";

    /// <summary>A checksum of every column of every table that was there, one a line.</summary>
    public static async Task<string[]> PictureAsync(TestDatabase database, string columns) => (await database.ScalarAsync<string[]>(
        $"""
        select array_agg(t.line order by t.line) from (
          {string.Join(" union all ", columns.Split('\n').SelectMany(table => table.Split('|')[1..].Select(column =>
            $"select '{table.Split('|')[0]}.{column.Trim('"')} ' || count(*) || ' ' || coalesce(md5(string_agg(md5(row({column})::text), '' order by id)), '') as line from public.{table.Split('|')[0]}")))}
          ) t
        """))!;

    /// <summary>Tables with their columns, one a line; without the one that is there to be filled.</summary>
    public static async Task<string> ColumnsAsync(TestDatabase database, OriginShape shape) => (await database.ScalarAsync<string>(
        """
        select string_agg(line, E'\n' order by line) from (
          select c.relname || '|' || string_agg(quote_ident(a.attname), '|' order by a.attnum) as line
          from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
            and not (c.relname = 'send_logs' and a.attname = $1) group by c.relname) t
        """,
        shape == OriginShape.Both ? "customer_id" : ""))!;

    /// <summary>All that a table has beside its rows, one a line. Of checks the names: they may be widened.</summary>
    public static async Task<string[]> FurnitureAsync(TestDatabase database) => await database.ScalarAsync<string[]>(
        """
        select array_agg(line order by line) from (
          select concat_ws(' ', 'policy', tablename, policyname, permissive, roles, cmd, qual, with_check) as line from pg_policies where schemaname = 'public'
          union all select concat_ws(' ', 'trigger', t.tgenabled, pg_get_triggerdef(t.oid)) from pg_trigger t where not t.tgisinternal
          union all select concat_ws(' ', 'column', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid))
            from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
            left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
            where a.attnum > 0 and not a.attisdropped
          union all select 'index ' || indexdef from pg_indexes where schemaname = 'public'
          union all select concat_ws(' ', 'constraint', conrelid::regclass, conname, obj_description(oid, 'pg_constraint'),
            case when contype <> 'c' then pg_get_constraintdef(oid) end) from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n'
          union all select concat_ws(' ', 'view', viewname, definition) from pg_views where schemaname = 'public'
          union all select concat_ws(' ', 'function', p.oid::regprocedure, p.prosrc) from pg_proc p where p.pronamespace = 'public'::regnamespace
          union all select concat_ws(' ', 'row security', relname, relrowsecurity, relforcerowsecurity) from pg_class
            where relnamespace = 'public'::regnamespace and relkind = 'r' and relrowsecurity
          union all select concat_ws(' ', 'right', c.relname, g.grantee::regrole, g.privilege_type)
            from pg_class c, aclexplode(c.relacl) g
            where c.relnamespace = 'public'::regnamespace and g.grantee <> 0 and g.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
          union all select concat_ws(' ', 'published', pubname, tablename) from pg_publication_tables) t
        """) ?? [];

    private static string Sql(OriginShape shape, int logs)
    {
        var (people, person) = (People(shape), Person(shape));
        var templates = shape == OriginShape.Customers ? "message_templates" : "email_templates";
        return
            $"""
            alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
            alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
            alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;

            create schema auth;
            create table auth.users (id uuid primary key default gen_random_uuid(), email text);
            create function auth.uid() returns uuid language sql stable as $f$
              select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $f$;
            grant usage on schema auth to anon, authenticated, service_role;

            create table public.businesses (
              id uuid primary key default gen_random_uuid(),
              user_id uuid not null references auth.users (id) on delete cascade,
              name text not null check (char_length(name) > 0), google_review_link text, default_sender_name text,
              "brandColor" varchar(7) not null check ("brandColor" like '#%'), slug text not null unique,
              timezone varchar(64) not null default 'America/New_York',
              owned boolean generated always as (user_id is not null) stored,
              created_at timestamptz default now(), updated_at timestamptz default now(),
              constraint "Has a user" check (user_id is not null));
            create table public.team_members (
              id uuid primary key default gen_random_uuid(), business_id uuid not null references public.businesses (id), user_id uuid not null);
            create table public.{people} (
              id uuid primary key default gen_random_uuid(),
              business_id uuid not null references public.businesses (id) on delete cascade,
              name varchar(200) not null, email text not null check (email like '%@%'), phone varchar(40), tags text[] not null default array['new'],
              "Source" text not null, notes text, timezone varchar(64), postal_code varchar(10),
              status text not null constraint people_status_valid check (status in ('active', 'archived')),
              search text generated always as (lower(email)) stored,
              created_at timestamptz default now(), updated_at timestamptz default now(),
              constraint people_email_unique unique (business_id, email),
              constraint "people have an address" check (email is not null));
            create table public.{templates} (
              id uuid primary key default gen_random_uuid(),
              business_id uuid not null references public.businesses (id) on delete cascade,
              name text not null, subject text not null default '', body text not null, created_at timestamptz default now());
            create table public.send_logs (
              id uuid primary key default gen_random_uuid(),
              business_id uuid not null references public.businesses (id) on delete cascade,
              {person} uuid not null references public.{people} (id) on delete {(shape == OriginShape.Both ? "restrict" : "cascade")},
              {(shape == OriginShape.Both ? "customer_id uuid," : "")}
              template_id uuid references public.{templates} (id) on delete set null,
              status varchar(20) not null default 'pending',
              provider_id text, error_message text, subject text not null, opened_count int not null default 0, payload jsonb,
              created_at timestamptz default now(), updated_at timestamptz default now(),
              constraint send_logs_status_check check (status in ('pending', 'sent', 'delivered', 'bounced', 'complained', 'failed', 'opened', 'queued')),
              constraint "sent by Resend" check (status <> 'sent' or provider_id like 're_%'),
              constraint send_logs_to_somebody check ({person} is not null));
            comment on constraint send_logs_status_check on public.send_logs is 'as Resend says';
            create table public.scheduled_sends (
              id uuid primary key default gen_random_uuid(),
              business_id uuid not null references public.businesses (id) on delete cascade,
              {person}s uuid[] not null, scheduled_for timestamptz not null,
              status text not null default 'pending' check (status in ('pending', 'processing', 'completed', 'failed', 'paused')), attempts int default 0);
            create table public.audit (id bigint generated always as identity primary key, what text);
            create index idx_send_logs_theirs on public.send_logs ({person});
            create view public.log_overview as
              select l.id, l.subject, l.status, p.name, p.phone from public.send_logs l join public.{people} p on p.id = l.{person};

            create function public.touch() returns trigger language plpgsql as $f$
            begin new.updated_at := clock_timestamp(); return new; end $f$;
            create function public.audit() returns trigger language plpgsql as $f$
            begin insert into public.audit (what) values (tg_table_name || ' ' || new.id); return null; end $f$;
            create function public.archived_rows_stay() returns trigger language plpgsql as $f$
            begin raise exception 'archived rows stay as they are'; end $f$;
            create trigger touch before update on public.send_logs for each row execute function public.touch();
            create trigger touch before update on public.{people} for each row execute function public.touch();
            create trigger zz_audit after update on public.send_logs for each row execute function public.audit();
            create trigger zz_audit after update on public.{people} for each row execute function public.audit();
            create trigger "Archived stay" before update on public.{people} for each row when (old.status = 'archived') execute function public.archived_rows_stay();
            create trigger "Complaints stay" before update on public.send_logs for each row when (old.status = 'complained') execute function public.archived_rows_stay();
            alter table public.send_logs {(shape == OriginShape.Contacts ? "enable always trigger touch" : "disable trigger zz_audit")};

            insert into auth.users select md5('u' || n)::uuid, 'u' || n from generate_series(1, 2) n;
            insert into public.businesses (id, user_id, name, google_review_link, "brandColor", slug)
              select md5('b' || n)::uuid, md5('u' || n)::uuid, 'Business ' || n, 'https://example.com/' || n, '#ffcc00', 'b' || n from generate_series(1, 2) n;
            insert into public.team_members (business_id, user_id) values (md5('b1')::uuid, md5('u1')::uuid);
            insert into public.{people} (id, business_id, name, email, phone, "Source", notes, status, created_at, updated_at)
              select md5('c' || n)::uuid, md5('b' || 1 + n % 2)::uuid, 'Person ' || n, n || '@example.com',
                case n % 5 when 0 then null when 1 then '(512) 555-' || lpad((n % 10000)::text, 4, '0') when 2 then '+1512556' || lpad((n % 10000)::text, 4, '0')
                  when 3 then 'call the office' else '(512) 555-0001' end, 'import', case when n % 50 = 0 then repeat('a long note ', 2000) end,
                case when n % 7 = 0 then 'archived' else 'active' end,
                case when n % 9 <> 0 then timestamptz '2025-06-01' end, case when n % 9 <> 0 then timestamptz '2025-07-01' end
              from generate_series(1, 200) n;
            insert into public.{templates} (id, business_id, name, body) select md5('t' || n)::uuid, md5('b' || n)::uuid, 'T' || n, 'Hello' from generate_series(1, 2) n;
            insert into public.send_logs (id, business_id, {person}, template_id, status, provider_id, subject, payload, created_at, updated_at)
              select case when n = 1 then '00000000-0000-0000-0000-000000000000' else md5('l' || n)::uuid end,
                md5('b' || 1 + (1 + n % 200) % 2)::uuid, md5('c' || 1 + n % 200)::uuid, md5('t' || 1 + n % 2)::uuid,
                (array['sent', 'bounced', 'complained', 'queued'])[1 + n % 4], 're_' || n, 'Subject ' || n,
                case when n % 100 = 0 then jsonb_build_object('html', repeat('<p>Hello</p>', 500)) end,
                timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-01-02'
              from generate_series(1, {logs.ToString(CultureInfo.InvariantCulture)}) n;
            insert into public.scheduled_sends (business_id, {person}s, scheduled_for, status) values (md5('b1')::uuid, array[md5('c1')::uuid], now(), 'paused');
            {(shape switch
            {
                OriginShape.ContactsView => "create view public.contacts as select * from public.customers;",
                OriginShape.Both => """
                    alter table public.send_logs disable trigger user;
                    update public.send_logs set customer_id = contact_id where opened_count = 0 and id::text < '8';
                    alter table public.send_logs enable trigger user;
                    alter table public.send_logs disable trigger zz_audit;
                    """,
                OriginShape.Customers => "create view public.email_templates as select id, business_id, name, subject, body from public.message_templates;",
                _ => "",
            })}

            alter table public.businesses enable row level security;
            alter table public.send_logs enable row level security;
            create policy "Owners read logs" on public.send_logs for select using (business_id in (select id from public.businesses where user_id = auth.uid()));
            create policy "Teams read logs" on public.send_logs for select using (business_id in (select business_id from public.team_members where user_id = auth.uid()));
            create policy "Owners read" on public.businesses for select using (user_id = auth.uid());
            create policy "Owners add people" on public.{people} for insert to authenticated with check (business_id in (select id from public.businesses where user_id = auth.uid()));
            create policy "Owners see people" on public.{people} for select to authenticated using (business_id in (select id from public.businesses where user_id = auth.uid()));
            create publication changes for table public.send_logs, public.{people};
            """;
    }
}
