using NodaTime;
using Npgsql;
using Sms.Domain.Statutes;
using Sms.Ports;
using static Sms.Silo.Postgres.Parameter;

namespace Sms.Silo.Postgres;

/// <summary>Blackouts in PostgreSQL.</summary>
internal sealed class RuleStore(Database database) : IRuleStore
{
    private const int ReplanRows = 1000;

    public Task<BlackoutCalendar?> LoadBlackoutsAsync(long? known) => database.AsQueueAsync(
        "select revision, id, state, from_day, until_day, reason from sms.blackout_calendar($1)",
        async r =>
        {
            long? revision = null;
            var blackouts = new List<Blackout>();
            while (await r.ReadAsync())
            {
                revision = r.GetInt64(0);
                if (r.Optional<Guid?>(1) is { } id)
                    blackouts.Add(new Blackout(id, r.Text(2), Day(r, 3), Day(r, 4), r.Text(5)));
            }

            return revision is { } read ? new BlackoutCalendar(read, blackouts) : null;
        },
        new NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bigint, Value = (object?)known ?? DBNull.Value });

    public Task PutBlackoutAsync(Blackout blackout, Instant at) => database.AsQueueAsync(
        "select sms.put_blackout($1, $2, $3, $4, $5, $6)", Database.Ignore,
        blackout.Id, Text(blackout.State), blackout.From.ToDateOnly(), blackout.Until.ToDateOnly(), Text(blackout.Reason), at.ToDateTimeUtc());

    public Task<bool> RemoveBlackoutAsync(Guid id) => database.AsQueueAsync(
        "select sms.remove_blackout($1)", async r => await r.ReadAsync() && r.GetBoolean(0), id);

    public async Task<int> ReplanOutdatedAsync(string tzdb, string ruleSet, long blackouts, Instant now)
    {
        var (after, afterId, changed) = (now.ToDateTimeUtc(), Guid.Empty, 0);
        while (true)
        {
            var batch = await database.AsQueueAsync(
                "select last_at, last_id, looked_at, changed from sms.replan_outdated($1, $2, $3, $4, $5, $6, $7)",
                async r => await r.ReadAsync() && r.GetInt32(2) > 0 ? (At: r.GetDateTime(0), Id: r.GetGuid(1), Changed: r.GetInt32(3)) : default,
                tzdb, ruleSet, blackouts, now.ToDateTimeUtc(), ReplanRows, after, afterId);
            if (batch.Id == Guid.Empty)
                return changed;
            (after, afterId, changed) = (batch.At, batch.Id, changed + batch.Changed);
        }
    }

    private static LocalDate Day(NpgsqlDataReader reader, int column) => LocalDate.FromDateOnly(reader.GetFieldValue<DateOnly>(column));
}
