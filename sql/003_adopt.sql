-- migrate: outside-transaction
-- What needs a look at the rows of an adopted database: in batches, each its own transaction, and without a lock
-- that keeps writers out for longer than one batch. On an empty database all of it is done at once. Statements end
-- at a line "-- migrate: next"; each may be run again.

-- Keeps the triggers of a table out of the rest of the transaction, so that a column such as updated_at keeps its value
-- and nobody is told of a change that is none. Returns the statements that bring them back at its end: none where the
-- session may say it for itself; else the owner switches them off, and writers wait for this one batch.
create or replace function sms.still_triggers(p_table regclass) returns text language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_trigger record;
  v_back text := '';
begin
  perform set_config('lock_timeout', '300ms', true);
  -- Some are on for replicas too.
  if not exists (select 1 from pg_trigger t where t.tgrelid = p_table and not t.tgisinternal and t.tgenabled in ('A', 'R')) then
    begin
      perform set_config('session_replication_role', 'replica', true);
      return v_back;
    exception when insufficient_privilege then
      null;
    end;
  end if;
  for v_trigger in
    select t.tgname, t.tgenabled from pg_trigger t where t.tgrelid = p_table and not t.tgisinternal and t.tgenabled <> 'D' order by t.tgname
  loop
    execute format('alter table %s disable trigger %I', p_table, v_trigger.tgname);
    v_back := v_back || format('alter table %s enable %s trigger %I;', p_table,
      case v_trigger.tgenabled when 'A' then 'always' when 'R' then 'replica' else '' end, v_trigger.tgname);
  end loop;
  return v_back;
end $f$;
-- migrate: next
-- People that are in a table contacts get their rows in customers, with the same ids.
create or replace procedure sms.adopt_contacts() language plpgsql as $f$
declare
  v_columns text;
  v_values text;
  v_ids uuid[] := array['00000000-0000-0000-0000-000000000000'];
  v_back text;
  v_done boolean;
begin
  if to_regprocedure('sms.contacts_to_customers()') is null then
    return;
  end if;
  select string_agg(quote_ident(k.name), ', '), string_agg(format(k.value, 'k'), ', ') into v_columns, v_values from sms.columns_of_contacts() k;
  loop
    v_done := false;
    begin
      perform set_config('lock_timeout', '300ms', true);
      -- Nobody deletes one of them before its customer is there to follow.
      execute format('insert into public.customers (%s) select %s from public.contacts k where k.id = any ($1)
        and exists (select 1 from public.businesses b where b.id = k.business_id) for key share of k on conflict do nothing', v_columns, v_values)
        using v_ids;
      v_done := true;
    exception when lock_not_available or deadlock_detected then
      null;
    end;
    commit;
    if v_done then
      v_ids := array(select c.id from public.contacts c where c.id > v_ids[cardinality(v_ids)] order by c.id limit 2000);
      exit when cardinality(v_ids) = 0;
    else
      perform pg_sleep(0.05 + random() * 0.2);
    end if;
  end loop;
end $f$;
-- migrate: next
call sms.adopt_contacts();
-- migrate: next
drop procedure sms.adopt_contacts();
-- migrate: next
-- Old rows get their customer, where there is one.
create or replace procedure sms.adopt_send_logs() language plpgsql as $f$
declare
  v_ids uuid[] := array['00000000-0000-0000-0000-000000000000'];
  v_back text;
  v_done boolean;
begin
  if to_regprocedure('sms.send_logs_customer()') is null then
    return;
  end if;
  loop
    v_done := false;
    begin
      if exists (select 1 from public.send_logs l where l.id = any (v_ids) and l.customer_id is null and l.contact_id is not null) then
        v_back := sms.still_triggers('public.send_logs');
        update public.send_logs l set customer_id = l.contact_id
        where l.id = any (v_ids) and l.customer_id is null and exists (select 1 from public.customers c where c.id = l.contact_id);
        if v_back <> '' then
          execute v_back;
        end if;
      end if;
      v_done := true;
    exception when lock_not_available or deadlock_detected then
      null;
    end;
    commit;
    if v_done then
      v_ids := array(select l.id from public.send_logs l where l.id > v_ids[cardinality(v_ids)] order by l.id limit 1000);
      exit when cardinality(v_ids) = 0;
    else
      perform pg_sleep(0.05 + random() * 0.2);
    end if;
  end loop;
end $f$;
-- migrate: next
call sms.adopt_send_logs();
-- migrate: next
drop procedure sms.adopt_send_logs();
-- migrate: next
-- What happens to a contact's logs when the contact goes happens to a customer's too; but none goes that stayed before.
do $do$
declare
  v_customer constant smallint := (select a.attnum from pg_attribute a where a.attrelid = 'public.send_logs'::regclass and a.attname = 'customer_id');
begin
  perform set_config('lock_timeout', '300ms', true);
  if not exists (
    select 1 from pg_constraint c
    where c.conrelid = 'public.send_logs'::regclass and c.contype = 'f' and c.confrelid = 'public.customers'::regclass
      and c.conkey = array[v_customer]) then
    execute format('alter table public.send_logs add constraint send_logs_customer_id_fkey
      foreign key (customer_id) references public.customers (id) on delete %s not valid', case when exists (
        select 1 from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attname = 'contact_id'
        where c.conrelid = 'public.send_logs'::regclass and c.contype = 'f' and c.conkey = array[a.attnum] and c.confdeltype <> 'c')
      then 'no action' else 'cascade' end);
  end if;
