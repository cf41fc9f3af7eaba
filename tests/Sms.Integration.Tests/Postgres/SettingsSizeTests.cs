using Npgsql;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Settings are read with every send. Others may write them too.</summary>
public sealed class SettingsSizeTests : DatabaseTest
{
    private const string Long = "update businesses set sms_settings = jsonb_build_object('bodyLimit', 300, 'theirs', (select string_agg(md5(n::text), '') from generate_series(1, $2) n)) where id = $1";

    [Fact]
    public async Task Settings_of_more_than_64_KB_are_refused_whoever_writes_them()
    {
        var business = await Seed.BusinessAsync();
        await using var connection = await ConnectAsync();

        Assert.Null(await Statement.FailureAsync(connection, Long, business, 2040));
        Assert.Equal(PostgresErrorCodes.CheckViolation, await Statement.FailureAsync(connection, Long, business, 2050));
    }

    [Theory]
    [InlineData(2050)]
    [InlineData(200_000)]
    public async Task Longer_ones_that_are_there_already_are_shown_as_a_fault_and_written_anew_by_a_change(int parts)
    {
        var business = await Seed.BusinessAsync();
        await Db.ExecuteAsync("alter table businesses drop constraint businesses_sms_settings_short");
        await Db.ExecuteAsync(Long, business, parts);
        await using var store = new BusinessStore(new Database(Db.App));

        var stored = (await store.LoadAsync(business))!;

        Assert.Null(stored.Settings);
        Assert.Equal("settings: are longer than 64 KB.", KnownBusiness.Of(stored).Fault);
        var changed = await store.ChangeAsync(new BusinessChange(business, stored.Version, "admin") { Settings = """{"bodyLimit": 200}""" }, Now);
        Assert.Equal("""{"bodyLimit": 200}""", changed!.Settings);
        Assert.Null(KnownBusiness.Of(changed).Fault);
    }
}
