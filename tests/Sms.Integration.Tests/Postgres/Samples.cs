using NodaTime;
using Sms.Domain.Phones;
using Sms.Domain.Sending;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Values as the grains hand them to the store.</summary>
internal static class Samples
{
    public static readonly DecisionRecord Decision = new(
        "America/Chicago", ["America/Chicago"], "customer", ["08:00", "21:00"], "us_states", "2026f",
        Instant.FromUtc(2026, 11, 23, 18, 0), "2026-11-23T12:00");

    public static AcceptedMessage Message(Guid business, Guid customer, Instant at, string? phone = null) => new()
    {
        Id = Guid.CreateVersion7(),
        BusinessId = business,
        CustomerId = customer,
        IsNewCustomer = phone is not null,
        To = PhoneNumber.FromE164(phone ?? "+15125550100"),
        Body = "Hello",
        Category = Category.Marketing,
        Encoding = "gsm7",
        Segments = 2,
        MaxAttempts = 3,
        Metadata = "{}",
        Decision = Decision,
        AcceptedAt = at,
        Month = new LocalDate(2026, 11, 1),
    };

    /// <summary>Stored with its row claimed by whoever stores it.</summary>
    public static AcceptedMessage Claimed(this AcceptedMessage message) =>
        message with { Claim = new NewClaim(Guid.NewGuid(), message.AcceptedAt + Duration.FromSeconds(20)) };

    /// <summary>The attempt of a message that was stored claimed.</summary>
    public static BeginAttempt Begin(AcceptedMessage message) => new(
        message.BusinessId, message.Id, message.Claim!.LeaseToken, Attempt(message.AcceptedAt), message.AcceptedAt, message.Decision,
        message.Segments, new LocalDate(2026, 11, 23))
    { IsDecisionStored = true };

    public static async Task<(BeginOutcome Outcome, Guid Attempt)> StoreAndBeginAsync(this MessageStore store, AcceptedMessage message, int? dailyLimit = null)
    {
        var claimed = message.Claim is null ? message.Claimed() : message;
        await store.AcceptAsync(claimed);
        var begin = Begin(claimed) with { DailySegmentLimit = dailyLimit };
        return ((await store.BeginAttemptAsync(begin)).Outcome, begin.Attempt.Id);
    }

    public static NewAttempt Attempt(Instant at) => new(Guid.CreateVersion7(), "silo-1", "+15005550006", at + Duration.FromSeconds(10));

    public static BeginAttempt Begin(DueRow claim, Instant at) => new(
        claim.BusinessId, claim.Row.QueueId, claim.Row.LeaseToken, Attempt(at), at, Decision, Segments: 2, new LocalDate(2026, 11, 23));

    public static SettledAttempt Settle(Guid business, Guid attempt, string outcome, Instant at) => new()
    {
        AttemptId = attempt,
        BusinessId = business,
        Outcome = outcome,
        At = at,
        ScheduledFor = outcome is "retry" or "defer" ? at + Duration.FromMinutes(1) : null,
        Cause = outcome switch { "retry" => WaitCause.ProviderError, "defer" => WaitCause.ProviderRate, _ => null },
        TwilioSid = outcome is "accepted" ? $"SM{attempt:N}" : null,
        ErrorMessage = outcome is "accepted" ? null : "Refused.",
        LookupAt = outcome is "unknown" ? at + Duration.FromSeconds(30) : null,
        CheckAt = outcome is "accepted" ? at + Duration.FromMinutes(10) : null,
    };

    public static ReleasedClaim Release(DueRow claim, string action, Instant at) => new()
    {
        BusinessId = claim.BusinessId,
        QueueId = claim.Row.QueueId,
        LeaseToken = claim.Row.LeaseToken,
        Action = action,
        At = at,
        ScheduledFor = action is "fail" ? null : at + Duration.FromMinutes(1),
        ErrorMessage = action is "fail" ? "Opted out." : null,
    };
}
