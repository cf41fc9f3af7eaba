using NodaTime;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>What the dispatcher asks of the business whose texts it sends.</summary>
internal interface ISendingBusiness
{
    Guid Id { get; }

    /// <summary>tz id.</summary>
    string Zone { get; }

    BusinessSettings Settings { get; }

    /// <summary>Who its texts come from; null: nobody is configured.</summary>
    Sender? Sender { get; }

    Usage Usage { get; }

    /// <summary>Segments a day that texts of this category are held to; null: to none.</summary>
    int? DailyLimit(Category category);

    /// <summary>What the decision about a claimed row's text depends on.</summary>
    /// <param name="found">The text.</param>
    /// <param name="isAnswer">Whether it answers a call for help, which no limit holds.</param>
    SendFacts Facts(ClaimLookup found, bool isAnswer);

    /// <summary>Whether it was there at the last look.</summary>
    bool IsThere { get; }

    /// <summary>Why nothing is sent, in one sentence: the rules would not be the business's, or its sender is not allowed. Null: nothing is wrong.</summary>
    string? Fault { get; }

    /// <summary>Reads the business unless that was done within the second: before anything is decided by it.</summary>
    Task FreshenAsync();

    /// <summary>Of what is known of the business.</summary>
    long Version { get; }

    /// <summary>Something was not as it was known to be: all is read again before anything is decided by it.</summary>
    void Doubt();

    /// <summary>Completes when <see cref="Usage"/> is that of the present day.</summary>
    Task LoadUsageAsync();
}
