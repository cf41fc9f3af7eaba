using System.Text.Json.Nodes;
using Sms.Integration.Tests.Api;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>A command line, or a setting, that says something that there is not starts nothing.</summary>
public sealed class ArgumentTests
{
    [Theory]
    [InlineData("Sms.Silo", "--migrate-pln", "--migrate-plan")]
    [InlineData("Sms.Silo", "--migrate-plan=perhaps", "--migrate-plan")]
    [InlineData("Sms.Silo", "serve", "health")]
    [InlineData("Sms.Silo", "--SMS_API=off", "--urls")]
    [InlineData("Sms.Api", "--url", "--urls")]
    public async Task A_mistyped_argument_ends_it_with_the_list_and_touches_no_database(string program, string argument, string listed)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await using var process = SiloProcess.Launch(Settings(database), program, argument);

        Assert.Equal(2, await process.ExitAsync());
        Assert.Contains(argument.Split('=')[0], string.Join('\n', process.Errors), StringComparison.Ordinal);
        Assert.Contains(listed, string.Join('\n', process.Errors), StringComparison.Ordinal);
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_namespace where nspname in ('sms', 'orleans')"));
    }

    [Theory]
    [InlineData("--help", "--migrate-only")]
    [InlineData("--version", "0.")]
    public async Task Help_and_version_answer(string argument, string expected)
    {
        await using var process = SiloProcess.Launch(new Dictionary<string, string>(StringComparer.Ordinal), "Sms.Silo", argument);
        Assert.Equal(0, await process.ExitAsync());
        Assert.Contains(expected, process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_that_is_asked_for_with_true_is_a_plan()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await using var process = SiloProcess.Launch(Settings(database), "Sms.Silo", "--migrate-plan=true");
        Assert.Equal(0, await process.ExitAsync());
        Assert.Contains("Nothing was changed.", process.Output, StringComparison.Ordinal);
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_namespace where nspname in ('sms', 'orleans')"));
    }

    [Theory]
    [InlineData("Sms__Retry__Leese", "00:00:20", "Sms__Retry__Lease")]
    [InlineData("Sms__Retry__Backof__0", "00:00:20", "Sms__Retry__Backoff__0")]
    [InlineData("SMS_URL", "http://127.0.0.1:1", "SMS_URLS")]
    [InlineData("SMS_ADMINKEY", "an-admin-key-for-tests", "SMS_ADMIN_KEY")]
    [InlineData("SMS_SERVICE_HOST", "10.0.0.1", "enableServiceLinks: false")]
    [InlineData("SMS_API_PORT_8080_TCP_ADDR", "10.0.0.1", "enableServiceLinks: false")]
    public async Task A_setting_that_there_is_not_ends_it_with_the_nearest(string name, string value, string nearest)
    {
        foreach (var program in new[] { "Sms.Silo", "Sms.Api" })
        {
            await using var process = SiloProcess.Launch(new Dictionary<string, string>(StringComparer.Ordinal) { [name] = value }, program);
            Assert.Equal(1, await process.ExitAsync());
            var line = Assert.Single(process.Errors);
            Assert.StartsWith($"{name}: ", line, StringComparison.Ordinal);
            Assert.Contains(nearest, line, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Logs_are_objects_where_that_is_asked_for_and_tell_the_version()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await using var silo = await SiloProcess.StartAsync(new Dictionary<string, string>(Settings(database), StringComparer.Ordinal) { ["SMS_LOG_FORMAT"] = "json" });
        var line = JsonNode.Parse(silo.Output.Split('\n').First(l => l.Contains("Starting", StringComparison.Ordinal)))!;
        var version = line["State"]!["Version"]!.GetValue<string>();
        var client = new ApiClient(silo.Http);
        Assert.Equal(version, (await client.GetAsync("/health/live")).Json!["version"]!.GetValue<string>());
        Assert.Contains($"sms_build_info{{version=\"{version}\"}} 1", (await client.GetAsync("/metrics")).Text, StringComparison.Ordinal);

        await using var other = SiloProcess.Launch(new Dictionary<string, string>(Settings(database), StringComparer.Ordinal) { ["SMS_LOG_FORMAT"] = "xml" });
        Assert.Equal(1, await other.ExitAsync());
        Assert.Equal("SMS_LOG_FORMAT: must be one of text, json.", Assert.Single(other.Errors));
    }

    private static Dictionary<string, string> Settings(TestDatabase database) => new(StringComparer.Ordinal)
    {
        ["ConnectionStrings__Sms"] = database.ConnectionString,
        ["Sms__Database__AllowUnsafe"] = "true",
        ["SMS_ADMIN_KEY"] = SharedSilo.AdminKey,
        ["SMS_PROVIDER"] = "disabled",
    };
}
