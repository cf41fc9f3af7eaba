-- What Twilio tells of messages. A callback names no business: the function runs with its owner's rights, finds out whose
-- it is, and is called as the queue.

create type sms.callback_row as (
  n int, attempt_id uuid, sid text, status text, moves_to text, rank int,
  error_code int, error_class text, error_message text, suppress text, at timestamptz,
  check_at timestamptz);

-- A callback beside what it met: the status of its message before it, whether it moves that, and the number of an attempt
-- that it settles. outcome is that of apply_callbacks, or applied in another way: late, the message was sent back to the
-- queue by hand after its attempt had its end.
create type sms.callback_case as (
  c sms.callback_row, attempt_id uuid, message_id uuid, business_id uuid, is_note boolean, stood text, outcome text, is_other_open boolean, number int,
  is_moving boolean);

-- Locks these messages and their live rows of the queue, as far as nobody else has locked them; returns those that are.
create function sms.lock_messages(p_messages uuid[])
returns uuid[]
language plpgsql set search_path = pg_catalog, pg_temp as $f$
begin
  return array(
    select m.id
    from (select distinct p.id from unnest(p_messages) p (id) order by 1) m
    left join lateral (
      select q.id from public.sms_retry_queue q where q.send_log_id = m.id and q.status in ('pending', 'processing') limit 1) w on true
    where (w.id is null or exists (select 1 from public.sms_retry_queue q where q.id = w.id for no key update skip locked))
      and exists (select 1 from public.send_logs l where l.id = m.id for no key update skip locked));
end $f$;

