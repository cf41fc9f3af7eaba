-- What decisions name by a number alone: the settings of a business and the calendar of blackouts, each as it was.

-- Every version of a business, whoever made it. It is evidence, and outlives the business.
create table sms.business_history (
  business_id uuid not null,
  version bigint not null,
  at timestamptz not null,
  -- Who made the change: "key" and its id, "admin", or "database" when the table was written to directly.
  actor text not null,
  name text,
  timezone text,
  -- The settings as stored; a missing member had its default. Null if they were longer than 64 KB, which is not read.
  settings jsonb,
  primary key (business_id, version)
);

-- One entry for each revision of the calendar.
create table sms.blackout_history (
  revision bigint primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  blackout_id uuid not null,
  state text,
  from_day date not null,
  until_day date not null,
  reason text,
  constraint blackout_history_action_valid check (action in ('made', 'changed', 'lifted'))
);

alter table sms.business_history enable row level security;
alter table sms.blackout_history enable row level security;
grant select on sms.business_history to sms_app;
grant select on sms.blackout_history to sms_app;
-- Not a tenant's: it holds for all.
create policy sms_app_read on sms.blackout_history for select to sms_app using (true);
create policy sms_app_tenant on sms.business_history for select to sms_app using (business_id in (select unnest(sms.business_ids())));

create function sms.keep_business_history() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
begin
  if tg_op = 'INSERT' or new.sms_version is distinct from old.sms_version then
    insert into sms.business_history (business_id, version, at, actor, name, timezone, settings)
    select new.id, coalesce(new.sms_version, 0), now(), coalesce(nullif(current_setting('sms.actor', true), ''), 'database'), new.name::text, new.timezone::text,
      case when pg_column_size(new.sms_settings) <= 65536 and octet_length(new.sms_settings::text) <= 65536 then new.sms_settings end
    -- A business created again under a deleted business's id starts at version 0 again.
    on conflict (business_id, version) do update
      set at = excluded.at, actor = excluded.actor, name = excluded.name, timezone = excluded.timezone, settings = excluded.settings;
  end if;
  return null;
end $f$;
create trigger sms_businesses_history after insert or update on public.businesses
  for each row execute function sms.keep_business_history();
insert into sms.business_history (business_id, version, at, actor, name, timezone, settings)
select b.id, coalesce(b.sms_version, 0), now(), 'database', b.name::text, b.timezone::text,
  case when pg_column_size(b.sms_settings) <= 65536 and octet_length(b.sms_settings::text) <= 65536 then b.sms_settings end
from public.businesses b;

-- Creates or changes a blackout. Writers take turns by locking the revision's row. A call that changes nothing makes no revision.
create function sms.put_blackout(p_id uuid, p_state text, p_from date, p_until date, p_reason text, p_at timestamptz, p_actor text)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_revision bigint;
  v_is_new boolean;
begin
  select v.revision + 1 into v_revision from sms.blackout_revision v for no key update;
  if exists (
    select 1 from sms.blackouts b
    where b.id = p_id and (b.state, b.from_day, b.until_day, b.reason) is not distinct from (p_state, p_from, p_until, p_reason)) then
    return false;
  end if;
  v_is_new := not exists (select 1 from sms.blackouts b where b.id = p_id);
  update sms.blackout_revision v set revision = v_revision;
  insert into sms.blackouts (id, state, from_day, until_day, reason, created_at)
  values (p_id, p_state, p_from, p_until, p_reason, p_at)
  on conflict (id) do update
    set state = excluded.state, from_day = excluded.from_day, until_day = excluded.until_day, reason = excluded.reason;
  insert into sms.blackout_history (revision, at, actor, action, blackout_id, state, from_day, until_day, reason)
  values (v_revision, p_at, p_actor, case when v_is_new then 'made' else 'changed' end, p_id, p_state, p_from, p_until, p_reason);
  return true;
end $f$;

