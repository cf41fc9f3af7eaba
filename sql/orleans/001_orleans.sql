-- Orleans' own tables and the queries of its ADO.NET providers (clustering, grain state, reminders),
-- written to the providers' contract: parameters by name, results by column name, one statement each,
-- so that what must be atomic is atomic without a transaction of the client's.
--
-- Unlike the scripts that Orleans publishes, grain state has a key: of two first writes at once one
-- wins, the other is told of the conflict.

create schema orleans;
revoke all on schema orleans from public;
do $do$
declare
  v_role name;
begin
  for v_role in select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on schema orleans from %I', v_role);
  end loop;
end $do$;

create table orleans.orleansquery (
  querykey varchar(64) primary key,
  querytext text not null
);

-- One row a cluster. Every change of the membership names the version it saw; the row's lock puts
-- them in a line, and the second of two with the same version changes nothing.
create table orleans.cluster_version (
  deploymentid text primary key,
  version int not null default 0,
  changed_at timestamptz not null default now()
);

create table orleans.cluster_member (
  deploymentid text not null references orleans.cluster_version on delete cascade,
  address text not null,
  port int not null,
  generation int not null,
  siloname text not null,
  hostname text not null,
  status int not null,
  proxyport int not null,
  suspecttimes text,
  starttime timestamptz not null,
  iamalivetime timestamptz not null,
  primary key (deploymentid, address, port, generation)
);

create table orleans.grain_state (
  serviceid text not null,
  graintypehash int not null,
  graintypestring text not null,
  grainidhash int not null,
  grainidn0 bigint not null,
  grainidn1 bigint not null,
  grainidext text not null default '',
  payload bytea,
  version int not null,
  modified_at timestamptz not null default now(),
  primary key (serviceid, graintypestring, grainidn0, grainidn1, grainidext)
);

create table orleans.reminder (
  serviceid text not null,
  grainid text not null,
  remindername text not null,
  starttime timestamptz not null,
  period bigint not null,
  grainhash int not null,
  version int not null default 0,
  primary key (serviceid, grainid, remindername)
);
create index on orleans.reminder (serviceid, grainhash);

insert into orleans.orleansquery (querykey, querytext) values
('InsertMembershipVersionKey', $$
    with i as (insert into orleans.cluster_version(deploymentid) values(@DeploymentId) on conflict do nothing
      returning 1) select count(*)::int from i$$),
('InsertMembershipKey', $$
    with v as (update orleans.cluster_version set version = version+1, changed_at = now() where deploymentid =
      @DeploymentId and version = @Version and not exists(select 1 from orleans.cluster_member where
      deploymentid = @DeploymentId and address = @Address and port = @Port and generation = @Generation)
      returning 1), i as (insert into orleans.cluster_member(deploymentid, address, port, generation, siloname,
      hostname, status, proxyport, starttime, iamalivetime) select @DeploymentId, @Address, @Port, @Generation,
      @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime from v returning 1) select
      count(*)::int from i$$),
('UpdateMembershipKey', $$
    with v as (update orleans.cluster_version set version = version+1, changed_at = now() where deploymentid =
      @DeploymentId and version = @Version and exists(select 1 from orleans.cluster_member where deploymentid =
      @DeploymentId and address = @Address and port = @Port and generation = @Generation) returning 1), u as
      (update orleans.cluster_member set status = @Status, suspecttimes = @SuspectTimes, iamalivetime =
      @IAmAliveTime from v where deploymentid = @DeploymentId and address = @Address and port = @Port and
      generation = @Generation returning 1) select count(*)::int from u$$),
('UpdateIAmAlivetimeKey', $$
    update orleans.cluster_member set iamalivetime = @IAmAliveTime where deploymentid = @DeploymentId and
      address = @Address and port = @Port and generation = @Generation$$),
('MembershipReadRowKey', $$
    select m.address, m.port, m.generation, m.siloname, m.hostname, m.status, m.proxyport, m.suspecttimes,
      m.starttime, m.iamalivetime, v.version from orleans.cluster_version v left join orleans.cluster_member m
      on m.deploymentid = v.deploymentid and m.address = @Address and m.port = @Port and m.generation =
      @Generation where v.deploymentid = @DeploymentId$$),
('MembershipReadAllKey', $$
    select m.address, m.port, m.generation, m.siloname, m.hostname, m.status, m.proxyport, m.suspecttimes,
      m.starttime, m.iamalivetime, v.version from orleans.cluster_version v left join orleans.cluster_member m
      on m.deploymentid = v.deploymentid where v.deploymentid = @DeploymentId$$),
