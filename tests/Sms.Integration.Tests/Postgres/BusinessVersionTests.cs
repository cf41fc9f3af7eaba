using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>A business has a version that grows with whatever its sends go by, whoever writes it, and a change is made for one version.</summary>
public sealed class BusinessVersionTests : DatabaseTest
{
    [Theory]
    [InlineData("name = 'Other'", 1)]
    [InlineData("timezone = 'America/Denver'", 1)]
    [InlineData("sms_settings = sms_settings || '{\"paused\": true}'", 1)]
    [InlineData("sms_settings = '{\"paused\": true}', timezone = 'America/Denver', name = 'Other'", 1)]
    [InlineData("name = name, sms_settings = sms_settings || '{}', updated_at = now()", 0)]
    [InlineData("sms_version = 99", 0)]
    [InlineData("sms_version = 99, name = 'Other'", 1)]
    public async Task It_grows_with_what_sends_go_by_and_is_nobodys_to_write(string set, int by)
    {
        var user = Guid.NewGuid();
        var business = await Seed.BusinessAsync(user);
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "select set_config('request.jwt.claim.sub', $1, false)", user.ToString());
        var before = await Db.ScalarAsync<long>("select sms_version from businesses where id = $1", business);
        foreach (var role in new[] { "authenticated", "service_role", "postgres" })
        {
            await Statement.RunAsync(connection, role == "postgres" ? "reset role" : $"set role {role}");
            await Statement.RunAsync(connection, "update businesses set name = 'Acme', timezone = null, sms_settings = '{}' where id = $1", business);
            before = await Db.ScalarAsync<long>("select sms_version from businesses where id = $1", business);
            await Statement.RunAsync(connection, $"update businesses set {set} where id = $1", business);
            Assert.Equal(before + by, await Db.ScalarAsync<long>("select sms_version from businesses where id = $1", business));
        }
    }

    [Fact]
    public async Task A_change_writes_its_members_and_no_others()
    {
        await using var store = new BusinessStore(new Database(Db.App));
        var business = await Seed.BusinessAsync();
        await Db.ExecuteAsync("update businesses set timezone = 'America/Denver', sms_settings = '{\"paused\": true, \"theirs\": [1]}' where id = $1", business);
        var known = (await store.LoadAsync(business))!;

        var changed = (await store.ChangeAsync(new BusinessChange(business, known.Version, "admin") { Settings = """{"bodyLimit": 99}""" }, Now))!;
        Assert.Equal((known.Version + 1, known.Name, "America/Denver"), (changed.Version, changed.Name, changed.Timezone));
        Assert.True(await Db.ScalarAsync<bool>("select sms_settings = '{\"paused\": true, \"theirs\": [1], \"bodyLimit\": 99}' from businesses where id = $1", business));
        Assert.Equal(changed, await store.LoadAsync(business));

        changed = (await store.ChangeAsync(new BusinessChange(business, changed.Version, "admin") { Name = "Newer", Timezone = "America/Chicago" }, Now))!;
        Assert.Equal(("Newer", "America/Chicago"), (changed.Name, changed.Timezone));
        Assert.Contains("99", changed.Settings, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_made_for_another_version_writes_nothing()
    {
        await using var store = new BusinessStore(new Database(Db.App));
        var business = await Seed.BusinessAsync();
        var known = (await store.LoadAsync(business))!;
        await Db.ExecuteAsync("update businesses set name = 'Theirs' where id = $1", business);

        Assert.Null(await store.ChangeAsync(new BusinessChange(business, known.Version, "admin") { Name = "Ours" }, Now));
        Assert.Null(await store.ChangeAsync(new BusinessChange(Guid.NewGuid(), 0, "admin") { Name = "Ours" }, Now));
        Assert.Equal("Theirs", (await store.LoadAsync(business))!.Name);
    }

    [Fact]
    public async Task Of_two_changes_at_once_for_one_version_one_is_made()
    {
        await using var store = new BusinessStore(new Database(Db.App));
        var business = await Seed.BusinessAsync();
        var version = (await store.LoadAsync(business))!.Version;
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => store.ChangeAsync(new BusinessChange(business, version, "admin") { Name = $"{n}" }, Now)));
        Assert.Single(made, m => m is not null);
    }

    [Fact]
    public async Task Settings_that_are_no_object_are_replaced()
    {
        await using var store = new BusinessStore(new Database(Db.App));
        var business = await Seed.BusinessAsync();
        await Db.ExecuteAsync("update businesses set sms_settings = '[1]' where id = $1", business);
        var known = (await store.LoadAsync(business))!;
        Assert.Equal("{\"paused\": true}", (await store.ChangeAsync(new BusinessChange(business, known.Version, "admin") { Settings = """{"paused": true}""" }, Now))!.Settings);
    }

    [Fact]
    public async Task Businesses_that_are_asked_for_at_once_are_found_each()
    {
        await using var store = new BusinessStore(new Database(Db.App));
        var there = new List<Guid>();
        for (var n = 0; n < 20; n++)
            there.Add(await Seed.BusinessAsync());
        var found = await Task.WhenAll(there.Append(Guid.NewGuid()).Append(there[0]).Select(store.LoadAsync));
        Assert.Equal([.. there, null, there[0]], found.Select(b => b?.Id));
    }
}
