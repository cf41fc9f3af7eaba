-- send_logs carries texts beside e-mails. What is the text's own is nullable or defaulted, so that a
-- row of the e-mail writers stays valid. In an adopted database these tables are large and in use: here is
-- only what needs no look at their rows; 003 fills, checks and indexes them while writers go on.

alter table public.send_logs
  add column if not exists channel text not null default 'email',
  add column if not exists provider_message_id jsonb not null default '{}'::jsonb,
  add column if not exists customer_id uuid,
  add column if not exists template_id uuid,
  add column if not exists error_message text,
  -- An e-mail's.
  add column if not exists subject text,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now(),
  add column if not exists to_phone text,
  -- Whether it is for the customer, whatever number that has when it goes, and not for the number.
  add column if not exists by_customer boolean not null default false,
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
  -- What it was accepted on. Each attempt has its own.
  add column if not exists decision jsonb,
  -- What was decided since of one that waits again, or that ended without another attempt.
  add column if not exists later_decision jsonb,
  add column if not exists error_code int,
  add column if not exists error_class text,
  add column if not exists send_at timestamptz,
  add column if not exists valid_until timestamptz,
  add column if not exists sent_at timestamptz,
  add column if not exists delivered_at timestamptz,
  -- When the provider is asked for a final report, should none have come.
  add column if not exists check_at timestamptz;

-- Room in each page for the states that follow (sent, delivered): they are written in place then, without a new entry
-- in any index.
alter table public.send_logs set (fillfactor = 50);

alter table public.businesses
  add column if not exists timezone text,
  add column if not exists sms_settings jsonb not null default '{}'::jsonb,
  -- Grows with each change of name, timezone or sms_settings, whoever makes it: who decides by them says which it decided by.
  add column if not exists sms_version bigint not null default 0,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now();

alter table public.customers
  add column if not exists name text,
  add column if not exists phone text,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now(),
  -- The phone as E.164, where it can be read as a number; null: it cannot be texted.
  add column if not exists phone_e164 text,
  -- The same where another customer of the business has that number already; phone_e164 is null then.
  add column if not exists phone_shared text,
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
  -- The number that the status is about; null: nobody has read the phone yet.
  add column if not exists sms_consent_phone text,
  -- The entry of the ledger that the columns above repeat.
  add column if not exists sms_consent_id uuid,
  -- Name, number and all else of the person are gone; what stays is evidence.
  add column if not exists erased_at timestamptz;
-- Whoever publishes all tables (replication, change data capture) makes every table without an identity unchangeable.
create function sms.give_identity(p_table regclass) returns void language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_index name;
begin
  if exists (
    select 1 from pg_catalog.pg_class c
    where c.oid = p_table and (c.relkind <> 'r' or c.relreplident in ('f', 'i') or c.relreplident = 'd' and exists (
      select 1 from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisprimary))) then
    return;
  end if;
  select c.relname into v_index
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  where i.indrelid = p_table and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null
    and not exists (
      select 1 from pg_catalog.pg_attribute a
      where a.attrelid = p_table and a.attnum = any (i.indkey) and not a.attnotnull)
  order by i.indnatts, c.relname limit 1;
  execute pg_catalog.format('alter table %s replica identity %s', p_table,
    case when v_index is null then 'full' else pg_catalog.format('using index %I', v_index) end);
end $f$;
select sms.give_identity(c.oid) from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
  and c.relname in ('businesses', 'customers', 'contacts', 'send_logs', 'email_templates', 'message_templates', 'scheduled_sends');

-- Where such columns were there before, they may have no default.
do $do$
declare
  v_column record;
begin
  for v_column in
    select * from (values ('send_logs', 'channel', 'email'), ('send_logs', 'provider_message_id', '{}'),
      ('businesses', 'sms_settings', '{}'), ('businesses', 'sms_version', '0'), ('customers', 'sms_consent_status', 'unknown')) v (relation, name, value)
    where exists (
      select 1 from pg_attribute a
      where a.attrelid = ('public.' || v.relation)::regclass and a.attname = v.name and not a.attisdropped and not a.atthasdef)
  loop
    execute format('alter table public.%I alter column %I set default %L', v_column.relation, v_column.name, v_column.value);
  end loop;