end $do$;
-- migrate: next
-- Where each row has a customer, each will have. Rows of nobody leave it to those who write them.
do $do$
begin
  if exists (select 1 from pg_attribute a where a.attrelid = 'public.send_logs'::regclass and a.attname = 'customer_id' and not a.attnotnull)
    and not exists (select 1 from public.send_logs l where l.customer_id is null)
    and not exists (select 1 from pg_constraint c where c.conrelid = 'public.send_logs'::regclass and c.conname = 'send_logs_customer_there') then
    perform set_config('lock_timeout', '300ms', true);
    alter table public.send_logs add constraint send_logs_customer_there check (customer_id is not null) not valid;
  end if;
end $do$;
-- migrate: next
-- Validation lets writers go on. A check of ours that old rows break is given up: it would refuse each change of such
-- a row, whoever makes it. What else they break holds for new ones.
do $do$
declare
  v_constraint record;
begin
  for v_constraint in
    select c.conrelid::regclass as relation, c.conname from pg_constraint c
    where c.conrelid in ('public.send_logs'::regclass, 'public.customers'::regclass, 'public.businesses'::regclass) and not c.convalidated
  loop
    begin
      execute format('alter table %s validate constraint %I', v_constraint.relation, v_constraint.conname);
    exception when check_violation or foreign_key_violation or not_null_violation then
      if v_constraint.conname in ('send_logs_channel_valid', 'send_logs_category_valid', 'send_logs_sms_complete', 'customers_sms_consent_valid',
        'businesses_sms_settings_short') then
        perform set_config('lock_timeout', '300ms', true);
        execute format('alter table %s drop constraint %I', v_constraint.relation, v_constraint.conname);
        continue;
      end if;
      raise notice '% of % holds for new rows only', v_constraint.conname, v_constraint.relation;
    end;
  end loop;
end $do$;
-- migrate: next
-- With the check valid this looks at no row. Where somebody wrote a row of nobody meanwhile, it is given up.
do $do$
begin
  perform set_config('lock_timeout', '300ms', true);
  if exists (select 1 from pg_constraint where conrelid = 'public.send_logs'::regclass and conname = 'send_logs_customer_there' and convalidated) then
    alter table public.send_logs alter column customer_id set not null;
  end if;
  alter table public.send_logs drop constraint if exists send_logs_customer_there;
end $do$;
-- migrate: next
-- The customers of a business, newest first, by keyset. Only the list says that ids are not below the least, so no plan
-- goes through a whole business to find one customer.
create index concurrently if not exists idx_customers_list on public.customers (business_id, created_at desc, id desc)
  where erased_at is null and id >= '00000000-0000-0000-0000-000000000000';
-- migrate: next
-- By number at one business, and at all of them.
create unique index concurrently if not exists idx_customers_phone on public.customers (phone_e164, business_id);
-- migrate: next
create index concurrently if not exists idx_customers_phone_shared on public.customers (phone_shared) where phone_shared is not null;
-- migrate: next
-- Phones that were not read yet.
create index concurrently if not exists idx_customers_phone_unread on public.customers (id)
  where phone is not null and phone_e164 is null and phone_read is distinct from phone;
-- migrate: next
create index concurrently if not exists idx_send_logs_channel on public.send_logs (channel);
-- migrate: next
-- The message list of a business, newest first, by keyset. No e-mails: said in this way, no plan goes by
-- the index over channels.
create index concurrently if not exists idx_send_logs_sms_list on public.send_logs (business_id, created_at desc, id desc)
  where channel <> 'email' and created_at >= '-infinity';
-- migrate: next
-- The same by number; and what any business has for a number, whose opt-out ends it.
create index concurrently if not exists idx_send_logs_sms_to on public.send_logs (to_phone, business_id, created_at desc, id desc)
  where channel <> 'email';
-- migrate: next
-- The messages of one customer, newest first.
create index concurrently if not exists idx_send_logs_sms_customer on public.send_logs (customer_id, created_at desc, id desc)
  where channel <> 'email';
-- migrate: next
-- What else was sent to a customer: an erasure blanks it.
create index concurrently if not exists idx_send_logs_other_customer on public.send_logs (customer_id) where channel is distinct from 'sms';
-- migrate: next
-- Bodies, oldest first: they are kept for so long.
create index concurrently if not exists idx_send_logs_sms_bodies on public.send_logs (created_at)
  where channel = 'sms' and body <> '';
-- migrate: next
-- The order in which businesses take turns at the queue: by a hash, because ids may be dense.
create index concurrently if not exists idx_businesses_turn on public.businesses (uuid_hash(id));
