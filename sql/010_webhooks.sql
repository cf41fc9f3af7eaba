-- What Twilio tells of messages. A callback names no business, so the function runs with its owner's rights and finds out
-- whose it is.

create type sms.callback_row as (
  n int, attempt_id uuid, sid text, status text, moves_to text, rank int,
  error_code int, error_class text, error_message text, suppress text, at timestamptz,
  check_at timestamptz);

-- Applies status callbacks: unordered, repeated, early (before the reply to the create), late. Keyed by
-- the attempt's id, else by the provider's. Per row, outcome is
--   applied   the message's status moved forward, or the report was new
--   repeated  the same report came before
--   conflict  the message had ended otherwise: the first end stays, the report is noted
--   double    as applied, and news of an attempt beside which another is under way, of unknown outcome or taken too:
--             the recipient may be texted twice
--   unknown   no such attempt
-- moves_to is sent, delivered or failed. A callback is proof that the provider took the attempt: it
-- settles an attempt that is open or of unknown outcome, and ends the waiting of its message.
create function sms.apply_callbacks(p_rows jsonb)
returns table (n int, outcome text)
language plpgsql security definer set search_path = '' as $f$
#variable_conflict use_column
declare
  r sms.callback_row;
  a sms.attempts;
  l public.send_logs;
  v_outcome text;
  v_other_open boolean;
  v_double boolean;
begin
  for r in
    select * from jsonb_populate_recordset(null::sms.callback_row, p_rows) c order by c.attempt_id, c.sid, c.rank, c.n
  loop
    a := null;
    if r.attempt_id is not null then
      select t.* into a from sms.attempts t where t.id = r.attempt_id;
    end if;
    -- A message of the provider's that is bound already stays bound: a look-up could not tell it from that of another
    -- attempt with the same text to the same number, and either serves.
    if r.sid is not null and a.twilio_sid is distinct from r.sid then
      select coalesce(max(t.id::text)::uuid, a.id) into a.id from sms.attempts t where t.twilio_sid = r.sid;
    end if;
    select t.* into a from sms.attempts t where t.id = a.id;
    -- The queue's row first, as all others lock them; then the attempt as it is by now.
    perform 1 from public.sms_retry_queue q
    where q.send_log_id = a.message_id and q.status in ('pending', 'processing')
    for no key update;
    select t.* into a from sms.attempts t where t.id = a.id for no key update;
    if a.id is null or (a.twilio_sid is not null and r.sid is not null and a.twilio_sid <> r.sid) then
      n := r.n; outcome := 'unknown'; return next;
      continue;
    end if;

    select t.* into l from public.send_logs t where t.id = a.message_id for no key update;
    if exists (select 1 from sms.message_events e
               where e.message_id = l.id and e.type = 'status'
                 and e.data ->> 'attempt' = a.id::text and e.data ->> 'status' = r.status) then
      n := r.n; outcome := 'repeated'; return next;
      continue;
    end if;

    update sms.attempts t
    set state = 'accepted', twilio_sid = coalesce(t.twilio_sid, r.sid), next_lookup_at = null, ended_at = coalesce(t.ended_at, r.at)
    where t.id = a.id and (t.state <> 'accepted' or t.twilio_sid is null);

    -- The message failed after all and was sent back to the queue by hand: news of an attempt that had its end tell
    -- nothing of the next one.
    if a.state = 'accepted' and l.status = 'pending' then
      insert into sms.message_events (message_id, business_id, at, type, data)
      values (l.id, l.business_id, r.at, 'status', jsonb_strip_nulls(jsonb_build_object(
        'attempt', a.id, 'status', r.status, 'code', r.error_code)));
      n := r.n; outcome := 'applied'; return next;
      continue;
    end if;

    v_other_open := exists (select 1 from sms.attempts o where o.message_id = l.id and o.id <> a.id and o.state = 'open');
    v_double := a.state <> 'accepted' and exists (
      select 1 from sms.attempts o where o.message_id = l.id and o.id <> a.id and o.state in ('open', 'unknown', 'accepted'));
    v_outcome := case
      when v_double then 'double'
      when l.status in ('delivered', 'failed', 'cancelled') and r.moves_to <> 'sent' and r.moves_to <> l.status then 'conflict'
      else 'applied' end;

    update public.send_logs t
    set status = case
          when t.status = 'pending' then r.moves_to
          when t.status = 'sent' and r.moves_to <> 'sent' then r.moves_to
          else t.status end,
        provider_message_id = case when r.sid is null then t.provider_message_id
          else t.provider_message_id || jsonb_build_object('twilio_sid', r.sid) end,
        sent_at = case when t.status in ('pending', 'sent') then coalesce(t.sent_at, r.at) else t.sent_at end,
        delivered_at = case when t.status in ('pending', 'sent') and r.moves_to = 'delivered' then coalesce(t.delivered_at, r.at) else t.delivered_at end,
        check_at = case when t.status = 'pending' and r.moves_to = 'sent' then r.check_at else t.check_at end,
        error_code = case when t.status not in ('pending', 'sent') then t.error_code when r.moves_to = 'failed' then r.error_code end,
        error_class = case when t.status not in ('pending', 'sent') then t.error_class when r.moves_to = 'failed' then r.error_class end,
        error_message = case when t.status not in ('pending', 'sent') then t.error_message when r.moves_to = 'failed' then r.error_message end,
        updated_at = r.at
    where t.id = l.id;

    if not v_other_open then
      update public.sms_retry_queue q
      set status = 'completed', lease_token = null, lease_until = null, claimed_at = null
      where q.send_log_id = l.id and q.status in ('pending', 'processing');
    end if;

    if l.status = 'pending' then
      insert into sms.message_events (message_id, business_id, at, type, data)
      values (l.id, l.business_id, r.at, 'sent', jsonb_build_object('attempt', a.id, 'twilioSid', r.sid, 'by', 'callback'));
    end if;
    insert into sms.message_events (message_id, business_id, at, type, data)
    values (l.id, l.business_id, r.at, 'status', jsonb_strip_nulls(jsonb_build_object(
      'attempt', a.id, 'status', r.status, 'code', r.error_code,
      'conflict', case when v_outcome = 'conflict' then true end,
      'possibleDouble', case when v_double then true end)));
    if v_outcome in ('applied', 'double') and r.moves_to = 'failed' and l.status in ('pending', 'sent') then
      insert into sms.message_events (message_id, business_id, at, type, data)
      values (l.id, l.business_id, r.at, 'failed', jsonb_strip_nulls(jsonb_build_object('code', r.error_code, 'class', r.error_class)));
    end if;
    if r.suppress is not null and l.to_phone not like '+*%' then
      insert into sms.suppressions (business_id, phone, kind, source, reason, error_code, created_at)
      values (l.business_id, l.to_phone, r.suppress, 'provider', r.error_message, r.error_code, r.at)
      on conflict do nothing;
    end if;

    n := r.n; outcome := v_outcome; return next;
  end loop;
end $f$;

revoke all on function sms.apply_callbacks(jsonb) from public;
grant execute on function sms.apply_callbacks(jsonb) to sms_app;
