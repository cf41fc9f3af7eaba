using Sms.Api;

namespace Sms.Silo.Postgres;

/// <summary>Where the database is.</summary>
/// <param name="ConnectionString">Null: the embedded PostgreSQL.</param>
/// <param name="OwnerConnectionString">Used for migrations; null: the same as the application's.</param>
/// <param name="DataDirectory">Where the embedded PostgreSQL and generated keys live.</param>
internal sealed record DatabaseSettings(string? ConnectionString, string? OwnerConnectionString, string DataDirectory)
{
    public bool IsEmbedded => ConnectionString is null;

    /// <summary>See <see cref="SessionCheck"/>; for each connection string that is given.</summary>
    /// <exception cref="SettingException">One of them leads to a pooler in transaction mode.</exception>
    public async Task RequireSessionsAsync(CancellationToken cancellationToken)
    {
        foreach (var (setting, text) in new[] { ("ConnectionStrings__SmsOwner", OwnerConnectionString), ("ConnectionStrings__Sms", ConnectionString) })
        {
            if (text is not null)
                await SessionCheck.RequireAsync(setting, text, cancellationToken);
        }
    }

    /// <exception cref="SettingException">A setting has a wrong value.</exception>
    public static DatabaseSettings Read(IConfiguration configuration)
    {
        var reader = new SettingsReader(configuration);
        // It is read where the programs are looked for.
        _ = reader.Flag("SMS_PG_INSTALL", fallback: true);
        return new DatabaseSettings(
            Checked(reader, "ConnectionStrings__Sms"), Checked(reader, "ConnectionStrings__SmsOwner"),
            Path.GetFullPath(reader.Text("SMS_DATA_DIR") ?? ".data"));
    }

    private static string? Checked(SettingsReader reader, string name)
    {
        var text = reader.Secret(name);
        try
        {
            _ = text is null ? null : new Npgsql.NpgsqlConnectionStringBuilder(text);
            return text;
        }
        catch (ArgumentException)
        {
            // The exception's own words may repeat the password.
            throw SettingsReader.Wrong(name, "is no connection string for PostgreSQL (Host=…;Database=…;Username=…;Password=…)");
        }
    }
}
