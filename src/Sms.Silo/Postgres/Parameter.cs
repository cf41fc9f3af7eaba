using Npgsql;
using NpgsqlTypes;

namespace Sms.Silo.Postgres;

/// <summary>Parameters that may be null: a null has no type of its own, and the function's has one.</summary>
internal static class Parameter
{
    public static NpgsqlParameter Text(string? text) => new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)text ?? DBNull.Value };

    public static NpgsqlParameter Time(DateTimeOffset? at) => new() { NpgsqlDbType = NpgsqlDbType.TimestampTz, Value = (object?)at?.UtcDateTime ?? DBNull.Value };

    public static NpgsqlParameter Id(Guid? id) => new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = (object?)id ?? DBNull.Value };
}