end $do$;

-- What goes into a column that was there before goes in by that column's own type. Free text is cast to a domain of the
-- same type, named sms.TABLE_COLUMN: where the column is short, it is cut to fit. Words go into an enum as they are.
create function sms.fit_columns(p_table regclass, p_free text[], p_words text[]) returns void language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_column record;
begin
  for v_column in
    select pg_catalog.format('%s_%s', c.relname, a.attname) as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type, a.atttypid, t.typtype
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_type t on t.oid = a.atttypid
    where a.attrelid = p_table and not a.attisdropped and (a.attname = any (p_free) or a.attname = any (p_words) and t.typtype = 'e')
  loop
    if v_column.typtype <> 'e' then
      execute pg_catalog.format('create domain sms.%I as %s', v_column.name, v_column.type);
    elsif not exists (
      select 1 from pg_catalog.pg_cast k where k.castsource = 'text'::pg_catalog.regtype and k.casttarget = v_column.atttypid) then
      execute pg_catalog.format('create cast (text as %s) with inout as assignment', v_column.type);
    end if;
  end loop;
end $f$;
select sms.fit_columns('public.businesses', '{name}', '{}'),
  sms.fit_columns('public.customers', '{name,postal_code,sms_consent_source,sms_consent_notes}', '{sms_consent_status,sms_consent_method}'),
  sms.fit_columns('public.send_logs', '{error_message}', '{status,channel,category,encoding}');

-- The address that consent came from is free text. customers has it as far as it fits the type of its column (inet, say);
-- the ledger has it as it was given.
do $do$
declare
  v_path constant text := current_setting('search_path');
  v_column record;
begin
  -- The function names the type in full: it finds none of theirs by its own path.
  perform set_config('search_path', 'pg_catalog', true);
  select format_type(a.atttypid, a.atttypmod) as type, t.typcategory = 'S' as is_text into v_column
  from pg_attribute a join pg_type t on t.oid = a.atttypid
  where a.attrelid = 'public.customers'::regclass and a.attname = 'sms_consent_ip';
  perform set_config('search_path', v_path, true);
  if v_column.type = 'text' then
    create function sms.consent_ip(p_ip text) returns text language sql immutable return p_ip;
    return;
  end if;
  execute format($f$
    create function sms.consent_ip(p_ip text) returns %1$s language plpgsql stable set search_path = pg_catalog, pg_temp as $t$
    begin
      return case when %2$s then p_ip::%1$s end;
    exception when data_exception or check_violation or cannot_coerce or undefined_function then
      return null;
    end $t$ $f$, v_column.type, case when v_column.is_text then format('(p_ip::%s)::text = p_ip', v_column.type) else 'p_ip is not null' end);
end $do$;
-- A value of any type as its text: of an address without the length of its net.
create function sms.plain(p_value anyelement) returns text language sql stable set search_path = pg_catalog, pg_temp as $f$
  select to_jsonb(p_value) #>> '{}'
$f$;

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
      and a.attnum > 0 and not a.attisdropped and a.attnotnull and a.attidentity = ''
      -- And those that it empties, whatever their default.
      and (not a.atthasdef or a.attgenerated = '' and a.attname in (
        'name', 'phone', 'timezone', 'postal_code', 'state', 'sms_consent_method', 'sms_consent_source', 'sms_consent_at', 'sms_consent_notes', 'sms_consent_ip',
        'template_id', 'subject', 'footer', 'send_at', 'valid_until', 'sent_at', 'delivered_at', 'error_code', 'error_class', 'error_message'))
      and a.attname not in ('id', 'business_id')
      and not (a.attrelid = 'public.send_logs'::regclass and a.attname in ('customer_id', 'status'))
      and not (a.attrelid = 'public.businesses'::regclass and a.attname = 'name')
      and not exists (
        select 1 from pg_index i where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any (i.indkey))
  loop
    execute format('alter table %s alter column %I drop not null', v_column.relation, v_column.attname);
  end loop;
