using NodaTime;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

public sealed class RuleStoreTests : DatabaseTest
{
    private RuleStore Rules => new(new Database(Db.App));

    [Fact]
    public async Task The_calendar_is_read_only_when_it_has_changed()
    {
        var empty = await Rules.LoadBlackoutsAsync(known: null);
        Assert.Empty(empty!.Blackouts);
        Assert.Null(await Rules.LoadBlackoutsAsync(empty.Revision));

        var blackout = new Blackout(Guid.CreateVersion7(), "LA", new LocalDate(2026, 9, 1), new LocalDate(2026, 9, 3), "hurricane");
        await Rules.PutBlackoutAsync(blackout, "admin", Now);
        var changed = await Rules.LoadBlackoutsAsync(empty.Revision);
        Assert.Equal(blackout, Assert.Single(changed!.Blackouts));
        Assert.True(changed.Revision > empty.Revision);

        Assert.True(await Rules.RemoveBlackoutAsync(blackout.Id, "admin", Now));
        Assert.False(await Rules.RemoveBlackoutAsync(blackout.Id, "admin", Now));
        Assert.Empty((await Rules.LoadBlackoutsAsync(changed.Revision))!.Blackouts);
    }

    [Fact]
    public async Task What_waits_by_an_older_tz_database_other_rules_or_another_calendar_falls_due()
    {
        var morning = Now + Duration.FromHours(12);
        var present = await WaitingAsync("2026f", "rules", 7, WaitCause.QuietHours, morning);
        var olderTzdb = await WaitingAsync("2025b", "rules", 7, WaitCause.QuietHours, morning);
        var otherRules = await WaitingAsync("2026f", "other", 7, WaitCause.QuietHours, morning);
        var otherCalendar = await WaitingAsync("2026f", "rules", 6, WaitCause.QuietHours, morning);
        var scheduled = await WaitingAsync("2025b", "rules", 7, WaitCause.SendAt, morning);

        Assert.Equal(3, await Rules.ReplanOutdatedAsync("2026f", "rules", 7, Now));

        foreach (var (message, due) in new[] { (present, morning), (scheduled, morning), (olderTzdb, Now), (otherRules, Now), (otherCalendar, Now) })
            Assert.Equal(due.ToDateTimeUtc(), await Db.ScalarAsync<DateTime>("select scheduled_for from sms_retry_queue where send_log_id = $1", message));
        Assert.Equal(0, await Rules.ReplanOutdatedAsync("2026f", "rules", 7, Now));
    }

    [Fact]
    public async Task More_than_a_batch_is_planned_anew()
    {
        var message = await WaitingAsync("2025b", "rules", 7, WaitCause.QuietHours, Now + Duration.FromHours(12));
        await Db.ExecuteAsync(
            """
            with more as (
              insert into send_logs (business_id, customer_id, status, channel, to_phone, body, category, encoding, segments, decision)
              select l.business_id, l.customer_id, 'pending', 'sms', l.to_phone, l.body, l.category, l.encoding, l.segments, l.decision
              from send_logs l, generate_series(1, 2500) where l.id = $1
              returning id, business_id, customer_id)
            insert into sms_retry_queue (business_id, send_log_id, customer_id, max_attempts, scheduled_for, reason, lane, accepted_at)
            select m.business_id, m.id, m.customer_id, 3, q.scheduled_for, q.reason, q.lane, q.accepted_at
            from more m, sms_retry_queue q where q.send_log_id = $1
            """, message);

        Assert.Equal(2501, await Rules.ReplanOutdatedAsync("2026f", "rules", 7, Now));
    }

    private async Task<Guid> WaitingAsync(string tzdb, string ruleSet, long blackouts, WaitCause cause, Instant until)
    {
        var (business, customer) = await NewTenantAsync();
        await using var store = Store();
        var message = Samples.Message(business, customer, Now) with
        {
            ScheduledFor = until,
            Cause = cause,
            Decision = Samples.Decision with { Tzdb = tzdb, RuleSet = ruleSet, Blackouts = blackouts },
        };
        await store.AcceptAsync(message);
        return message.Id;
    }
}
