using Sms.Api;

namespace Sms.Silo.Postgres;

/// <summary>Where the database is.</summary>
/// <param name="ConnectionString">Null: the embedded PostgreSQL.</param>
/// <param name="OwnerConnectionString">Used for migrations; null: the same as the application's.</param>
/// <param name="DataDirectory">Where the embedded PostgreSQL and generated keys live.</param>
internal sealed record DatabaseSettings(string? ConnectionString, string? OwnerConnectionString, string DataDirectory)
{
    public bool IsEmbedded => ConnectionString is null;

    /// <exception cref="SettingException">A setting has a wrong value.</exception>
    public static DatabaseSettings Read(IConfiguration configuration)
    {
        var reader = new SettingsReader(configuration);
        return new DatabaseSettings(
            Checked(reader, "ConnectionStrings__Sms"), Checked(reader, "ConnectionStrings__SmsOwner"),
            Path.GetFullPath(reader.Text("SMS_DATA_DIR") ?? ".data"));
    }

    private static string? Checked(SettingsReader reader, string name)
    {
        var text = reader.Text(name);
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
