using NodaTime;
using Npgsql;
using Sms.Domain.Sending;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

public sealed class AcceptTests : DatabaseTest
{
    private const string HashA = "aa01";

    [Fact]
    public async Task Hundreds_of_callers_of_several_businesses_share_a_few_commits()
    {
        var tenants = await TenantsAsync(5, customers: 20);
        await using var store = Store();
        var messages = Enumerable.Range(0, 400).Select(n =>
        {
            var (business, customers) = tenants[n % 5];
            return Samples.Message(business, customers[n / 5 % 20], Now + Duration.FromMilliseconds(n));
        }).ToList();

        var placed = await Task.WhenAll(messages.Select(store.AcceptAsync));

        Assert.All(placed, p => Assert.Equal(Placement.Stored, p.Placement));
        Assert.Equal(messages.Select(m => m.Id), placed.Select(p => p.MessageId));
        Assert.Equal(400, await Db.ScalarAsync<long>("select count(*) from send_logs l join sms_retry_queue q on q.send_log_id = l.id and q.business_id = l.business_id"));
        Assert.InRange(await Db.ScalarAsync<long>("select count(distinct xmin::text) from send_logs"), 1, 40);
        Assert.Equal(
            "80/160 80/160 80/160 80/160 80/160",
            await Db.ScalarAsync<string>("select string_agg(messages || '/' || segments, ' ') from sms.usage where period = 'month'"));
        Assert.Equal(400, await Db.ScalarAsync<long>("select count(*) from sms.timeline where type = 'accepted'"));
    }

    [Fact]
    public async Task A_bad_row_fails_its_own_caller_only()
    {
        var tenants = await TenantsAsync(2, customers: 30);
        var (business, customers) = tenants[0];
        var (other, others) = tenants[1];
        await using var store = Store();
        var erased = await Seed.CustomerAsync(business);
        await Db.ExecuteAsync("update customers set erased_at = now() where id = $1", erased);
        var good = customers.Select((c, n) => Samples.Message(n % 2 == 0 ? business : other, n % 2 == 0 ? c : others[n], Now)).ToList();
        AcceptedMessage[] bad =
        [
            Samples.Message(business, others[0], Now), // a customer of the other business, which the batch may see
            Samples.Message(business, Guid.NewGuid(), Now) with { IdempotencyKey = "lost", RequestHash = HashA },
            Samples.Message(Guid.NewGuid(), customers[0], Now), // a business that was deleted
            Samples.Message(business, erased, Now), // erased after it was looked up
            Samples.Message(Guid.NewGuid(), Guid.NewGuid(), Now, Seed.Phone()),
            Samples.Message(business, customers[0], Now) with { TemplateId = Guid.NewGuid() },
            Samples.Message(business, customers[0], Now) with { Metadata = "{" },
        ];

        var calls = good.Take(15).Concat(bad).Concat(good.Skip(15)).Select(m => (m.Id, Call: store.AcceptAsync(m))).ToList();

        foreach (var (id, call) in calls)
        {
            if (bad.Any(b => b.Id == id))
                await Assert.ThrowsAsync<InvalidOperationException>(() => call);
            else
                Assert.Equal(Placement.Stored, (await call).Placement);
        }

        Assert.Equal(good.Select(m => m.Id).Order(), (await IdsAsync()).Order());
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.idempotency_keys"));
        Assert.Equal(30L, await Db.ScalarAsync<long>("select sum(messages) from sms.usage"));
    }

    [Fact]
    public async Task An_id_that_is_another_businesss_message_is_refused_and_not_called_a_duplicate()
    {
        var tenants = await TenantsAsync(2, customers: 1);
        await using var store = Store();
        var first = Samples.Message(tenants[0].Business, tenants[0].Customers[0], Now);
        await store.AcceptAsync(first);

        await Assert.ThrowsAsync<InvalidOperationException>(
            () => store.AcceptAsync(Samples.Message(tenants[1].Business, tenants[1].Customers[0], Now) with { Id = first.Id }));
    }

