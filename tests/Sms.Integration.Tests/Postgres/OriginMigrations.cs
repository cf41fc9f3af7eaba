namespace Sms.Integration.Tests.Postgres;

/// <summary>The e-mail product's schema as its own migrations make it, one after the other, and rows in each table.</summary>
internal static class OriginMigrations
{
    /// <summary>What its host brings.</summary>
    private const string Host =
        """
        create schema auth;
        create table auth.users (id uuid primary key default gen_random_uuid(), email text);
        create function auth.uid() returns uuid language sql stable as $f$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $f$;
        create function public.touch() returns trigger language plpgsql as $f$ begin new.updated_at := clock_timestamp(); return new; end $f$;
        """;

    /// <summary>In their order: businesses; people, who were contacts first; templates; logs; what is scheduled; consent; texts and their queue.</summary>
    private static readonly string[] Steps =
    [
        """
        create table public.businesses (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade,
          name text not null, google_review_link text, default_sender_name text, created_at timestamptz not null default now(), updated_at timestamptz not null default now());
        alter table public.businesses enable row level security;
        create policy "Users can view own business" on public.businesses for select using ((select auth.uid()) = user_id);
        create trigger businesses_updated_at before update on public.businesses for each row execute function public.touch();
        """,
        """
        create table public.contacts (id uuid primary key default gen_random_uuid(), business_id uuid not null references public.businesses (id) on delete cascade,
          name text not null, email text not null, phone text, status text not null default 'active', opted_out boolean not null default false,
          last_sent_at timestamptz, send_count int not null default 0, created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
          constraint contacts_email_per_business unique (business_id, email), constraint contacts_status_valid check (status in ('active', 'archived')));
        alter table public.contacts enable row level security;
        create policy "Owners see contacts" on public.contacts for select to authenticated using (business_id in (select id from public.businesses where user_id = (select auth.uid())));
        create trigger contacts_updated_at before update on public.contacts for each row execute function public.touch();
        """,
        """
        create table public.email_templates (id uuid primary key default gen_random_uuid(), business_id uuid not null references public.businesses (id) on delete cascade,
          name text not null, subject text not null, body text not null, is_default boolean not null default false, created_at timestamptz not null default now(), updated_at timestamptz not null default now());
        alter table public.email_templates enable row level security;
        """,
        """
        create table public.send_logs (id uuid primary key default gen_random_uuid(), business_id uuid not null references public.businesses (id) on delete cascade,
          contact_id uuid not null references public.contacts (id) on delete cascade, template_id uuid references public.email_templates (id) on delete set null,
          status text not null default 'pending', provider_id text, error_message text, subject text not null, created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
          constraint send_logs_status_valid check (status in ('pending', 'sent', 'delivered', 'bounced', 'complained', 'failed', 'opened')));
        create index idx_send_logs_business on public.send_logs (business_id);
        alter table public.send_logs enable row level security;
        create policy "Owners see logs" on public.send_logs for select to authenticated using (business_id in (select id from public.businesses where user_id = (select auth.uid())));
        create trigger send_logs_updated_at before update on public.send_logs for each row execute function public.touch();
        """,
        """
        create table public.scheduled_sends (id uuid primary key default gen_random_uuid(), business_id uuid not null references public.businesses (id) on delete cascade,
          contact_ids uuid[] not null, template_id uuid, scheduled_for timestamptz not null, status text not null default 'pending', send_log_ids uuid[],
          created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
          constraint scheduled_sends_status_valid check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')));
        create index idx_scheduled_sends_due on public.scheduled_sends (scheduled_for) where status = 'pending';
        create function public.claim_due_scheduled_sends(limit_count int default 50) returns setof public.scheduled_sends language plpgsql security definer as $f$
        begin
          return query update public.scheduled_sends set status = 'processing' where id in (
            select s.id from public.scheduled_sends s where s.status = 'pending' and s.scheduled_for <= now() order by s.scheduled_for limit limit_count for update skip locked) returning *;
        end $f$;
        """,
        """
        alter table public.contacts rename to customers;
        alter table public.customers
          add column tags jsonb not null default '[]', add column timezone text,
          add column sms_consent_status text not null default 'unknown', add column sms_consent_at timestamptz, add column sms_consent_source text,
          add column sms_consent_method text, add column sms_consent_notes text, add column sms_consent_ip inet, add column sms_consent_captured_by uuid references auth.users (id),
          add constraint customers_sms_consent_status_valid check (sms_consent_status in ('opted_in', 'opted_out', 'unknown')),
          add constraint customers_sms_consent_method_valid check (sms_consent_method is null or sms_consent_method in
            ('verbal_in_person', 'phone_call', 'service_agreement', 'website_form', 'other'));
        create index idx_customers_sms_consent on public.customers (business_id, sms_consent_status) where sms_consent_status = 'opted_in';
        create view public.contacts with (security_invoker = true) as
          select id, business_id, name, email, phone, status, opted_out, last_sent_at, send_count, created_at, updated_at from public.customers;
        """,
        """
        alter table public.send_logs add column channel text not null default 'email', add column provider_message_id jsonb default '{}'::jsonb,
          add column customer_id uuid references public.customers (id), add constraint send_logs_channel_valid check (channel in ('email', 'sms'));
        create index idx_send_logs_channel on public.send_logs (channel);
        """,
        """
        create table if not exists public.sms_retry_queue (id uuid primary key default gen_random_uuid(), business_id uuid not null references public.businesses (id) on delete cascade,
          send_log_id uuid not null references public.send_logs (id) on delete cascade, customer_id uuid not null references public.customers (id) on delete cascade,
          status text not null default 'pending', attempt_count int not null default 0, max_attempts int not null default 3, scheduled_for timestamptz not null,
          last_attempted_at timestamptz, last_error text, reason text, created_at timestamptz default now(), updated_at timestamptz default now(),
          constraint sms_retry_queue_status_valid check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')));
        create index idx_sms_retry_queue_due on public.sms_retry_queue (scheduled_for) where status = 'pending';
        create index idx_sms_retry_queue_business on public.sms_retry_queue (business_id);
        alter table public.sms_retry_queue enable row level security;
        create policy sms_retry_queue_owner_select on public.sms_retry_queue for select using (business_id in (select id from public.businesses where user_id = (select auth.uid())));
        create policy sms_retry_queue_owner_insert on public.sms_retry_queue for insert with check (business_id in (select id from public.businesses where user_id = (select auth.uid())));
        create policy sms_retry_queue_owner_update on public.sms_retry_queue for update using (business_id in (select id from public.businesses where user_id = (select auth.uid())));
        create trigger sms_retry_queue_updated_at before update on public.sms_retry_queue for each row execute function public.touch();
        create function public.claim_due_sms_retries(limit_count int default 50) returns table (id uuid, business_id uuid) language plpgsql security definer as $f$
        begin
          return query update public.sms_retry_queue q set status = 'processing' where q.id in (
            select s.id from public.sms_retry_queue s where s.status = 'pending' and s.scheduled_for <= now() limit limit_count for update skip locked) returning q.id, q.business_id;
        end $f$;
        create function public.recover_stuck_sms_retries(stale_minutes int default 10) returns int language sql as 'select 0';
        """,
    ];

