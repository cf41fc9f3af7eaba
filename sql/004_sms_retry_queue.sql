-- The queue of texts that wait. A message has at most one live row (pending or processing).
-- README.md of this folder draws the states.

create table if not exists public.sms_retry_queue (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  send_log_id uuid not null references public.send_logs (id) on delete cascade,
  customer_id uuid not null references public.customers (id) on delete cascade,

  status text not null default 'pending',
  attempt_count int not null default 0,
  max_attempts int not null default 3,

  scheduled_for timestamptz not null,
  last_attempted_at timestamptz,
  last_error text,

  reason text,

  created_at timestamptz default now(),
  updated_at timestamptz default now(),

  constraint sms_retry_queue_status_valid check (
    status in ('pending', 'processing', 'completed', 'failed', 'cancelled'))
);

-- A queue of the e-mail product's own making may be there already; what it lacks, and what makes a claim safe, is added
-- to it. Its rows stay as they are and are nobody's to claim: what they would send is not known here. So their held is
-- adopted and their fault_count -1, by the default of the moment at which the columns are made.
alter table public.sms_retry_queue
  add column if not exists status text not null default 'pending',
  add column if not exists attempt_count int not null default 0,
  add column if not exists max_attempts int not null default 3,
  add column if not exists scheduled_for timestamptz,
  add column if not exists last_attempted_at timestamptz,
  add column if not exists last_error text,
  add column if not exists reason text,
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz default now(),
  -- 0: one-time passwords, claimed before all else; 1: the rest.
  add column if not exists lane smallint not null default 1,
  -- When the message was accepted: the order among the messages of one business to one recipient.
  add column if not exists accepted_at timestamptz not null default now(),
  -- Why the row may not be claimed although it is due (its business is paused, its sender is refused by the
  -- provider, more than enough is claimed for its recipient); null for all others.
  add column if not exists held text default 'adopted',
  -- The slot of the pace that the row was dealt: it is due then. Null when it waits for something else or has not been dealt a slot.
  add column if not exists slot_at timestamptz,
  -- The claim: whoever changes a processing row names its token. Dead when lease_until has passed.
  add column if not exists lease_token uuid,
  add column if not exists lease_until timestamptz,
  add column if not exists claimed_at timestamptz,
  -- How often handling the row threw; such a row is a dead letter at its bound.
  add column if not exists fault_count int not null default -1,
  -- How often in a row its claim was lost, and when the last time was: whoever had it died, or never began.
  add column if not exists lost_claims int not null default 0,
  add column if not exists lost_at timestamptz,
  -- What it waits for until scheduled_for, more closely than reason; null: it is due since it was accepted. And the provider's
  -- code, where that is what it waits for. What is held or due waits for something else: sms.wait_cause.
  add column if not exists cause text,
  add column if not exists cause_code int;
alter table public.sms_retry_queue
  alter column id set default gen_random_uuid(),
  alter column status set default 'pending',
  alter column attempt_count set default 0,
  alter column max_attempts set default 3,
  alter column updated_at set default now(),
  alter column held drop default,
  alter column fault_count set default 0;
-- A text changes several times within seconds. With room left in its page, a change that concerns no index writes to
-- none; nothing that is there is rewritten.
alter table public.sms_retry_queue set (fillfactor = 70);
select sms.give_identity('public.sms_retry_queue');
select sms.fit_columns('public.sms_retry_queue', '{last_error}', '{status,reason}');
select sms.widen_words('public.sms_retry_queue', 'reason', array['quiet_hours', 'twilio_error', 'rate_limit', 'scheduled']);
-- Not where their rows have other words: each change of such a row would be refused.
do $do$
declare
  v_column name;
