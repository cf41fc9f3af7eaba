using Sms.Dispatch;

namespace Sms.Cluster.Tests.Dispatch;

public sealed class RecipientQueuesTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 18, 0, 0, TimeSpan.Zero);

    private readonly RecipientQueues _queues = new();
    private readonly Guid _ann = Guid.NewGuid();
    private readonly Guid _bob = Guid.NewGuid();

    [Fact]
    public async Task One_at_a_time_one_time_passwords_first_then_in_the_order_of_acceptance()
    {
        Assert.True(_queues.TryEnter(_ann));
        var later = _queues.EnterAsync(_ann, 1, Noon.AddSeconds(2), Guid.NewGuid());
        var sooner = _queues.EnterAsync(_ann, 1, Noon.AddSeconds(1), Guid.NewGuid());
        var password = _queues.EnterAsync(_ann, 0, Noon.AddSeconds(3), Guid.NewGuid());

        foreach (var turn in new[] { password, sooner, later })
        {
            Assert.False(turn.IsCompleted);
            _queues.Leave(_ann);
            await turn;
        }

        Assert.False(_queues.TryEnter(_ann));
        _queues.Leave(_ann);
        Assert.True(_queues.TryEnter(_ann));
    }

    [Fact]
    public void Recipients_do_not_wait_for_each_other()
    {
        Assert.True(_queues.TryEnter(_ann));

        Assert.True(_queues.EnterAsync(_bob, 1, Noon, Guid.NewGuid()).IsCompleted);
    }

    [Fact]
    public void Who_is_under_way_does_not_count_as_waiting()
    {
        Assert.True(_queues.TryEnter(_ann));
        Assert.False(_queues.TryEnter(_ann));
        Assert.Equal(0, _queues.Waiting(_ann));
        _ = _queues.EnterAsync(_ann, 1, Noon, Guid.NewGuid());
        Assert.Equal(1, _queues.Waiting(_ann));
    }
}