('DeleteMembershipTableEntriesKey', $$
    delete from orleans.cluster_version where deploymentid = @DeploymentId$$),
('GatewaysQueryKey', $$
    select address, proxyport, generation from orleans.cluster_member where deploymentid = @DeploymentId and
      status = @Status and proxyport > 0$$),
('CleanupDefunctSiloEntriesKey', $$
    delete from orleans.cluster_member where deploymentid = @DeploymentId and iamalivetime < @IAmAliveTime and
      status = 6$$),
('ReadFromStorageKey', $$
    select payload as PayloadBinary, version as Version from orleans.grain_state where serviceid = @ServiceId
      and graintypestring = @GrainTypeString and grainidn0 = @GrainIdN0 and grainidn1 = @GrainIdN1 and
      grainidext = coalesce(@GrainIdExtensionString, '') and grainidhash = @GrainIdHash and graintypehash =
      @GrainTypeHash$$),
('WriteToStorageKey', $$
    with u as (update orleans.grain_state set payload = @PayloadBinary, version = version+1, modified_at = now()
      where serviceid = @ServiceId and graintypestring = @GrainTypeString and grainidn0 = @GrainIdN0 and
      grainidn1 = @GrainIdN1 and grainidext = coalesce(@GrainIdExtensionString, '') and version =
      @GrainStateVersion returning version), i as (insert into orleans.grain_state(serviceid, graintypehash,
      graintypestring, grainidhash, grainidn0, grainidn1, grainidext, payload, version) select @ServiceId,
      @GrainTypeHash, @GrainTypeString, @GrainIdHash, @GrainIdN0, @GrainIdN1, coalesce(@GrainIdExtensionString,
      ''), @PayloadBinary, 1 where @GrainStateVersion is null on conflict do nothing returning version) select
      version as NewGrainStateVersion from u union all select version from i$$),
('ClearStorageKey', $$
    update orleans.grain_state set payload = null, version = version+1, modified_at = now() where serviceid =
      @ServiceId and graintypestring = @GrainTypeString and grainidn0 = @GrainIdN0 and grainidn1 = @GrainIdN1
      and grainidext = coalesce(@GrainIdExtensionString, '') and grainidhash = @GrainIdHash and graintypehash =
      @GrainTypeHash and version = @GrainStateVersion returning version as NewGrainStateVersion$$),
('DeleteStorageKey', $$
    delete from orleans.grain_state where serviceid = @ServiceId and graintypestring = @GrainTypeString and
      grainidn0 = @GrainIdN0 and grainidn1 = @GrainIdN1 and grainidext = coalesce(@GrainIdExtensionString, '')
      and grainidhash = @GrainIdHash and graintypehash = @GrainTypeHash and version = @GrainStateVersion
      returning version+1 as NewGrainStateVersion$$),
('ReadReminderRowsKey', $$
    select grainid, remindername, starttime, period, version from orleans.reminder where serviceid = @ServiceId
      and grainid = @GrainId$$),
('ReadReminderRowKey', $$
    select grainid, remindername, starttime, period, version from orleans.reminder where serviceid = @ServiceId
      and grainid = @GrainId and remindername = @ReminderName$$),
('ReadRangeRows1Key', $$
    select grainid, remindername, starttime, period, version from orleans.reminder where serviceid = @ServiceId
      and grainhash > @BeginHash and grainhash <= @EndHash$$),
('ReadRangeRows2Key', $$
    select grainid, remindername, starttime, period, version from orleans.reminder where serviceid = @ServiceId
      and (grainhash > @BeginHash or grainhash <= @EndHash)$$),
('UpsertReminderRowKey', $$
    insert into orleans.reminder(serviceid, grainid, remindername, starttime, period, grainhash)
      values(@ServiceId, @GrainId, @ReminderName, @StartTime, @Period, @GrainHash) on conflict(serviceid,
      grainid, remindername) do update set starttime = excluded.starttime, period = excluded.period, grainhash =
      excluded.grainhash, version = orleans.reminder.version+1 returning version$$),
('DeleteReminderRowKey', $$
    with d as (delete from orleans.reminder where serviceid = @ServiceId and grainid = @GrainId and remindername
      = @ReminderName and version = @Version returning 1) select count(*)::int from d$$),
('DeleteReminderRowsKey', $$
    delete from orleans.reminder where serviceid = @ServiceId$$);

grant usage on schema orleans to sms_app;
grant select on orleans.orleansquery to sms_app;
grant select, insert, update, delete
  on orleans.cluster_version, orleans.cluster_member, orleans.grain_state, orleans.reminder to sms_app;
