using NodaTime;
using Npgsql;

namespace Sms.Silo.Postgres;

/// <summary>Columns that may be null.</summary>
internal static class ReaderExtensions
{
    public static string? Text(this NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetString(column);

    public static T? Optional<T>(this NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? default : reader.GetFieldValue<T>(column);

    public static Instant? Instant(this NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : NodaTime.Instant.FromDateTimeUtc(reader.GetDateTime(column));

    public static IReadOnlyList<Instant> Instants(this NpgsqlDataReader reader, int column) =>
        [.. reader.GetFieldValue<DateTime[]>(column).Select(NodaTime.Instant.FromDateTimeUtc)];

    public static DateTimeOffset Time(this NpgsqlDataReader reader, int column) => new(reader.GetDateTime(column));

    public static DateTimeOffset? OptionalTime(this NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.Time(column);
}
