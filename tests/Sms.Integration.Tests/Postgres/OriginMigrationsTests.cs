using Sms.Integration.Tests.Api;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>The e-mail product's own database, from its first migration to its last, is taken over as it is.</summary>
public sealed class OriginMigrationsTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task The_products_own_database_is_adopted_and_keeps_every_value(bool withViews, bool isPublished)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsOwnerAsync(OriginMigrations.Sql(withViews));
        if (isPublished)
            await database.ExecuteAsync("create publication everything for all tables");
        // customer_id of the logs is there to be filled.
        var columns = await OriginDatabase.ColumnsAsync(database, OriginShape.Both);
        var (picture, furniture) = (await OriginDatabase.PictureAsync(database, columns), await OriginDatabase.FurnitureAsync(database));

        await using var api = await RunningApi.StartOnAsync(database);

        Assert.Equal(picture, await OriginDatabase.PictureAsync(database, columns));
        // Its functions of the queue are ours now, and what is published is told with its columns.
        var kept = await OriginDatabase.FurnitureAsync(database);
        Assert.DoesNotContain(furniture.Except(kept, StringComparer.Ordinal), line =>
            !line.StartsWith("function claim_due_sms_retries", StringComparison.Ordinal) && !line.StartsWith("function recover_stuck_sms_retries", StringComparison.Ordinal)
            && !line.StartsWith("published", StringComparison.Ordinal));
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from send_logs where customer_id is distinct from contact_id"));
        Assert.Equal("opted_in 2001:db8::7, opted_out", await database.ScalarAsync<string>(
            "select string_agg(concat_ws(' ', status, ip), ', ' order by status) from sms.consent_events"));

        var id = await database.ScalarAsync<Guid>("select md5('b')::uuid");
        var key = await api.Client.PostAsync($"/v1/businesses/{id}/api-keys", "", SharedSilo.AdminKey);
        var business = new TestBusiness(api, id, key.Json!["apiKey"]!.GetValue<string>());
        Assert.Equal(200, (await api.Client.PatchAsync(
            business.Path, new { timezone = "America/Chicago", settings = new { quietHours = Hours.Always, quietHoursPolicy = "business" } }, SharedSilo.AdminKey)).Status);
        await business.WhenSentAsync((await business.SendAsync(new { to = "+13125550101", body = "Sale" })).Id);
        Assert.Equal("opted_out", (await business.SendAsync(new { to = "+13125550102", body = "Hi", category = "transactional" })).Code);
        Assert.Equal("consent_required", (await business.SendAsync(new { to = "+13125550103", body = "Sale" })).Code);
        Assert.Equal("unknown_template", (await business.SendAsync(new { to = "+13125550101", templateId = await database.ScalarAsync<Guid>("select md5('t')::uuid"), category = "transactional" })).Code);
        var newcomer = await database.ScalarAsync<Guid>("select md5('new')::uuid");
        var consent = new { status = "opted_in", method = "sms_keyword", source = "a word by text", ip = "behind a proxy" };
        Assert.Equal(201, (await business.PostAsync($"/customers/{newcomer}/consent", consent)).Status);
        // What was queued there before waits untouched, until a STOP ends it with all else.
        Assert.Equal("pending 2025-01-01", await database.ScalarAsync<string>("select status || ' ' || updated_at::date from sms_retry_queue where id = md5('q')::uuid"));
        Assert.Equal(200, (await new Webhooks(api).InboundAsync("+13125550101", "STOP")).Status);
        Assert.Equal("opted_out", (await business.SendAsync(new { to = "+13125550101", body = "Hi", category = "transactional" })).Code);
        await Eventually.TrueAsync(async () => await database.ScalarAsync<bool>(
            "select c.sms_consent_status = 'opted_out' and q.status = 'cancelled' from customers c join sms_retry_queue q on q.customer_id = c.id and q.id = md5('q')::uuid"));
    }
}