end $do$;

-- Checks of theirs that what texting writes would break are widened, under their own names: by its words where they
-- list words, else by its rows. They are looked at later, without keeping writers out.
create function sms.widen_check(p_table regclass, p_check name, p_or text) returns void language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_expression text;
  v_comment text;
begin
  select pg_catalog.pg_get_expr(c.conbin, c.conrelid), pg_catalog.obj_description(c.oid, 'pg_constraint') into v_expression, v_comment
  from pg_catalog.pg_constraint c where c.conrelid = p_table and c.conname = p_check;
  execute pg_catalog.format('alter table %s drop constraint %I', p_table, p_check);
  execute pg_catalog.format('alter table %s add constraint %I check ((%s) or %s) not valid', p_table, p_check, v_expression, p_or);
  if v_comment is not null then
    execute pg_catalog.format('comment on constraint %I on %s is %L', p_check, p_table, v_comment);
  end if;
end $f$;

-- Words that a column must be able to hold.
create function sms.widen_words(p_table regclass, p_column name, p_words text[]) returns void language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_check record;
  v_fits boolean;
begin
  for v_check in
    select c.conname, pg_catalog.pg_get_expr(c.conbin, c.conrelid) as expression, pg_catalog.format_type(a.atttypid, a.atttypmod) as type
    from pg_catalog.pg_constraint c
    join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attname = p_column and c.conkey = array[a.attnum]
    where c.conrelid = p_table and c.contype = 'c'
  loop
    execute pg_catalog.format('select pg_catalog.bool_and(coalesce((%s), true)) from pg_catalog.unnest($1::%s[]) as t (%I)', v_check.expression, v_check.type, p_column)
      into v_fits using p_words;
    if not v_fits then
      perform sms.widen_check(p_table, v_check.conname, pg_catalog.format('%I = any (%L::%s[])', p_column, p_words, v_check.type));
    end if;
  end loop;
end $f$;

select sms.widen_words('public.send_logs', 'status', array['pending', 'sent', 'delivered', 'failed', 'cancelled']);
select sms.widen_words('public.send_logs', 'channel', array['email', 'sms']);
select sms.widen_words('public.customers', 'sms_consent_status', array['opted_in', 'opted_out', 'unknown', 'under_review']);
select sms.widen_words('public.customers', 'sms_consent_method',
  array['verbal_in_person', 'phone_call', 'service_agreement', 'website_form', 'sms_keyword', 'other']);

-- What else their checks say is tried on rows as texting writes them: its columns filled, theirs by default or null.
do $do$
declare
  v_sample record;
  v_check record;
  v_row text;
  v_fits boolean;
