using NodaTime;
using Npgsql;
using NpgsqlTypes;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Sending;
using Sms.Ports;
using static Sms.Silo.Postgres.Parameter;

namespace Sms.Silo.Postgres;

/// <summary>Businesses, keys and customers in PostgreSQL.</summary>
internal sealed class BusinessStore : IBusinessStore, IAsyncDisposable
{
    /// <summary>Of a business b, as <see cref="Read"/> takes them. Settings that are longer than 64 KB, which only others can have written, are not fetched. The first of the two looks at no content.</summary>
    public const string Columns = "b.id, b.name::text, b.timezone::text, case when pg_column_size(b.sms_settings) > 65536 or octet_length(b.sms_settings::text) > 65536 then null "
        + "else coalesce(b.sms_settings, '{}')::text end, coalesce(b.sms_version, 0)::bigint";

    private readonly Database _database;
    private readonly Batcher<Keyed<byte[]>, KeyOwner?> _keys;
    private readonly Batcher<Guid, StoredBusiness?> _loads;

    public BusinessStore(Database database)
    {
        _database = database;
        // Each key in use is asked for every second or so: with a thousand businesses that is a look-up for every few sends.
        _keys = new("find_key", k => k.Key, FindKeysAsync);
        // And so is each business that sends.
        _loads = new("load_business", id => id, LoadAsync, business: id => id);
    }

    public Task<StoredBusiness?> LoadAsync(Guid businessId) => _loads.AddAsync(businessId);

    public Task<bool> CreateAsync(StoredBusiness business, CreateBusiness command, Instant at) => _database.AsBusinessAsync(
        business.Id,
        """
        with made as (
          insert into public.businesses (id, name, timezone, sms_settings, created_at, updated_at)
          select $1, $2::text::sms.businesses_name, $3, $4, $5, $5 from set_config('sms.actor', 'admin', true)
          on conflict do nothing
          returning id)
        insert into sms.api_keys (id, business_id, key_hash, hint, created_at)
        select $6, m.id, $7, $8, $5 from made m
        returning true
        """,
        r => r.ReadAsync(),
        business.Id, business.Name, business.Timezone, Json(business.Settings ?? "{}"), at.ToDateTimeUtc(),
        command.KeyId, command.KeyHash, command.KeyHint);

    public Task<StoredBusiness?> ChangeAsync(BusinessChange change, Instant at)
    {
        var parameters = new List<object?> { change.Id, change.Version, at.ToDateTimeUtc(), change.Actor };
        var set = "updated_at = $3";
        void Set(object? value, string assignment)
        {
            if (value is null)
                return;
            parameters.Add(value);
            set += $", {assignment.Replace("$", $"${parameters.Count}", StringComparison.Ordinal)}";
        }

        Set(change.Name, "name = $::text::sms.businesses_name");
        Set(change.Timezone, "timezone = $");
        // What is no object there is no settings, and too long ones are none: they are written anew.
        Set(change.Settings is null ? null : Json(change.Settings), "sms_settings = case when jsonb_typeof(b.sms_settings) = 'object' and octet_length(b.sms_settings::text) <= 65536 then b.sms_settings else '{}' end || $");
        return _database.AsBusinessAsync(
            change.Id, $"update public.businesses b set {set} from set_config('sms.actor', $4, true) where b.id = $1 and coalesce(b.sms_version, 0) = $2 returning {Columns}",
            async r => await r.ReadAsync() ? Read(r) : null, [.. parameters]);
    }

    public Task<(int SegmentsOfDay, int MessagesOfMonth)> LoadUsageAsync(Guid businessId, LocalDate day, LocalDate month) => _database.AsBusinessAsync(
        businessId,
        """
        select coalesce((select u.segments from sms.usage u where u.business_id = $1 and u.period = 'day' and u.starts_on = $2), 0),
          coalesce((select u.messages from sms.usage u where u.business_id = $1 and u.period = 'month' and u.starts_on = $3), 0)
        """,
        async r => await r.ReadAsync() ? (r.GetInt32(0), r.GetInt32(1)) : (0, 0),
        businessId, day.ToDateOnly(), month.ToDateOnly());

