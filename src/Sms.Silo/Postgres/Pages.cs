using Npgsql;
using Sms.Contracts;

namespace Sms.Silo.Postgres;

/// <summary>Rows read whole, and lists in pages.</summary>
internal static class Pages
{
    public static async Task<T[]> AllAsync<T>(NpgsqlDataReader reader, Func<NpgsqlDataReader, T> read)
    {
        var rows = new List<T>();
        while (await reader.ReadAsync())
            rows.Add(read(reader));
        return [.. rows];
    }

    /// <summary>One row more than asked for was read: it tells that there is a next page.</summary>
    public static (T[] Rows, string? Next) PageOf<T>(T[] rows, int limit, Func<T, (DateTimeOffset At, Guid Id)> place)
    {
        if (rows.Length <= limit)
            return (rows, null);
        var (at, id) = place(rows[limit - 1]);
        return (rows[..limit], PageCursor.After(at, id));
    }
}
