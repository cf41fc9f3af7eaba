using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Delivery;
using Sms.Domain.Failures;
using Xunit;

namespace Sms.Domain.Tests.Attempts;

public sealed class StatusJudgeTests
{
    private static readonly Instant Now = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Theory]
    [InlineData("accepted", "sent")]
    [InlineData("scheduled", "sent")]
    [InlineData("queued", "sent")]
    [InlineData("sending", "sent")]
    [InlineData("sent", "sent")]
    [InlineData("partially_delivered", "sent")]
    [InlineData("delivered", "delivered")]
    [InlineData("read", "delivered")]
    [InlineData("undelivered", "failed")]
    [InlineData("failed", "failed")]
    [InlineData("canceled", "failed")]
    [InlineData("DELIVERED", "delivered")]
    public void Each_of_the_providers_words_is_proof_that_it_took_the_message(string word, string movesTo) =>
        Assert.Equal((word, movesTo), Judge(word) is { } report ? (report.Status, report.MovesTo) : default);

    [Theory]
    [InlineData("teleported")]
    [InlineData("")]
    public void A_word_that_is_new_to_us_moves_nothing(string word) => Assert.Null(Judge(word));

    [Theory]
    [InlineData("undelivered", 30003, FailureClass.Transient, "Handset off or out of reach", null)]
    [InlineData("undelivered", 30005, FailureClass.BadNumber, "Handset unknown", "unreachable")]
    [InlineData("failed", 21610, FailureClass.OptOut, "Recipient sent STOP to this sender", "opt_out")]
    [InlineData("undelivered", 30004, FailureClass.OptOut, "Blocked by recipient or carrier", "opt_out")]
    [InlineData("failed", 30007, FailureClass.Content, "Filtered as unwanted", null)]
    [InlineData("failed", 39999, FailureClass.Transient, "The message was not delivered", null)]
    [InlineData("failed", null, FailureClass.Request, "The message was not delivered", null)]
    public void A_failure_has_its_class_and_words_and_may_suppress_the_number(string word, int? code, FailureClass failure, string message, string? suppress)
    {
        var report = Judge(word, code)!;

        Assert.Equal(("failed", code, (FailureClass?)failure, message, suppress), (report.MovesTo, report.ErrorCode, report.ErrorClass, report.ErrorMessage, report.Suppress));
    }

    [Fact]
    public void Every_failure_has_a_class_and_nothing_else_has() => Assert.All(
        Enum.GetValues<DeliveryStatus>().Select(status => Judge(status.ToWire())!),
        report => Assert.Equal(report.MovesTo == "failed", report.ErrorClass is not null && report.ErrorMessage is not null));

    [Fact]
    public void What_succeeded_keeps_a_code_and_suppresses_nobody()
    {
        var report = Judge("delivered", 30005)!;

        Assert.Equal((30005, null, null), (report.ErrorCode, report.ErrorClass, report.Suppress));
    }

    [Fact]
    public void Whose_it_is_and_when_it_is_asked_after_are_passed_on()
    {
        var attempt = Guid.NewGuid();

        var report = StatusJudge.Judge(attempt, "SM1", "sent", errorCode: null, Now, Duration.FromMinutes(10))!;

        Assert.Equal((attempt, "SM1", Now, Now + Duration.FromMinutes(10)), (report.AttemptId, report.Sid, report.At, report.CheckAt));
        Assert.True(Judge("delivered")!.Rank > report.Rank);
    }

    private static ReportedStatus? Judge(string word, int? code = null) =>
        StatusJudge.Judge(attemptId: null, "SM1", word, code, Now, Duration.FromMinutes(10));
}
