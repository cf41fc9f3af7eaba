using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Phones;
using Sms.Domain.Statutes;
using Sms.Ports;

namespace Sms.Cluster.Tests;

public sealed class RuleWatchTests
{
    [Fact]
    public async Task A_blackout_is_in_force_while_what_waits_is_still_being_decided_again()
    {
        var store = new Rules();
        using var watch = new RuleWatch(store, SystemClock.Instance, TimeProvider.System, NullLogger<RuleWatch>.Instance);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        await store.Replanning.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        store.Calendar = new BlackoutCalendar(1, []);
        await store.Read.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        await watch.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, watch.Blackouts.Revision);
    }

    [Fact]
    public async Task A_calendar_that_cannot_be_read_for_an_unforeseen_reason_ends_no_watch()
    {
        var store = new Rules { Fault = new InvalidOperationException("function sms.blackout_calendar does not exist") };
        using var watch = new RuleWatch(store, SystemClock.Instance, TimeProvider.System, NullLogger<RuleWatch>.Instance);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        await store.Asked.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        store.Fault = null;
        await watch.Loaded.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await watch.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public void An_area_code_that_no_table_knows_is_told()
    {
        using var watch = new RuleWatch(new Rules(), SystemClock.Instance, TimeProvider.System, NullLogger<RuleWatch>.Instance);
        foreach (var number in new[] { "+13125551234", "+18005551234", "+18765551234", "+447400123456" })
            watch.Saw(PhoneNumber.FromE164(number));
        Assert.Null(watch.Complaint);

        watch.Saw(PhoneNumber.FromE164("+19995551234"));
        Assert.Contains("(999)", watch.Complaint, StringComparison.Ordinal);
    }

    /// <summary>Its replanning never ends.</summary>
    private sealed class Rules : IRuleStore
    {
        public Exception? Fault { get; set; }

        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public BlackoutCalendar Calendar { get; set; } = BlackoutCalendar.Empty;

        public TaskCompletionSource Replanning { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The new calendar was read, and what followed from it was done: it is asked whether that is still so.</summary>
        public TaskCompletionSource Read { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<BlackoutCalendar?> LoadBlackoutsAsync(long? known)
        {
            Asked.TrySetResult();
            if (Fault is { } fault)
                return Task.FromException<BlackoutCalendar?>(fault);
            if (known == 1)
                Read.TrySetResult();
            return Task.FromResult(known == Calendar.Revision ? null : Calendar);
        }

        public Task<BlackoutCalendar?> LoadBlackoutsAtAsync(long revision) => throw new NotSupportedException();

        public Task<BlackoutHistory> GetHistoryAsync(PageRequest page) => throw new NotSupportedException();

        public Task PutBlackoutAsync(Blackout blackout, string actor, Instant at) => throw new NotSupportedException();

        public Task<bool> RemoveBlackoutAsync(Guid id, string actor, Instant at) => throw new NotSupportedException();

        public Task<int> ReplanOutdatedAsync(string tzdb, string ruleSet, long blackouts, Instant now)
        {
            Replanning.TrySetResult();
            return new TaskCompletionSource<int>().Task;
        }
    }
}
