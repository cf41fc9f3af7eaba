using Microsoft.Extensions.Options;
using Sms.Dispatch;

namespace Sms.Cluster.Tests.Dispatch;

public sealed class DispatchPermitsTests
{
    private const short Otp = 0, Bulk = 1;

    private readonly DispatchPermits _permits = new(Options.Create(new DispatchOptions { MaxConcurrency = 8 }));

    [Fact]
    public async Task A_one_time_password_finds_a_call_while_all_that_others_may_have_is_taken()
    {
        var bulk = Enumerable.Range(0, 100).Select(_ => _permits.TryTake(Bulk)).TakeWhile(p => p is not null).ToList();
        Assert.Equal(28, bulk.Count);
        var calls = bulk.Select(p => p!.TakeCallAsync()).ToList();
        Assert.Equal(7, calls.Count(c => c.IsCompleted));

        var password = _permits.TryTake(Otp);

        Assert.NotNull(password);
        Assert.True(await password.TakeCallAsync());
    }

    [Fact]
    public async Task Room_is_free_when_the_provider_has_answered_and_the_silo_stops_when_the_outcome_is_recorded()
    {
        var taken = Enumerable.Range(0, 28).Select(_ => _permits.TryTake(Bulk)!).ToList();
        Assert.Null(_permits.TryTake(Bulk));

        taken[0].Answered();
        taken[0].Answered();

        Assert.NotNull(_permits.TryTake(Bulk));
        Assert.Null(_permits.TryTake(Bulk));
        var another = new DispatchPermits(Options.Create(new DispatchOptions { MaxConcurrency = 1 }));
        var permit = (await another.TakeAsync(Bulk))!;
        var closed = another.CloseAsync();
        permit.Answered();
        Assert.False(closed.IsCompleted);
        permit.Dispose();
        permit.Dispose();
        await closed;
        Assert.Null(await another.TakeAsync(Otp));
    }

    [Fact]
    public void One_call_alone_serves_all()
    {
        var permits = new DispatchPermits(Options.Create(new DispatchOptions { MaxConcurrency = 1 }));

        Assert.NotNull(permits.TryTake(Bulk));
    }
}
