using CsCheck;
using Sms.Domain.Delivery;
using Xunit;

namespace Sms.Domain.Tests.Delivery;

public sealed class DeliveryProgressTests
{
    private static readonly Gen<DeliveryStatus> Statuses = Gen.OneOf(Enum.GetValues<DeliveryStatus>());

    [Theory]
    [InlineData("queued", "sent", "sent", DeliveryMove.Forward)]
    [InlineData("scheduled", "accepted", "accepted", DeliveryMove.Forward)]
    [InlineData("accepted", "queued", "queued", DeliveryMove.Forward)]
    [InlineData("scheduled", "canceled", "canceled", DeliveryMove.Forward)]
    [InlineData("sent", "sending", "sent", DeliveryMove.Stale)]
    [InlineData("sent", "sent", "sent", DeliveryMove.Stale)]
    [InlineData("sent", "read", "read", DeliveryMove.Forward)]
    [InlineData("sent", "partially_delivered", "partially_delivered", DeliveryMove.Forward)]
    [InlineData("partially_delivered", "delivered", "delivered", DeliveryMove.Forward)]
    [InlineData("delivered", "read", "read", DeliveryMove.Forward)]
    [InlineData("delivered", "sent", "delivered", DeliveryMove.Stale)]
    [InlineData("delivered", "delivered", "delivered", DeliveryMove.Stale)]
    [InlineData("read", "delivered", "read", DeliveryMove.Stale)]
    [InlineData("delivered", "undelivered", "delivered", DeliveryMove.Conflict)]
    [InlineData("undelivered", "delivered", "undelivered", DeliveryMove.Conflict)]
    [InlineData("undelivered", "read", "undelivered", DeliveryMove.Conflict)]
    [InlineData("read", "failed", "read", DeliveryMove.Conflict)]
    [InlineData("sent", "received", "sent", DeliveryMove.Stale)]
    public void A_status_only_moves_forward(string current, string incoming, string kept, DeliveryMove move)
    {
        var advance = DeliveryProgress.Advance(Parsed(current), Parsed(incoming));

        Assert.Equal(new DeliveryAdvance(Parsed(kept), move), advance);
    }

    [Fact]
    public void The_first_status_is_taken_as_it_is() =>
        Statuses.Sample(static status =>
            DeliveryProgress.Advance(current: null, status) == new DeliveryAdvance(status, DeliveryMove.Forward));

    [Fact]
    public void No_order_of_callbacks_moves_a_status_back() =>
        Gen.Select(Statuses, Statuses.Array[0, 12]).Sample(static (first, callbacks) =>
        {
            var status = first;
            foreach (var callback in callbacks)
            {
                var advance = DeliveryProgress.Advance(status, callback);
                if (advance.Status.Rank() < status.Rank()) return false;
                if ((advance.Move == DeliveryMove.Forward) == (advance.Status == status)) return false;
                if (status.IsTerminal() && advance.Status != status && status != DeliveryStatus.Delivered) return false;

                status = advance.Status;
            }

            return true;
        });

    [Fact]
    public void Without_a_conflict_the_end_does_not_depend_on_the_order() =>
        Gen.Shuffle(new[]
            {
                DeliveryStatus.Queued, DeliveryStatus.Sending, DeliveryStatus.Sent, DeliveryStatus.Delivered,
                DeliveryStatus.Read, DeliveryStatus.Delivered, DeliveryStatus.Sent,
            }).Sample(static callbacks =>
                callbacks.Aggregate(
                    (DeliveryStatus?)null,
                    static (status, callback) => DeliveryProgress.Advance(status, callback).Status) == DeliveryStatus.Read);

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
