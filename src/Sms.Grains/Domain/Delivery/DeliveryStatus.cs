namespace Sms.Domain.Delivery;

/// <summary>What Twilio says of a message it has.</summary>
/// <remarks>Source: the message status enumeration of Twilio's OpenAPI document, api v2010.</remarks>
public enum DeliveryStatus
{
    /// <summary>To be sent later, by request.</summary>
    Scheduled,

    /// <summary>Taken by a messaging service, which has yet to choose a sender.</summary>
    Accepted,

    /// <summary>Waits for its sender's turn.</summary>
    Queued,

    /// <summary>On its way to the carrier.</summary>
    Sending,

    /// <summary>The carrier took it; the last word where carriers give no receipt.</summary>
    Sent,

    /// <summary>Some of several recipients have it.</summary>
    PartiallyDelivered,

    /// <summary>The carrier confirmed its delivery.</summary>
    Delivered,

    /// <summary>The carrier reported that it was not delivered.</summary>
    Undelivered,

    /// <summary>It never left Twilio, or was refused.</summary>
    Failed,

    /// <summary>Called back while it was scheduled.</summary>
    Canceled,

    /// <summary>The recipient opened it, on channels that tell.</summary>
    Read,

    /// <summary>Inbound, on its way to us.</summary>
    Receiving,

    /// <summary>Inbound, with us.</summary>
    Received,
}
