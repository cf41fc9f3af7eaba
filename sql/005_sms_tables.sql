-- What is texting's own lives in schema sms, which no HTTP layer exposes.

create schema if not exists sms;
revoke all on schema sms from public;

-- Keys are kept as SHA-256: they are 256 random bits, so a slow hash would buy nothing.
create table sms.api_keys (
  id uuid primary key,
  business_id uuid not null references public.businesses (id) on delete cascade,
  key_hash bytea not null unique,
  hint text not null,
  created_at timestamptz not null,
  revoked_at timestamptz
);
-- The live ones of a business, of 20 at most, are found beside any number of revoked ones.
create index on sms.api_keys (business_id, revoked_at);

create table sms.idempotency_keys (
  business_id uuid not null references public.businesses (id) on delete cascade,
  key text not null,
  request_hash bytea not null,
  message_id uuid not null,
  created_at timestamptz not null,
  primary key (business_id, key)
);

-- The order of what happens to a message, over sms.attempts and sms.message_events. By two: that an attempt was claimed
-- and that it was started are told by one row.
create sequence sms.event_order increment by 2;

-- One row for one request to the provider, written before the request leaves, by functions that hold its message or
-- its queue row: no foreign key asks again. It goes with its message (sms.count_messages). It is the history of its
-- claim, its start and its being taken too: sms.timeline shows them as events.
create table sms.attempts (
  id uuid primary key,
  message_id uuid not null,
  business_id uuid not null,
  customer_id uuid not null,
  number int not null,
  owner text not null,
  -- The recipient's number, of marketing only: caps on texts to one recipient count these.
  phone text,
  -- The number or messaging service that it was sent from: a look-up at the provider asks for the same one.
  sender text not null,
  state text not null,
  started_at timestamptz not null,
  leave_by timestamptz not null,
  -- Why it may go now; null: the decision of the acceptance, kept with the message.
  decision jsonb,
  -- Of one from the queue: when its message was due, and when it was claimed.
  scheduled_for timestamptz,
  claimed_at timestamptz,
  -- Its places in the order of events: when it began, and when a reply or a look-up, not a callback, said that it was
  -- taken.
  started_n bigint not null default nextval('sms.event_order'),
  sent_n bigint,
  unknown_at timestamptz,
  -- When the provider is asked what became of it; set while the outcome is unknown.
  next_lookup_at timestamptz,
  ended_at timestamptz,
  twilio_sid text,
  error_code int,
  error_class text,
  error_message text,
  constraint attempts_state_valid check (state in ('open', 'unknown', 'accepted', 'refused', 'void')),
  constraint attempts_unknown_is_looked_up check ((state = 'unknown') = (next_lookup_at is not null)),
  constraint attempts_ended_once_settled check ((ended_at is null) = (state in ('open', 'unknown'))),
  constraint attempts_number_positive check (number >= 1)
);
-- One message has one attempt under way or of unknown outcome: a second request cannot be recorded beside it. By ended_at,
-- so that no plan made while it was small reads it whole for a recipient's open one.
create unique index attempts_one_unsettled on sms.attempts (message_id) where ended_at is null;
create unique index attempts_sid on sms.attempts (twilio_sid) where twilio_sid is not null;
-- One recipient has one request under way: of two callers that both saw none, one is refused.
create unique index attempts_open_recipient on sms.attempts (customer_id) where state = 'open';
create index attempts_due_lookups on sms.attempts (next_lookup_at) where state = 'unknown';
create index attempts_of_message on sms.attempts (message_id, started_n);
create index attempts_recent_marketing on sms.attempts (business_id, phone, started_at desc)
  where phone is not null and state in ('open', 'unknown', 'accepted');

-- What happened to a message, but for what its own row and those of its attempts tell (sms.timeline); of a deleted one, all.
create table sms.message_events (
  id bigint not null default nextval('sms.event_order'),
  message_id uuid not null,
  business_id uuid not null,
  at timestamptz not null,
  type text not null,
  data jsonb not null default '{}'::jsonb,
  primary key (message_id, id),
  constraint message_events_type_valid check (type in (
    'accepted', 'deferred', 'claimed', 'attempt_started', 'attempt_failed', 'sent', 'status', 'reconciled',
    'cancelled', 'failed', 'requeued'))
);

-- A word for consent as others may have written it: none is unknown, and what nobody knows is for a person to look at,
-- since it may have been a withdrawal.
create function sms.consent_word(p_word text) returns text language sql immutable
return case when p_word is null then 'unknown' when p_word in ('opted_in', 'opted_out', 'unknown', 'under_review') then p_word else 'under_review' end;

-- The consent status that counts for a number. An opt-in that was given for another number counts as unknown.
create function sms.consent_for(p_status text, p_given_for text, p_phone text)
returns text
language sql immutable
return case when p_status = 'opted_in' and p_given_for <> p_phone then 'unknown' else sms.consent_word(p_status) end;