    [Fact]
    public async Task Repeating_an_id_changes_nothing()
    {
        var (business, customers) = (await TenantsAsync(1, customers: 1))[0];
        await using var store = Store();
        var message = Samples.Message(business, customers[0], Now).Claimed();
        Assert.Equal(Placement.Stored, (await store.AcceptAsync(message)).Placement);
        var before = await PictureAsync();

        var again = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => store.AcceptAsync(message.Claimed())));

        Assert.All(again, a => Assert.Equal(new Accepted(Placement.Duplicate, message.Id, null, message.CustomerId), a));
        Assert.Equal(before, await PictureAsync());
    }

    [Fact]
    public async Task One_key_makes_one_message_within_a_batch_and_across_batches_and_silos()
    {
        var (business, customers) = (await TenantsAsync(1, customers: 40))[0];
        await using var one = Store();
        await using var two = Store();

        var placed = await Task.WhenAll(customers.Select((customer, n) => (n % 2 == 0 ? one : two).AcceptAsync(
            Samples.Message(business, customer, Now) with { IdempotencyKey = "order-42", RequestHash = $"{n:x8}" })));
        var later = await one.AcceptAsync(Samples.Message(business, customers[0], Now) with { IdempotencyKey = "order-42", RequestHash = HashA });

        var first = Assert.Single(placed, p => p.Placement != Placement.Duplicate);
        Assert.All(placed.Append(later), p => Assert.Equal((first.MessageId, first.RequestHash), (p.MessageId, p.RequestHash)));
        Assert.Equal(Placement.Duplicate, later.Placement);
        Assert.Equal([first.MessageId], await IdsAsync());
        Assert.Equal(1L, await Db.ScalarAsync<long>("select sum(messages) from sms.usage"));
    }

    [Fact]
    public async Task A_key_belongs_to_its_business()
    {
        var tenants = await TenantsAsync(2, customers: 1);
        await using var store = Store();

        var placed = await Task.WhenAll(tenants.Select(t => store.AcceptAsync(
            Samples.Message(t.Business, t.Customers[0], Now) with { IdempotencyKey = "k", RequestHash = HashA })));

        Assert.All(placed, p => Assert.Equal(Placement.Stored, p.Placement));
    }

    [Fact]
    public async Task New_customers_of_one_number_race_to_one()
    {
        var business = await Seed.BusinessAsync();
        var other = await Seed.BusinessAsync();
        var phone = Seed.Phone();
        await using var one = Store();
        await using var two = Store();

        var placed = await Task.WhenAll(Enumerable.Range(0, 40).Select(n => (n % 2 == 0 ? one : two).AcceptAsync(
            Samples.Message(n < 38 ? business : other, Guid.CreateVersion7(), Now, phone))));

        Assert.All(placed, p => Assert.Equal(Placement.Stored, p.Placement));
        Assert.Equal("38,2", await Db.ScalarAsync<string>(
            """
            select string_agg(n::text, ',' order by n desc) from (
              select count(*) as n from send_logs l join customers c on c.id = l.customer_id and c.business_id = l.business_id
              group by c.id) x
            """));
        Assert.Equal(2, await Db.ScalarAsync<long>("select count(*) from customers where phone_e164 = $1", phone));
    }

    [Fact]
    public async Task A_message_that_may_go_now_is_stored_claimed_and_its_segments_count_when_its_attempt_begins()
    {
        var (business, customers) = (await TenantsAsync(1, customers: 2))[0];
        await using var store = Store();
        var message = Samples.Message(business, customers[0], Now).Claimed();
        var other = Samples.Message(business, customers[1], Now);
        const string usage = "select string_agg(period || ' ' || messages || '/' || segments, ', ' order by period) from sms.usage";

        Assert.Equal(Placement.Stored, (await store.AcceptAsync(message)).Placement);
        Assert.Equal(Placement.Stored, (await store.AcceptAsync(other)).Placement);

        Assert.Equal("month 2/4", await Db.ScalarAsync<string>(usage));
        Assert.Equal(message.Claim!.LeaseToken, await Db.ScalarAsync<Guid>(
            "select lease_token from sms_retry_queue where send_log_id = $1 and status = 'processing' and lease_until = $2", message.Id, message.Claim.LeaseUntil.ToDateTimeUtc()));
        Assert.Equal(other.Id, Assert.Single(await Queue.ClaimDueAsync(50, Duration.FromSeconds(20), Now)).Row.MessageId);
        Assert.Equal(BeginOutcome.Begun, (await store.BeginAttemptAsync(Samples.Begin(message))).Outcome);
        Assert.Equal("day 1/2, month 2/4", await Db.ScalarAsync<string>(usage));
        Assert.Equal("accepted,attempt_started", await Db.ScalarAsync<string>(
            "select string_agg(type, ',' order by id) from sms.timeline where message_id = $1", message.Id));
    }

    [Fact]
    public async Task A_message_whose_silo_died_after_storing_it_is_claimed_by_another()
    {
        var (business, customers) = (await TenantsAsync(1, customers: 1))[0];
        await using var store = Store();
        var message = Samples.Message(business, customers[0], Now).Claimed();
        await store.AcceptAsync(message);

        Assert.Equal(0, await Queue.RecoverAsync(Now + Duration.FromSeconds(19)));
        Assert.Equal(1, await Queue.RecoverAsync(Now + Duration.FromSeconds(21)));
        Assert.Equal(message.Id, Assert.Single(await Queue.ClaimDueAsync(50, Duration.FromSeconds(20), Now + Duration.FromSeconds(21))).Row.MessageId);
        Assert.Equal(BeginOutcome.Lost, (await store.BeginAttemptAsync(Samples.Begin(message))).Outcome);
    }

    [Fact]
    public async Task A_message_waits_for_an_attempt_under_way_to_its_recipient()
    {
        var (business, customers) = (await TenantsAsync(1, customers: 2))[0];
        await using var store = Store();

        Assert.Equal(BeginOutcome.Begun, (await store.StoreAndBeginAsync(Samples.Message(business, customers[0], Now))).Outcome);
        Assert.Equal(BeginOutcome.Blocked, (await store.StoreAndBeginAsync(Samples.Message(business, customers[0], Now))).Outcome);
        Assert.Equal(BeginOutcome.Begun, (await store.StoreAndBeginAsync(Samples.Message(business, customers[1], Now))).Outcome);
    }

    [Theory]
    [InlineData(-1, 1, null, BeginOutcome.Blocked)] // due
    [InlineData(60, 1, null, BeginOutcome.Begun)] // waits for its hour
    [InlineData(-1, 1, "paused", BeginOutcome.Begun)] // held
    [InlineData(-1, 0, null, BeginOutcome.Blocked)] // a one-time password that is due
    public async Task A_message_waits_for_an_earlier_one_whose_turn_has_come(int dueIn, short lane, string? held, BeginOutcome outcome)
    {
        var (business, customers) = (await TenantsAsync(1, customers: 1))[0];
        await Seed.RowAsync(business, customers[0], Now + Duration.FromSeconds(dueIn), lane, held: held, acceptedAt: Now - Duration.FromHours(1));
        await using var store = Store();

        Assert.Equal(outcome, (await store.StoreAndBeginAsync(Samples.Message(business, customers[0], Now))).Outcome);
    }

    [Fact]
    public async Task A_one_time_password_does_not_wait_for_other_messages()
    {
        var (business, customers) = (await TenantsAsync(1, customers: 1))[0];
        await Seed.RowAsync(business, customers[0], Now - Duration.FromSeconds(1));
        await using var store = Store();

        var begun = await store.StoreAndBeginAsync(Samples.Message(business, customers[0], Now) with { Category = Domain.Sending.Category.Otp });

        Assert.Equal(BeginOutcome.Begun, begun.Outcome);
    }

    [Fact]
    public async Task Of_the_rows_of_one_call_to_one_recipient_the_first_whose_turn_has_come_begins()
    {
        var (business, customers) = (await TenantsAsync(1, customers: 2))[0];
        AcceptedMessage[] rows =
        [
            Samples.Message(business, customers[0], Now) with { ScheduledFor = Now + Duration.FromHours(1), Cause = WaitCause.SendAt },
            Samples.Message(business, customers[0], Now + Duration.FromMilliseconds(1)).Claimed(),
            Samples.Message(business, customers[0], Now + Duration.FromMilliseconds(2)).Claimed(),
            // Nobody has claimed it yet; it is due now, and before the one that is claimed.
            Samples.Message(business, customers[1], Now),
            Samples.Message(business, customers[1], Now + Duration.FromMilliseconds(1)).Claimed(),
        ];
        await using var connection = await ConnectAsync(business);
        await ListAsync<string>(connection, "select placed from sms.accept_messages($1)", Rows.Json(rows.Select(Rows.Of)));

        await ListAsync<string>(connection, "select outcome from sms.begin_attempts($1)",
            Rows.Json(rows.Where(r => r.Claim is not null).Select(r => Rows.Of(Samples.Begin(r)))));

        Assert.Equal([rows[1].Id], await ListAsync<Guid>(connection, "select message_id from sms.attempts"));
        Assert.Equal(5, await Db.ScalarAsync<long>("select count(*) from sms_retry_queue where status in ('pending', 'processing')"));
    }

    [Fact]
    public async Task Two_silos_that_accept_for_one_recipient_at_once_begin_one_attempt()
    {
        var (business, customers) = (await TenantsAsync(1, customers: 20))[0];
        await using var one = Store();
        await using var two = Store();
        foreach (var customer in customers)
        {
            var begun = await Task.WhenAll(
                one.StoreAndBeginAsync(Samples.Message(business, customer, Now)),
                two.StoreAndBeginAsync(Samples.Message(business, customer, Now)));

            Assert.Equal(1, begun.Count(b => b.Outcome == BeginOutcome.Begun));
        }
    }

    [Fact]
    public async Task Groups_with_the_same_rows_in_opposite_orders_do_not_deadlock()
    {
        var tenants = await TenantsAsync(3, customers: 10);
        await using var one = await ConnectAsync(tenants.Select(t => t.Business));
        await using var two = await ConnectAsync(tenants.Select(t => t.Business));
        for (var round = 0; round < 15; round++)
        {
            var rows = Enumerable.Range(0, 90).Select(n =>
            {
                var (business, customers) = tenants[n % 3];
                var known = n % 2 == 0;
                return Samples.Message(business, known ? customers[n / 3 % 10] : Guid.CreateVersion7(), Now, known ? null : Seed.Phone())
                    .Claimed() with
                { IdempotencyKey = $"{round}-{n}", RequestHash = HashA };
            }).ToList();
            // The other silo's have ids of their own for the same keys and numbers, or the same ids.
            var others = rows.Select((r, n) => n % 5 == 0 ? (r with { Id = Guid.CreateVersion7() }).Claimed() : r).Reverse().ToList();

            // An error, a deadlock above all, would be raised here: nothing replays it.
            await Task.WhenAll(AcceptAsync(one, rows), AcceptAsync(two, others));

            Assert.Equal(90 * (round + 1), await Db.ScalarAsync<long>("select count(*) from send_logs"));
        }
    }

    [Fact]
    public async Task Groups_with_and_without_limits_lock_what_was_used_in_one_order()
    {
        var tenants = (await TenantsAsync(2, customers: 4)).OrderBy(t => t.Business).ToList();
        await Db.ExecuteAsync(
            "insert into sms.usage (business_id, period, starts_on) select b.id, p.name, p.day::date from businesses b, (values ('month', '2026-11-01'), ('day', '2026-11-23')) p (name, day)");
        // Those that begin are stored already.
        var claimed = new Dictionary<int, List<AcceptedMessage>>();
        foreach (var customer in new[] { 2, 3 })
        {
            claimed[customer] = [.. tenants.Select(t => Samples.Message(t.Business, t.Customers[customer], Now).Claimed())];
            await using var storing = await ConnectAsync(tenants.Select(t => t.Business));
            await AcceptAsync(storing, claimed[customer]);
        }

        Task<List<Guid>> AcceptGroupAsync(NpgsqlConnection connection, int customer, int? limit) => AcceptAsync(
            connection, tenants.Select((t, n) => Samples.Message(t.Business, t.Customers[customer], Now) with { MonthlyMessageLimit = n == 0 ? null : limit }));
        Task<List<Guid>> BeginGroupAsync(NpgsqlConnection connection, int customer, int? limit) => ListAsync<Guid>(
            connection, "select attempt_id from sms.begin_attempts($1)",
            Rows.Json(claimed[customer].Select((m, n) => Rows.Of(Samples.Begin(m) with { DailySegmentLimit = n == 0 ? null : limit }))));
        foreach (var period in new[] { "month", "day" })
        {
            await using var holder = await ConnectAsync(tenants.Select(t => t.Business));
            await using var open = await holder.BeginTransactionAsync();
            await Statement.RunAsync(holder, "select 1 from sms.usage where period = $1 and business_id = $2 for no key update", period, tenants[0].Business);
            await using var one = await ConnectAsync(tenants.Select(t => t.Business));
            await using var two = await ConnectAsync(tenants.Select(t => t.Business));

            var without = period == "month" ? AcceptGroupAsync(one, 0, limit: null) : BeginGroupAsync(one, 2, limit: null);
            await SomebodyWaitsForALockAsync();
            var with = period == "month" ? AcceptGroupAsync(two, 1, limit: 1000) : BeginGroupAsync(two, 3, limit: 1000);
            await SomebodyWaitsForALockAsync(2);
            await open.CommitAsync(TestContext.Current.CancellationToken);

            // An error, a deadlock above all, would be raised here: nothing replays it.
            await Task.WhenAll(without, with);
        }
    }

    [Fact]
    public async Task Two_stores_that_write_the_same_messages_in_opposite_orders_store_each_once()
    {
        var (business, customers) = (await TenantsAsync(1, customers: 10))[0];
        await using var one = Store();
        await using var two = Store();
        var messages = Enumerable.Range(0, 300).Select(n => Samples.Message(business, customers[n % 10], Now)).ToList();

        var first = messages.Select(one.AcceptAsync).ToList();
        var second = Enumerable.Reverse(messages).Select(two.AcceptAsync).ToList();
        var placed = (await Task.WhenAll(first)).Concat(await Task.WhenAll(second)).ToList();

        Assert.Equal(300, placed.Count(p => p.Placement == Placement.Stored));
        Assert.Equal(300, await Db.ScalarAsync<long>("select count(*) from send_logs"));
        Assert.Equal("300/600", await Db.ScalarAsync<string>("select messages || '/' || segments from sms.usage"));
    }

    private static Task<List<Guid>> AcceptAsync(NpgsqlConnection connection, IEnumerable<AcceptedMessage> messages) =>
        ListAsync<Guid>(connection, "select id from sms.accept_messages($1)", Rows.Json(messages.Select(Rows.Of)));

    private async Task<List<(Guid Business, Guid[] Customers)>> TenantsAsync(int businesses, int customers)
    {
        var tenants = new List<(Guid, Guid[])>();
        for (var n = 0; n < businesses; n++)
        {
            var business = await Seed.BusinessAsync();
            tenants.Add((business, await Seed.CustomersAsync(business, customers)));
        }

        return tenants;
    }

    private async Task<Guid[]> IdsAsync() => await Db.ScalarAsync<Guid[]>("select array_agg(id) from send_logs") ?? [];

    /// <summary>Every row of every table that accepting writes.</summary>
    private async Task<string?> PictureAsync() => await Db.ScalarAsync<string>(
        """
        select jsonb_build_array((select jsonb_agg(l order by id) from send_logs l), (select jsonb_agg(q order by id) from sms_retry_queue q),
          (select jsonb_agg(a order by id) from sms.attempts a), (select jsonb_agg(e order by message_id, id) from sms.timeline e),
          (select jsonb_agg(u) from sms.usage u), (select jsonb_agg(c) from customers c))::text
        """);
}
