using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using NodaTime;
using Orleans.Runtime;
using Orleans.TestingHost;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Ports;
using Sms.Silo.Postgres;
using Sms.Testing.Databases;

namespace Sms.Testing.Clusters;

/// <summary>
/// Silos in this process on a database of the test's own, with one clock for all rules, timers and reminders. The
/// provider is a fake; everything else is the product.
/// </summary>
public sealed class SmsCluster : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>How long a step of the clock waits for what is under way.</summary>
    private static readonly TimeSpan CatchUp = TimeSpan.FromMilliseconds(100);

    /// <summary>Longer than a due row waits for the next claim.</summary>
    private static readonly Duration ClaimWait = Duration.FromSeconds(3);

    private readonly FakeTimeProvider _time;
    private readonly Clock _clock;
    private readonly InProcessTestCluster _cluster;

    private SmsCluster(FakeTimeProvider time, Clock clock, InProcessTestCluster cluster, TestDatabase database, FakeProvider provider) =>
        (_time, _clock, _cluster, Database, Provider) = (time, clock, cluster, database, provider);

    public TestDatabase Database { get; }

    public FakeProvider Provider { get; }

    public IGrainFactory Grains => _cluster.Client;

    public InProcessTestCluster Silos => _cluster;

    /// <summary>What the clock of the silos shows.</summary>
    public Instant Now => _clock.GetCurrentInstant();

    /// <summary>Starts a cluster whose clock stands at this instant.</summary>
    public static async Task<SmsCluster> StartAsync(
        Instant now, short silos = 1, RetryOptions? retry = null, DispatchOptions? dispatch = null, SenderOptions? sender = null,
        ReconcileOptions? reconcile = null)
    {
        var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var time = new FakeTimeProvider(now.ToDateTimeOffset());
        var clock = new Clock(time);
        var provider = new FakeProvider(clock);
        var builder = new InProcessTestClusterBuilder(silos);
        builder.Options.ServiceId = $"sms-{Guid.NewGuid():N}";
        builder.Options.ClusterId = $"sms-{Guid.NewGuid():N}";
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddKeyedSingleton<TimeProvider>("Orleans.Reminders", time);
            silo.Services.AddKeyedSingleton<TimeProvider>(TimeProviderNames.Grains, time);
            silo.UseAdoNetReminderService(o => (o.Invariant, o.DataSource) = ("Npgsql", database.App));
            silo.AddAdoNetGrainStorageAsDefault(o => (o.Invariant, o.DataSource) = ("Npgsql", database.App));
            silo.Services.AddSingleton<IClock>(clock);
            silo.Services.AddSingleton(new MonotonicClock(time));
            silo.Services.AddSingleton<IMessageProvider>(provider);
            silo.Services.AddPostgres(database.App);
            silo.Services.AddSingleton<IStoreClock>(clock);
            silo.Services.AddSingleton(Options.Create(retry ?? new RetryOptions()));
            silo.Services.AddSingleton(Options.Create(dispatch ?? new DispatchOptions()));
            silo.Services.AddSingleton(Options.Create(sender ?? new SenderOptions()));
            silo.Services.AddSingleton(Options.Create(reconcile ?? new ReconcileOptions()));
            silo.Services.AddSmsGrains();
        });
        var cluster = builder.Build();
        await cluster.DeployAsync();
        return new SmsCluster(time, clock, cluster, database, provider);
    }

    /// <summary>Puts the clock forward, or back: no time passes by it, and no timer ticks.</summary>
    public void StepClock(Duration step) => _clock.Step += step;

    /// <summary>From now on the database's clock is so far ahead of the silos', who compare the two.</summary>
    public async Task PutDatabaseAheadAsync(Duration ahead)
    {
        _clock.StoreIsAhead = ahead;
        foreach (var silo in _cluster.Silos)
            await silo.ServiceProvider.GetRequiredService<ClockCheck>().CompareAsync();
    }

    /// <summary>Kills the silo on which this grain lives, without a word to the others.</summary>
    public async Task KillSiloOfAsync(IAddressable grain)
    {
        var address = await Grains.GetGrain<IManagementGrain>(0).GetActivationAddress(grain)
            ?? throw new InvalidOperationException("The grain is not there.");
        await _cluster.KillSiloAsync(_cluster.Silos.Single(s => s.SiloAddress.Equals(address)));
    }

    /// <summary>Moves the clock in steps that no reminder or timer is skipped by.</summary>
    public async Task PassAsync(Duration duration)
    {
        var most = Duration.FromMinutes(5);
        for (var left = duration; left > Duration.Zero; left -= most)
        {
            _time.Advance((left < most ? left : most).ToTimeSpan());
            await Task.Yield();
        }
    }

    /// <summary>Moves the clock by small steps until the condition holds.</summary>
    public async Task PassUntilAsync(Duration step, Func<Task<bool>> condition)
    {
        await UntilAsync(async () =>
        {
            if (await condition())
                return true;
            await CatchUpAsync();
            _time.Advance(step.ToTimeSpan());
            return false;
        });
    }

    /// <summary>
    /// Lets the cluster end what is under way or long due, for a moment at most (some of it may wait for the clock): on a
    /// slow machine the clock would run away from what it wakes, and a test see minutes where there were milliseconds.
    /// </summary>
    private async Task CatchUpAsync()
    {
        var since = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(since) < CatchUp && await Database.ScalarAsync<bool>(
            """
            select exists (select from public.sms_retry_queue where status = 'pending' and held is null and scheduled_for <= $1)
              or exists (select from public.sms_retry_queue q where q.status = 'processing'
                and not exists (select from sms.attempts a where a.message_id = q.send_log_id and a.state = 'unknown'))
            """,
            (Now - ClaimWait).ToDateTimeUtc()))
        {
            await Task.Delay(5, CancellationToken.None);
        }
    }

    /// <summary>Waits until the condition holds; the clock stands.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            if (deadline.IsCancellationRequested)
                throw new TimeoutException("The condition did not come to hold.");
            await Task.Delay(10, CancellationToken.None);
        }
    }

    /// <summary>Lets timers that are due tick and what they claim be handled: nothing due is pending or claimed any more.</summary>
    public Task SettleAsync() => PassUntilAsync(Duration.FromSeconds(1), async () => await Database.ScalarAsync<long>(
        """
        select (select count(*) from public.sms_retry_queue where (status = 'pending' and held is null and scheduled_for <= $1) or status = 'processing')
          + (select count(*) from sms.attempts where state = 'open')
        """,
        Now.ToDateTimeUtc()) == 0);

    public async Task<Guid> BusinessAsync(string timezone = "America/New_York", string settings = "{}")
    {
        var id = Guid.CreateVersion7();
        var reply = await Grains.GetGrain<IBusinessGrain>(id).CreateAsync(
            new CreateBusiness("Test", timezone, settings, Guid.CreateVersion7(), Guid.NewGuid().ToByteArray(), "test"));
        return reply.Business?.Id ?? throw new InvalidOperationException(reply.Refusal?.Detail);
    }

    public async Task<Guid> CustomerAsync(Guid business, string phone, string? timezone = null, string consent = "opted_in", string? method = null)
    {
        var reply = await Grains.GetGrain<IRecordsGrain>(business).AddCustomerAsync(new CreateCustomer
        {
            Id = Guid.CreateVersion7(),
            Phone = phone,
            Timezone = timezone,
            Actor = "test",
            Consent = new ConsentView { Status = consent, Method = method },
        });
        return reply.Customer?.Id ?? throw new InvalidOperationException(reply.Refusal?.Detail);
    }

    public Task<SendReply> SendAsync(
        Guid business, Guid customer, string body = "Hello", string category = "marketing", Instant? sendAt = null, string? key = null, Guid? id = null) =>
        Grains.GetGrain<IBusinessGrain>(business).SendAsync(new SendCommand
        {
            MessageId = id ?? Guid.CreateVersion7(),
            CustomerId = customer,
            Body = body,
            Category = category,
            SendAt = sendAt?.ToDateTimeOffset(),
            IdempotencyKey = key,
            RequestHash = key is null ? null : "00",
        });

    public async Task<MessageView> GetAsync(Guid business, Guid message) =>
        await Grains.GetGrain<IReaderGrain>(0).GetMessageAsync(business, message) ?? throw new InvalidOperationException("No such message.");

    /// <summary>Waits until the message is as wished; returns it.</summary>
    public async Task<MessageView> UntilAsync(Guid business, Guid message, Func<MessageView, bool> condition)
    {
        MessageView? view = null;
        await PassUntilAsync(Duration.FromMilliseconds(200), async () => condition(view = await GetAsync(business, message)));
        return view!;
    }

    public async ValueTask DisposeAsync()
    {
        Provider.LetGo();
        await _cluster.DisposeAsync();
        await Database.DisposeAsync();
    }

    /// <summary>The clock of the silos, and that of the database.</summary>
    private sealed class Clock(TimeProvider time) : IClock, IStoreClock
    {
        public Duration Step { get; set; }

        public Duration StoreIsAhead { get; set; }

        public Instant GetCurrentInstant() => Instant.FromDateTimeOffset(time.GetUtcNow()) + Step;

        public Task<Instant> ReadAsync() => Task.FromResult(GetCurrentInstant() + StoreIsAhead);
    }
}
