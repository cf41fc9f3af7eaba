namespace Sms.Silo.Twilio;

/// <summary>Reads a reply without trusting its length.</summary>
internal static class BoundedBody
{
    /// <summary>Bytes read at most; Twilio's replies are under 4 KiB, and the rest of a longer one is left unread.</summary>
    public const int MaxBytes = 64 * 1024;

    private const int FirstBytes = 2048;

    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[FirstBytes];
        var length = 0;
        while (true)
        {
            var room = buffer.AsMemory(length);
            length += await stream.ReadAtLeastAsync(
                room, room.Length, throwOnEndOfStream: false, cancellationToken);
            if (length < buffer.Length || length == MaxBytes)
                return buffer.AsMemory(0, length);
            Array.Resize(ref buffer, Math.Min(length * 2, MaxBytes));
        }
    }
}
