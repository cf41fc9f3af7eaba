using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// What a business's texts do while the provider refuses their sender: one row stays due at the next probe, and so does what
/// expires; all others are held out of the queue's due rows until a request is not refused. Used within one grain's turns.
/// </summary>
internal sealed partial class SenderHold(Guid business, IMessageStore messages, IClock clock, ILogger logger)
{
    private Instant _nextProbe = Instant.MinValue;
    private Task _holding = Task.CompletedTask;

    // An activation before this one may have held some.
    private bool _mayHoldRows = true;

    /// <summary>Whether rows may be held that a request which is not refused sets free.</summary>
    public bool MayHoldRows => _mayHoldRows;

    /// <summary>Whether a row is held; else it is due at the probe.</summary>
    /// <param name="expires">It must be seen when it does.</param>
    /// <param name="wait">Until the next probe.</param>
    /// <param name="now">The present.</param>
    public bool Holds(bool expires, GateAnswer.Wait wait, Instant now)
    {
        if (_holding.IsCompleted)
            _holding = HoldDueAsync(now, wait);
        if (_nextProbe > now && !expires)
            return true;
        _nextProbe = wait.Until;
        return false;
    }

    /// <summary>After a request that the provider did not refuse for the sender.</summary>
    public async Task ReleaseAsync()
    {
        await _holding;
        if (!_mayHoldRows)
            return;
        _mayHoldRows = false;
        try
        {
            await messages.ReleaseStoppedAsync(business, clock.GetCurrentInstant());
        }
        catch (StoreUnavailableException e)
        {
            _mayHoldRows = true;
            LogHeldNothing(logger, e.LineLevel, business, e);
        }
    }

    private async Task HoldDueAsync(Instant now, GateAnswer.Wait wait)
    {
        _mayHoldRows = true;
        try
        {
            await messages.HoldDueAsync(business, now, wait.Until, wait.Cause, wait.Code);
        }
        catch (Exception e)
        {
            // They are claimed, and held, one by one.
            LogHeldNothing(logger, e.LineLevel, business, e);
        }
    }

    [LoggerMessage(EventId = 4, Message = "What business {Business} holds for its sender is unchanged: the database did not answer")]
    private static partial void LogHeldNothing(ILogger logger, LogLevel level, Guid business, Exception e);
}