-- Append-only: who agreed or withdrew, when, how, and the wording shown. It is evidence and outlives what it tells of, so
-- it refers to no other table.
create sequence sms.consent_order;
create table sms.consent_events (
  id uuid primary key,
  -- The order of the entries; the last one of a customer is in force.
  n bigint not null,
  business_id uuid not null,
  customer_id uuid not null,
  -- The number that it was given for.
  phone text,
  status text not null,
  method text,
  source text,
  at timestamptz not null,
  notes text,
  ip text,
  wording text,
  -- SHA-256 of the wording in UTF-8.
  wording_hash bytea,
  -- Who entered it: a key's id, the admin, the recipient by text, or a login of the database.
  actor text not null default 'database ' || session_user,
  recorded_at timestamptz not null,
  constraint consent_events_status_valid check (status in ('opted_in', 'opted_out', 'unknown', 'under_review'))
);
create unique index on sms.consent_events (customer_id, n);

-- Customers whose person was erased, and by whom. Not complete while texts wait that are to be ended, in parts, and while
-- attempts under way need number and text: sms.finish_erasure goes on with it at next_at.
create table sms.erasures (
  customer_id uuid primary key,
  business_id uuid not null,
  actor text not null,
  erased_at timestamptz not null,
  is_complete boolean not null,
  -- The number whose texts end too, whichever record of it they are for; null once it is complete.
  phone text,
  next_at timestamptz not null default '-infinity'
);
create index on sms.erasures (next_at) where not is_complete;

-- Numbers that a business may not text: the recipient opted out, or the number is known to be bad.
create table sms.suppressions (
  business_id uuid not null references public.businesses (id) on delete cascade,
  phone text not null,
  kind text not null,
  -- business: entered there. provider: the provider reported it (21610, 30004), or a bad number. keyword: the recipient's
  -- word to a sender. An opt-out by one of these two is lifted by the recipient's START. consent: a withdrawal in the ledger of
  -- one of its records; consent that is entered for the number lifts it. erased: the customer had withdrawn before it was erased.
  source text not null default 'business',
  reason text,
  error_code int,
  -- Who entered it.
  actor text,
  created_at timestamptz not null,
  primary key (business_id, phone, kind),
  constraint suppressions_source_valid check (source in ('business', 'provider', 'keyword', 'consent', 'erased')),
  -- under_review: a reply from the number may be a withdrawal; it refuses marketing alone.
  constraint suppressions_kind_valid check (kind in ('opt_out', 'unreachable', 'under_review'))
);
-- The list, newest first. Each was entered at some time; only the list says so, and no look-up of a number goes by it.
create index suppressions_list on sms.suppressions (business_id, kind, created_at desc, (md5(kind || phone)::uuid) desc)
  where created_at >= '-infinity';

-- What a business used of its limits, in its own calendar: months count messages accepted, days count
-- segments handed to the provider.
create table sms.usage (
  business_id uuid not null references public.businesses (id) on delete cascade,
  period text not null,
  starts_on date not null,
  messages int not null default 0,
  segments int not null default 0,
  primary key (business_id, period, starts_on),
  constraint usage_period_valid check (period in ('day', 'month'))
);

-- Numbers that told one of our senders to stop: it holds for every business that sends from it, but for those that
-- lifted it for themselves since.
create table sms.sender_opt_outs (
  sender text not null,
  phone text not null,
  keyword text,
  created_at timestamptz not null,
  lifted_for uuid[] not null default '{}',
  primary key (sender, phone)
);
-- Pages of a business's list, newest first. created_at is never null; only statements that bound it may use the index. Else
-- one that asks for a number could read all of a sender's through it.
create index sender_opt_outs_list on sms.sender_opt_outs (sender, created_at desc, (md5(phone)::uuid) desc) where created_at is not null;

-- Opt-outs and reviews that are in force and whose ledger entries or cancellations are not all made: at first all that come
-- by text, and those that met a lock of somebody else's. sms.finish_opt_out does what is left.
create table sms.unfinished_opt_outs (
  id bigint primary key generated always as identity,
  phone text,
  -- The business where it holds; null for all businesses of the senders.
  business_id uuid,
  -- The customer whose record it came by; null when it came by the number alone.
  customer_id uuid,
  senders text[] not null default '{}',
  is_default boolean not null default false,
  status text not null,
  words text,
  note text,
  at timestamptz not null,
  next_at timestamptz not null default '-infinity',
  tries int not null default 0,
  last_error text,
  constraint unfinished_opt_outs_status_valid check (status in ('opted_out', 'under_review'))
);
create index on sms.unfinished_opt_outs (next_at);
create index on sms.unfinished_opt_outs (phone);

-- The templates that texts are made of: those that send_logs refers to. A template is an e-mail's, and not shown here, if its channel
-- is not sms; without such a column, if its type says e-mail or HTML, if it has a subject, or if its body
-- is HTML.
do $do$
declare
  v_table regclass;
  v_names name[];
  v_body name;