begin
  for v_sample in
    select * from (values
      ('public.businesses'::regclass, 'user_id is null', '{"name": "''x''", "timezone": "''America/Chicago''"}'::jsonb),
      ('public.customers', 'phone_e164 is not null', '{"name": "repeat(''x'', 200)", "phone": "''+15125550100''", "phone_e164": "''+15125550100''"}'),
      ('public.send_logs', 'channel = ''sms''', '{"channel": "''sms''", "status": "s.status", "to_phone": "''+15125550100''", "body": "''x''",
        "category": "''marketing''", "encoding": "''gsm7''", "segments": "1", "customer_id": "gen_random_uuid()",
        "error_message": "''x''", "sent_at": "now()", "delivered_at": "now()"}')) v (relation, rows_of_texting, filled)
  loop
    select string_agg(format('(%s)::%s as %I', coalesce(
        v_sample.filled ->> a.attname::text,
        case when a.attname in ('id', 'business_id') then 'gen_random_uuid()'
          when a.attgenerated = '' and pg_get_expr(d.adbin, d.adrelid) not like '%nextval(%' then pg_get_expr(d.adbin, d.adrelid) end,
        'null'), format_type(a.atttypid, a.atttypmod), a.attname), ', ')
    into v_row
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = v_sample.relation and a.attnum > 0 and not a.attisdropped;
    for v_check in
      select c.conname, pg_get_expr(c.conbin, c.conrelid) as expression
      from pg_constraint c where c.conrelid = v_sample.relation and c.contype = 'c'
    loop
      execute format('select bool_and(coalesce((%s), true)) from (select %s from unnest(array[''pending'', ''sent'', ''delivered'', ''failed'', ''cancelled'']) s (status)) t',
        v_check.expression, v_row) into v_fits;
      if not v_fits then
        perform sms.widen_check(v_sample.relation, v_check.conname, v_sample.rows_of_texting);
      end if;
    end loop;
  end loop;
end $do$;

-- Adopted rows may break none of these, but that too is looked at later.
do $do$
declare
  v_check record;
begin
  for v_check in
    select * from (values
      ('public.send_logs'::regclass, 'send_logs_channel_valid', 'channel in (''email'', ''sms'')'),
      ('public.send_logs', 'send_logs_category_valid', 'channel <> ''sms'' or category in (''marketing'', ''transactional'', ''otp'')'),
      ('public.send_logs', 'send_logs_sms_complete', 'channel <> ''sms'' or (to_phone is not null and body is not null and category is not null
        and encoding is not null and segments is not null)'),
      ('public.customers', 'customers_sms_consent_valid', 'sms_consent_status in (''opted_in'', ''opted_out'', ''unknown'', ''under_review'')'),
      -- They are read with every send. Longer ones that are there already are shown as a fault and not read.
      ('public.businesses', 'businesses_sms_settings_short', 'octet_length(sms_settings::text) <= 65536')
      ) v (relation, name, expression)
    where not exists (select 1 from pg_constraint c where c.conrelid = v.relation and c.conname = v.name)
  loop
    execute format('alter table %s add constraint %I check (%s) not valid', v_check.relation, v_check.name, v_check.expression);
  end loop;
end $do$;

-- The e-mail product's writers name a contact only; a customer has the contact's id.
do $do$
begin
  if exists (select 1 from pg_attribute a where a.attrelid = 'public.send_logs'::regclass and a.attname = 'contact_id' and not a.attisdropped) then
    create function sms.send_logs_customer() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $f$
    begin
      -- A changed contact is followed; one that is taken away leaves the customer.
      if new.contact_id is not null and (new.customer_id is null
        or tg_op = 'UPDATE' and new.contact_id is distinct from old.contact_id and new.customer_id is not distinct from old.customer_id) then
        new.customer_id := new.contact_id;
      end if;
      return new;
    end $f$;
    create trigger send_logs_customer before insert or update of contact_id, customer_id on public.send_logs
      for each row execute function sms.send_logs_customer();
  end if;
end $do$;

-- The columns that a table contacts and customers share, and how a value of the first goes into the second; %1$s
-- stands for the row.
create function sms.columns_of_contacts() returns table (name name, value text) language sql stable set search_path = pg_catalog, pg_temp as $f$
  select k.attname, case when c.attnotnull and not k.attnotnull and d.adbin is not null
    then pg_catalog.format('coalesce(%%1$s.%I, %s)', k.attname, pg_catalog.replace(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '%', '%%'))
    else pg_catalog.format('%%1$s.%I', k.attname) end
  from pg_catalog.pg_attribute k
  join pg_catalog.pg_attribute c on c.attrelid = 'public.customers'::regclass and c.attname = k.attname
    and c.attnum > 0 and not c.attisdropped and c.attgenerated = '' and c.attidentity = ''
  join pg_catalog.pg_type t on t.oid = c.atttypid and (k.atttypid = c.atttypid or t.typcategory = 'S')
  left join pg_catalog.pg_attrdef d on d.adrelid = c.attrelid and d.adnum = c.attnum
  where k.attrelid = pg_catalog.to_regclass('public.contacts') and k.attnum > 0 and not k.attisdropped
  order by k.attnum
$f$;

-- Where people are in a table contacts, customers follows it: same ids, and the columns that both have. A change is
-- followed column by column, so that what texting changed stays, and who was erased stays erased. Who goes, goes from
-- customers too, unless logs or texts hang on the row. customers may have keys of its own that a contact breaks: then
-- the contact is written all the same, and only a warning says that it has no customer.
do $do$
declare
  v_columns text;
  v_values text;
  v_updates text;
begin
  if not exists (select 1 from pg_class c where c.oid = to_regclass('public.contacts') and c.relkind in ('r', 'p')) then
    return;
  end if;
  select string_agg(quote_ident(k.name), ', '), string_agg(format(k.value, 'new'), ', '),
    string_agg(format('%1$I = case when old.%1$I::text is distinct from new.%1$I::text then %2$s else c.%1$I end', k.name, format(k.value, 'new')), ', ')
      filter (where k.name <> 'id')
  into v_columns, v_values, v_updates
  from sms.columns_of_contacts() k;
  execute format($f$
    create function sms.contacts_to_customers() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $t$
    begin
      if tg_op = 'DELETE' then
        delete from public.customers c
        where c.id = old.id and not exists (select 1 from public.send_logs l where l.customer_id = c.id);
        return null;
      end if;
      begin
        if tg_op = 'UPDATE' then
          update public.customers c set %3$s where c.id = new.id and c.erased_at is null;
          if found then
            return null;
          end if;
        end if;
        insert into public.customers (%1$s) values (%2$s) on conflict (id) do nothing;
      exception when unique_violation or check_violation or not_null_violation or foreign_key_violation then
        raise warning 'contact %% has no row in customers: %%', new.id, sqlerrm;
      end;
      return null;
    end $t$ $f$, v_columns, v_values, v_updates);
  create trigger contacts_to_customers after insert or update or delete on public.contacts
    for each row execute function sms.contacts_to_customers();
end $do$;

-- A phone that somebody else changed is read anew.
create function sms.customers_phone() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  if new.phone is distinct from old.phone and new.phone_e164 is not distinct from old.phone_e164
    and new.phone is distinct from new.phone_e164 then
    -- Consent was given for the number that it was.
    new.sms_consent_phone := coalesce(new.sms_consent_phone, old.phone_e164, old.phone_shared, old.phone);
    new.phone_e164 := null;
    new.phone_shared := null;
    new.phone_read := null;
  end if;
  return new;
end $f$;
create trigger customers_phone before update of phone on public.customers
  for each row execute function sms.customers_phone();

-- Reading a phone is no change that anybody made: what triggers of theirs did to the row (updated_at, say) is undone.
-- The last by its name, so that it runs after them.
create function sms.customers_phone_read() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_e164 constant text := new.phone_e164;
  v_shared constant text := new.phone_shared;
  v_consent constant text := new.sms_consent_phone;
  v_read constant text := new.phone_read;
begin
  if new.phone_read is distinct from old.phone_read and new.phone is not distinct from old.phone then
    new := old;
    new.phone_e164 := v_e164;
    new.phone_shared := v_shared;
    new.sms_consent_phone := v_consent;
    new.phone_read := v_read;
  end if;
  return new;
end $f$;
create trigger zz_sms_customers_phone_read before update of phone_read on public.customers
  for each row execute function sms.customers_phone_read();

-- The version of a business is nobody's to write: it follows what sends go by. The last by its name, so that it sees what
-- triggers of theirs made of the row.
create function sms.businesses_version() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  new.sms_version := coalesce(old.sms_version, 0) + case
    when (new.name::text, new.timezone::text, new.sms_settings) is distinct from (old.name::text, old.timezone::text, old.sms_settings) then 1 else 0 end;
  return new;
end $f$;
create trigger zz_sms_businesses_version before update on public.businesses
  for each row execute function sms.businesses_version();