begin
  if not exists (select 1 from public.sms_retry_queue q where q.reason not in ('quiet_hours', 'twilio_error', 'rate_limit', 'scheduled')) then
    alter table public.sms_retry_queue add constraint sms_retry_queue_reason_known check (
      reason is null or reason in ('quiet_hours', 'twilio_error', 'rate_limit', 'scheduled'));
  end if;
  -- Columns of theirs that texting has nothing to put into.
  for v_column in
    select a.attname from pg_attribute a
    where a.attrelid = 'public.sms_retry_queue'::regclass and a.attnum > 0 and not a.attisdropped and a.attnotnull and a.attidentity = ''
      and (not a.atthasdef or a.attgenerated = '' and a.attname in ('last_attempted_at', 'last_error', 'reason'))
      and a.attname not in ('id', 'business_id', 'send_log_id', 'customer_id', 'scheduled_for')
      and not exists (select 1 from pg_index i where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any (i.indkey))
  loop
    execute format('alter table public.sms_retry_queue alter column %I drop not null', v_column);
  end loop;
end $do$;
alter table public.sms_retry_queue add constraint sms_retry_queue_lane_valid check (lane in (0, 1));
alter table public.sms_retry_queue add constraint sms_retry_queue_held_valid check (held is null or held in ('paused', 'sender', 'recipient', 'adopted'));
-- Whoever claims a row must be able to read it, or the row would be claimed again and again. So its times are finite and within
-- the program's calendar, and its counts are not negative. Adopted rows, which are never claimed, may hold anything.
alter table public.sms_retry_queue add constraint sms_retry_queue_readable check (
  held is not distinct from 'adopted' and fault_count < 0
  or fault_count >= 0 and lost_claims >= 0 and attempt_count between 0 and 1000000 and max_attempts between 0 and 1000000
    and scheduled_for >= '2000-01-01' and scheduled_for < '3000-01-01' and accepted_at >= '2000-01-01' and accepted_at < '3000-01-01');

alter table public.sms_retry_queue add constraint sms_retry_queue_cause_known check (
  cause is null or held is not distinct from 'adopted' or cause in ('quiet_hours', 'send_at', 'paused', 'pace', 'daily_limit', 'frequency_cap',
    'provider_rate', 'provider_error', 'provider_unreachable', 'sender_refused', 'busy', 'turn'));

-- What is due, in the order of claiming. The lane leads: a bare "order by lane" without it would sort
-- the whole backlog at every claim. fault_count is never negative; only statements that say so may use this index and
-- that of dead claims, so that no plan goes through everybody's rows there to find one by its key.
create index if not exists idx_sms_retry_queue_due on public.sms_retry_queue (lane, scheduled_for, id)
  where status = 'pending' and held is null and fault_count >= 0;
-- The same business by business: when more is due than a claim takes, they take turns.
create index if not exists idx_sms_retry_queue_turn on public.sms_retry_queue (lane, business_id, scheduled_for)
  where status = 'pending' and held is null;
-- What waits for a sender that the provider refuses.
create index if not exists idx_sms_retry_queue_stopped on public.sms_retry_queue (business_id, lane, accepted_at)
  where status = 'pending' and held = 'sender';
-- What waits because its business paused.
create index if not exists idx_sms_retry_queue_paused on public.sms_retry_queue (business_id, accepted_at)
  where status = 'pending' and held = 'paused';
-- What waits because more than enough is claimed for its recipient, in the order of its turns.
create index if not exists idx_sms_retry_queue_crowded on public.sms_retry_queue (business_id, customer_id, lane, accepted_at, id)
  where status = 'pending' and held = 'recipient';
-- send_log_id is never null; only statements that name a message may use it. Else a plan made while nothing waited would read
-- all that waits through it.
create unique index if not exists idx_sms_retry_queue_live_message on public.sms_retry_queue (send_log_id)
  where status in ('pending', 'processing') and send_log_id is not null;
create index if not exists idx_sms_retry_queue_processing on public.sms_retry_queue (lease_until)
  where status = 'processing' and fault_count >= 0;
