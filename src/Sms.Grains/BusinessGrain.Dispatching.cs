using Sms.Dispatch;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms;

/// <summary>What the dispatcher sees of the business.</summary>
internal sealed partial class BusinessGrain : ISendingBusiness
{
    Guid ISendingBusiness.Id => Id;

    string ISendingBusiness.Zone => Zone;

    BusinessSettings ISendingBusiness.Settings => _settings;

    Sender? ISendingBusiness.Sender => EffectiveSender;

    Usage ISendingBusiness.Usage => _usage;

    int? ISendingBusiness.DailyLimit(Category category) => _settings.DailyLimit(category);

    long ISendingBusiness.Version => Version;

    void ISendingBusiness.Doubt()
    {
        _usage.Forget();
        _inForce.Doubt();
    }

    bool ISendingBusiness.IsThere => _inForce.IsThere;

    string? ISendingBusiness.Fault => Bar?.Detail;

    Task ISendingBusiness.FreshenAsync() => FreshenAsync();

    Task ISendingBusiness.LoadUsageAsync() => LoadUsageAsync();

    SendFacts ISendingBusiness.Facts(ClaimLookup found, bool isAnswer) =>
        Facts(found.Category, found.To, found.Segments, found.Recipient, found.ValidUntil) with
        {
            NotBefore = found.NotBefore,
            // What was handed over once has been counted: a retry must not wait for its own segments.
            SegmentsToday = found.IsCounted || isAnswer ? 0 : _usage.SegmentsToday,
        };
}
