using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Orleans.Runtime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms;

/// <summary>
/// Deals the slots of one sender when <see cref="SenderOptions.SegmentsPerSecond"/> is set. Its book is in grain storage:
/// whatever becomes of its silo, the next slots follow those that were dealt.
/// </summary>
[GrainType("sms.sender")]
internal sealed partial class SenderGrain(
    [PersistentState("pace")] IPersistentState<SenderBook> book, IOptions<SenderOptions> options, ILogger<SenderGrain> logger) : Grain, ISenderGrain
{
    private readonly SharedPace _pace = new();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _pace.Resume(Instant.FromDateTimeOffset(book.State.BookedUntil));
        return Task.CompletedTask;
    }

    /// <summary>What was booked and not dealt is given back to whoever goes on.</summary>
    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_pace.NextFree >= _pace.BookedUntil)
            return;
        try
        {
            await WriteAsync(_pace.NextFree);
        }
        catch (Exception e)
        {
            LogNotClosed(logger, this.GetPrimaryKeyString(), e);
        }
    }

    public async Task<DateTimeOffset> ReserveAsync(DateTimeOffset notBefore, int segments)
    {
        if (options.Value.SegmentsPerSecond is not { } pace)
            return notBefore;
        var slot = _pace.Reserve(Instant.FromDateTimeOffset(notBefore), segments, pace);
        if (!_pace.IsOverdrawn)
            return slot.ToDateTimeOffset();
        try
        {
            await WriteAsync(_pace.NextFree + SharedPace.Ahead);
        }
        catch (Exception e)
        {
            // Not known to be booked; or another activation keeps the book, and this one must begin with what is in it.
            _pace.GiveBack(slot, segments, pace);
            DeactivateOnIdle();
            throw new StoreUnavailableException($"The book of sender slots could not be written: {e.GetType().Name}", e);
        }

        return slot.ToDateTimeOffset();
    }

    public Task ReleaseAsync(DateTimeOffset slot, int segments)
    {
        if (options.Value.SegmentsPerSecond is { } pace)
            _pace.GiveBack(Instant.FromDateTimeOffset(slot), segments, pace);
        return Task.CompletedTask;
    }

    private async Task WriteAsync(Instant until)
    {
        book.State.BookedUntil = until.ToDateTimeOffset();
        await book.WriteStateAsync();
        _pace.Booked(until);
    }

    [LoggerMessage(1, LogLevel.Warning, "The book of slots of sender {Sender} is left as it is: up to five seconds of its pace are lost")]
    private static partial void LogNotClosed(ILogger logger, string sender, Exception e);
}

/// <summary>What a sender's grain keeps.</summary>
[GenerateSerializer, Alias("sms.sender-book")]
internal sealed class SenderBook
{
    /// <summary>No slot was dealt that ends later.</summary>
    [Id(0)]
    public DateTimeOffset BookedUntil { get; set; }
}