    public Task<PaceSlot?> LastPaceSlotAsync(Guid businessId) => _database.AsBusinessAsync(
        businessId,
        """
        select q.slot_at, l.segments::int
        from public.sms_retry_queue q
        cross join lateral (select x.segments from public.send_logs x where x.id = q.send_log_id limit 1) l
        where q.business_id = $1 and q.status = 'pending' and q.slot_at is not null
        order by q.slot_at desc limit 1
        """,
        async r => await r.ReadAsync() ? new PaceSlot(r.Instant(0)!.Value, r.GetInt32(1)) : null, businessId);

    public Task<(CustomerView Customer, bool Created)> AddCustomerAsync(Guid businessId, CreateCustomer command, string phone, Instant at) =>
        _database.AsBusinessAsync(
            businessId, $"select {CustomerRow.Columns}, c.id = $2 from sms.add_customer($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) c",
            async r =>
            {
                await r.ReadAsync();
                return (CustomerRow.Read(r), r.GetBoolean(CustomerRow.Count));
            },
            businessId, command.Id, Text(command.Name), phone, Text(command.Timezone), Text(command.PostalCode),
            Text(command.Consent?.Status), Text(command.Consent?.Method), Text(command.Consent?.Source),
            (command.Consent?.At ?? at.ToDateTimeOffset()).UtcDateTime, Text(command.Consent?.Notes), Text(command.Consent?.Ip), command.Actor, at.ToDateTimeUtc(),
            Text(command.State?.Trim().ToUpperInvariant()), Text(command.ConsentText));

    public Task<CustomerView?> GetCustomerAsync(Guid businessId, Guid customerId) => _database.AsBusinessAsync(
        businessId, $"select {CustomerRow.Columns} from public.customers c where c.business_id is not distinct from $1 and c.id = $2 and c.erased_at is null",
        async r => await r.ReadAsync() ? CustomerRow.Read(r) : null, businessId, customerId);

    public Task<KeyOwner?> FindKeyAsync(byte[] keyHash) => _keys.AddAsync(new(keyHash));

    public async Task<string?> CheckAsync()
    {
        try
        {
            var usable = await _database.AsNobodyAsync(
                "select to_regclass('sms.messages') is not null and not pg_is_in_recovery()", async r => await r.ReadAsync() && r.GetBoolean(0));
            return usable ? null : "The database lacks its schema or only reads.";
        }
        catch (StoreUnavailableException e)
        {
            return e.Message;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _keys.DisposeAsync();
        await _loads.DisposeAsync();
    }

    private async Task<IReadOnlyDictionary<Guid, StoredBusiness?>> LoadAsync(IReadOnlyList<Guid> ids)
    {
        var found = ids.ToDictionary(id => id, _ => (StoredBusiness?)null);
        return await _database.AsBusinessesAsync(
            ids,
            $"""
            select {Columns}
            from unnest($1) i (id)
            cross join lateral (select x.* from public.businesses x where x.id = i.id limit 1) b
            """,
            async r =>
            {
                while (await r.ReadAsync())
                    found[r.GetGuid(0)] = Read(r);
                return found;
            },
            ids.ToArray());
    }

    private async Task<IReadOnlyDictionary<Guid, KeyOwner?>> FindKeysAsync(IReadOnlyList<Keyed<byte[]>> keys)
    {
        var owners = keys.ToDictionary(k => k.Key, _ => (KeyOwner?)null);
        return await _database.AsNobodyAsync(
            "select k.n, k.business_id, k.id from sms.find_api_keys($1) k",
            async r =>
            {
                while (await r.ReadAsync())
                    owners[keys[r.GetInt32(0) - 1].Key] = new KeyOwner(r.GetGuid(1), r.GetGuid(2));
                return owners;
            },
            [keys.Select(k => k.Value).ToArray()]);
    }

    public static StoredBusiness Read(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetString(1), r.Text(2), r.Text(3)) { Version = r.GetInt64(4) };

    private static NpgsqlParameter Json(string json) => new() { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = json };
}
