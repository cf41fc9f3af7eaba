using Sms.Domain.Delivery;
using Xunit;

namespace Sms.Domain.Tests.Delivery;

public sealed class DeliveryStatusTests
{
    [Theory]
    [InlineData("scheduled", "accepted")]
    [InlineData("accepted", "queued")]
    [InlineData("queued", "sending")]
    [InlineData("sending", "sent")]
    [InlineData("sent", "partially_delivered")]
    [InlineData("partially_delivered", "delivered")]
    [InlineData("delivered", "read")]
    [InlineData("sent", "undelivered")]
    [InlineData("sent", "failed")]
    [InlineData("scheduled", "canceled")]
    [InlineData("received", "scheduled")]
    public void Each_status_ranks_below_those_that_follow_it(string first, string then) =>
        Assert.True(Parsed(first).Rank() < Parsed(then).Rank());

    [Theory]
    [InlineData("undelivered")]
    [InlineData("failed")]
    [InlineData("canceled")]
    public void Ends_share_a_rank_so_that_none_passes_for_later(string end) => Assert.Equal(DeliveryStatus.Delivered.Rank(), Parsed(end).Rank());

    [Fact]
    public void All_13_statuses_have_a_word_that_reads_back()
    {
        var statuses = Enum.GetValues<DeliveryStatus>();

        Assert.Equal(13, statuses.Length);
        Assert.All(statuses, static status => Assert.Equal(status, Parsed(status.ToWire())));
        Assert.Equal(DeliveryStatus.Delivered, Parsed("DELIVERED"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("teleported")]
    public void An_unknown_word_does_not_fail(string? word) => Assert.False(DeliveryWords.TryParse(word, out _));

    private static DeliveryStatus Parsed(string word)
    {
        Assert.True(DeliveryWords.TryParse(word, out var status), word);
        return status;
    }
}
