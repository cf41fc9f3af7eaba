-- send_logs carries texts beside e-mails. What is the text's own is nullable or defaulted, so that a
-- row of the e-mail writers stays valid. In an adopted database these tables are large and in use: here is
-- only what needs no look at their rows; 003 fills, checks and indexes them while writers go on.

alter table public.send_logs
  add column if not exists channel text not null default 'email',
  add column if not exists provider_message_id jsonb not null default '{}'::jsonb,
  add column if not exists customer_id uuid,
  add column if not exists template_id uuid,
  add column if not exists error_message text,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now(),
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

-- Adopted rows may break none of these, but that is checked later, without keeping writers out.
alter table public.send_logs add constraint send_logs_channel_valid check (channel in ('email', 'sms')) not valid;
alter table public.send_logs add constraint send_logs_category_valid check (
  category is null or category in ('marketing', 'transactional', 'otp')) not valid;
alter table public.send_logs add constraint send_logs_sms_complete check (
  channel <> 'sms' or (to_phone is not null and body is not null and category is not null
    and encoding is not null and segments is not null)) not valid;

alter table public.businesses
  add column if not exists timezone text,
  add column if not exists sms_settings jsonb not null default '{}'::jsonb,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now();

alter table public.customers
  add column if not exists name text,
  add column if not exists phone text,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now(),
  -- The phone as E.164, where it can be read as a number; null: it cannot be texted.
  add column if not exists phone_e164 text,
  -- The phone that phone_e164 was made of, or could not be.
  add column if not exists phone_read text,
  add column if not exists timezone text,
  add column if not exists postal_code text,
  -- Two letters of a state or territory of the US; another writer's other words are not understood and do no harm.
  add column if not exists state text,
  add column if not exists sms_consent_status text not null default 'unknown',
  add column if not exists sms_consent_method text,
  add column if not exists sms_consent_source text,
  add column if not exists sms_consent_at timestamptz,
  add column if not exists sms_consent_notes text,
  add column if not exists sms_consent_ip text,
  -- The entry of the ledger that the columns above repeat.
  add column if not exists sms_consent_id uuid,
  -- Name, number and all else of the person are gone; what stays is evidence.
  add column if not exists erased_at timestamptz;
alter table public.customers add constraint customers_sms_consent_valid check (
  sms_consent_status in ('opted_in', 'opted_out', 'unknown', 'under_review')) not valid;

-- Columns of the e-mail product that texting has nothing to put into: a customer without an e-mail address, a
-- business without a user, a text without a subject or a contact.
do $do$
declare
  v_column record;
begin
  for v_column in
    select a.attrelid::regclass as relation, a.attname
    from pg_attribute a
    where a.attrelid in ('public.businesses'::regclass, 'public.customers'::regclass, 'public.send_logs'::regclass)
      and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef and a.attidentity = ''
      and a.attname not in ('id', 'business_id', 'customer_id', 'status')
      and not (a.attrelid = 'public.businesses'::regclass and a.attname = 'name')
      and not exists (
        select 1 from pg_index i where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any (i.indkey))
  loop
    execute format('alter table %s alter column %I drop not null', v_column.relation, v_column.attname);
  end loop;
end $do$;

-- Checks of theirs on the status are widened by the five words of a text, under their own names.
do $do$
declare
  v_check record;
  v_fits boolean;
begin
  for v_check in
    select c.conname, pg_get_expr(c.conbin, c.conrelid) as expression
    from pg_constraint c
    where c.conrelid = 'public.send_logs'::regclass and c.contype = 'c'
      and c.conkey = array[(select a.attnum from pg_attribute a where a.attrelid = c.conrelid and a.attname = 'status')]
  loop
    execute format('select coalesce(bool_and(%s), false) from unnest(array[''pending'', ''sent'', ''delivered'', ''failed'', ''cancelled'']) as send_logs (status)',
      v_check.expression) into v_fits;
    continue when v_fits;
    execute format('alter table public.send_logs drop constraint %I', v_check.conname);
    execute format('alter table public.send_logs add constraint %I check ((%s) or status in (''pending'', ''sent'', ''delivered'', ''failed'', ''cancelled'')) not valid',
      v_check.conname, v_check.expression);
  end loop;
end $do$;

-- The e-mail product's writers name a contact only; a customer has the contact's id.
do $do$
begin
  if exists (select 1 from pg_attribute a where a.attrelid = 'public.send_logs'::regclass and a.attname = 'contact_id' and not a.attisdropped) then
    create function public.send_logs_customer() returns trigger language plpgsql set search_path = '' as $f$
    begin
      new.customer_id := coalesce(new.customer_id, new.contact_id);
      return new;
    end $f$;
    create trigger send_logs_customer before insert or update of contact_id, customer_id on public.send_logs
      for each row execute function public.send_logs_customer();
  end if;
end $do$;

-- Where people are in a table contacts, customers follows it: same ids, and the columns that both have.
do $do$
declare
  v_columns text;
  v_values text;
  v_updates text;
begin
  if not exists (select 1 from pg_class c where c.oid = to_regclass('public.contacts') and c.relkind in ('r', 'p')) then
    return;
  end if;
  select string_agg(quote_ident(k.attname), ', '), string_agg('new.' || quote_ident(k.attname), ', '),
    string_agg(format('%1$I = excluded.%1$I', k.attname), ', ') filter (where k.attname <> 'id')
  into v_columns, v_values, v_updates
  from pg_attribute k
  join pg_attribute c on c.attrelid = 'public.customers'::regclass and c.attname = k.attname and c.atttypid = k.atttypid
    and c.attnum > 0 and not c.attisdropped and c.attgenerated = ''
  where k.attrelid = 'public.contacts'::regclass and k.attnum > 0 and not k.attisdropped;
  execute format($f$
    create function public.contacts_to_customers() returns trigger language plpgsql security definer set search_path = '' as $t$
    begin
      insert into public.customers (%s) values (%s) on conflict (id) do update set %s;
      return new;
    end $t$ $f$, v_columns, v_values, v_updates);
  revoke all on function public.contacts_to_customers() from public;
  create trigger contacts_to_customers after insert or update on public.contacts
    for each row execute function public.contacts_to_customers();
end $do$;

-- A phone that somebody else changed is read anew.
create function public.customers_phone() returns trigger language plpgsql set search_path = '' as $f$
begin
  if new.phone is distinct from old.phone and new.phone_e164 is not distinct from old.phone_e164
    and new.phone is distinct from new.phone_e164 then
    new.phone_e164 := null;
    new.phone_read := null;
  end if;
  return new;
end $f$;
create trigger customers_phone before update of phone on public.customers
  for each row execute function public.customers_phone();
