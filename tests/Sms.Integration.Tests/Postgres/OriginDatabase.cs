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

    /// <summary>By customer_id, with templates in message_templates.</summary>
    Customers,
}

/// <summary>A database as the e-mail product left it: rows, checks, triggers, policies and columns of its own.</summary>
internal static class OriginDatabase
{
    /// <summary>Makes it, with so many rows in send_logs, of two businesses.</summary>
    public static async Task<Guid> FillAsync(TestDatabase database, OriginShape shape, int logs)
    {
        var people = shape == OriginShape.Contacts ? "contacts" : "customers";
        var person = shape == OriginShape.Customers ? "customer_id" : "contact_id";
        var templates = shape == OriginShape.Customers ? "message_templates" : "email_templates";
        await database.ExecuteAsOwnerAsync(
            $"""
            create schema auth;
            create table auth.users (id uuid primary key default gen_random_uuid(), email text);
            create function auth.uid() returns uuid language sql stable as $f$
              select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $f$;

            create table public.businesses (
              id uuid primary key default gen_random_uuid(),
              user_id uuid not null references auth.users (id) on delete cascade,
              name text not null, google_review_link text, default_sender_name text,
              created_at timestamptz default now(), updated_at timestamptz default now());
            create table public.{people} (
              id uuid primary key default gen_random_uuid(),
              business_id uuid not null references public.businesses (id) on delete cascade,
              name text not null, email text not null, phone text, tags text[] not null default array['new'],
              source text not null,
              status text not null default 'active' constraint people_status_valid check (status in ('active', 'archived')),
              created_at timestamptz default now(), updated_at timestamptz default now(),
              constraint people_email_unique unique (business_id, email));
            create table public.{templates} (
              id uuid primary key default gen_random_uuid(),
              business_id uuid not null references public.businesses (id) on delete cascade,
              name text not null, subject text not null default '', body text not null, created_at timestamptz default now());
            create table public.send_logs (
              id uuid primary key default gen_random_uuid(),
              business_id uuid not null references public.businesses (id) on delete cascade,
              {person} uuid not null references public.{people} (id) on delete cascade,
              template_id uuid references public.{templates} (id) on delete set null,
              status text not null default 'pending',
              provider_id text, error_message text, subject text not null, opened_count int not null default 0,
              created_at timestamptz default now(), updated_at timestamptz default now(),
              constraint send_logs_status_check check (status in ('pending', 'sent', 'delivered', 'bounced', 'complained', 'failed', 'opened')));
            create table public.scheduled_sends (
              id uuid primary key default gen_random_uuid(),
              business_id uuid not null references public.businesses (id) on delete cascade,
              {person}s uuid[] not null, scheduled_for timestamptz not null, status text not null default 'pending', attempts int default 0);
            create index idx_send_logs_theirs on public.send_logs ({person});

            create function public.touch() returns trigger language plpgsql as $f$
            begin new.updated_at := clock_timestamp(); return new; end $f$;
            create trigger touch_send_logs before update on public.send_logs for each row execute function public.touch();
            create trigger touch_people before update on public.{people} for each row execute function public.touch();

            insert into auth.users select md5('u' || n)::uuid, 'u' || n from generate_series(1, 2) n;
            insert into public.businesses (id, user_id, name, google_review_link)
              select md5('b' || n)::uuid, md5('u' || n)::uuid, 'Business ' || n, 'https://example.com/' || n from generate_series(1, 2) n;
            insert into public.{people} (id, business_id, name, email, phone, source)
              select md5('c' || n)::uuid, md5('b' || 1 + n % 2)::uuid, 'Person ' || n, n || '@example.com',
                case n % 5 when 0 then null when 1 then '(512) 555-' || lpad((n % 10000)::text, 4, '0') when 2 then '+1512556' || lpad((n % 10000)::text, 4, '0')
                  when 3 then 'call the office' else '(512) 555-0001' end, 'import'
              from generate_series(1, 200) n;
            insert into public.{templates} (id, business_id, name, body) select md5('t' || n)::uuid, md5('b' || n)::uuid, 'T' || n, 'Hello' from generate_series(1, 2) n;
            insert into public.send_logs (id, business_id, {person}, template_id, status, provider_id, subject, created_at, updated_at)
              select md5('l' || n)::uuid, md5('b' || 1 + (1 + n % 200) % 2)::uuid, md5('c' || 1 + n % 200)::uuid, md5('t' || 1 + n % 2)::uuid,
                (array['sent', 'bounced', 'opened'])[1 + n % 3], 're_' || n, 'Subject ' || n, timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-01-02'
              from generate_series(1, {logs.ToString(CultureInfo.InvariantCulture)}) n;
            insert into public.scheduled_sends (business_id, {person}s, scheduled_for) values (md5('b1')::uuid, array[md5('c1')::uuid], now());

            alter table public.businesses enable row level security;
            alter table public.send_logs enable row level security;
            create policy "Owners read logs" on public.send_logs for select using (business_id in (select id from public.businesses where user_id = auth.uid()));
            create policy "Owners read" on public.businesses for select using (user_id = auth.uid());
            """);
        if (shape == OriginShape.ContactsView)
            await database.ExecuteAsOwnerAsync("create view public.contacts as select * from public.customers");
        return await database.ScalarAsync<Guid>("select md5('b1')::uuid");
    }

    /// <summary>A checksum of every column that was there, and the names of all else.</summary>
    public static Task<string?> PictureAsync(TestDatabase database, string columns) => database.ScalarAsync<string>(
        $"""
        select md5(string_agg(t.line, '|')) from (
          {string.Join(" union all ", columns.Split('\n').Select(c => c.Split(' ')).Select(c =>
            $"select '{c[0]}' || coalesce(md5(string_agg(md5(row({c[1]})::text), '' order by id)), '') as line from public.{c[0]}"))}
          order by 1) t
        """);

    /// <summary>Table and columns, one a line.</summary>
    public static async Task<string> ColumnsAsync(TestDatabase database) => (await database.ScalarAsync<string>(
        """
        select string_agg(line, E'\n' order by line) from (
          select table_name || ' ' || string_agg(quote_ident(column_name), ',' order by ordinal_position) as line
          from information_schema.columns where table_schema = 'public' and table_name <> 'contacts_view' group by table_name) t
        """))!;

    /// <summary>Policies, triggers, defaults, views and indexes, one a line.</summary>
    public static async Task<string[]> FurnitureAsync(TestDatabase database) => ((await database.ScalarAsync<string>(
        """
        select string_agg(line, E'\n' order by line) from (
          select 'policy ' || tablename || '.' || policyname || ' ' || coalesce(qual, '') as line from pg_policies where schemaname = 'public'
          union all select 'trigger ' || tgrelid::regclass || '.' || tgname from pg_trigger where not tgisinternal
          union all select 'default ' || table_name || '.' || column_name || ' ' || column_default from information_schema.columns
            where table_schema = 'public' and column_default is not null
          union all select 'index ' || indexname from pg_indexes where schemaname = 'public'
          union all select 'constraint ' || conrelid::regclass || '.' || conname from pg_constraint where connamespace = 'public'::regnamespace
          union all select 'view ' || viewname || ' ' || definition from pg_views where schemaname = 'public') t
        """)) ?? "").Split('\n');
}
