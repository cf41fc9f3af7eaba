using NodaTime;
using Npgsql;
using Sms.Contracts;
using Sms.Domain.Statutes;
using Sms.Ports;
using static Sms.Silo.Postgres.Pages;
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

    public Task<BlackoutCalendar?> LoadBlackoutsAtAsync(long revision) => database.AsQueueAsync(
        "select b.id, b.state, b.from_day, b.until_day, b.reason from sms.blackouts_at($1) b",
        async r =>
        {
            var rows = await AllAsync(r, row => row.Optional<Guid?>(0) is { } id ? new Blackout(id, row.Text(1), Day(row, 2), Day(row, 3), row.Text(4)) : null);
            return rows.Length == 0 ? null : new BlackoutCalendar(revision, [.. rows.OfType<Blackout>()]);
        },
        revision);

    public async Task<BlackoutHistory> GetHistoryAsync(PageRequest page)
    {
        var changes = await database.ReadAsQueueAsync(
            "select h.revision, h.at, h.actor, h.action, h.blackout_id, h.state, h.from_day, h.until_day, h.reason from sms.list_blackout_history($1, $2) h",
            r => AllAsync(r, row => new BlackoutChange(
                row.GetInt64(0), row.Time(1), row.GetString(2), row.GetString(3),
                new BlackoutView(row.GetGuid(4), row.Text(5), row.GetFieldValue<DateOnly>(6), row.GetFieldValue<DateOnly>(7), row.Text(8)))),
            page.BeforeId is { } last ? PlaceOf(last) : long.MaxValue, page.Limit + 1);
        var (data, next) = PageOf(changes, page.Limit, c => (c.At, IdOf(c.Revision)));
        return new BlackoutHistory(data, next);
    }

    public Task PutBlackoutAsync(Blackout blackout, string actor, Instant at) => database.AsQueueAsync(
        "select sms.put_blackout($1, $2, $3, $4, $5, $6, $7)", Database.Ignore,
        blackout.Id, Text(blackout.State), blackout.From.ToDateOnly(), blackout.Until.ToDateOnly(), Text(blackout.Reason), at.ToDateTimeUtc(), actor);

    public Task<bool> RemoveBlackoutAsync(Guid id, string actor, Instant at) => database.AsQueueAsync(
        "select sms.remove_blackout($1, $2, $3)", async r => await r.ReadAsync() && r.GetBoolean(0), id, at.ToDateTimeUtc(), actor);

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
