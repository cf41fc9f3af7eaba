using NodaTime;
using Sms.Domain.Attempts;
using Xunit;

namespace Sms.Domain.Tests.Attempts;

public sealed class SentMatchTests
{
    private static readonly Instant Start = Instant.FromUtc(2026, 6, 15, 16, 0, 0) + Duration.FromMilliseconds(900);

    private static readonly UnknownAttempt Attempt = new(
        Guid.NewGuid(), "+12125550100", "Hello", "+15005550006", Start, Start + Duration.FromSeconds(35));

    private static readonly ProviderMessage Same = new(
        "SM1", "+12125550100", "+15005550006", MessagingServiceSid: null, "Hello", Instant.FromUtc(2026, 6, 15, 16, 0, 0), "sent", ErrorCode: null);

    [Fact]
    public void The_same_text_from_the_same_sender_to_the_same_recipient_at_that_time_is_it() =>
        Assert.Equal(["SM1"], SentMatch.Of(Attempt, [Same]));

    [Fact]
    public void Another_text_sender_recipient_or_time_is_another_message() =>
        Assert.Empty(SentMatch.Of(Attempt,
        [
            Same with { Body = "Hello!" },
            Same with { From = "+15005550007" },
            Same with { MessagingServiceSid = "MG1" },
            Same with { To = "+12125550101" },
            Same with { CreatedAt = Same.CreatedAt - Duration.FromSeconds(61) },
            Same with { CreatedAt = Attempt.UnknownAt + Duration.FromSeconds(61) },
        ]));

    [Fact]
    public void At_the_edges_of_the_time_and_where_it_cannot_be_read_it_counts() =>
        Assert.Equal(3, SentMatch.Of(Attempt,
        [
            Same with { CreatedAt = Same.CreatedAt - Duration.FromSeconds(60) },
            Same with { CreatedAt = Attempt.UnknownAt + Duration.FromSeconds(60) },
            Same with { CreatedAt = null },
        ]).Count);

    [Theory]
    [InlineData("Cafe\u0301\r\nat noon", "Café\nat noon")]
    [InlineData("Hello ", "Hello")]
    [InlineData("We’re here – “soon”…", "We're here - \"soon\"...")]
    [InlineData("Hello", "Sent from your Twilio trial account - Hello")]
    public void What_the_way_does_to_a_text_makes_no_other_message_of_it(string ours, string theirs) =>
        Assert.Single(SentMatch.Of(Attempt with { Body = ours }, [Same with { Body = theirs }]));

    [Fact]
    public void A_messaging_service_chooses_its_number() =>
        Assert.Single(SentMatch.Of(Attempt with { Sender = "MG1" }, [Same with { From = null, MessagingServiceSid = "MG1" }, Same]));

    [Fact]
    public void The_nearest_in_time_comes_first() =>
        Assert.Equal(["SM2", "SM1", "SM3"], SentMatch.Of(Attempt,
        [
            Same with { CreatedAt = Same.CreatedAt + Duration.FromSeconds(20) },
            Same with { Sid = "SM2" },
            Same with { Sid = "SM3", CreatedAt = null },
        ]));
}
