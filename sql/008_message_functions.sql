-- Group writes: each takes the rows of many callers and commits once. Every function locks in the order of the rows' keys, so
-- that two groups with the same rows in opposite orders wait instead of dying in a deadlock.
-- Row security costs a group of ten a third of its time. So the three that each text passes run with their owner's rights: they
-- take rows of the businesses that the transaction works for and no others, and what a row names is looked for within its business.

-- Of messages in the order given, those that a limit of segments a day forbids. Locks the day's rows first, so that two
-- group writes cannot pass a limit together; the first message of a day goes whatever it costs. p_limits: null, none,
-- but the segments count. Where any has a limit the days of all are locked: whoever counts later takes no lock out of order.
create function sms.over_daily_limit(p_ids uuid[], p_businesses uuid[], p_days date[], p_segments int[], p_limits int[])
returns uuid[]
language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  if not exists (select 1 from unnest(p_limits) l where l is not null) then
    return '{}';
  end if;
  insert into sms.usage (business_id, period, starts_on)
  select distinct r.business_id, 'day', r.day from unnest(p_businesses, p_days) r (business_id, day)
  order by r.business_id, r.day
  on conflict do nothing;
  perform 1
  from (select distinct r.business_id, r.day from unnest(p_businesses, p_days) r (business_id, day) order by r.business_id, r.day) r
  cross join lateral (
    select 1 from sms.usage u where u.business_id = r.business_id and u.period = 'day' and u.starts_on = r.day
    for no key update) u;
  return array(
    select r.id from (
      select i.id, i.most, i.segments, u.segments + sum(i.segments) over (partition by i.business_id, i.day order by i.n) as used
      from unnest(p_ids, p_businesses, p_days, p_segments, p_limits) with ordinality i (id, business_id, day, segments, most, n)
      cross join lateral (
        select u.segments from sms.usage u where u.business_id = i.business_id and u.period = 'day' and u.starts_on = i.day limit 1) u) r
    where r.used > r.most and r.used > r.segments);
end $f$;

-- How many marketing texts the business handed over to this number, or is handing over, in the hours before; counts to ten.
create function sms.recent_marketing(p_business_id uuid, p_phone text, p_at timestamptz, p_hours int)
returns int
language plpgsql stable set search_path = pg_catalog, pg_temp as $f$
begin
  return (
    select count(*)::int from (
      select a.ended_at, a.started_at from sms.attempts a
      where a.business_id = p_business_id and a.phone = p_phone and a.state in ('open', 'unknown', 'accepted')
        -- A week for those whose outcome was long unknown: it counts from when that was known.
        and a.started_at > p_at - make_interval(hours => p_hours) - interval '7 days'
      order by a.started_at desc limit 10) a
    where coalesce(a.ended_at, a.started_at) > p_at - make_interval(hours => p_hours));
end $f$;

create type sms.accept_row as (
  id uuid, business_id uuid, customer_id uuid, new_customer boolean, phone text, by_customer boolean, template_id uuid,
  body text, footer text, category text, encoding text, segments int, max_attempts int, metadata text, decision jsonb,
  send_at timestamptz, valid_until timestamptz, accepted_at timestamptz, lane smallint,
  key text, request_hash text,
  scheduled_for timestamptz, reason text, cause text, cause_code int, slot_at timestamptz, lease_token uuid, lease_until timestamptz,
  -- The month that counts the message; null when no month does.
  sender text, month date, monthly_limit int, settings_version bigint);

