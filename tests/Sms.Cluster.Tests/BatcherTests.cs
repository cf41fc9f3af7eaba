using Sms.Dispatch;
using Sms.Ports;

namespace Sms.Cluster.Tests;

public sealed class BatcherTests
{
    [Fact]
    public async Task A_lone_caller_does_not_wait_for_company()
    {
        await using var batcher = new Batcher<Guid, int>("test", id => id, items => CountAsync(items));

        Assert.Equal(1, await batcher.AddAsync(Guid.NewGuid()));
    }

    [Fact]
    public async Task Simultaneous_callers_share_batches_of_at_most_the_size_given()
    {
        var gate = new TaskCompletionSource();
        var sizes = new List<int>();
        await using var batcher = new Batcher<Guid, int>(
            "test",
            id => id,
            async items =>
            {
                await gate.Task;
                sizes.Add(items.Count);
                return await CountAsync(items);
            },
            atOnce: 1, most: 10);

        var calls = Enumerable.Range(0, 100).Select(_ => batcher.AddAsync(Guid.NewGuid())).ToList();
        gate.SetResult();
        await Task.WhenAll(calls);

        Assert.Equal(100, sizes.Sum());
        Assert.All(sizes, s => Assert.InRange(s, 1, 10));
        Assert.InRange(sizes.Count, 10, 11);
    }

    [Fact]
    public async Task The_crowd_of_one_business_keeps_no_other_waiting_or_out()
    {
        var (gate, first) = (new TaskCompletionSource(), new TaskCompletionSource());
        var batches = new List<IReadOnlyList<(Guid Business, Guid Id)>>();
        await using var batcher = new Batcher<(Guid Business, Guid Id), int>(
            "test",
            i => i.Id,
            async items =>
            {
                batches.Add(items);
                first.TrySetResult();
                await gate.Task;
                return items.ToDictionary(i => i.Id, _ => 1);
            },
            atOnce: 1, most: 10, capacity: 1000, business: i => i.Business);
        var (crowd, other) = (Guid.NewGuid(), Guid.NewGuid());
        var calls = new List<Task<int>> { batcher.AddAsync((crowd, Guid.NewGuid())) };
        await first.Task;
        for (var n = 0; n < 1000; n++)
            calls.Add(batcher.AddAsync((crowd, Guid.NewGuid())));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => batcher.AddAsync((crowd, Guid.NewGuid())));

        var items = Enumerable.Range(0, 3).Select(_ => (Business: other, Id: Guid.NewGuid())).ToList();
        calls.AddRange(items.Select(batcher.AddAsync));
        gate.SetResult();
        await Task.WhenAll(calls);

        // In the first batch that could be made after they came, and in their order.
        Assert.Equal(items, batches[1].Where(i => i.Business == other));
    }

    [Fact]
    public async Task Beside_a_batch_that_runs_a_full_one_begins()
    {
        var (gate, both) = (new TaskCompletionSource(), new TaskCompletionSource());
        var begun = 0;
        await using var batcher = new Batcher<Guid, int>(
            "test",
            id => id,
            async items =>
            {
                if (Interlocked.Increment(ref begun) == 2)
                    both.SetResult();
                await gate.Task;
                return await CountAsync(items);
            },
            most: 10);

        var calls = Enumerable.Range(0, 30).Select(_ => batcher.AddAsync(Guid.NewGuid())).ToList();
        await both.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        gate.SetResult();
        Assert.All(await Task.WhenAll(calls), size => Assert.InRange(size, 1, 10));
    }

    [Fact]
    public async Task A_batch_that_hangs_holds_up_no_others()
    {
        var (stuck, gate, begun) = (Guid.NewGuid(), new TaskCompletionSource(), new TaskCompletionSource());
        await using var batcher = new Batcher<Guid, int>(
            "test",
            id => id,
            async items =>
            {
                if (items.Contains(stuck))
                {
                    begun.SetResult();
                    await gate.Task;
                }

                return await CountAsync(items);
            });

        var hangs = batcher.AddAsync(stuck);
        await begun.Task;
        try
        {
            for (var n = 0; n < 3; n++)
                await batcher.AddAsync(Guid.NewGuid()).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            Assert.False(hangs.IsCompleted);
        }
        finally
        {
            gate.SetResult();
        }

        await hangs;
    }

    [Fact]
    public async Task Two_items_of_one_key_go_in_two_batches()
    {
        var (key, gate) = (Guid.NewGuid(), new TaskCompletionSource());
        await using var batcher = new Batcher<Guid, int>(
            "test",
            id => id,
            async items =>
            {
                await gate.Task;
                return await CountAsync(items);
            },
            atOnce: 1);

        var calls = Enumerable.Range(0, 5).Select(_ => batcher.AddAsync(key)).ToList();
        gate.SetResult();

        Assert.All(await Task.WhenAll(calls), size => Assert.Equal(1, size));
    }

    [Fact]
    public async Task When_the_database_is_away_a_batch_fails_at_once_and_not_item_by_item()
    {
        var (gate, runs) = (new TaskCompletionSource(), 0);
        await using var batcher = new Batcher<Guid, int>(
            "test",
            id => id,
            async _ =>
            {
                await gate.Task;
                Interlocked.Increment(ref runs);
                throw new StoreUnavailableException("away");
            },
            atOnce: 1);

        var calls = Enumerable.Range(0, 200).Select(_ => batcher.AddAsync(Guid.NewGuid())).ToList();
        gate.SetResult();

        foreach (var call in calls)
            await Assert.ThrowsAsync<StoreUnavailableException>(() => call);
        Assert.InRange(runs, 1, 2);
    }

    [Fact]
    public async Task Callers_beyond_the_capacity_are_turned_away()
    {
        var gate = new TaskCompletionSource();
        await using var batcher = new Batcher<Guid, int>(
            "test",
            id => id,
            async items =>
            {
                await gate.Task;
                return await CountAsync(items);
            },
            atOnce: 1, most: 1, capacity: 2);

        var calls = new List<Task<int>>();
        Assert.Throws<StoreUnavailableException>(() =>
        {
            for (var n = 0; n < 10; n++)
                calls.Add(batcher.AddAsync(Guid.NewGuid()));
        });
        gate.SetResult();

        Assert.All(await Task.WhenAll(calls), size => Assert.Equal(1, size));
    }

    private static Task<IReadOnlyDictionary<Guid, int>> CountAsync(IReadOnlyList<Guid> items) =>
        Task.FromResult<IReadOnlyDictionary<Guid, int>>(items.ToDictionary(i => i, _ => items.Count));
}
