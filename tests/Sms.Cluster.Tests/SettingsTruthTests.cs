using System.Text.Json;
using NodaTime;
using Sms.Contracts;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>A business's settings are what the database says, whoever wrote them.</summary>
public sealed class SettingsTruthTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);
    private static readonly Instant Night = Instant.FromUtc(2026, 6, 15, 6, 0);

    [Fact]
    public async Task What_somebody_else_writes_is_in_force_and_is_not_undone_by_a_change_of_something_else()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        Assert.NotNull((await cluster.SendAsync(business, customer, category: "transactional")).Message);

        await cluster.Database.ExecuteAsync(
            "update businesses set sms_settings = sms_settings || '{\"paused\": true}', name = 'Renamed', timezone = 'America/Denver' where id = $1", business);
        await SmsCluster.UntilAsync(async () => (await cluster.SendAsync(business, customer, category: "transactional")).Refusal?.Code == "business_paused");

        // Written in the same moment, so that the grain knows nothing of it yet.
        await cluster.Database.ExecuteAsync("update businesses set name = 'Renamed again', sms_settings = sms_settings || '{\"maxAttempts\": 5}' where id = $1", business);
        var changed = (await Business(cluster, business).ChangeAsync(new ChangeBusiness(null, null, """{"bodyLimit": 99}""", ByAdmin: false, "admin"))).Business!;
        foreach (var seen in new[] { changed, (await Business(cluster, business).GetAsync()).Business! })
        {
            using var settings = JsonDocument.Parse(seen.Settings);
            JsonElement Of(string name) => settings.RootElement.GetProperty(name);
            Assert.Equal(("Renamed again", "America/Denver"), (seen.Name, seen.Timezone));
            Assert.Equal((true, 5, 99), (Of("paused").GetBoolean(), Of("maxAttempts").GetInt32(), Of("bodyLimit").GetInt32()));
        }

        Assert.Equal("Renamed again America/Denver true 5 99", await cluster.Database.ScalarAsync<string>(
            "select concat_ws(' ', name, timezone, sms_settings ->> 'paused', sms_settings ->> 'maxAttempts', sms_settings ->> 'bodyLimit') from businesses where id = $1", business));
    }

    [Fact]
    public async Task A_change_that_takes_back_what_somebody_else_has_just_written_is_made()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        for (var n = 0; n < 5; n++)
        {
            await cluster.Database.ExecuteAsync("update businesses set sms_settings = sms_settings || '{\"paused\": true}' where id = $1", business);
            await Business(cluster, business).ChangeAsync(new ChangeBusiness(null, null, """{"paused": false}""", ByAdmin: false, "admin"));
            Assert.False(await cluster.Database.ScalarAsync<bool>("select sms_settings @> '{\"paused\": true}' from businesses where id = $1", business));
        }
    }

    [Fact]
    public async Task What_waits_goes_by_the_hours_that_somebody_else_sets()
    {
        await using var cluster = await SmsCluster.StartAsync(Night);
        var business = await cluster.BusinessAsync(settings: """{"quietHoursPolicy": "business"}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer)).Message!;
        Assert.Equal("quiet_hours", message.Retry!.Reason);

        await cluster.Database.ExecuteAsync(
            "update businesses set sms_settings = sms_settings || '{\"quietHours\": {\"mon\": [\"00:00\", \"24:00\"]}}' where id = $1", business);
        await Business(cluster, business).GetAsync();
        await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
    }

    [Fact]
    public async Task A_business_is_found_when_it_is_made_and_gone_when_it_is_deleted()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = Guid.CreateVersion7();
        Assert.Null((await Business(cluster, business).GetAsync()).Business);
        Assert.False(await cluster.Grains.GetGrain<IRecordsGrain>(business).ExistsAsync());

        await cluster.Database.ExecuteAsync("insert into businesses (id, name) values ($1, 'Theirs')", business);
        Assert.Equal("Theirs", (await Business(cluster, business).GetAsync()).Business?.Name);
        Assert.True(await cluster.Grains.GetGrain<IRecordsGrain>(business).ExistsAsync());
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        Assert.NotNull((await cluster.SendAsync(business, customer, category: "transactional")).Message);
        await cluster.SettleAsync();

        await cluster.Database.ExecuteAsync("delete from businesses where id = $1", business);
        Assert.Null((await Business(cluster, business).GetAsync()).Business);
        Assert.Equal("not_found", (await cluster.SendAsync(business, customer)).Refusal?.Code);
        await SmsCluster.UntilAsync(async () => !await cluster.Grains.GetGrain<IRecordsGrain>(business).ExistsAsync());
        Assert.Null(await cluster.Grains.GetGrain<IRecordsGrain>(business).GetStatsAsync());
    }

    [Fact]
    public async Task A_send_to_a_business_that_is_made_a_moment_later_is_accepted_then()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = Guid.CreateVersion7();
        Assert.Equal("not_found", (await cluster.SendAsync(business, Guid.NewGuid())).Refusal?.Code);

        await cluster.Database.ExecuteAsync("insert into businesses (id, name) values ($1, 'Theirs')", business);
        var customer = await cluster.Database.ScalarAsync<Guid>("insert into customers (business_id, phone, phone_e164) values ($1, '+12125551234', '+12125551234') returning id", business);
        await SmsCluster.UntilAsync(async () => (await cluster.SendAsync(business, customer, category: "transactional")).Message is not null);
    }

    [Fact]
    public async Task By_a_time_zone_that_is_none_nothing_is_sent_and_nothing_lost()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var stored = (await cluster.SendAsync(business, customer, category: "transactional", sendAt: Noon + Duration.FromMinutes(1), key: "k")).Message!;
        var password = (await cluster.SendAsync(business, customer, category: "otp", sendAt: Noon + Duration.FromMinutes(1))).Message!;

        await cluster.Database.ExecuteAsync("update businesses set timezone = 'Eastern Time' where id = $1", business);
        var seen = (await Business(cluster, business).GetAsync()).Business!;
        Assert.Equal("settings_unreadable", (await cluster.SendAsync(business, customer, category: "transactional")).Refusal?.Code);
        // What was accepted is answered even now, and the rest of the business can be used.
        Assert.Equal(stored.Id, (await cluster.SendAsync(business, customer, category: "transactional", sendAt: Noon + Duration.FromMinutes(1), key: "k")).Message?.Id);
        Assert.NotNull(await cluster.Grains.GetGrain<IRecordsGrain>(business).GetStatsAsync());
        Assert.Equal("Eastern Time", seen.Timezone);
        Assert.Contains("Eastern Time", seen.Fault, StringComparison.Ordinal);
        Assert.Contains(business.ToString(), (await cluster.Grains.GetGrain<IReaderGrain>(0).CheckAsync()).Notice, StringComparison.Ordinal);

        // Past the time at which a row that makes the code throw is a dead letter.
        await cluster.PassUntilAsync(Duration.FromSeconds(20), async () => await cluster.Database.ScalarAsync<bool>(
            "select scheduled_for > $2::timestamptz from sms_retry_queue where send_log_id = $1 and status = 'pending'", stored.Id, (Noon + Duration.FromMinutes(20)).ToDateTimeUtc()));
        Assert.Contains("Eastern Time", await cluster.Database.ScalarAsync<string>("select last_error from sms_retry_queue where send_log_id = $1", stored.Id), StringComparison.Ordinal);
        Assert.Equal("expired", (await cluster.UntilAsync(business, password.Id, m => m.Status == "failed")).Error?.Class);
        Assert.Empty(cluster.Provider.Requests);

        Assert.Null((await Business(cluster, business).ChangeAsync(new ChangeBusiness(null, "America/New_York", null, ByAdmin: false, "admin"))).Business!.Fault);
        await cluster.UntilAsync(business, stored.Id, m => m.Status == "sent");
        Assert.DoesNotContain(business.ToString(), (await cluster.Grains.GetGrain<IReaderGrain>(0).CheckAsync()).Notice ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_that_changes_nothing_writes_nothing()
    {
        await using var cluster = await SmsCluster.StartAsync(Night);
        var business = await cluster.BusinessAsync(settings: """{"segmentsPerSecond": 1}""");
        var grain = Business(cluster, business);
        for (var n = 0; n < 3; n++)
        {
            var customer = await cluster.CustomerAsync(business, $"+1212555100{n}");
            Assert.Equal("quiet_hours", (await cluster.SendAsync(business, customer)).Message?.Retry?.Reason);
        }

        const string Named = """{"paused": false, "segmentsPerSecond": 1, "quietHours": null}""";
        // The first after a start finishes what the process before it may have left.
        await grain.ChangeAsync(new ChangeBusiness(null, null, Named, ByAdmin: false, "admin"));
        await cluster.SettleAsync();
        var before = await RowsAsync();
        foreach (var settings in new[] { "{}", """{"bodyLimit": 320}""", Named })
            Assert.Null((await grain.ChangeAsync(new ChangeBusiness("Test", "America/New_York", settings, ByAdmin: false, "admin"))).Refusal);
        await cluster.SettleAsync();
        Assert.Equal(before, await RowsAsync());

        // What plans nothing rewrites nothing that waits.
        await grain.ChangeAsync(new ChangeBusiness("Other", null, """{"bodyLimit": 100}""", ByAdmin: false, "admin"));
        await cluster.SettleAsync();
        Assert.Equal(before[1..], (await RowsAsync())[1..]);

        async Task<string[]> RowsAsync() => await cluster.Database.ScalarAsync<string[]>(
            """
            select (select array_agg(b.xmin::text) from businesses b where b.id = $1)
              || (select array_agg(concat(q.xmin, ' ', q.scheduled_for) order by q.id) from sms_retry_queue q where q.business_id = $1)
              || (select array_agg(l.xmin::text order by l.id) from send_logs l where l.business_id = $1)
              || array(select count(*)::text from sms.message_events e where e.business_id = $1)
            """, business) ?? [];
    }

    private static IBusinessGrain Business(SmsCluster cluster, Guid id) => cluster.Grains.GetGrain<IBusinessGrain>(id);
}