-- Applies status callbacks: unordered, repeated, early (before the reply to the create), late. Keyed by
-- the attempt's id, else by the provider's. Per row, outcome is
--   applied   the message's status moved forward, or the report was new
--   repeated  the same report came before
--   conflict  the message had ended otherwise and stays so, the report is noted
--   double    as applied, and news of an attempt beside which another is under way, of unknown outcome or taken too:
--             the recipient may be texted twice
--   unknown   no such attempt
--   locked    somebody else has locked its message: nothing is done, and the report may be given again
-- moves_to is sent, delivered or failed. A callback is proof that the provider took the attempt: it
-- settles an attempt that is open or of unknown outcome, and ends the waiting of its message.
-- Which end stays: of one attempt the first. Of several, delivered; a message has failed when all that were taken have.
-- That a message failed, as we decided without the provider's word, does not stand against the word that it was taken.
-- An attempt that was taken and has failed is told by its error_class.
-- One callback of each message at a time, all messages at once: those of one message see each other's work. That an
-- attempt is on its way, when it is known to be taken, moves nothing: it is noted, under the attempt's lock.
create function sms.apply_callbacks(p_rows jsonb)
returns table (n int, outcome text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
#variable_conflict use_column
declare
  v_left sms.callback_row[] := array(select c from jsonb_populate_recordset(null::sms.callback_row, p_rows) c);
  v_next sms.callback_case[];
  v_cases sms.callback_case[];
  -- Messages that nobody else has locked.
  v_free uuid[];
begin
  while cardinality(v_left) > 0 loop
    -- A message of the provider's that is bound already stays bound: a look-up could not tell it from that of another
    -- attempt with the same text to the same number, and either serves.
    v_next := array(
      select distinct on (a.message_id) row(c, a.id, a.message_id, a.business_id, a.is_note, null, null, null, null, null)::sms.callback_case
      from unnest(v_left) c
      left join lateral (select x.* from sms.attempts x where x.twilio_sid = c.sid limit 1) b on true
      left join lateral (
        select x.* from sms.attempts x
        where x.id = case when b.id is null then c.attempt_id end and (x.twilio_sid = c.sid) is not false limit 1) o on true
      cross join lateral (
        select coalesce(b.id, o.id) as id, coalesce(b.message_id, o.message_id) as message_id, coalesce(b.business_id, o.business_id) as business_id,
          coalesce(b.state = 'accepted' and c.moves_to = 'sent', false) as is_note offset 0) a
      where a.id is not null and c.n is not null
        -- An attempt that was left over without its message is none.
        and (a.is_note or exists (select 1 from public.send_logs l where l.id = a.message_id offset 0))
      order by a.message_id, c.rank, c.n);
    exit when cardinality(v_next) = 0;

    -- Locks messages and queue rows, then reads them. A report whose message somebody else has locked is returned as locked.
    v_free := sms.lock_messages(array(select k.message_id from unnest(v_next) k where not k.is_note));
    return query select (k.c).n, 'locked' from unnest(v_next) k where not k.is_note and k.message_id <> all (v_free);
    v_left := array(
      select c from unnest(v_left) c
      where c.n not in (select (k.c).n from unnest(v_next) k where not k.is_note and k.message_id <> all (v_free)));
    v_next := array(select k from unnest(v_next) k where k.is_note or k.message_id = any (v_free));
    continue when cardinality(v_next) = 0;
    perform 1
    from (select distinct k.attempt_id from unnest(v_next) k order by k.attempt_id) k
    cross join lateral (select 1 from sms.attempts a where a.id = k.attempt_id for no key update) a;

    return query
    with note as materialized (
      select k.c, k.attempt_id, k.message_id, k.business_id,
        case
          when not exists (select 1 from public.send_logs l where l.id = k.message_id offset 0) then 'unknown'
          when exists (
            select 1 from sms.message_events e
            where e.message_id = k.message_id and e.type = 'status'
              and e.data ->> 'attempt' = k.attempt_id::text and e.data ->> 'status' = (k.c).status offset 0) then 'repeated'
          else 'applied' end as outcome
      from unnest(v_next) k
      where k.is_note
    ), noted as (
      insert into sms.message_events (message_id, business_id, at, type, data)
      select t.message_id, t.business_id, (t.c).at, 'status',
        jsonb_strip_nulls(jsonb_build_object('attempt', t.attempt_id, 'status', (t.c).status, 'code', (t.c).error_code))
      from note t
      where t.outcome = 'applied'
    )
    select (t.c).n, t.outcome from note t;
    v_left := array(select c from unnest(v_left) c where c.n not in (select (k.c).n from unnest(v_next) k where k.is_note));
    v_next := array(select k from unnest(v_next) k where not k.is_note);
    continue when cardinality(v_next) = 0;

    v_cases := array(
      select row(k.c, a.id, a.message_id, a.business_id, false, l.status, o.outcome,
        exists (
          select 1 from sms.attempts t
          where t.message_id = a.message_id and t.id <> a.id and t.state is not distinct from 'open' offset 0),
        case when a.state in ('open', 'unknown') then a.number end,
        coalesce(o.outcome in ('applied', 'double') and (
          l.status = 'pending'
          or (l.status = 'failed' and not a.has_failed)
          or (l.status = 'sent' and (k.c).moves_to = 'delivered')
          or (l.status = 'sent' and (k.c).moves_to = 'failed' and not exists (
            select 1 from sms.attempts t
            where t.message_id = a.message_id and t.id <> a.id and t.state = 'accepted' and t.error_class is null offset 0))), false))::sms.callback_case
      from unnest(v_next) k
      cross join lateral (
        select x.*, x.state = 'accepted' and x.error_class is not null as has_failed
        from sms.attempts x where x.id = k.attempt_id and (x.twilio_sid = (k.c).sid) is not false limit 1) a
      cross join lateral (select x.status from public.send_logs x where x.id = a.message_id limit 1) l
      cross join lateral (
        select case
          when exists (
            select 1 from sms.message_events e
            where e.message_id = a.message_id and e.type = 'status'
              and e.data ->> 'attempt' = a.id::text and e.data ->> 'status' = (k.c).status offset 0) then 'repeated'
          when a.state = 'accepted' and l.status = 'pending' then 'late'
          when a.state <> 'accepted' and exists (
            select 1 from sms.attempts t
            where t.message_id = a.message_id and t.id <> a.id and t.state in ('open', 'unknown', 'accepted') offset 0) then 'double'
          when l.status in ('delivered', 'cancelled') and (k.c).moves_to <> 'sent' and (k.c).moves_to <> l.status::text then 'conflict'
          when l.status = 'failed' and (k.c).moves_to = 'delivered' and a.has_failed then 'conflict'
          else 'applied' end as outcome offset 0) o
      order by a.message_id);
    -- What is bound otherwise since it was looked for is looked for again.
    v_left := array(select c from unnest(v_left) c where c.n not in (select (k.c).n from unnest(v_cases) k));

    update sms.attempts a
    set state = 'accepted', twilio_sid = coalesce(a.twilio_sid, (k.c).sid), next_lookup_at = null, ended_at = coalesce(a.ended_at, (k.c).at),
        error_code = case when f.fails then (k.c).error_code when a.state = 'accepted' then a.error_code end,
        error_class = case when f.fails then (k.c).error_class when a.state = 'accepted' then a.error_class end,
        error_message = case when f.fails then (k.c).error_message when a.state = 'accepted' then a.error_message end
    from unnest(v_cases) k
    cross join lateral (select (k.c).moves_to = 'failed' and k.outcome in ('applied', 'double') as fails) f
    where a.id = k.attempt_id and k.outcome <> 'repeated' and (a.state <> 'accepted' or a.twilio_sid is null or f.fails);

    if exists (select 1 from unnest(v_cases) k where k.outcome in ('applied', 'double', 'conflict')) then
      update public.send_logs l
      set status = case when k.is_moving then (k.c).moves_to else l.status::text end,
          -- Of several that were taken the one that the status is of.
          provider_message_id = case when (k.c).sid is null or (not k.is_moving and l.provider_message_id::jsonb ? 'twilio_sid') then l.provider_message_id::jsonb
            else l.provider_message_id::jsonb || jsonb_build_object('twilio_sid', (k.c).sid) end,
          sent_at = case when k.is_moving or l.status = 'sent' then coalesce(l.sent_at, (k.c).at) else l.sent_at end,
          delivered_at = case when k.is_moving and (k.c).moves_to = 'delivered' then coalesce(l.delivered_at, (k.c).at) else l.delivered_at end,
          check_at = case when k.is_moving and (k.c).moves_to = 'sent' then (k.c).check_at else l.check_at end,
          error_code = case when not k.is_moving then l.error_code when (k.c).moves_to = 'failed' then (k.c).error_code end,
          error_class = case when not k.is_moving then l.error_class when (k.c).moves_to = 'failed' then (k.c).error_class end,
          error_message = case when not k.is_moving then l.error_message when (k.c).moves_to = 'failed' then (k.c).error_message::sms.send_logs_error_message end,
          attempt_count = coalesce(k.number, l.attempt_count), later_decision = case when k.number is null then l.later_decision end, updated_at = (k.c).at
      from unnest(v_cases) k
      where l.id = k.message_id and k.outcome in ('applied', 'double', 'conflict');

      update public.sms_retry_queue q
      set status = 'completed', attempt_count = coalesce(k.number, q.attempt_count),
          last_attempted_at = case when k.number is null then q.last_attempted_at
            else (select a.started_at from sms.attempts a where a.id = k.attempt_id) end,
          lease_token = null, lease_until = null, claimed_at = null
      from unnest(v_cases) k
      cross join lateral (
        select x.id from public.sms_retry_queue x where x.send_log_id = k.message_id and x.status in ('pending', 'processing') limit 1) w
      where q.id = w.id
        and k.outcome in ('applied', 'double', 'conflict') and not k.is_other_open;

      insert into sms.suppressions (business_id, phone, kind, source, reason, error_code, created_at)
      select l.business_id, l.to_phone, (k.c).suppress, 'provider', (k.c).error_message, (k.c).error_code, (k.c).at
      from unnest(v_cases) k
      cross join lateral (select x.business_id, x.to_phone from public.send_logs x where x.id = k.message_id limit 1) l
      where k.outcome in ('applied', 'double', 'conflict') and (k.c).suppress is not null and l.to_phone not like '+*%'
      order by l.business_id, l.to_phone, (k.c).suppress
      on conflict do nothing;
      insert into sms.unfinished_opt_outs (phone, business_id, status, at)
      select distinct l.to_phone, k.business_id, 'opted_out', (k.c).at
      from unnest(v_cases) k
      cross join lateral (select x.to_phone from public.send_logs x where x.id = k.message_id limit 1) l
      where k.outcome in ('applied', 'double', 'conflict') and (k.c).suppress = 'opt_out' and l.to_phone not like '+*%';
    end if;

    insert into sms.message_events (message_id, business_id, at, type, data)
    select k.message_id, k.business_id, (k.c).at, e.type, jsonb_strip_nulls(e.data)
    from unnest(v_cases) k
    cross join lateral (
      select 1 as n, 'sent' as type, jsonb_build_object('attempt', k.attempt_id, 'twilioSid', (k.c).sid, 'by', 'callback') as data
      where k.is_moving and k.stood in ('pending', 'failed')
      union all
      select 2, 'status', jsonb_build_object('attempt', k.attempt_id, 'status', (k.c).status, 'code', (k.c).error_code,
        'conflict', case when k.outcome = 'conflict' then true end,
        'possibleDouble', case when k.outcome = 'double' then true end)
      union all
      select 3, 'failed', jsonb_build_object('code', (k.c).error_code, 'class', (k.c).error_class)
      where k.is_moving and (k.c).moves_to = 'failed') e
    where k.outcome <> 'repeated'
    order by k.message_id, e.n;

    return query select (k.c).n, case when k.outcome = 'late' then 'applied' else k.outcome end from unnest(v_cases) k;
  end loop;

  return query select c.n, 'unknown' from unnest(v_left) c;
end $f$;

revoke all on function sms.lock_messages(uuid[]), sms.apply_callbacks(jsonb) from public;
-- For whoever serves all businesses: it asks for no business, and would else move another's messages.
grant execute on function sms.apply_callbacks(jsonb) to sms_drain;
