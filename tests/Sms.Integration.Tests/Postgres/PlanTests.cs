namespace Sms.Integration.Tests.Postgres;

/// <summary>What the planner knows, and what it is offered.</summary>
public sealed class PlanTests : DatabaseTest
{
    [Fact]
    public async Task A_table_that_has_grown_is_looked_at_again_and_one_that_has_not_is_left()
    {
        // Not by the server itself meanwhile.
        await Db.ExecuteAsync("alter table send_logs set (autovacuum_enabled = false)");
        await Db.ExecuteAsync("analyze");
        Assert.Equal(0, await Queue.AnalyzeGrownAsync());
        var (business, customer) = await NewTenantAsync();
        await AddAsync(business, customer, 2000);
        Assert.True(await Queue.AnalyzeGrownAsync() > 0);
        Assert.InRange(await KnownAsync(), 1500, 2500);

        Assert.Equal(0, await Queue.AnalyzeGrownAsync());
        await AddAsync(business, customer, 100);
        Assert.Equal(0, await Queue.AnalyzeGrownAsync());
        await AddAsync(business, customer, 6000);
        Assert.True(await Queue.AnalyzeGrownAsync() > 0);
        Assert.InRange(await KnownAsync(), 7000, 9000);
    }

    [Fact]
    public async Task Among_many_businesses_named_an_index_is_searched_once()
    {
        var (business, _) = await NewTenantAsync();
        await Db.ExecuteAsync(
            "insert into customers (id, business_id, phone, phone_e164) select gen_random_uuid(), $1, '+1512' || 6000000 + n, '+1512' || 6000000 + n from generate_series(1, 5000) n", business);
        await Db.ExecuteAsync("analyze customers");
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set role sms_app");
        await Statement.RunAsync(connection, "set enable_seqscan = off");
        await Statement.RunAsync(connection, "select set_config('sms.business_ids', (select string_agg(gen_random_uuid()::text, ',') from generate_series(1, 500)), false)");

        var plan = string.Join('\n', await Statement.ListAsync<string>(
            connection, $"explain select id from customers where business_id = '{business}' and phone_e164 = '+15125550100'"));

        // Row security is looked at for each row found, in a hash; no index is searched once for each business named.
        Assert.Contains("hashed SubPlan", plan, StringComparison.Ordinal);
        Assert.DoesNotMatch("Index Cond: .*ANY", plan);
    }

    [Theory]
    [InlineData("customer_id = gen_random_uuid() and state = 'open'", "attempts_open_recipient")]
    [InlineData("message_id = gen_random_uuid() and next_lookup_at is not null", "attempts_of_message, sms.attempts_one_unsettled")]
    [InlineData("message_id = gen_random_uuid() and ended_at is null and next_lookup_at is null", "attempts_of_message, sms.attempts_one_unsettled")]
    public async Task No_index_offers_to_be_read_whole_for_one_recipient_or_one_message(string asked, string searched)
    {
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set enable_seqscan = off");
        await Statement.RunAsync(connection, "begin");
        await Statement.RunAsync(connection, $"drop index sms.{searched}");

        // While few attempts are open, reading such an index from end to end looks as cheap as a search; the plan stays when
        // there are many.
        var plan = string.Join('\n', await Statement.ListAsync<string>(connection, $"explain select 1 from sms.attempts where {asked}"));

        Assert.Contains("Seq Scan", plan, StringComparison.Ordinal);
    }

    private Task<float> KnownAsync() => Db.ScalarAsync<float>("select reltuples from pg_class where oid = 'send_logs'::regclass");

    private Task<int> AddAsync(Guid business, Guid customer, int rows) => Db.ExecuteAsync(
        """
        insert into send_logs (id, business_id, customer_id, channel, to_phone, body, category, encoding, segments, status)
        select gen_random_uuid(), $1, $2, 'sms', '+15125550100', 'Hello', 'marketing', 'gsm7', 1, 'sent' from generate_series(1, $3)
        """,
        business, customer, rows);
}
