using System.Globalization;
using Npgsql;

namespace Sms.Api;

/// <summary>
/// Refuses a pooler that gives each transaction another session of the server (transaction mode): the role, the lock of
/// the migrations and whatever else belongs to a session would be lost, or land with somebody else.
/// </summary>
public static class SessionCheck
{
    /// <summary>A busy pool may hand out the same session twice in a row by chance.</summary>
    private const int Tries = 3;

    /// <summary>Finds out whether what one connection sets stays with it, and with it alone.</summary>
    /// <param name="setting">The name of the setting that the connection string comes from.</param>
    /// <param name="connectionString">As it is configured.</param>
    /// <param name="cancellationToken">Ends the wait for the database.</param>
    /// <exception cref="SettingException">One line that says what to connect to.</exception>
    public static async Task RequireAsync(string setting, string connectionString, CancellationToken cancellationToken)
    {
        var single = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString;
        await using var one = new NpgsqlConnection(single);
        await using var other = new NpgsqlConnection(single);
        await one.OpenAsync(cancellationToken);
        await other.OpenAsync(cancellationToken);
        for (var n = 1; n <= Tries; n++)
        {
            var mark = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Guid.NewGuid():N}");
            await RunAsync(one, $"select set_config('sms.session', '{mark}', false)", cancellationToken);
            const string Read = "select coalesce(current_setting('sms.session', true), '')";
            if (string.Equals(await RunAsync(other, Read, cancellationToken), mark, StringComparison.Ordinal)
                || !string.Equals(await RunAsync(one, Read, cancellationToken), mark, StringComparison.Ordinal))
            {
                throw SettingsReader.Wrong(
                    setting, "leads to a pooler in transaction mode, where a connection has no session of its own; connect to the server itself, or to a pooler in session mode");
            }
        }
    }

    private static async Task<string> RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (string)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