-- What is claimed again and again and comes to nothing. In these words of the state only those who look for it ask.
create index if not exists idx_sms_retry_queue_in_vain on public.sms_retry_queue (business_id)
  where status not in ('completed', 'failed', 'cancelled') and (fault_count >= 3 or lost_claims >= 3);
-- Scoped reads of a business, and the order among the live rows of one recipient. Each row was accepted at some time;
-- only statements that say so may use it.
create index if not exists idx_sms_retry_queue_business on public.sms_retry_queue (business_id, customer_id, lane, accepted_at)
  where status in ('pending', 'processing') and accepted_at >= '-infinity';
-- The last slot of the pace that a business dealt.
create index if not exists idx_sms_retry_queue_slot on public.sms_retry_queue (business_id, slot_at)
  where status = 'pending' and slot_at is not null;
-- The list of what waits for one reason, newest first.
create index if not exists idx_sms_retry_queue_reason on public.sms_retry_queue (business_id, reason, accepted_at desc, send_log_id desc)
  where status in ('pending', 'processing') and reason is not null;

do $do$
begin
  if not exists (select 1 from pg_trigger
                 where tgrelid = 'public.sms_retry_queue'::regclass and tgname = 'sms_retry_queue_updated_at') then
    -- A writer of many rows sets it itself, and spares each row the call.
    -- Named by its own schema: where extensions are kept apart it is not on the search path.
    execute (
      select format('create trigger sms_retry_queue_updated_at before update on public.sms_retry_queue
        for each row when (new.updated_at is distinct from now()) execute function %I.moddatetime(updated_at)', p.pronamespace::regnamespace::name)
      from pg_proc p where p.proname = 'moddatetime' and p.prorettype = 'trigger'::regtype
      order by p.pronamespace <> 'public'::regnamespace limit 1);
  end if;
end $do$;

-- Default privileges may have handed it to whom it is not for; the last file takes it from anon.
alter table public.sms_retry_queue enable row level security;
grant select, insert, update on public.sms_retry_queue to authenticated, service_role;
create policy sms_texting_owner_select on public.sms_retry_queue for select to authenticated
  using (business_id in (select id from public.businesses where user_id = (select auth.uid())));
-- That what a row points to is the same business's, 018 says: one business could else stand in the way of another's message.
create policy sms_texting_owner_insert on public.sms_retry_queue for insert to authenticated
  with check (business_id in (select id from public.businesses where user_id = (select auth.uid())));
create policy sms_texting_owner_update on public.sms_retry_queue for update to authenticated
  using (business_id in (select id from public.businesses where user_id = (select auth.uid())))
  with check (business_id in (select id from public.businesses where user_id = (select auth.uid())));
-- Where it could not be put above row security.
do $do$
declare
  v_role name;
begin
  for v_role in select r.rolname from pg_roles r where r.rolname = 'service_role' and not r.rolsuper and not r.rolbypassrls loop
    execute format('create policy sms_texting_service on public.sms_retry_queue for all to %I using (true) with check (true)', v_role);
  end loop;
end $do$;

-- An adopted queue may take rows without what a claim needs: they are nobody's to claim, like those that it came with.
do $do$
begin
  if exists (
    select 1 from pg_attribute a
    where a.attrelid = 'public.sms_retry_queue'::regclass and not a.attnotnull
      and a.attname in ('business_id', 'send_log_id', 'customer_id', 'status', 'scheduled_for', 'attempt_count', 'max_attempts', 'accepted_at')) then
    create function sms.hold_incomplete() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $f$
    begin
      new.held := 'adopted';
      new.fault_count := -1;
      return new;
    end $f$;
    create trigger sms_hold_incomplete before insert or update on public.sms_retry_queue for each row
      when (num_nulls(new.business_id, new.send_log_id, new.customer_id, new.status, new.scheduled_for, new.attempt_count, new.max_attempts, new.accepted_at) > 0)
      execute function sms.hold_incomplete();
  end if;
end $do$;
