using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>What is done again and again beside the sends: no job stops another, and none fails in silence.</summary>
public sealed class UpkeepTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    private readonly FakeTimeProvider _time = new();
    private readonly Lines<Upkeep> _lines = new();

    [Fact]
    public async Task A_job_that_fails_is_told_once_a_minute_and_when_it_is_done_again_and_keeps_no_other_from_its_turn()
    {
        var (isBroken, good) = (true, 0);
        var upkeep = Make(
            new UpkeepJob("bad", TimeSpan.FromSeconds(5), _ => isBroken ? throw new InvalidOperationException("no such function") : Task.CompletedTask),
            new UpkeepJob("good", TimeSpan.FromSeconds(5), _ => Task.FromResult(++good)));
        for (var second = 0; second <= 120; second++)
        {
            await RunAsync(upkeep);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(25, good);
        Assert.Equal(
            ["Upkeep: bad failed (1 times in a row) and is tried again", "Upkeep: bad failed (13 times in a row) and is tried again", "Upkeep: bad failed (25 times in a row) and is tried again"],
            _lines.Said);
        isBroken = false;
        _time.Advance(TimeSpan.FromSeconds(5));
        await RunAsync(upkeep);
        Assert.Equal("Upkeep: bad is done again after 25 failures", _lines.Said[^1]);
    }

    [Fact]
    public async Task What_failed_is_tried_again_after_a_minute_however_long_its_period()
    {
        var runs = 0;
        var upkeep = Make(new UpkeepJob("rare", TimeSpan.FromHours(1), _ => ++runs == 1 ? throw new TimeoutException() : Task.CompletedTask));
        foreach (var (wait, expected) in new[] { (0, 1), (59, 1), (1, 2), (3599, 2), (1, 3) })
        {
            _time.Advance(TimeSpan.FromSeconds(wait));
            await RunAsync(upkeep);
            Assert.Equal(expected, runs);
        }
    }

    [Fact]
    public async Task A_job_that_takes_its_time_is_joined_by_no_other_run_of_it_and_holds_up_none()
    {
        var (slow, quick, held) = (0, 0, new TaskCompletionSource());
        var upkeep = Make(
            new UpkeepJob("slow", TimeSpan.FromSeconds(1), _ =>
            {
                slow++;
                return held.Task;
            }),
            new UpkeepJob("quick", TimeSpan.FromSeconds(1), _ => Task.FromResult(++quick)));
        for (var n = 0; n < 10; n++)
        {
            upkeep.Begin(TestContext.Current.CancellationToken);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal((1, 10), (slow, quick));
        held.SetResult();
        await upkeep.WhenIdleAsync();
        await RunAsync(upkeep);
        Assert.Equal(2, slow);
    }

    [Fact]
    public async Task A_job_that_the_database_refuses_stops_none_of_the_others()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var message = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551234"), category: "transactional")).Message!.Id;
        await cluster.UntilAsync(business, message, m => m.Status == "sent");
        await cluster.Database.ExecuteAsync("alter function sms.fold_counts(int) rename to hidden");
        await cluster.Database.ExecuteAsync("alter function sms.expire_attempts(timestamptz, timestamptz, timestamptz, timestamptz, text[]) rename to hidden_too");

        await cluster.Database.ExecuteAsync("update send_logs set created_at = $1", (Noon - Duration.FromDays(395)).ToDateTimeUtc());
        await cluster.PassUntilAsync(Duration.FromMinutes(1), async () => (await cluster.GetAsync(business, message)).Body.Length == 0);
        var next = (await cluster.SendAsync(
            business, await cluster.CustomerAsync(business, "+12125551235"), category: "transactional", sendAt: cluster.Now + Duration.FromMinutes(1))).Message!.Id;
        await cluster.UntilAsync(business, next, m => m.Status == "sent");
    }

    [Fact]
    public async Task It_comes_up_elsewhere_when_its_silo_dies()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, silos: 2);
        var grain = cluster.Grains.GetGrain<IUpkeepGrain>(0);
        await grain.WakeAsync();
        await cluster.Database.ExecuteAsync("insert into customers (business_id, phone) select id, '(212) 555-0100' from businesses where id = $1", await cluster.BusinessAsync());
        Task<bool> IsReadAsync() => cluster.Database.ScalarAsync<bool>("select bool_and(phone_e164 is not null) from customers where phone is not null");
        await cluster.PassUntilAsync(Duration.FromSeconds(1), IsReadAsync);

        await cluster.KillSiloOfAsync(grain);
        await cluster.Database.ExecuteAsync("insert into customers (business_id, phone) select id, '(212) 555-0101' from businesses");
        await cluster.PassUntilAsync(Duration.FromSeconds(1), IsReadAsync);
    }

    [Fact]
    public async Task A_background_service_goes_on_whatever_its_run_throws()
    {
        using var service = new Breaking(_time, _lines);
        await service.StartAsync(TestContext.Current.CancellationToken);
        for (var n = 1; n <= 3; n++)
        {
            await SmsCluster.UntilAsync(() => Task.FromResult(service.Runs >= n));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        await SmsCluster.UntilAsync(() => Task.FromResult(service.Runs >= 4));
        await SmsCluster.UntilAsync(() => Task.FromResult(_lines.Said.Count == 2));
        Assert.Equal("Breaking is well again after 3 failures", _lines.Said[^1]);
        await service.StopAsync(TestContext.Current.CancellationToken);
        Assert.True(service.ExecuteTask!.IsCanceled || service.ExecuteTask.IsCompletedSuccessfully);
    }

    private Upkeep Make(params UpkeepJob[] jobs) => new(jobs, new MonotonicClock(_time), _lines);

    private static async Task RunAsync(Upkeep upkeep)
    {
        upkeep.Begin(TestContext.Current.CancellationToken);
        await upkeep.WhenIdleAsync();
    }

    /// <summary>Its first three runs throw.</summary>
    private sealed class Breaking(TimeProvider time, ILogger logger) : Repeating(time, TimeSpan.FromSeconds(1), logger)
    {
        private int _runs;

        public int Runs => Volatile.Read(ref _runs);

        protected override Task RunAsync(CancellationToken stoppingToken) => Interlocked.Increment(ref _runs) switch
        {
            1 => throw new InvalidOperationException("at once"),
            2 => Task.FromException(new TimeoutException("later")),
            3 => Task.FromCanceled(new CancellationToken(canceled: true)),
            _ => Task.CompletedTask,
        };
    }
}
