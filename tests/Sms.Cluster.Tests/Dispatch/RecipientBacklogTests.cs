using Microsoft.Extensions.Logging.Abstractions;
using Sms.Contracts;
using Sms.Dispatch;

namespace Sms.Cluster.Tests.Dispatch;

public sealed class RecipientBacklogTests
{
    private readonly RecipientQueues _queues = new();
    private readonly Queue<ClaimedRow> _held = [];
    private readonly List<ClaimedRow> _handled = [];
    private readonly List<int> _asked = [];
    private readonly Guid _ann = Guid.NewGuid();
    private readonly RecipientBacklog _backlog;
    private bool _isClosed;

    public RecipientBacklogTests() => _backlog = new RecipientBacklog(_queues, 4, Claim, Handle, () => _isClosed, NullLogger.Instance);

    [Fact]
    public async Task What_is_more_than_enough_is_held_and_fetched_in_its_order_as_the_turns_go_by()
    {
        Assert.True(_queues.TryEnter(_ann));
        var rows = Enumerable.Range(0, 10).Select(_ => Row()).ToList();
        foreach (var row in rows)
        {
            if (_backlog.IsFull(row))
                await _backlog.HoldAsync(_ann, () => HoldAsync(row));
            else
                Handle(row);
        }

        Assert.Equal(rows.Take(4), _handled);
        for (var n = 0; n < 10; n++)
        {
            _queues.Leave(_ann);
            _backlog.Fetch(_ann);
        }

        Assert.Equal(rows, _handled);
        Assert.All(_asked, a => Assert.InRange(a, 1, 4));
        Assert.False(_backlog.IsFull(Row()));
    }

    [Fact]
    public void One_time_passwords_are_never_held()
    {
        _backlog.Remind(_ann);
        _queues.TryEnter(_ann);
        for (var n = 0; n < 5; n++)
            Handle(Row());

        Assert.True(_backlog.IsFull(Row()));
        Assert.False(_backlog.IsFull(Row() with { Lane = 0 }));
    }

    [Fact]
    public void Nothing_is_fetched_once_the_silo_stops()
    {
        _held.Enqueue(Row());
        _isClosed = true;

        _backlog.Remind(_ann);

        Assert.Empty(_handled);
        _isClosed = false;
        _backlog.Remind(_ann);
        Assert.Single(_handled);
    }

    private ClaimedRow Row() => new(Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid(), _ann, 1, DateTimeOffset.UnixEpoch.AddSeconds(_handled.Count + _held.Count), default, null, 0, null);

    private Task HoldAsync(ClaimedRow row)
    {
        _held.Enqueue(row);
        return Task.CompletedTask;
    }

    private void Handle(ClaimedRow row)
    {
        _handled.Add(row);
        _ = _queues.EnterAsync(_ann, row.Lane, row.AcceptedAt, row.QueueId);
    }

    private Task<IReadOnlyList<ClaimedRow>> Claim(Guid customer, int limit)
    {
        _asked.Add(limit);
        List<ClaimedRow> rows = [];
        while (rows.Count < limit && _held.TryDequeue(out var row))
            rows.Add(row);
        return Task.FromResult<IReadOnlyList<ClaimedRow>>(rows);
    }
}
