using CsCheck;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Domain.Retries;
using Sms.Domain.Sending;
using Xunit;

namespace Sms.Domain.Tests.Attempts;

/// <summary>What follows from each end of an attempt; waits are in seconds from now.</summary>
public sealed class OutcomeJudgeTests
{
    private static readonly Instant Now = Instant.FromUtc(2026, 6, 15, 16, 0);
    private static readonly ProviderOutcome.TooLate Late = new();
    private static readonly ProviderOutcome.NeverLeft Unreachable = new("connection refused");

    [Theory]
    [InlineData(FailureClass.Transient, 30001, 1, "retry", 60, "twilio_error")]
    [InlineData(FailureClass.Transient, 30001, 2, "retry", 300, "twilio_error")]
    [InlineData(FailureClass.Transient, 30001, 9, "retry", 900, "twilio_error")]
    [InlineData(FailureClass.Rate, 20429, 1, "defer", 5, "rate_limit")]
    [InlineData(FailureClass.Day, 63038, 1, "defer", 3600, "rate_limit")]
    [InlineData(FailureClass.Configuration, 20003, 1, "defer", 60, "twilio_error")]
    [InlineData(FailureClass.A2P, 30034, 1, "defer", 60, "twilio_error")]
    [InlineData(FailureClass.Configuration, 21408, 1, "defer", 600, "twilio_error")]
    [InlineData(FailureClass.Configuration, 21608, 1, "defer", 600, "twilio_error")]
    [InlineData(FailureClass.Configuration, 21703, 1, "defer", 600, "twilio_error")]
    [InlineData(FailureClass.Configuration, 30044, 1, "defer", 600, "twilio_error")]
    [InlineData(FailureClass.Hours, 30047, 1, "defer", 1800, "quiet_hours")]
    [InlineData(FailureClass.Unknown, 500, 1, "unknown", null, null)]
    [InlineData(FailureClass.BadNumber, 21211, 1, "failed", null, null)]
    [InlineData(FailureClass.Route, 21612, 1, "failed", null, null)]
    [InlineData(FailureClass.OptOut, 21610, 1, "failed", null, null)]
    [InlineData(FailureClass.Content, 30007, 1, "failed", null, null)]
    [InlineData(FailureClass.Request, 21617, 1, "failed", null, null)]
    [InlineData(FailureClass.Expired, 30036, 1, "failed", null, null)]
    [InlineData(FailureClass.Info, 11200, 1, "failed", null, null)]
    public void A_refusal_is_judged_by_its_class(FailureClass failure, int code, int number, string outcome, int? wait, string? reason)
    {
        var judged = Judge(Refused(failure, code), number: number);

        Assert.Equal((outcome, (double?)wait, reason), Outline(judged));
        Assert.Equal((code, (FailureClass?)failure, "words"), (judged.Code, judged.Class, judged.Message));
    }

    [Theory]
    [InlineData(FailureClass.OptOut, "opt_out")]
    [InlineData(FailureClass.BadNumber, "unreachable")]
    [InlineData(FailureClass.Route, null)]
    [InlineData(FailureClass.Content, null)]
    public void Only_what_is_the_numbers_own_suppresses_it(FailureClass failure, string? suppress) =>
        Assert.Equal(suppress, Judge(Refused(failure)).Suppress);

    [Fact]
    public void Only_what_holds_for_all_recipients_stops_the_sender()
    {
        var stopping = Enum.GetValues<FailureClass>().Where(failure => Judge(Refused(failure, 20003)).StopsSender);

        Assert.Equal([FailureClass.Configuration, FailureClass.A2P], stopping);
        Assert.False(Judge(Refused(FailureClass.Configuration, 21408)).StopsSender);
    }

    [Fact]
    public void What_the_provider_took_and_what_it_may_have_taken_are_told_apart()
    {
        Assert.Equal(new Judgement("accepted"), Judge(new ProviderOutcome.Accepted("SM1")));
        Assert.Equal(new Judgement("unknown", Class: FailureClass.Unknown, Message: "reset"), Judge(new ProviderOutcome.Unknown("reset")));
    }

    [Fact]
    public void What_did_not_leave_is_put_off_whichever_request_it_was()
    {
        foreach (var number in new[] { 1, 2, 10 })
        {
            Assert.Equal(("defer", 60, "twilio_error"), Outline(Judge(Unreachable, number: number)));
            Assert.Equal(("defer", 1, "scheduled"), Outline(Judge(Late, number: number)));
        }
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(5, 5)]
    [InlineData(10, 10)]
    [InlineData(80, 80)]
    [InlineData(300, 300)]
    [InlineData(86_399, 300)]
    public void Refused_for_its_rate_it_waits_as_long_again_as_it_has_been_tried_for(int tried, int wait)
    {
        Assert.Equal(wait, Wait(Judge(Refused(FailureClass.Rate), tried: tried)));
        Assert.InRange(Wait(Judge(Refused(FailureClass.Rate), tried: tried, jitter: 0.999))!.Value, wait * 1.99, wait * 2);
    }

