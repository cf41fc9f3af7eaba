-- migrate: outside-transaction
-- What needs a look at the rows of an adopted database: in batches, each its own transaction, and without a lock
-- that keeps writers out for longer than one batch. On an empty database all of it is done at once. Statements end
-- at a line "-- migrate: next"; each may be run again.

-- People that are in a table contacts get their rows in customers, with the same ids.
create or replace procedure public.sms_adopt_contacts() language plpgsql as $f$
declare
  v_columns text;
  v_after uuid := '00000000-0000-0000-0000-000000000000';
  v_ids uuid[];
begin
  if to_regprocedure('public.contacts_to_customers()') is null then
    return;
  end if;
  select string_agg(quote_ident(k.attname), ', ') into v_columns
  from pg_attribute k
  join pg_attribute c on c.attrelid = 'public.customers'::regclass and c.attname = k.attname and c.atttypid = k.atttypid
    and c.attnum > 0 and not c.attisdropped and c.attgenerated = ''
  where k.attrelid = 'public.contacts'::regclass and k.attnum > 0 and not k.attisdropped;
  loop
    v_ids := array(select c.id from public.contacts c where c.id > v_after order by c.id limit 2000);
    exit when cardinality(v_ids) = 0;
    execute format('insert into public.customers (%1$s) select %1$s from public.contacts where id = any ($1) on conflict (id) do nothing', v_columns)
      using v_ids;
    v_after := v_ids[cardinality(v_ids)];
    commit;
  end loop;
end $f$;
-- migrate: next
call public.sms_adopt_contacts();
-- migrate: next
drop procedure public.sms_adopt_contacts();
-- migrate: next
-- Old rows get their customer. Triggers of theirs stay out of it: a column such as updated_at keeps its value.
create or replace procedure public.sms_adopt_send_logs() language plpgsql as $f$
declare
  v_after uuid := '00000000-0000-0000-0000-000000000000';
  v_ids uuid[];
begin
  if to_regprocedure('public.send_logs_customer()') is null then
    return;
  end if;
  loop
    v_ids := array(select l.id from public.send_logs l where l.id > v_after order by l.id limit 1000);
    exit when cardinality(v_ids) = 0;
    if exists (select 1 from public.send_logs l where l.id = any (v_ids) and l.customer_id is null and l.contact_id is not null) then
      begin
        perform set_config('session_replication_role', 'replica', true);
      exception when insufficient_privilege then
        perform set_config('lock_timeout', '300ms', true);
        -- The owner may do it this way; writers wait for this one batch.
        alter table public.send_logs disable trigger user;
      end;
      update public.send_logs l set customer_id = l.contact_id
      where l.id = any (v_ids) and l.customer_id is null and l.contact_id is not null;
      if current_setting('session_replication_role') <> 'replica' then
        alter table public.send_logs enable trigger user;
      end if;
    end if;
    v_after := v_ids[cardinality(v_ids)];
    commit;
  end loop;
end $f$;
-- migrate: next
call public.sms_adopt_send_logs();
-- migrate: next
drop procedure public.sms_adopt_send_logs();
-- migrate: next
do $do$
begin
  perform set_config('lock_timeout', '300ms', true);
  if not exists (
    select 1 from pg_constraint c
    where c.conrelid = 'public.send_logs'::regclass and c.contype = 'f' and c.confrelid = 'public.customers'::regclass
      and c.conkey = array[(select a.attnum from pg_attribute a where a.attrelid = c.conrelid and a.attname = 'customer_id')]) then
    alter table public.send_logs add constraint send_logs_customer_id_fkey
      foreign key (customer_id) references public.customers (id) on delete cascade not valid;
  end if;
  if not exists (select 1 from pg_constraint where conrelid = 'public.send_logs'::regclass and conname = 'send_logs_customer_there') then
    alter table public.send_logs add constraint send_logs_customer_there check (customer_id is not null) not valid;
  end if;
end $do$;
-- migrate: next
-- Validation lets writers go on. Old rows without any contact leave the check as it is: it holds for new rows.
do $do$
declare
  v_constraint record;
begin
  for v_constraint in
    select c.conrelid::regclass as relation, c.conname from pg_constraint c
    where c.conrelid in ('public.send_logs'::regclass, 'public.customers'::regclass) and not c.convalidated
  loop
    begin
      execute format('alter table %s validate constraint %I', v_constraint.relation, v_constraint.conname);
    exception when check_violation or foreign_key_violation then
      raise notice '% of % holds for new rows only', v_constraint.conname, v_constraint.relation;
    end;
  end loop;
end $do$;
-- migrate: next
-- With the check valid this looks at no row.
do $do$
begin
  perform set_config('lock_timeout', '300ms', true);
  if exists (select 1 from pg_constraint where conrelid = 'public.send_logs'::regclass and conname = 'send_logs_customer_there' and convalidated) then
    alter table public.send_logs alter column customer_id set not null;
    alter table public.send_logs drop constraint send_logs_customer_there;
  end if;
end $do$;
-- migrate: next
create index concurrently if not exists idx_customers_business on public.customers (business_id);
-- migrate: next
create unique index concurrently if not exists idx_customers_phone on public.customers (business_id, phone_e164);
-- migrate: next
create index concurrently if not exists idx_customers_phone_e164 on public.customers (phone_e164);
-- migrate: next
-- Phones that were not read yet.
create index concurrently if not exists idx_customers_phone_unread on public.customers (id)
  where phone is not null and phone_e164 is null and phone_read is distinct from phone;
-- migrate: next
create index concurrently if not exists idx_send_logs_channel on public.send_logs (channel);
-- migrate: next
-- The message list of a business, newest first, by keyset.
create index concurrently if not exists idx_send_logs_sms_list on public.send_logs (business_id, created_at desc, id desc)
  where channel = 'sms';
-- migrate: next
-- The same by status, and by number.
create index concurrently if not exists idx_send_logs_sms_status on public.send_logs (business_id, status, created_at desc, id desc)
  where channel = 'sms';
-- migrate: next
create index concurrently if not exists idx_send_logs_sms_to on public.send_logs (business_id, to_phone, created_at desc, id desc)
  where channel = 'sms';
-- migrate: next
-- What the provider took and has not reported the end of.
create index concurrently if not exists idx_send_logs_sms_unreported on public.send_logs (check_at)
  where channel = 'sms' and status = 'sent' and check_at is not null;
-- migrate: next
-- Whether a customer was texted marketing before.
create index concurrently if not exists idx_send_logs_sms_marketing on public.send_logs (customer_id)
  where channel = 'sms' and category = 'marketing' and status <> 'cancelled';
-- migrate: next
-- The messages of one customer, newest first.
create index concurrently if not exists idx_send_logs_sms_customer on public.send_logs (customer_id, created_at desc)
  where channel = 'sms';
-- migrate: next
-- What waits for a number: its opt-out ends it.
create index concurrently if not exists idx_send_logs_sms_waiting on public.send_logs (to_phone)
  where channel = 'sms' and status = 'pending';
-- migrate: next
-- Bodies, oldest first: they are kept for so long.
create index concurrently if not exists idx_send_logs_sms_bodies on public.send_logs (created_at)
  where channel = 'sms' and body <> '';
-- migrate: next
-- The order in which businesses take turns at the queue: by a hash, because ids may be dense.
create index concurrently if not exists idx_businesses_turn on public.businesses (uuid_hash(id));