-- Stores accepted messages with their customer if new, their queue row and usage. Per row, placed is
--   stored     with a queue row: due at scheduled_for, or claimed already where the caller names a lease_token
--   duplicate  not stored: this id, or this idempotency key (then message_id and request_hash are those
--              of the first), was stored before
--   over_limit not stored: the month's messages are used up
--   outdated   not stored: the settings have changed since the decision (settings_version), or the business was deleted
-- A row whose business is locked by somebody else is not returned and may be given again; the others do not wait for it.
-- Whether a text may go is asked by begin_attempts alone. What would wait for a number that may not be texted any more
-- is due now, and refused at its turn.
-- Keys are looked up one by one ("limit 1" keeps the planner from reading all of a business's).
-- Repeating a call changes nothing: ids and keys are unique and a conflict writes nothing. A row that
-- cannot be stored (its customer is not one of its business) fails the call: nothing of it is kept.
create function sms.accept_messages(p_rows jsonb)
returns table (id uuid, placed text, message_id uuid, request_hash text, customer_id uuid)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
#variable_conflict use_column
declare
  v_mine constant uuid[] := sms.business_ids();
  v_rows sms.accept_row[];
  v_are_mine boolean;
  -- Whether any row has such a thing: statements that would find nothing are left out.
  v_has_keys boolean;
  v_has_newcomers boolean;
  v_has_limits boolean;
  v_has_hours boolean;
  v_is_outdated boolean;
  v_locked uuid[];
  v_outdated uuid[] := '{}';
  -- What was stored now, and whose it is; side by side.
  v_new uuid[];
  v_customers uuid[];
  v_suppressed uuid[] := '{}';
  v_over uuid[] := '{}';
  v_lost uuid;
begin
  select coalesce(array_agg(r order by r.business_id, r.accepted_at, r.id), '{}'), coalesce(bool_and((r.business_id = any (v_mine)) is true), true),
    bool_or(r.key is not null), bool_or(r.new_customer), bool_or(r.monthly_limit is not null), bool_or(r.scheduled_for is not null)
  into v_rows, v_are_mine, v_has_keys, v_has_newcomers, v_has_limits, v_has_hours
  from jsonb_populate_recordset(null::sms.accept_row, p_rows) r;
  if not v_are_mine then
    raise exception 'a message of a business that this transaction does not work for' using errcode = 'insufficient_privilege';
  end if;

  -- The foreign keys would wait for whoever has locked a business. Nearly never: what was decided by other settings than the
  -- present ones.
  select coalesce(array_agg(i.id) filter (where b.id is not null and k.id is null), '{}'),
    coalesce(bool_or(i.version is not null and b.sms_version is distinct from i.version), false)
  into v_locked, v_is_outdated
  from (select distinct r.business_id as id, r.settings_version as version from unnest(v_rows) r order by 1, 2) i
  left join lateral (select x.id, x.sms_version from public.businesses x where x.id = i.id limit 1) b on true
  left join lateral (select x.id from public.businesses x where x.id = i.id for key share skip locked) k on true;
  if v_is_outdated then
    v_outdated := array(
      select r.id
      from unnest(v_rows) r
      where (select b.sms_version from public.businesses b where b.id = r.business_id limit 1) is distinct from r.settings_version
        and r.settings_version is not null
        -- A message that was stored before is a duplicate, whichever settings it was decided by.
        and not exists (select 1 from public.send_logs l where l.id = r.id offset 0)
        and (select k.message_id from sms.idempotency_keys k where k.business_id = r.business_id and k.key = r.key limit 1) is null);
  end if;
  if cardinality(v_locked) + cardinality(v_outdated) > 0 then
    v_rows := array(
      select r from unnest(v_rows) r where r.business_id <> all (v_locked) and r.id <> all (v_outdated)
      order by r.business_id, r.accepted_at, r.id);
  end if;

  if v_has_hours then
    perform sms.lock_numbers(array(select hashtext(r.phone) & 63 from unnest(v_rows) r where r.scheduled_for is not null), 'row share');
    v_suppressed := array(
      select r.id from unnest(v_rows) r
      where r.scheduled_for is not null
        and (exists (select 1 from sms.suppressions s where s.business_id = r.business_id and s.phone = r.phone and (s.kind <> 'under_review' or r.category = 'marketing') offset 0)
          or exists (select 1 from sms.sender_opt_outs o where o.sender = r.sender and o.phone = r.phone and r.business_id <> all (o.lifted_for) offset 0)));
  end if;

  -- Months' limits, under the locks of the months' rows: those of all, as all that count take them in this order, months
  -- before days. What was stored before is no news, whatever the limit.
  if v_has_limits then
    insert into sms.usage (business_id, period, starts_on)
    select distinct r.business_id, 'month', r.month from unnest(v_rows) r where r.month is not null order by r.business_id, r.month
    on conflict do nothing;
    perform 1
    from (select distinct r.business_id, r.month from unnest(v_rows) r where r.month is not null order by r.business_id, r.month) r
    cross join lateral (
      select 1 from sms.usage u where u.business_id = r.business_id and u.period = 'month' and u.starts_on = r.month
      for no key update) u;
    v_over := array(
      select n.id from (
        select r.id, r.monthly_limit, u.messages + row_number() over (partition by r.business_id, r.month order by r.accepted_at, r.id) as used
        from unnest(v_rows) r
        cross join lateral (
          select u.messages from sms.usage u where u.business_id = r.business_id and u.period = 'month' and u.starts_on = r.month limit 1) u
        where r.monthly_limit is not null
          and not exists (select 1 from public.send_logs l where l.id = r.id offset 0)
          and (select k.message_id from sms.idempotency_keys k where k.business_id = r.business_id and k.key = r.key limit 1) is null) n
      where n.used > n.monthly_limit);
    v_rows := array(select r from unnest(v_rows) r where not r.id = any (v_over) order by r.business_id, r.accepted_at, r.id);
  end if;

  if v_has_keys then
    insert into sms.idempotency_keys (business_id, key, request_hash, message_id, created_at)
    select r.business_id, r.key, decode(r.request_hash, 'hex'), r.id, r.accepted_at
    from unnest(v_rows) r where r.key is not null
    order by r.business_id, r.key, r.accepted_at, r.id
    on conflict do nothing;
  end if;

  if v_has_newcomers then
    insert into public.customers (id, business_id, phone, phone_e164, created_at, updated_at)
    select distinct on (r.business_id, r.phone) r.customer_id, r.business_id, r.phone, r.phone, r.accepted_at, r.accepted_at
    from unnest(v_rows) r where r.new_customer
    order by r.business_id, r.phone, r.accepted_at
    on conflict do nothing;
  end if;

  with stored as (
    insert into public.send_logs (id, business_id, customer_id, template_id, status, channel, to_phone, by_customer, body, footer,
      category, encoding, segments, attempt_count, max_attempts, metadata, decision, send_at, valid_until, created_at, updated_at)
    select r.id, r.business_id, c.id, r.template_id, 'pending', 'sms', r.phone, coalesce(r.by_customer, false), r.body, r.footer,
      r.category, r.encoding, r.segments, 0, r.max_attempts, r.metadata::json, r.decision, r.send_at, r.valid_until, r.accepted_at, r.accepted_at
    from unnest(v_rows) r
    cross join lateral (
      select x.id from public.customers x
      where not r.new_customer and x.id = r.customer_id and x.business_id is not distinct from r.business_id and x.erased_at is null
      union all
      select x.id from public.customers x where r.new_customer and x.business_id = r.business_id and x.phone_e164 = r.phone
      limit 1) c
    left join lateral (
      select x.message_id from sms.idempotency_keys x where x.business_id = r.business_id and x.key = r.key limit 1) k on true
    where r.key is null or k.message_id = r.id
    order by r.id
    on conflict do nothing
    returning id, customer_id),
  queued as (
    insert into public.sms_retry_queue (id, business_id, send_log_id, customer_id, max_attempts, status, scheduled_for, reason, cause, cause_code, slot_at,
      lane, accepted_at, lease_token, lease_until)
    select r.id, r.business_id, r.id, s.customer_id, r.max_attempts, case when r.lease_token is null then 'pending' else 'processing' end,
      case when r.id = any (v_suppressed) then r.accepted_at else coalesce(r.scheduled_for, r.accepted_at) end, r.reason, r.cause, r.cause_code, r.slot_at,
      r.lane, r.accepted_at, r.lease_token, r.lease_until
    from stored s join unnest(v_rows) r on r.id = s.id
    order by r.id),
  counted as (
    insert into sms.usage (business_id, period, starts_on, messages, segments)
    select r.business_id, 'month', r.month, count(*), sum(r.segments)
    from stored s join unnest(v_rows) r on r.id = s.id
    where r.month is not null
    group by r.business_id, r.month
    order by r.business_id, r.month
    on conflict (business_id, period, starts_on) do update
      set messages = sms.usage.messages + excluded.messages, segments = sms.usage.segments + excluded.segments)
  select coalesce(array_agg(s.id), '{}'), coalesce(array_agg(s.customer_id), '{}') into v_new, v_customers from stored s;

  -- What was not stored must have been stored before, under its id or its key.
  if cardinality(v_new) < cardinality(v_rows) then
    select r.id into v_lost
    from unnest(v_rows) r
    left join lateral (
      select x.message_id from sms.idempotency_keys x where x.business_id = r.business_id and x.key = r.key limit 1) k on true
    where not exists (
      select 1 from public.send_logs l
      where l.id = case when k.message_id is null then r.id else k.message_id end and l.business_id is not distinct from r.business_id offset 0)
    limit 1;
    if v_lost is not null then
      raise exception 'message % has no customer in its business, or its id is taken', v_lost using errcode = 'foreign_key_violation';
    end if;
  end if;

  if v_has_hours then
    insert into sms.message_events (message_id, business_id, at, type, data)
    select r.id, r.business_id, r.accepted_at, 'deferred',
      jsonb_strip_nulls(jsonb_build_object('reason', r.reason, 'cause', r.cause, 'code', r.cause_code, 'scheduledFor', r.scheduled_for))
    from unnest(v_new) s (id)
    join unnest(v_rows) r on r.id = s.id
    where r.scheduled_for is not null
    order by r.accepted_at, r.id;
  end if;

  if cardinality(v_new) = cardinality(v_rows) and cardinality(v_over) + cardinality(v_outdated) = 0 and not v_has_keys then
    return query select s.id, 'stored', s.id, null::text, s.customer_id from unnest(v_new, v_customers) s (id, customer_id);
    return;
  end if;
  return query
    select r.id,
      case when s.id is null then 'duplicate' else 'stored' end,
      coalesce(k.message_id, r.id),
      encode(k.request_hash, 'hex'),
      coalesce(s.customer_id, (
        select l.customer_id from public.send_logs l where l.id = case when k.message_id is null then r.id else k.message_id end))
    from unnest(v_rows) r
    left join unnest(v_new, v_customers) s (id, customer_id) on s.id = r.id
    left join lateral (
      select x.message_id, x.request_hash from sms.idempotency_keys x where x.business_id = r.business_id and x.key = r.key limit 1) k on true
    union all
    select o.id, 'over_limit', o.id, null, null from unnest(v_over) o (id)
    union all
    select o.id, 'outdated', o.id, null, null from unnest(v_outdated) o (id);
end $f$;

create type sms.begin_row as (
  queue_id uuid, phone text, lease_token uuid, business_id uuid, attempt_id uuid, owner text, sender text,
  started_at timestamptz, leave_by timestamptz, decision jsonb, segments int, day date, consent_id uuid, daily_limit int, cap int, cap_hours int,
  settings_version bigint);

-- What is asked for beside what the locked row says.
create type sms.begin_case as (
  r sms.begin_row, message_id uuid, customer_id uuid, phone text, category text, lane smallint, accepted_at timestamptz,
  scheduled_for timestamptz, claimed_at timestamptz, number int, is_counting boolean, by_customer boolean);

create type sms.begin_result as (attempt_id uuid, outcome text, number int, counted boolean);

-- Records attempts for claimed rows, before their requests leave. Per row, outcome is
--   begun    recorded; number counts the requests for this message, from 1 (that this one would have, in other cases)
--   lost     the claim is no longer held, or the message waits no more: nothing written, drop the work
--   locked   somebody else has locked its queue row or its message: nothing written, and nobody waited for it
--   blocked  another message to the same recipient is under way or has its turn first, or the cap on texts to it is
--            reached: nothing written
--   changed  something that the decision depended on has changed: the settings (settings_version), the number may not be texted any more, the consent in force is not
--            consent_id, the customer was erased, its number is another than phone, or the day's segments are used up: nothing written, but
--            that a message for the customer goes to the number that it has; decide again
-- counted: its segments were added to the day's now, not by an earlier attempt. A row without a day is counted in none.
-- The attempt is all that is written of it: message and queue row follow when it is settled.
create function sms.begin_attempts(p_rows jsonb)
returns table (attempt_id uuid, outcome text, number int, counted boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
#variable_conflict use_column
declare
  v_mine constant uuid[] := sms.business_ids();
  v_rows sms.begin_row[];
  v_are_mine boolean;
  -- Whether any row has such a thing: statements that would find nothing are left out.
  v_has_caps boolean;
  v_has_limits boolean;
  v_cases sms.begin_case[];
  v_over uuid[] := '{}';
  -- Messages for customers whose number is another by now, and that number; side by side.
  v_moved uuid[];
  v_moves_to text[];
  v_results sms.begin_result[];
begin
  select coalesce(array_agg(r order by r.queue_id), '{}'), coalesce(bool_and((r.business_id = any (v_mine)) is true), true),
    bool_or(r.cap is not null), bool_or(r.daily_limit is not null)
  into v_rows, v_are_mine, v_has_caps, v_has_limits
  from jsonb_populate_recordset(null::sms.begin_row, p_rows) r;
  if not v_are_mine then
    raise exception 'a message of a business that this transaction does not work for' using errcode = 'insufficient_privilege';
  end if;

  -- The fence: from here to the commit nobody can recover, cancel or claim these rows, or delete their messages.
  v_cases := array(
    select row(r, l.id, q.customer_id, l.to_phone, l.category, q.lane, q.accepted_at, q.scheduled_for, q.claimed_at, q.attempt_count + 1,
      -- An attempt that was voided, and so not counted as one, has used its segments already.
      r.day is not null and q.attempt_count = 0 and (q.last_attempted_at is null or (select p.state from sms.attempts p where p.message_id = l.id
        order by p.started_n desc limit 1) is distinct from 'void'),
      l.by_customer)::sms.begin_case
    from unnest(v_rows) r
    cross join lateral (
      select x.* from public.sms_retry_queue x
      where x.id = r.queue_id and x.lease_token is not distinct from r.lease_token and x.status is not distinct from 'processing'
        and x.business_id is not distinct from r.business_id
      for no key update skip locked) q
    cross join lateral (
      select x.id, x.to_phone, x.category, x.by_customer from public.send_logs x
      where x.id = q.send_log_id and x.status is not distinct from 'pending' and x.business_id is not distinct from r.business_id
      for key share skip locked) l);

  -- Behind the rows: who waits for somebody's row keeps no opt-out waiting.
  perform sms.lock_numbers(array(select hashtext(w.phone) & 63 from unnest(v_cases) w), 'row share');

  -- Where nothing went to a number that one customer has, no two count at the same time: one customer has one attempt open.
  if v_has_caps then
    -- Among those who ask for it the turn is the caller's until its commit: of two that count what went to a number, the second
    -- sees what the first began. Nobody else waits for it.
    perform sms.lock_numbers(array(
      select hashtext(w.phone) & 63
      from unnest(v_cases) w
      cross join lateral (select x.phone_shared from public.customers x where x.id = w.customer_id limit 1) c
      where (w.r).cap is not null
        and ((w.r).cap < 2 or c.phone_shared is not null or sms.recent_marketing((w.r).business_id, w.phone, (w.r).started_at, (w.r).cap_hours) > 0)), 'share row exclusive');
  end if;

  if v_has_limits then
    v_over := (
      select sms.over_daily_limit(array_agg((w.r).queue_id order by w.ordinality), array_agg((w.r).business_id order by w.ordinality),
        array_agg((w.r).day order by w.ordinality), array_agg((w.r).segments order by w.ordinality), array_agg((w.r).daily_limit order by w.ordinality))
      from unnest(v_cases) with ordinality w where w.is_counting);
  end if;

  -- What it was decided on is looked at by the statement that writes, after all that is waited for.
  -- "offset 0" keeps a question one look-up for each row: the planner else may join, or read all there is into a hash, and
  -- a plan made while a table was small stays when it is not.
  with may as materialized (
    select w.*, f.moves_to,
      coalesce((w.r).queue_id = any (v_over), false) or c.sms_consent_id is distinct from (w.r).consent_id
        or f.moves_to is not null or (w.phone <> (w.r).phone) is true or c.erased_at is not null
        or (w.r).settings_version is not null
          and (select b.sms_version from public.businesses b where b.id = (w.r).business_id limit 1) is distinct from (w.r).settings_version
        or exists (select 1 from sms.suppressions s where s.business_id = (w.r).business_id and s.phone = w.phone
          and (s.kind <> 'under_review' or w.category = 'marketing') offset 0)
        or exists (select 1 from sms.sender_opt_outs o where o.sender = (w.r).sender and o.phone = w.phone and (w.r).business_id <> all (o.lifted_for) offset 0) as is_changed
    from unnest(v_cases) w
    cross join lateral (
      select x.sms_consent_id, x.phone_e164, x.phone_shared, x.erased_at from public.customers x
      where x.id = w.customer_id and x.business_id is not distinct from (w.r).business_id limit 1) c
    -- The number that the customer has now, where the message is for the customer and not for the number.
    cross join lateral (
      select case when w.by_customer then nullif(coalesce(c.phone_e164, c.phone_shared), w.phone) end as moves_to) f),
  begun as (
    insert into sms.attempts (id, message_id, business_id, customer_id, number, owner, phone, sender, state, started_at, leave_by, decision, scheduled_for, claimed_at)
    select (w.r).attempt_id, w.message_id, (w.r).business_id, w.customer_id, w.number, (w.r).owner,
      case when w.category = 'marketing' then w.phone end, (w.r).sender, 'open', (w.r).started_at, (w.r).leave_by, (w.r).decision,
      w.scheduled_for, w.claimed_at
    from may w
    where not w.is_changed
      and not exists (select 1 from sms.attempts a where a.customer_id = w.customer_id and a.state = 'open' offset 0)
      and ((w.r).cap is null or (w.r).cap > sms.recent_marketing((w.r).business_id, w.phone, (w.r).started_at, (w.r).cap_hours)
        + (select count(*) from unnest(v_cases) o
           where (o.r).business_id = (w.r).business_id and o.phone = w.phone and (o.r).queue_id < (w.r).queue_id))
      and not exists (
        select 1 from public.sms_retry_queue e
        where e.business_id = (w.r).business_id and e.customer_id = w.customer_id
          and e.status in ('pending', 'processing') and e.accepted_at >= '-infinity' and (e.held is null or e.held = 'recipient')
          and e.scheduled_for <= (w.r).started_at + interval '1 second'
          and (e.lane, e.accepted_at, e.id) < (w.lane, w.accepted_at, (w.r).queue_id)
          and not exists (select 1 from sms.attempts u where u.message_id = e.send_log_id and u.next_lookup_at is not null offset 0)
        offset 0)
    order by w.customer_id
    on conflict do nothing
    returning id),
  counted as (
    insert into sms.usage (business_id, period, starts_on, messages, segments)
    select (w.r).business_id, 'day', (w.r).day, count(*), sum((w.r).segments)
    from may w
    where w.is_counting and (w.r).attempt_id = any (array(select b.id from begun b))
    group by (w.r).business_id, (w.r).day order by (w.r).business_id, (w.r).day
    on conflict (business_id, period, starts_on) do update
      set messages = sms.usage.messages + excluded.messages, segments = sms.usage.segments + excluded.segments)
  select coalesce(array_agg(row((w.r).attempt_id,
      case when (w.r).attempt_id = any (array(select b.id from begun b)) then 'begun' when w.is_changed then 'changed' else 'blocked' end,
      w.number, w.is_counting and not w.is_changed)::sms.begin_result), '{}'),
    array_agg(w.message_id) filter (where w.moves_to is not null), array_agg(w.moves_to) filter (where w.moves_to is not null)
  into v_results, v_moved, v_moves_to
  from may w;

  if v_moved is not null then
    update public.send_logs l set to_phone = m.phone from unnest(v_moved, v_moves_to) m (id, phone) where l.id = m.id;
  end if;
  return query select r.* from unnest(v_results) r;
  if cardinality(v_results) < cardinality(v_rows) then
    return query
      select r.attempt_id,
        case when exists (
          select 1 from public.sms_retry_queue q
          where q.id = r.queue_id and q.lease_token is not distinct from r.lease_token and q.status is not distinct from 'processing'
            and q.business_id is not distinct from r.business_id
            and exists (
              select 1 from public.send_logs l
              where l.id = q.send_log_id and l.status is not distinct from 'pending' and l.business_id is not distinct from r.business_id offset 0)
          offset 0) then 'locked' else 'lost' end,
        null::int, false
      from unnest(v_rows) r
      where r.attempt_id <> all (array(select b.attempt_id from unnest(v_results) b));
  end if;
end $f$;

create type sms.settle_row as (
  attempt_id uuid, business_id uuid, outcome text, twilio_sid text,
  error_code int, error_class text, error_message text,
  at timestamptz, scheduled_for timestamptz, reason text, cause text, suppress text,
  lookup_at timestamptz, check_at timestamptz);

-- An outcome beside what its attempt says; attempt_count is how many count with it.
create type sms.settle_case as (
  r sms.settle_row, outcome text, message_id uuid, queue_id uuid, number int, attempt_count int, started_at timestamptz);

-- Records how attempts ended. Per row, outcome is
--   accepted  the provider took it: sent
--   retry     refused for the moment: back to the queue, the attempt counts; failed if it was the last
--   defer     not processed (rate, configuration, too late to leave): back to the queue, counts nothing
--   failed    refused for good
--   unknown   it may have been taken: looked up at lookup_at, not queued
-- check_at: when an accepted one is asked after, should no final report have come.
-- An attempt that is settled already is left as it is, so a repeated call changes nothing. One whose message somebody
-- else has locked is not returned and may be given again; the others do not wait for it.
create function sms.settle_attempts(p_rows jsonb)
returns table (attempt_id uuid, applied boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
#variable_conflict use_column
declare
  v_mine constant uuid[] := sms.business_ids();
  v_all sms.settle_row[];
  v_are_mine boolean;
  -- Those whose attempts are not settled yet.
  v_cases sms.settle_case[];
begin
  select coalesce(array_agg(r order by r.attempt_id), '{}'), coalesce(bool_and((r.business_id = any (v_mine)) is true), true)
  into v_all, v_are_mine
  from jsonb_populate_recordset(null::sms.settle_row, p_rows) r;
  if not v_are_mine then
    raise exception 'an attempt of a business that this transaction does not work for' using errcode = 'insufficient_privilege';
  end if;

  -- Locked, as far as nobody else has locked them: attempt, message and live row of the queue. The last attempt that may be
  -- made ends the message, whatever the caller would have liked.
  v_cases := array(
    select row(r, case when r.outcome = 'retry' and a.number >= l.max_attempts then 'failed' else r.outcome end,
      a.message_id, w.id, a.number, a.number - case when r.outcome = 'defer' then 1 else 0 end, a.started_at)::sms.settle_case
    from unnest(v_all) r
    cross join lateral (
      select x.message_id, x.number, x.started_at from sms.attempts x
      where x.id = r.attempt_id and x.business_id is not distinct from r.business_id
        and x.state not in ('accepted', 'refused', 'void') and (x.state = 'open' or r.outcome <> 'unknown')
      for no key update skip locked) a
    left join lateral (
      select x.id from public.sms_retry_queue x where x.send_log_id = a.message_id and x.status in ('pending', 'processing') limit 1) w on true
    cross join lateral (
      select x.max_attempts from public.send_logs x
      where x.id = a.message_id
        and (w.id is null or exists (select 1 from public.sms_retry_queue q where q.id = w.id for no key update skip locked))
      for no key update skip locked) l);

  with attempts as (
    update sms.attempts a
    set state = case k.outcome when 'accepted' then 'accepted' when 'unknown' then 'unknown' when 'defer' then 'void' else 'refused' end,
        twilio_sid = (k.r).twilio_sid, error_code = (k.r).error_code, error_class = (k.r).error_class, error_message = (k.r).error_message,
        unknown_at = case when k.outcome = 'unknown' then (k.r).at else a.unknown_at end,
        next_lookup_at = case when k.outcome = 'unknown' then (k.r).lookup_at end,
        ended_at = case when k.outcome <> 'unknown' then (k.r).at end,
        sent_n = case when k.outcome = 'accepted' then nextval('sms.event_order') end
    from unnest(v_cases) k where a.id = (k.r).attempt_id),
  messages as (
    update public.send_logs l
    -- A message that failed by the report on an earlier attempt is on its way again.
    set status = case when k.outcome = 'accepted' and l.status in ('pending', 'failed') then 'sent'
          when k.outcome = 'failed' and l.status = 'pending' then 'failed' else l.status end,
        provider_message_id = case when (k.r).twilio_sid is null then l.provider_message_id::jsonb
          else l.provider_message_id::jsonb || jsonb_build_object('twilio_sid', (k.r).twilio_sid) end,
        sent_at = case when k.outcome = 'accepted' then coalesce(l.sent_at, (k.r).at) else l.sent_at end,
        check_at = case when k.outcome = 'accepted' then (k.r).check_at else l.check_at end,
        attempt_count = k.attempt_count,
        later_decision = case when k.outcome in ('retry', 'defer') then (select a.decision from sms.attempts a where a.id = (k.r).attempt_id) end,
        error_code = case when k.outcome = 'accepted' then null when l.status = 'pending' then (k.r).error_code else l.error_code end,
        error_class = case when k.outcome = 'accepted' then null when l.status = 'pending' then (k.r).error_class else l.error_class end,
        error_message = case when k.outcome = 'accepted' then null when l.status = 'pending' then (k.r).error_message::sms.send_logs_error_message else l.error_message end,
        updated_at = (k.r).at
    from unnest(v_cases) k
    where l.id = k.message_id)
  update public.sms_retry_queue q
  set status = case k.outcome when 'accepted' then 'completed' when 'failed' then 'failed' when 'unknown' then 'processing' else 'pending' end,
      attempt_count = k.attempt_count,
      last_attempted_at = k.started_at,
      scheduled_for = coalesce((k.r).scheduled_for, q.scheduled_for),
      reason = case when k.outcome in ('retry', 'defer') then (k.r).reason else q.reason::text end,
      cause = case when k.outcome in ('retry', 'defer') then (k.r).cause else q.cause end,
      cause_code = case when k.outcome in ('retry', 'defer') then (k.r).error_code else q.cause_code end,
      slot_at = null,
      fault_count = 0,
      last_error = case when k.outcome = 'accepted' then q.last_error else (k.r).error_message::sms.sms_retry_queue_last_error end,
      lease_token = null, lease_until = null, claimed_at = null, updated_at = now()
  from unnest(v_cases) k
  where q.id = k.queue_id;

  -- What the provider took has its whole record by now.
  if exists (select 1 from unnest(v_cases) k where k.outcome <> 'accepted') then
    insert into sms.message_events (message_id, business_id, at, type, data)
    select k.message_id, (k.r).business_id, (k.r).at, e.type, jsonb_strip_nulls(e.data)
    from unnest(v_cases) k
    cross join lateral (
      select 1 as n, 'attempt_failed' as type, jsonb_build_object('attempt', (k.r).attempt_id, 'outcome', k.outcome,
        'code', (k.r).error_code, 'class', (k.r).error_class, 'message', (k.r).error_message) as data
      union all
      select 2, 'failed', jsonb_build_object('code', (k.r).error_code, 'class', (k.r).error_class) where k.outcome = 'failed'
      union all
      select 2, 'deferred', jsonb_build_object('reason', (k.r).reason, 'cause', (k.r).cause, 'code', (k.r).error_code,
        'scheduledFor', (k.r).scheduled_for, 'attempt', (k.r).attempt_id)
      where k.outcome in ('retry', 'defer')) e
    where k.outcome <> 'accepted'
    order by (k.r).attempt_id, e.n;

    insert into sms.suppressions (business_id, phone, kind, source, reason, error_code, created_at)
    select l.business_id, l.to_phone, (k.r).suppress, 'provider', (k.r).error_message, (k.r).error_code, (k.r).at
    from unnest(v_cases) k
    cross join lateral (select x.business_id, x.to_phone from public.send_logs x where x.id = k.message_id limit 1) l
    where (k.r).suppress is not null
    order by l.business_id, l.to_phone
    on conflict do nothing;
    -- What waits for a number that may not be texted any more is refused at its turn; it is ended without waiting for that.
    insert into sms.unfinished_opt_outs (phone, business_id, status, at)
    select distinct l.to_phone, (k.r).business_id, 'opted_out', (k.r).at
    from unnest(v_cases) k
    cross join lateral (select x.to_phone from public.send_logs x where x.id = k.message_id limit 1) l
    where (k.r).suppress = 'opt_out';

    -- A customer erased meanwhile is not texted again.
    perform sms.cancel_messages(array_agg(k.message_id), max((k.r).at), 'erased')
    from unnest(v_cases) k
    cross join lateral (select x.customer_id from public.send_logs x where x.id = k.message_id limit 1) l
    where k.outcome in ('retry', 'defer')
      and exists (select 1 from public.customers c where c.id = l.customer_id and c.erased_at is not null offset 0)
    having count(*) > 0;
  end if;

  if cardinality(v_cases) = cardinality(v_all) then
    return query select (k.r).attempt_id, true from unnest(v_cases) k;
    return;
  end if;
  return query
    select r.attempt_id, c.applied
    from unnest(v_all) r
    cross join lateral (select exists (select 1 from unnest(v_cases) k where (k.r).attempt_id = r.attempt_id) as applied offset 0) c
    where c.applied or not exists (
      select 1 from sms.attempts x
      where x.id = r.attempt_id and x.business_id is not distinct from r.business_id
        and x.state not in ('accepted', 'refused', 'void') and (x.state = 'open' or r.outcome <> 'unknown')
        and exists (select 1 from public.send_logs l where l.id = x.message_id offset 0) offset 0);
end $f$;

create type sms.release_row as (
  queue_id uuid, lease_token uuid, business_id uuid, action text, at timestamptz,
  scheduled_for timestamptz, reason text, cause text, slot_at timestamptz, held text, decision jsonb,
  error_code int, error_class text, error_message text);

-- Ends claims without an attempt. Per row, action is
--   defer    not now: pending until scheduled_for, costs no attempt
--   unclaim  pending as before, nothing noted
--   fault    handling it threw: counted, and pending for 1 s, 2 s, 4 s and so on; a dead letter at the tenth, which
--            is some nine minutes after the first
--   cancel   as fail, but the message ends as cancelled: nothing of it went wrong
--   fail     it may not be sent any more: the message fails with the error. One that waits no more, since an earlier
--            attempt turned out to be taken, stays as it is and nothing is noted
-- slot_at is the slot of the pace that the row was dealt, and keeps.
-- A claim no longer held, or whose row or message somebody else has locked, changes nothing and is not returned.
create function sms.release_claims(p_rows jsonb)
returns setof uuid
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_rows sms.release_row[] := array(
    select r from jsonb_populate_recordset(null::sms.release_row, p_rows) r order by r.queue_id);
  v_held uuid[];
begin
  with locked as materialized (
    select q.id
    from unnest(v_rows) r
    cross join lateral (
      select x.id, x.send_log_id from public.sms_retry_queue x
      where x.id = r.queue_id and x.lease_token is not distinct from r.lease_token and x.status is not distinct from 'processing'
      for no key update skip locked) q
    where r.action = 'unclaim'
      or exists (select 1 from public.send_logs l where l.id = q.send_log_id for no key update skip locked)
      or not exists (select 1 from public.send_logs l where l.id = q.send_log_id))
  select coalesce(array_agg(k.id), '{}') into v_held from locked k;

  update public.sms_retry_queue q
  set status = case
        when r.action not in ('fail', 'cancel') and not (r.action = 'fault' and q.fault_count >= 9) then 'pending'
        when exists (select 1 from public.send_logs l where l.id = q.send_log_id and l.status <> 'pending' offset 0) then 'completed'
        when r.action = 'cancel' then 'cancelled'
        else 'failed' end,
      scheduled_for = case when r.action = 'fault' then r.at + interval '1 second' * power(2, q.fault_count)
        else coalesce(r.scheduled_for, q.scheduled_for) end,
      -- What a pause holds keeps what it waited for before.
      reason = case when r.action = 'defer' and r.held is distinct from 'paused' then r.reason else q.reason::text end,
      cause = case when r.action in ('unclaim', 'fault') then coalesce(r.cause, 'busy') when r.held is distinct from 'paused' then r.cause else q.cause end,
      cause_code = case when r.action = 'defer' and r.held is distinct from 'paused' then r.error_code end,
      slot_at = r.slot_at,
      held = r.held,
      last_error = coalesce(r.error_message::sms.sms_retry_queue_last_error, q.last_error),
      fault_count = q.fault_count + case when r.action = 'fault' then 1 else 0 end,
      lease_token = null, lease_until = null, claimed_at = null
  from unnest(v_rows) r
  where q.id = r.queue_id and r.queue_id = any (v_held);

  -- Before the message follows, so that the plan that it had is there to compare with.
  insert into sms.message_events (message_id, business_id, at, type, data)
  select q.send_log_id, q.business_id, r.at,
    case when q.status in ('failed', 'cancelled') then q.status else 'deferred' end,
    jsonb_strip_nulls(jsonb_build_object('reason', case when r.action = 'defer' then q.reason end, 'cause', case when r.action = 'defer' then r.cause end, 'held', r.held,
      'scheduledFor', case when r.action = 'fault' and q.status = 'pending' then q.scheduled_for when r.held is null then r.scheduled_for end,
      'code', r.error_code, 'class', r.error_class, 'message', r.error_message, 'decision', r.decision, 'because', (
        select sms.plan_change(l.business_id, coalesce(l.later_decision, l.decision), r.decision) from public.send_logs l
        where l.id = q.send_log_id and r.decision is not null)))
  from unnest(v_rows) r
  cross join lateral (
    select x.status, x.send_log_id, x.business_id, x.scheduled_for, x.reason from public.sms_retry_queue x where x.id = r.queue_id limit 1) q
  where r.queue_id = any (v_held) and r.action <> 'unclaim' and q.status <> 'completed'
  order by r.queue_id;

  update public.send_logs l
  set status = case when q.status in ('failed', 'cancelled') then q.status::text else l.status::text end,
      later_decision = coalesce(r.decision, l.later_decision),
      error_code = case when q.status in ('failed', 'cancelled') then r.error_code else l.error_code end,
      error_class = case when q.status in ('failed', 'cancelled') then r.error_class else l.error_class end,
      error_message = case when q.status in ('failed', 'cancelled') then r.error_message::sms.send_logs_error_message else l.error_message end,
      updated_at = r.at
  from unnest(v_rows) r
  cross join lateral (select x.status, x.send_log_id from public.sms_retry_queue x where x.id = r.queue_id limit 1) q
  where r.queue_id = any (v_held) and l.id = q.send_log_id and l.status is not distinct from 'pending' and r.action <> 'unclaim';

  return query select unnest(v_held);
end $f$;

-- Ends a message that waits: cancelled, not_found, or not_cancellable (it waits no more, or an attempt
-- is under way or of unknown outcome). Takes the queue row's lock first, as begin_attempts does, so one
-- of the two wins whole. slot_at is the slot of the pace that it leaves, of so many segments.
create function sms.cancel_message(p_business_id uuid, p_id uuid, p_at timestamptz, out outcome text, out slot_at timestamptz, out segments int)
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_status text;
begin
  select q.slot_at into slot_at from public.sms_retry_queue q
  where q.send_log_id = p_id and q.business_id is not distinct from p_business_id and q.status in ('pending', 'processing')
  for no key update;

  select l.status, l.segments into v_status, segments from public.send_logs l
  where l.id = p_id and l.business_id is not distinct from p_business_id and l.channel is not distinct from 'sms'
  for no key update;

  outcome := case
    when v_status is null then 'not_found'
    when v_status <> 'pending' or exists (select 1 from sms.attempts a where a.message_id = p_id and a.state in ('open', 'unknown')) then 'not_cancellable'
    else 'cancelled' end;
  if outcome <> 'cancelled' then
    return;
  end if;

  update public.send_logs l set status = 'cancelled', updated_at = p_at where l.id = p_id;
  update public.sms_retry_queue q
  set status = 'cancelled', lease_token = null, lease_until = null, claimed_at = null
  where q.send_log_id = p_id and q.status in ('pending', 'processing');
  insert into sms.message_events (message_id, business_id, at, type) values (p_id, p_business_id, p_at, 'cancelled');
end $f$;

-- After a change of a business's clock, hours, pace or pause: what waits for its hour falls due now and is decided again;
-- and so is what waits for a limit of the day; with p_deal what waits for a slot of the pace too, which is void; a paused
-- business's rows are held out of the due index. Recipient after recipient, those after p_after, until p_limit rows were
-- looked at, so that a million waiting rows are many short transactions, and what is dealt a new slot meanwhile is not met
-- again. Returns the last recipient, or null when there are no more.
-- Rows that somebody else has locked are passed over: a held one that should go is released within a minute
-- (sms.release_unpaused), and any other is decided again when it is claimed.
create function sms.replan(p_business_id uuid, p_paused boolean, p_deal boolean, p_now timestamptz, p_limit int, p_after uuid)
returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_last uuid;
  v_until uuid;
  v_ids uuid[];
begin
  select w.customer_id into v_last from public.sms_retry_queue w
  where w.business_id = p_business_id and w.customer_id > p_after
    and w.status in ('pending', 'processing') and w.accepted_at >= '-infinity'
  order by w.business_id, w.customer_id
  offset p_limit - 1 limit 1;
  v_until := coalesce(v_last, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  v_ids := array(
    select q.id
    from (
      select i.id
      from (
        select w.id from public.sms_retry_queue w
        where w.business_id = p_business_id and w.customer_id > p_after and w.customer_id <= v_until
          and w.status in ('pending', 'processing') and w.accepted_at >= '-infinity' offset 0) i
      order by i.id) w
    cross join lateral (
      select 1 as one, x.id from public.sms_retry_queue x
      where x.id = w.id and x.status is not distinct from 'pending' and x.held is distinct from 'adopted'
        and case when p_paused then x.held is null
          else x.held in ('paused', 'sender') or (x.held is null and (
            case when x.slot_at is not null then p_deal
              -- What the provider put off for its rate keeps to that.
              else x.reason = 'quiet_hours' and x.scheduled_for > p_now or x.reason = 'rate_limit' and x.last_attempted_at is null end)) end
      for no key update skip locked) q);
  update public.sms_retry_queue q
  set held = case when p_paused then 'paused' end,
      slot_at = case when p_deal and not p_paused then null else q.slot_at end,
      scheduled_for = case
        when p_paused or q.slot_at is not null and not p_deal or q.reason = 'rate_limit' and q.last_attempted_at is not null then q.scheduled_for
        when q.held is not null or q.reason in ('quiet_hours', 'rate_limit') then least(q.scheduled_for, p_now)
        else q.scheduled_for end
  where q.id = any (v_ids);
  return v_last;
end $f$;

-- While the provider refuses a business's sender, or cannot be reached, due rows are held out of the due index; they are not
-- handled before p_until. p_cause is the reason and p_code the provider's error code. Rows that can expire are not held, so
-- that they are handled in time. At most p_limit rows a call; returns how many.
create function sms.hold_due(p_business_id uuid, p_now timestamptz, p_until timestamptz, p_limit int, p_cause text, p_code int)
returns int
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_held uuid[];
begin
  with due as materialized (
    select d.id
    from unnest(array[0, 1]::smallint[]) n (lane)
    cross join lateral (
      select d.id from public.sms_retry_queue d
      where d.status = 'pending' and d.held is null and d.lane = n.lane and d.business_id = p_business_id and d.scheduled_for <= p_now
        and exists (select 1 from public.send_logs l where l.id = d.send_log_id and l.valid_until is null offset 0)
      order by d.lane, d.business_id, d.scheduled_for
      limit p_limit
      for no key update skip locked) d
    limit p_limit),
  held as (
    update public.sms_retry_queue q
    set held = 'sender', reason = 'twilio_error', cause = p_cause, cause_code = p_code, scheduled_for = p_until, slot_at = null
    from due d where q.id = d.id
    returning q.send_log_id)
  select coalesce(array_agg(h.send_log_id), '{}') into v_held from held h;

  insert into sms.message_events (message_id, business_id, at, type, data)
  select m.id, p_business_id, p_now, 'deferred',
    jsonb_strip_nulls(jsonb_build_object('reason', 'twilio_error', 'cause', p_cause, 'code', p_code, 'held', 'sender'))
  from unnest(v_held) m (id);
  return cardinality(v_held);
end $f$;

-- The sender is taken again: what was held for it falls due now. At most p_limit rows a call; returns how many.
create function sms.release_stopped(p_business_id uuid, p_now timestamptz, p_limit int)
returns int
language plpgsql set search_path = pg_catalog, pg_temp as $f$
declare
  v_changed int;
begin
  update public.sms_retry_queue q
  set held = null, scheduled_for = p_now
  where q.id = any (array(
    select w.id from public.sms_retry_queue w
    where w.status = 'pending' and w.held = 'sender' and w.business_id = p_business_id
    order by w.business_id, w.lane, w.accepted_at
    limit p_limit
    for no key update skip locked));
  get diagnostics v_changed = row_count;
  return v_changed;
end $f$;

-- Claims what is held because enough was claimed for its recipient already: the first p_limit rows in their order.
create function sms.claim_crowded(p_business_id uuid, p_customer_id uuid, p_limit int, p_lease interval, p_now timestamptz)
returns setof public.sms_retry_queue
language sql set search_path = pg_catalog, pg_temp as $f$
  update public.sms_retry_queue q
  set held = null, status = 'processing', lease_token = gen_random_uuid(), lease_until = p_now + p_lease, claimed_at = p_now, updated_at = now()
  where q.id = any (array(
    select w.id from public.sms_retry_queue w
    where w.status = 'pending' and w.held = 'recipient' and w.business_id = p_business_id and w.customer_id = p_customer_id
    order by w.lane, w.accepted_at, w.id
    limit p_limit
    for no key update skip locked))
  returning q.*
$f$;
