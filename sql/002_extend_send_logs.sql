-- send_logs carries texts beside e-mails. What is the text's own is nullable or defaulted, so that a
-- row of the e-mail writers stays valid.

alter table public.send_logs
  add column if not exists channel text not null default 'email',
  add column if not exists provider_message_id jsonb not null default '{}'::jsonb,
  add column if not exists customer_id uuid references public.customers (id) on delete cascade,
  add column if not exists to_phone text,
  add column if not exists body text,
  -- What follows the body of a marketing text, where the business wants it.
  add column if not exists footer text,
  add column if not exists category text,
  add column if not exists encoding text,
  add column if not exists segments int,
  add column if not exists attempt_count int not null default 0,
  add column if not exists max_attempts int not null default 3,
  -- json, not jsonb: the client gets its own object back to the letter.
  add column if not exists metadata json not null default '{}'::json,
  add column if not exists decision jsonb,
  add column if not exists error_code int,
  add column if not exists error_class text,
  add column if not exists send_at timestamptz,
  add column if not exists valid_until timestamptz,
  add column if not exists sent_at timestamptz,
  add column if not exists delivered_at timestamptz,
  -- When the provider is asked for a final report, should none have come.
  add column if not exists check_at timestamptz;

alter table public.send_logs alter column customer_id set not null;

alter table public.send_logs add constraint send_logs_channel_valid check (channel in ('email', 'sms'));
alter table public.send_logs add constraint send_logs_category_valid check (
  category is null or category in ('marketing', 'transactional', 'otp'));
alter table public.send_logs add constraint send_logs_sms_complete check (
  channel <> 'sms' or (to_phone is not null and body is not null and category is not null
    and encoding is not null and segments is not null));

create index if not exists idx_send_logs_channel on public.send_logs (channel);
-- The message list of a business, newest first, by keyset.
create index if not exists idx_send_logs_sms_list on public.send_logs (business_id, created_at desc, id desc)
  where channel = 'sms';
-- What the provider took and has not reported the end of.
create index if not exists idx_send_logs_sms_unreported on public.send_logs (check_at)
  where channel = 'sms' and status = 'sent' and check_at is not null;
-- Whether a customer was texted marketing before.
create index if not exists idx_send_logs_sms_marketing on public.send_logs (customer_id)
  where channel = 'sms' and category = 'marketing' and status <> 'cancelled';
-- The messages of one customer, newest first.
create index if not exists idx_send_logs_sms_customer on public.send_logs (customer_id, created_at desc)
  where channel = 'sms';
