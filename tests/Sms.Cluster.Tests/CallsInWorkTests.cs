using Sms.Dispatch;

namespace Sms.Cluster.Tests;

public sealed class CallsInWorkTests
{
    private readonly CallsInWork<string> _calls = new();
    private readonly List<string> _events = [];

    [Fact]
    public async Task Calls_that_name_the_same_take_turns()
    {
        var gate = new TaskCompletionSource();
        var first = _calls.RunAsync(["a"], () => WorkAsync("first", gate.Task));
        var second = _calls.RunAsync(["a"], () => WorkAsync("second", Task.CompletedTask));
        Assert.Equal(["first begins"], _events);

        gate.SetResult();
        await Task.WhenAll(first, second);

        Assert.Equal(["first begins", "first ends", "second begins", "second ends"], _events);
        Assert.Equal(0, _calls.Count);
    }

    [Fact]
    public async Task Calls_that_name_nothing_in_common_do_not_wait()
    {
        var gate = new TaskCompletionSource();
        var first = _calls.RunAsync(["a", "b"], () => WorkAsync("first", gate.Task));
        await _calls.RunAsync(["c"], () => WorkAsync("second", Task.CompletedTask));
        await _calls.RunAsync([], () => WorkAsync("third", Task.CompletedTask));
        Assert.False(first.IsCompleted);

        gate.SetResult();
        await first;
    }

    [Fact]
    public async Task Two_that_name_each_others_in_opposite_orders_both_end()
    {
        var gate = new TaskCompletionSource();
        var holder = _calls.RunAsync(["a"], () => gate.Task);
        var calls = new[] { _calls.RunAsync(["a", "b"], () => Task.CompletedTask), _calls.RunAsync(["b", "a"], () => Task.CompletedTask) };

        gate.SetResult();
        await holder;
        await Task.WhenAll(calls);
        Assert.Equal(0, _calls.Count);
    }

    [Fact]
    public async Task One_that_fails_lets_the_next_go()
    {
        var gate = new TaskCompletionSource();
        var first = _calls.RunAsync(["a"], () => gate.Task);
        var second = _calls.RunAsync(["a"], () => WorkAsync("second", Task.CompletedTask));

        gate.SetException(new InvalidOperationException("Told to."));
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        await second;
        Assert.Equal(["second begins", "second ends"], _events);
    }

    private async Task WorkAsync(string name, Task until)
    {
        _events.Add($"{name} begins");
        await until;
        _events.Add($"{name} ends");
    }
}
