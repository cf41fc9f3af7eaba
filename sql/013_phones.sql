-- Numbers that others wrote (the e-mail product, an adopted table) are read as E.164 by the program, which knows
-- the plans of all countries. customers.phone keeps what was written.

-- Phones not read yet, with the region to read them in, of customers after this one.
create function sms.unread_phones(p_limit int, p_after uuid)
returns table (customer_id uuid, phone text, region text)
language plpgsql stable security definer set search_path = '' as $f$
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
-- carries it; the others can be texted by their id all the same.
create function sms.note_phones(p_ids uuid[], p_phones text[], p_e164 text[])
returns void
language plpgsql security definer set search_path = '' as $f$
begin
  update public.customers c
  set phone_read = r.phone,
      phone_e164 = case when r.n = 1 and not exists (
        select 1 from public.customers o where o.business_id = c.business_id and o.phone_e164 = r.e164 offset 0) then r.e164 end
  from (
    select i.id, i.phone, i.e164, row_number() over (partition by x.business_id, i.e164 order by i.id) as n
    from unnest(p_ids, p_phones, p_e164) i (id, phone, e164)
    cross join lateral (select x.business_id from public.customers x where x.id = i.id limit 1) x) r
  where c.id = r.id and c.phone = r.phone and c.phone_e164 is null;
end $f$;

revoke all on function sms.unread_phones(int, uuid), sms.note_phones(uuid[], text[], text[]) from public;
grant execute on function sms.unread_phones(int, uuid), sms.note_phones(uuid[], text[], text[]) to sms_drain;
