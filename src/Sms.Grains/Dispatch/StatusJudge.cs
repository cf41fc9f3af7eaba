using NodaTime;
using Sms.Contracts;
using Sms.Domain.Delivery;
using Sms.Domain.Failures;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>What follows from a status that the provider gave, in a callback or when it was asked. Pure.</summary>
internal static class StatusJudge
{
    /// <param name="status">As the provider gave it.</param>
    /// <param name="now">The present.</param>
    /// <param name="checkAfter">How long a final report is waited for.</param>
    /// <returns>Null: the word is new to us.</returns>
    public static ReportedStatus? Judge(StatusCallback status, Instant now, Duration checkAfter)
    {
        if (!DeliveryWords.TryParse(status.Status, out var word))
            return null;

        var movesTo = word switch
        {
            DeliveryStatus.Delivered or DeliveryStatus.Read => "delivered",
            DeliveryStatus.Undelivered or DeliveryStatus.Failed or DeliveryStatus.Canceled => "failed",
            _ => "sent",
        };
        var failure = movesTo == "failed" ? ErrorCatalog.ClassifyDelivery(status.ErrorCode ?? 0) : (FailureClass?)null;
        return new ReportedStatus
        {
            AttemptId = status.AttemptId,
            Sid = status.Sid,
            Status = status.Status,
            MovesTo = movesTo,
            Rank = word.Rank(),
            ErrorCode = status.ErrorCode,
            ErrorClass = failure,
            ErrorMessage = movesTo != "failed" ? null
                : status.ErrorCode is { } code && ErrorCatalog.Find(code) is { } known ? known.Meaning : "The message was not delivered",
            Suppress = failure switch
            {
                FailureClass.OptOut => "opt_out",
                FailureClass.BadNumber => "unreachable",
                _ => null,
            },
            At = now,
            CheckAt = now + checkAfter,
        };
    }
}