    /// <summary>Rows in each table; customers in every state of consent.</summary>
    private const string Rows =
        """
        insert into auth.users values (md5('u')::uuid, 'owner@example.com');
        insert into public.businesses (id, user_id, name, updated_at) values (md5('b')::uuid, md5('u')::uuid, 'Acme', '2025-01-01');
        insert into public.customers (id, business_id, name, email, phone, sms_consent_status, sms_consent_method, sms_consent_at, sms_consent_ip, sms_consent_captured_by, updated_at) values
          (md5('in')::uuid, md5('b')::uuid, 'Ann', 'ann@example.com', '(312) 555-0101', 'opted_in', 'website_form', '2025-06-01', '2001:db8::7', md5('u')::uuid, '2025-01-01'),
          (md5('out')::uuid, md5('b')::uuid, 'Bob', 'bob@example.com', '(312) 555-0102', 'opted_out', 'phone_call', null, null, null, '2025-01-01'),
          (md5('new')::uuid, md5('b')::uuid, 'Cid', 'cid@example.com', '(312) 555-0103', 'unknown', null, null, null, null, '2025-01-01');
        insert into public.email_templates (id, business_id, name, subject, body, updated_at) values (md5('t')::uuid, md5('b')::uuid, 'Review', 'How was it?', '<p>Hi</p>', '2025-01-01');
        insert into public.send_logs (id, business_id, contact_id, template_id, status, provider_id, subject, updated_at)
          select md5('l' || n)::uuid, md5('b')::uuid, md5('in')::uuid, md5('t')::uuid, 'delivered', 're_' || n, 'How was it?', '2025-01-01' from generate_series(1, 50) n;
        insert into public.send_logs (id, business_id, contact_id, customer_id, channel, status, subject, provider_message_id, updated_at) values
          (md5('sms')::uuid, md5('b')::uuid, md5('in')::uuid, md5('in')::uuid, 'sms', 'pending', '', '{"twilio_sid": "SM1"}', '2025-01-01');
        insert into public.sms_retry_queue (id, business_id, send_log_id, customer_id, scheduled_for, reason, updated_at) values
          (md5('q')::uuid, md5('b')::uuid, md5('sms')::uuid, md5('in')::uuid, '2025-01-01', 'quiet_hours', '2025-01-01');
        insert into public.scheduled_sends (id, business_id, contact_ids, template_id, scheduled_for, updated_at) values
          (md5('s')::uuid, md5('b')::uuid, array[md5('in')::uuid], md5('t')::uuid, '2027-01-01', '2025-01-01');
        """;

    private const string Views =
        """
        create view public.v_businesses as select * from public.businesses; create view public.v_customers as select * from public.customers;
        create view public.v_logs as select * from public.send_logs; create view public.v_queue as select * from public.sms_retry_queue;
        create view public.v_templates as select * from public.email_templates; create view public.v_scheduled as select * from public.scheduled_sends;
        create materialized view public.m_all as select c.*, l.status as log_status, l.provider_message_id, q.reason
          from public.customers c left join public.send_logs l on l.contact_id = c.id left join public.sms_retry_queue q on q.send_log_id = l.id;
        """;

    public static string Sql(bool withViews) => string.Join('\n', [Host, .. Steps, Rows, withViews ? Views : ""]);
}
