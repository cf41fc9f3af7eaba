using System.Buffers.Binary;
using System.Buffers.Text;

namespace Sms.Contracts;

/// <summary>
/// The place in a list after which the next page starts: an instant and an id, opaque to clients. Rows that arrive
/// meanwhile are newer and do not move it.
/// </summary>
public static class PageCursor
{
    public static string After(DateTimeOffset createdAt, Guid id)
    {
        Span<byte> bytes = stackalloc byte[24];
        BinaryPrimitives.WriteInt64BigEndian(bytes, createdAt.UtcTicks);
        id.TryWriteBytes(bytes[8..], bigEndian: true, out _);
        return Base64Url.EncodeToString(bytes);
    }

    public static bool TryParse(string text, out DateTimeOffset createdAt, out Guid id)
    {
        (createdAt, id) = (default, default);
        Span<byte> bytes = stackalloc byte[24];
        if (text.Length != 32 || !Base64Url.IsValid(text) || !Base64Url.TryDecodeFromChars(text, bytes, out var written) || written != 24)
            return false;
        var ticks = BinaryPrimitives.ReadInt64BigEndian(bytes);
        if (ticks < 0 || ticks > DateTimeOffset.MaxValue.UtcTicks)
            return false;
        (createdAt, id) = (new DateTimeOffset(ticks, TimeSpan.Zero), new Guid(bytes[8..], bigEndian: true));
        return true;
    }
}
