-- Numbers that others wrote (the e-mail product, an adopted table) are read as E.164 by the program, which knows
-- the plans of all countries. customers.phone keeps what was written.

-- Phones not read yet, with the region to read them in, of customers after this one.
create function sms.unread_phones(p_limit int, p_after uuid)
returns table (customer_id uuid, phone text, region text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $f$
declare
  v_after constant uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
begin
  return query
    select c.id, c.phone::text, b.sms_settings ->> 'region'
    from public.customers c
    cross join lateral (select x.sms_settings from public.businesses x where x.id = c.business_id limit 1) b
    where c.phone is not null and c.phone_e164 is null and c.phone_read is distinct from c.phone and c.id > v_after
    order by c.id
    limit p_limit;
end $f$;

-- Notes what they were read as; null: no number. Of several customers of a business with one number the first
-- carries it, and the others share it. What was withdrawn through a record before its number was known is withdrawn for
-- the number.
create function sms.note_phones(p_ids uuid[], p_phones text[], p_e164 text[])
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $f$
begin
  with read as materialized (
    select i.id, i.phone, i.e164,
      row_number() over (partition by x.business_id, i.e164 order by i.id) = 1 and not exists (
        select 1 from public.customers o where o.business_id = x.business_id and o.phone_e164 = i.e164 offset 0) as is_carrier
    from unnest(p_ids, p_phones, p_e164) i (id, phone, e164)
    cross join lateral (select y.business_id from public.customers y where y.id = i.id limit 1) x)
  update public.customers c
  set phone_read = r.phone,
      phone_e164 = case when r.is_carrier then r.e164 end,
      phone_shared = case when not r.is_carrier then r.e164 end,
      sms_consent_phone = coalesce(c.sms_consent_phone, r.e164)
  from read r
  -- By an array of one: a merge, and so a walk through the primary key, is none of the plans.
  where c.id = any (array[r.id]) and c.phone = r.phone and (c.phone_e164 is null) is not false;

  insert into sms.suppressions (business_id, phone, kind, source, actor, created_at)
  select c.business_id, coalesce(c.phone_e164, c.phone_shared),
    case when c.sms_consent_status::text = 'opted_out' then 'opt_out' else 'under_review' end, 'consent', 'adopted', now()
  from unnest(p_ids) i (id)
  cross join lateral (select x.* from public.customers x where x.id = i.id limit 1) c
  where sms.consent_word(c.sms_consent_status::text) in ('opted_out', 'under_review') and coalesce(c.phone_e164, c.phone_shared) is not null
  order by 1, 2
  on conflict do nothing;
end $f$;

revoke all on function sms.unread_phones(int, uuid), sms.note_phones(uuid[], text[], text[]) from public;
grant execute on function sms.unread_phones(int, uuid), sms.note_phones(uuid[], text[], text[]) to sms_drain;