    [Theory]
    [InlineData(3, 0, 3)]
    [InlineData(3, 3, 3)]
    [InlineData(3, 60, 60)]
    [InlineData(1, 3600, 300)]
    [InlineData(120, 60, 120)]
    [InlineData(7200, 60, 7200)]
    [InlineData(2_592_000, 0, 86_400)]
    public void The_providers_own_word_is_the_least_and_a_day_is_the_most(int retryAfter, int tried, int wait)
    {
        Assert.Equal(wait, Wait(Judge(Refused(FailureClass.Rate, retryAfter: retryAfter), tried: tried)));
        Assert.True(Wait(Judge(Refused(FailureClass.Day, retryAfter: retryAfter), tried: tried)) >= Math.Min(retryAfter, 86_400));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(30, 30)]
    [InlineData(3600, 300)]
    public void What_keeps_being_too_late_backs_off_too(int tried, int wait) => Assert.Equal(wait, Wait(Judge(Late, tried: tried)));

    [Fact]
    public void A_day_of_it_makes_some_hundred_requests_and_then_it_is_given_up()
    {
        foreach (ProviderOutcome outcome in new ProviderOutcome[] { Refused(FailureClass.Rate), Refused(FailureClass.Rate, retryAfter: 1), Late })
        {
            var (tried, requests) = (Duration.Zero, 1);
            for (; Judge(outcome, tried: tried.TotalSeconds, jitter: 0.5) is { Outcome: "defer", ScheduledFor: { } next }; requests++)
                tried += next - Now;

            Assert.InRange(requests, 100, 300);
            Assert.InRange(tried, Duration.FromHours(24), Duration.FromHours(24) + (OutcomeJudge.LongestBackoff * 2));
        }
    }

    [Fact]
    public void After_a_day_of_trying_it_fails_and_until_then_it_matters_since_when() => Assert.All(
        new ProviderOutcome[] { Refused(FailureClass.Rate), Refused(FailureClass.Day), Refused(FailureClass.Configuration, 21408), Late, Unreachable },
        outcome =>
        {
            Assert.True(OutcomeJudge.DependsOnTries(outcome));
            Assert.Equal("defer", Judge(outcome, tried: 86_399).Outcome);
            var failed = Judge(outcome, tried: 86_400);
            Assert.Equal(("failed", null, null), Outline(failed));
            Assert.NotNull(failed.Class);
        });

    [Fact]
    public void Of_other_ends_nobody_has_to_ask_since_when_it_was_tried()
    {
        var ends = Enum.GetValues<FailureClass>().Except([FailureClass.Rate, FailureClass.Day, FailureClass.Hours]).Select(failure => (ProviderOutcome)Refused(failure, 20003))
            .Append(new ProviderOutcome.Accepted("SM1")).Append(new ProviderOutcome.Unknown("reset"));

        Assert.All(ends, end =>
        {
            Assert.False(OutcomeJudge.DependsOnTries(end));
            Assert.Equal(Judge(end), Judge(end, tried: 1_000_000));
        });
    }

    [Fact]
    public void What_waits_is_looked_at_when_it_expires_and_what_has_expired_is_not_looked_at_earlier()
    {
        Assert.Equal(40, Wait(Judge(Refused(FailureClass.Transient), validFor: 40)));
        Assert.Equal(3, Wait(Judge(Refused(FailureClass.Rate), validFor: 3)));
        Assert.Equal(5, Wait(Judge(Refused(FailureClass.Rate), validFor: 0)));
        // A stopped sender is probed on its own time.
        Assert.Equal(60, Wait(Judge(Refused(FailureClass.A2P), validFor: 3)));
    }

    [Fact]
    public void No_wait_is_ever_negative_or_longer_than_a_day() =>
        Gen.Select(Gen.OneOf(Enum.GetValues<FailureClass>()), Gen.Int[-100, 100_000], Gen.Int[0, 100_000], Gen.Double[0, 0.999]).Sample((failure, tried, retryAfter, jitter) =>
            Judge(Refused(failure, retryAfter: retryAfter), tried: tried, jitter: jitter).ScheduledFor is not { } at
                || (at > Now - Duration.Epsilon && at <= Now + Duration.FromHours(24)));

    private static Judgement Judge(ProviderOutcome outcome, int number = 1, double tried = 0, double? validFor = null, double jitter = 0) => OutcomeJudge.Judge(
        outcome, number, Now, Now - Duration.FromSeconds(tried), validFor is { } seconds ? Now + Duration.FromSeconds(seconds) : null, RetryPolicy.Default, jitter);

    private static ProviderOutcome.Refused Refused(FailureClass failure, int code = 20429, int? retryAfter = null) =>
        new(failure, code, "words", retryAfter is { } seconds ? Duration.FromSeconds(seconds) : null);

    private static double? Wait(Judgement judged) => (judged.ScheduledFor - Now)?.TotalSeconds;

    private static (string, double?, string?) Outline(Judgement judged) => (judged.Outcome, Wait(judged), judged.Cause?.ToReason());
}
