using NodaTime;
using Sms.Ports;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Limits hold in the transaction that stores or begins, however many write at once.</summary>
public sealed class LimitTests : DatabaseTest
{
    private static readonly Duration Lease = Duration.FromSeconds(20);

    [Fact]
    public async Task A_months_messages_are_never_passed_by_writers_at_once()
    {
        var business = await Seed.BusinessAsync();
        var customers = await Seed.CustomersAsync(business, 30);
        await using var one = Store();
        await using var two = Store();
        var asked = customers.Select(c => Samples.Message(business, c, Now) with { MonthlyMessageLimit = 11 }).ToList();

        var placed = await Task.WhenAll(asked.Select((m, n) => (n % 2 == 0 ? one : two).AcceptAsync(m)));

        Assert.Equal((11, 19), (placed.Count(p => p.Placement == Placement.Stored), placed.Count(p => p.Placement == Placement.OverLimit)));
        Assert.Equal(11, await Db.ScalarAsync<long>("select count(*) from send_logs"));
        Assert.Equal(11, await Db.ScalarAsync<int>("select messages from sms.usage where period = 'month'"));
        // Asked again under its id, a stored one is a duplicate, not one too many.
        var stored = placed.Zip(asked).First(p => p.First.Placement == Placement.Stored).Second;
        Assert.Equal(Placement.Duplicate, (await two.AcceptAsync(stored)).Placement);
    }

    [Fact]
    public async Task A_days_segments_are_never_passed_by_claims_and_first_attempts_at_once()
    {
        var business = await Seed.BusinessAsync();
        var customers = await Seed.CustomersAsync(business, 24);
        foreach (var customer in customers.Take(12))
            await Seed.RowAsync(business, customer, Now);
        var claims = await Queue.ClaimDueAsync(12, Lease, Now);
        await using var one = Store();
        await using var two = Store();

        // Each costs two segments.
        var begun = claims.Select((c, n) => (n % 2 == 0 ? one : two).BeginAttemptAsync(Samples.Begin(c, Now) with { DailySegmentLimit = 15 })).ToList();
        var accepted = customers.Skip(12).Select((c, n) => (n % 2 == 0 ? one : two).StoreAndBeginAsync(
            Samples.Message(business, c, Now), dailyLimit: 15)).ToList();
        var began = (await Task.WhenAll(begun)).Count(b => b.Outcome == BeginOutcome.Begun) + (await Task.WhenAll(accepted)).Count(a => a.Outcome == BeginOutcome.Begun);

        Assert.Equal(7, began);
        Assert.Equal(14, await Db.ScalarAsync<int>("select segments from sms.usage where period = 'day'"));
        Assert.All(begun, b => Assert.Contains(b.Result.Outcome, new[] { BeginOutcome.Begun, BeginOutcome.Changed }));
    }

    [Fact]
    public async Task The_first_message_of_a_day_goes_whatever_it_costs_and_what_is_held_to_no_limit_counts()
    {
        var business = await Seed.BusinessAsync();
        await using var store = Store();
        async Task<BeginOutcome> BeginAsync(int? limit)
        {
            await Seed.RowAsync(business, await Seed.CustomerAsync(business), Now);
            var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now));
            var begun = await store.BeginAttemptAsync(Samples.Begin(claim, Now) with { DailySegmentLimit = limit });
            await Db.ExecuteAsync("delete from sms_retry_queue");
            return begun.Outcome;
        }

        Assert.Equal(
            [BeginOutcome.Begun, BeginOutcome.Changed, BeginOutcome.Begun, BeginOutcome.Changed, BeginOutcome.Begun],
            [await BeginAsync(1), await BeginAsync(3), await BeginAsync(null), await BeginAsync(5), await BeginAsync(6)]);
    }
}
