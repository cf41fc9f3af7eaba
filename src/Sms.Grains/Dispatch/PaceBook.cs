using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Contracts;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Deals a business's messages the slots of the slower of two paces: the business's own and its sender's, which it may share
/// with others. Used within one grain's turns.
/// </summary>
/// <param name="business">Whose they are.</param>
/// <param name="lastStored">The last slot of a message that waits; null: none waits for one.</param>
/// <param name="senders">Who deals a sender's slots; null: senders have no pace of their own.</param>
/// <param name="clock">The present.</param>
/// <param name="logger">For what goes wrong.</param>
internal sealed partial class PaceBook(
    Guid business, Func<Task<PaceSlot?>> lastStored, Func<string, ISenderGrain>? senders, IClock clock, ILogger logger)
{
    /// <summary>How often slots of cancelled messages are looked for, at most: it reads the business's paced backlog.</summary>
    private static readonly Duration FreeSlotsEvery = Duration.FromSeconds(5);

    private readonly Pace _pace = new();

    // Messages that ask for a slot and have not stored it yet.
    private int _placing;
    private bool _mayHaveFreeSlots;
    private Instant _freedAt = Instant.MinValue;
    private Task _freeing = Task.CompletedTask;

    /// <summary>A message was cancelled that had this slot. It does not throw.</summary>
    public async Task GiveBackAsync(Sender? sender, PaceSlot slot)
    {
        _mayHaveFreeSlots = true;
        if (senders is null || sender is null)
            return;
        try
        {
            await senders(sender.Key).ReleaseAsync(slot.At.ToDateTimeOffset(), slot.Segments);
        }
        catch (Exception e)
        {
            // The sender keeps to its pace; this slot of it is lost.
            LogSlotsNotFreed(logger, e.LineLevel, business, e);
        }
    }

    /// <summary>All slots are void: they are dealt again, by this pace.</summary>
    public void DealAnew(double segmentsPerSecond) => _pace.DealAnew(clock.GetCurrentInstant(), last: null, segmentsPerSecond);

    /// <summary>Keeps to slots that were dealt before this book was opened.</summary>
    public void Resume(PaceSlot last, double segmentsPerSecond) => _pace.Resume(last, segmentsPerSecond);

    /// <summary>Whether any pace is to be kept to.</summary>
    public bool IsPaced(double? segmentsPerSecond) => segmentsPerSecond is not null || senders is not null;

    /// <summary>To be disposed when the slot that is asked for meanwhile is stored, or is used.</summary>
    public IDisposable Placing() => new Place(this);

    /// <summary>Takes the next slot, at <paramref name="now"/> or later.</summary>
    /// <remarks>A one-time password takes one, so that all others keep to the pace, and does not wait for it.</remarks>
    public async Task<Instant> ReserveAsync(Sender sender, Instant now, int segments, Category category, double? segmentsPerSecond)
    {
        var slot = now;
        if (segmentsPerSecond is { } pace)
        {
            if (_mayHaveFreeSlots && _placing <= 1 && now - _freedAt >= FreeSlotsEvery)
                _freeing = FreeSlotsAsync(now, pace);
            await _freeing;
            slot = _pace.Reserve(now, segments, pace);
        }

        if (senders is not null)
        {
            var from = category == Category.Otp ? now : slot;
            slot = Instant.FromDateTimeOffset(await senders(sender.Key).ReserveAsync(from.ToDateTimeOffset(), segments));
        }

        return category == Category.Otp ? now : slot;
    }

    /// <summary>
    /// Cancelled messages leave their slots to others. Asked for while no slot is dealt that is not stored, and those who
    /// want one meanwhile wait.
    /// </summary>
    private async Task FreeSlotsAsync(Instant now, double pace)
    {
        _freedAt = now;
        _mayHaveFreeSlots = false;
        try
        {
            _pace.DealAnew(now, await lastStored(), pace);
        }
        catch (Exception e)
        {
            // Whatever it was: the slots stay as they were dealt, and nobody who waits for one fails.
            _mayHaveFreeSlots = true;
            LogSlotsNotFreed(logger, e.LineLevel, business, e);
        }
    }

    [LoggerMessage(EventId = 6, Message = "Slots of cancelled messages of business {Business} are not free yet")]
    private static partial void LogSlotsNotFreed(ILogger logger, LogLevel level, Guid business, Exception e);

    private sealed class Place : IDisposable
    {
        private readonly PaceBook _book;

        public Place(PaceBook book)
        {
            _book = book;
            book._placing++;
        }

        public void Dispose() => _book._placing--;
    }
}
