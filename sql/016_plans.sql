-- Plans are kept by each connection, and the first ones are made while the tables are empty: then a scan of the
-- whole table looks cheap, and is used until the next analysis, over a table that has grown by thousands of rows.
-- Every statement of these functions goes by key, so no plan of theirs may scan; this holds for the foreign keys'
-- checks that they set off too. Compiling such short statements would take longer than running them.
-- By key there is one plan whatever the values: left to itself the planner makes many of them anew at each call, since
-- it takes a list of one for cheaper than a list of unknown length.
do $do$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid::regprocedure from pg_proc p
    where p.prolang = (select l.oid from pg_language l where l.lanname = 'plpgsql')
      and (p.pronamespace = 'sms'::regnamespace
        or p.pronamespace = 'public'::regnamespace and p.proname in ('claim_due_sms_retries', 'recover_stuck_sms_retries'))
  loop
    execute format('alter function %s set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan', v_function);
  end loop;
end $do$;

-- These join short lists of theirs to tables by key: row by row through an index is the plan, whatever is known of the
-- tables, and a join that would read all of one is none. (Not so where two long lists are joined to each other.)
do $do$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'sms'::regnamespace
      and p.proname in ('find_api_keys', 'lookup_sends', 'lookup_claims', 'begin_attempts', 'settle_attempts', 'apply_callbacks', 'release_claims')
  loop
    execute format('alter function %s set enable_hashjoin = off set enable_mergejoin = off', v_function);
  end loop;
end $do$;
