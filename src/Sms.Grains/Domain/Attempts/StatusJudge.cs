using NodaTime;
using Sms.Domain.Delivery;
using Sms.Domain.Failures;

namespace Sms.Domain.Attempts;

/// <summary>Says what follows from a status that the provider gave, in a callback or when it was asked.</summary>
internal static class StatusJudge
{
    /// <param name="attemptId">Whose message it is, when the callback's URL named it.</param>
    /// <param name="sid">The provider's id of the message.</param>
    /// <param name="status">The provider's word.</param>
    /// <param name="errorCode">The provider's code, once it failed.</param>
    /// <param name="now">The present.</param>
    /// <param name="checkAfter">How long a final report is waited for.</param>
    /// <returns>Null: the word is new to us.</returns>
    public static ReportedStatus? Judge(Guid? attemptId, string? sid, string status, int? errorCode, Instant now, Duration checkAfter)
    {
        if (!DeliveryWords.TryParse(status, out var word))
            return null;

        var movesTo = word switch
        {
            DeliveryStatus.Delivered or DeliveryStatus.Read => "delivered",
            DeliveryStatus.Undelivered or DeliveryStatus.Failed or DeliveryStatus.Canceled => "failed",
            _ => "sent",
        };
        var failure = movesTo == "failed" ? ErrorCatalog.ClassifyDelivery(errorCode ?? 0) : (FailureClass?)null;
        return new ReportedStatus
        {
            AttemptId = attemptId,
            Sid = sid,
            Status = status,
            MovesTo = movesTo,
            Rank = word.Rank(),
            ErrorCode = errorCode,
            ErrorClass = failure,
            ErrorMessage = movesTo != "failed" ? null
                : errorCode is { } code && ErrorCatalog.Find(code) is { } known ? known.Meaning : "The message was not delivered",
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
