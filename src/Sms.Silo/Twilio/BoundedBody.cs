using System.Buffers;

namespace Sms.Silo.Twilio;

/// <summary>A reply that was read without trusting its length. Its bytes are lent, until it is disposed.</summary>
internal readonly struct BoundedBody : IDisposable
{
    /// <summary>Bytes read at most unless the caller says otherwise; Twilio's replies to a create are under 4 KiB, and the rest of a longer one is left unread.</summary>
    public const int MaxBytes = 64 * 1024;

    private const int FirstBytes = 2048;

    private readonly byte[] lent;
    private readonly int length;

    private BoundedBody(byte[] lent, int length) => (this.lent, this.length) = (lent, length);

    public ReadOnlySpan<byte> Bytes => lent.AsSpan(0, length);

    public static async Task<BoundedBody> ReadAsync(
        HttpContent content, CancellationToken cancellationToken, int maxBytes = MaxBytes)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        // After a failure it is not given back: a read that was given up may still write into it.
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(FirstBytes, maxBytes));
        var filled = 0;
        while (true)
        {
            var room = buffer.AsMemory(filled, Math.Min(buffer.Length, maxBytes) - filled);
            filled += await stream.ReadAtLeastAsync(
                room, room.Length, throwOnEndOfStream: false, cancellationToken);
            if (filled < buffer.Length || filled == maxBytes)
                return new BoundedBody(buffer, filled);
            var larger = ArrayPool<byte>.Shared.Rent(Math.Min(filled * 2, maxBytes));
            buffer.AsSpan(0, filled).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
        }
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(lent);
}
