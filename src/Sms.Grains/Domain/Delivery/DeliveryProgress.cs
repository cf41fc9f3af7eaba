namespace Sms.Domain.Delivery;

/// <summary>The order of the statuses. Callbacks come late, twice and in any order; those of one message are applied in this one.</summary>
public static class DeliveryProgress
{
    /// <summary>How far along a message is; ends share a rank, but for read, which follows delivered. Inbound statuses have rank -1.</summary>
    public static int Rank(this DeliveryStatus status) => status switch
    {
        DeliveryStatus.Receiving or DeliveryStatus.Received => -1,
        DeliveryStatus.Scheduled => 0,
        DeliveryStatus.Accepted => 1,
        DeliveryStatus.Queued => 2,
        DeliveryStatus.Sending => 3,
        DeliveryStatus.Sent => 4,
        DeliveryStatus.PartiallyDelivered => 5,
        DeliveryStatus.Delivered or DeliveryStatus.Undelivered or DeliveryStatus.Failed or DeliveryStatus.Canceled => 6,
        DeliveryStatus.Read => 7,
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "Not a delivery status."),
    };
}
