namespace Sms.Silo.Twilio;

/// <summary>Reads a reply without trusting its length.</summary>
internal static class BoundedBody
{
    /// <summary>Bytes read at most unless the caller says otherwise; Twilio's replies to a create are under 4 KiB, and the rest of a longer one is left unread.</summary>
    public const int MaxBytes = 64 * 1024;

    private const int FirstBytes = 2048;

    public static async Task<ReadOnlyMemory<byte>> ReadAsync(
        HttpContent content, CancellationToken cancellationToken, int maxBytes = MaxBytes)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[FirstBytes];
        var length = 0;
        while (true)
        {
            var room = buffer.AsMemory(length);
            length += await stream.ReadAtLeastAsync(
                room, room.Length, throwOnEndOfStream: false, cancellationToken);
            if (length < buffer.Length || length == maxBytes)
                return buffer.AsMemory(0, length);
            Array.Resize(ref buffer, Math.Min(length * 2, maxBytes));
        }
    }
}
