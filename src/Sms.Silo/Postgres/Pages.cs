using System.Buffers.Binary;
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

    /// <summary>A cursor's id is the place itself: what orders the entries counts over all businesses, and is nobody's to see.</summary>
    public static Guid IdOf(long place)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(bytes[8..], place);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Of an id that is none of ours the first place.</summary>
    public static long PlaceOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return Math.Max(0, BinaryPrimitives.ReadInt64BigEndian(bytes[8..]));
    }
}