begin
  select coalesce(
    (select c.confrelid::regclass from pg_constraint c
     where c.conrelid = 'public.send_logs'::regclass and c.contype = 'f'
       and c.conkey = array[(select a.attnum from pg_attribute a where a.attrelid = c.conrelid and a.attname = 'template_id')] limit 1),
    (select c.oid::regclass from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
       and c.relname in ('message_templates', 'email_templates') order by c.relname desc limit 1)) into v_table;
  v_names := array(select a.attname from pg_attribute a where a.attrelid = v_table and a.attnum > 0 and not a.attisdropped);
  select n.name into v_body from unnest(array['body', 'content', 'message', 'text']) with ordinality n (name, place)
  where n.name = any (v_names) order by n.place limit 1;
  if v_body is null or not exists (select 1 from pg_attribute a where a.attrelid = v_table and a.attname = 'id' and a.atttypid = 'uuid'::regtype)
    or not exists (select 1 from pg_attribute a where a.attrelid = v_table and a.attname = 'business_id' and a.atttypid = 'uuid'::regtype) then
    create view sms.templates with (security_invoker = true) as select null::uuid as id, null::uuid as business_id, null::text as body where false;
    return;
  end if;
  execute format('create view sms.templates with (security_invoker = true) as select t.id, t.business_id, t.%I::text as body from %s t where %s', v_body, v_table,
    case when 'channel' = any (v_names) then 'lower(t.channel::text) = ''sms'''
    else concat_ws(' and ',
      case when 'type' = any (v_names) then 'lower(coalesce(t.type::text, '''')) not in (''email'', ''e-mail'', ''mail'', ''html'')' end,
      case when 'subject' = any (v_names) then 'coalesce(t.subject::text, '''') = ''''' end,
      format('t.%I::text !~* ''<(!doctype|/?(html|head|body|div|table|p|br|span|a|img|h[1-6])[ />])''', v_body)) end);
end $do$;

-- Inbound texts by their id, so that a repeated webhook changes nothing. Neither the text nor who wrote it is kept.
create table sms.inbound_messages (
  sid text primary key,
  sender text not null,
  kind text not null,
  received_at timestamptz not null,
  constraint inbound_messages_kind_valid check (kind in ('opt_out', 'opt_in', 'help', 'review', 'other'))
);

-- The status of each message once more, for the lists and searches that go by it. No index of send_logs has a column
-- that a dispatch or a report changes: its rows are changed in place (PostgreSQL's heap-only tuples), where an entry in
-- one such index would mean a new one in all of them. Kept by a trigger of send_logs.
create table sms.message_states (
  message_id uuid not null,
  business_id uuid not null,
  status text not null,
  created_at timestamptz not null,
  -- Of a sent one: when the provider is asked after it, should no final report have come.
  check_at timestamptz
);
create index message_states_list on sms.message_states (business_id, status, created_at desc, message_id desc);
create index message_states_unreported on sms.message_states (check_at) where check_at is not null;

-- How many messages of a business have each status: counting ten million rows would take seconds. What a statement
-- changed is appended, so that writers do not wait for each other, and folded into the sums every few seconds; the
-- count is the sum of both.
create table sms.message_counts (
  business_id uuid not null,
  status text not null,
  n bigint not null,
  primary key (business_id, status)
);
create table sms.count_changes (
  business_id uuid not null,
  status text not null,
  n bigint not null
);
create index on sms.count_changes (business_id);

-- The same of the live rows of the queue: what for, whether held, and in which minute (of UTC) they fall due. A claim
-- changes none of it.
create table sms.queue_counts (
  business_id uuid not null,
  reason text not null,
  is_held boolean not null,
  minute timestamptz not null,
  n bigint not null,
  primary key (business_id, reason, is_held, minute)
);
create index on sms.queue_counts (business_id) where n = 0;
create table sms.queue_changes (
  business_id uuid not null,
  reason text not null,
  is_held boolean not null,
  minute timestamptz not null,
  n bigint not null
);
create index on sms.queue_changes (business_id);

-- Days on which marketing is stopped by hand: in a state, or everywhere. Civil days of the recipient, both included.
create table sms.blackouts (
  id uuid primary key,
  state text,
  from_day date not null,
  until_day date not null,
  reason text,
  created_at timestamptz not null,
  constraint blackouts_state_valid check (state ~ '^[A-Z]{2}$'),
  constraint blackouts_days_in_order check (until_day >= from_day)
);

-- One row. Its number grows with every change of the blackouts, so that whoever watches them reads no more than it.
create table sms.blackout_revision (
  one boolean primary key default true check (one),
  revision bigint not null default 0
);
insert into sms.blackout_revision default values;

-- Tables without a key: their rows are only appended and taken away as they are. Written to the log of changes for those
-- who follow it, and nowhere else, such a row is named by all it has.
alter table sms.message_states replica identity full;
alter table sms.count_changes replica identity full;
alter table sms.queue_changes replica identity full;
