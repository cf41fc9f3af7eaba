using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Sending;

namespace Sms;

/// <summary>Deals the slots of one sender when <see cref="SenderOptions.SegmentsPerSecond"/> is set.</summary>
[GrainType("sms.sender")]
internal sealed class SenderGrain(IOptions<SenderOptions> options) : Grain, ISenderGrain
{
    private readonly Pace _pace = new();

    public Task<DateTimeOffset> ReserveAsync(DateTimeOffset notBefore, int segments)
    {
        var slot = options.Value.SegmentsPerSecond is { } pace
            ? _pace.Reserve(Instant.FromDateTimeOffset(notBefore), segments, pace)
            : Instant.FromDateTimeOffset(notBefore);
        return Task.FromResult(slot.ToDateTimeOffset());
    }
}
