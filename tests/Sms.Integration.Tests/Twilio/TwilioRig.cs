using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;
using Sms.Ports;
using Sms.Silo.Simulator;
using Sms.Silo.Twilio;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

/// <summary>The provider as the host registers it, the simulator on a socket, and one clock that only tests move.</summary>
internal sealed class TwilioRig : IAsyncDisposable
{
    public const string Recipient = "+14155550123";
    public const string WorkingSender = "+15005550006";
    public const string Text = "Your table for two is ready";

    private readonly ServiceProvider host;

    private TwilioRig(ServiceProvider host, TwilioSimulator simulator, FakeTimeProvider time, CapturedLogs logs)
    {
        this.host = host;
        Simulator = simulator;
        Time = time;
        Logs = logs;
        Provider = host.GetRequiredService<IMessageProvider>();
    }

    public IMessageProvider Provider { get; }

    public TwilioSimulator Simulator { get; }

    public FakeTimeProvider Time { get; }

    public CapturedLogs Logs { get; }

    public TwilioOptions Options => host.GetRequiredService<IOptions<TwilioOptions>>().Value;

    public static async Task<TwilioRig> StartAsync(
        Action<TwilioOptions>? configure = null, Action<IServiceCollection>? add = null, bool callbacks = false)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero));
        var account = new TwilioSimulatorOptions { Callbacks = callbacks };
        var simulator = await TwilioSimulator.StartAsync(account, time, TestContext.Current.CancellationToken);
        var logs = new CapturedLogs();
        var services = new ServiceCollection()
            .AddSingleton<TimeProvider>(time)
            .AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(logs))
            .AddTwilio()
            .Configure<TwilioOptions>(options =>
            {
                options.AccountSid = account.AccountSid;
                options.AuthToken = account.AuthToken;
                options.PhoneNumber = WorkingSender;
                options.ApiBaseUrl = simulator.BaseUrl;
                options.PublicUrl = new Uri("https://sms.example.com/base/");
                configure?.Invoke(options);
            });
        add?.Invoke(services);
        return new TwilioRig(services.BuildServiceProvider(), simulator, time, logs);
    }

    public ProviderRequest Request(string to = Recipient, Sender? sender = null, Duration? validity = null, string body = Text) => new(
        Guid.CreateVersion7(), PhoneNumber.FromE164(to), body, sender ?? new Sender(WorkingSender, null), validity,
        LeaveBy: Deadline.After(TimeSpan.FromSeconds(10), Time));

    public Task<ProviderOutcome> SendAsync(string to = Recipient, Sender? sender = null) =>
        Provider.CreateAsync(Request(to, sender), TestContext.Current.CancellationToken);

    public async Task<ProviderOutcome> SendAfterAsync(SimulatedFault fault)
    {
        Simulator.Faults.Enqueue(fault);
        return await SendAsync();
    }

    /// <summary>Another provider at the same simulator, over a handler of the test's own.</summary>
    public TwilioProvider ProviderOver(HttpMessageHandler handler)
    {
        var http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        return new TwilioProvider(
            http, http, host.GetRequiredService<IOptions<TwilioOptions>>(), Time, host.GetRequiredService<ILogger<TwilioProvider>>());
    }

    public async ValueTask DisposeAsync()
    {
        await host.DisposeAsync();
        await Simulator.DisposeAsync();
    }
}