-- False: there was none.
create function sms.remove_blackout(p_id uuid, p_at timestamptz, p_actor text)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_revision bigint;
begin
  select v.revision + 1 into v_revision from sms.blackout_revision v for no key update;
  with lifted as (
    delete from sms.blackouts b where b.id = p_id returning b.*)
  insert into sms.blackout_history (revision, at, actor, action, blackout_id, state, from_day, until_day, reason)
  select v_revision, p_at, p_actor, 'lifted', l.id, l.state, l.from_day, l.until_day, l.reason from lifted l;
  if not found then
    return false;
  end if;
  update sms.blackout_revision v set revision = v_revision;
  return true;
end $f$;

-- The calendar of blackouts as it was at a revision; one row without an id when it had none, no row when there was no such revision.
create function sms.blackouts_at(p_revision bigint)
returns table (id uuid, state text, from_day date, until_day date, reason text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $f$
  select h.blackout_id, h.state, h.from_day, h.until_day, h.reason
  from sms.blackout_revision v
  left join (
    select distinct on (x.blackout_id) x.* from sms.blackout_history x
    where x.revision <= p_revision
    order by x.blackout_id, x.revision desc) h on h.action <> 'lifted'
  where p_revision between 0 and v.revision
  order by h.from_day, h.blackout_id
$f$;

-- Changes of the calendar, newest first, before the given revision.
create function sms.list_blackout_history(p_before bigint, p_limit int)
returns setof sms.blackout_history
language sql stable security definer set search_path = pg_catalog, pg_temp as $f$
  select h.* from sms.blackout_history h where h.revision < p_before order by h.revision desc limit p_limit
$f$;

-- Describes why a message was decided again before its planned time, by comparing the two decisions; null if they differ in
-- nothing that is known.
create function sms.plan_change(p_business_id uuid, p_before jsonb, p_after jsonb)
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $f$
declare
  v_settings text;
  v_blackouts text;
begin
  if (p_after ->> 'decided_at')::timestamptz >= (p_before ->> 'at')::timestamptz then
    return null;
  end if;
  select 'settings changed by ' || h.actor into v_settings
  from sms.business_history h
  where h.business_id = p_business_id
    and h.version > (p_before ->> 'settings_version')::bigint and h.version <= (p_after ->> 'settings_version')::bigint
  order by h.version desc limit 1;
  select string_agg(format('blackout %s %s by %s', h.blackout_id, h.action, h.actor), ', ' order by h.revision) into v_blackouts
  from (
    select x.* from sms.blackout_history x
    where x.revision > (p_before ->> 'blackouts')::bigint and x.revision <= (p_after ->> 'blackouts')::bigint
    order by x.revision desc limit 10) h;
  return nullif(concat_ws('; ', v_settings, v_blackouts,
    case when p_before ->> 'tzdb' <> p_after ->> 'tzdb' then format('tz database %s in place of %s', p_after ->> 'tzdb', p_before ->> 'tzdb') end,
    case when p_before ->> 'rule_set' <> p_after ->> 'rule_set' then format('rules %s in place of %s', p_after ->> 'rule_set', p_before ->> 'rule_set') end,
    case when (p_before -> 'timezones', p_before -> 'jurisdictions') is distinct from (p_after -> 'timezones', p_after -> 'jurisdictions')
      then 'the recipient''s place is known differently' end), '');
end $f$;

revoke all on function
  sms.keep_business_history(), sms.put_blackout(uuid, text, date, date, text, timestamptz, text), sms.remove_blackout(uuid, timestamptz, text),
  sms.blackouts_at(bigint), sms.list_blackout_history(bigint, int), sms.plan_change(uuid, jsonb, jsonb)
from public;
grant execute on function
  sms.put_blackout(uuid, text, date, date, text, timestamptz, text), sms.remove_blackout(uuid, timestamptz, text),
  sms.blackouts_at(bigint), sms.list_blackout_history(bigint, int)
to sms_drain;
grant execute on function sms.plan_change(uuid, jsonb, jsonb) to sms_app;
