-- Plans are kept by each connection, and the first ones are made while the tables are empty: then a scan of the
-- whole table looks cheap, and is used until the next analysis, over a table that has grown by thousands of rows.
-- Every statement of these functions goes by key, so no plan of theirs may scan; this holds for the foreign keys'
-- checks that they set off too. Compiling such short statements would take longer than running them.
-- By key there is one plan whatever the values: left to itself the planner makes many of them anew at each call, since
-- it takes a list of one for cheaper than a list of unknown length.
-- They join short lists of theirs to tables by key: row by row through an index is the plan, whatever is known of the
-- tables, and a join that would read all of one is none. (accept_messages joins two long lists of its own to each other.)
-- Functions that the planner puts where they are called have no settings.
do $do$
declare
  v_function record;
begin
  for v_function in
    select p.oid::regprocedure as name, p.proname from pg_proc p
    where p.prolang in (select l.oid from pg_language l where l.lanname = 'plpgsql' or l.lanname = 'sql' and p.proconfig is not null)
      and (p.pronamespace = 'sms'::regnamespace
        or p.pronamespace = 'public'::regnamespace and p.proname in ('claim_due_sms_retries', 'recover_stuck_sms_retries'))
  loop
    execute format('alter function %s set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan', v_function.name);
    if v_function.proname <> 'accept_messages' then
      execute format('alter function %s set enable_hashjoin = off set enable_mergejoin = off', v_function.name);
    end if;
  end loop;
end $do$;
