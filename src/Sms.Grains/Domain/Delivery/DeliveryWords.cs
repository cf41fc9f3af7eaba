namespace Sms.Domain.Delivery;

/// <summary>Twilio's words for <see cref="DeliveryStatus"/>, which are also those of the API and the store.</summary>
public static class DeliveryWords
{
    private static readonly Dictionary<string, DeliveryStatus> ByWord =
        Enum.GetValues<DeliveryStatus>().ToDictionary(ToWire, StringComparer.OrdinalIgnoreCase);

    /// <summary>The word for the status: <c>partially_delivered</c>.</summary>
    public static string ToWire(this DeliveryStatus status) => status switch
    {
        DeliveryStatus.Scheduled => "scheduled",
        DeliveryStatus.Accepted => "accepted",
        DeliveryStatus.Queued => "queued",
        DeliveryStatus.Sending => "sending",
        DeliveryStatus.Sent => "sent",
        DeliveryStatus.PartiallyDelivered => "partially_delivered",
        DeliveryStatus.Delivered => "delivered",
        DeliveryStatus.Undelivered => "undelivered",
        DeliveryStatus.Failed => "failed",
        DeliveryStatus.Canceled => "canceled",
        DeliveryStatus.Read => "read",
        DeliveryStatus.Receiving => "receiving",
        DeliveryStatus.Received => "received",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "Not a delivery status."),
    };

    /// <summary>
    /// Reads a status, in whatever case. False for words that Twilio adds one day: the callback is then worth
    /// keeping, but moves nothing.
    /// </summary>
    public static bool TryParse(string? word, out DeliveryStatus status)
    {
        status = default;
        return word is not null && ByWord.TryGetValue(word, out status);
    }
}
