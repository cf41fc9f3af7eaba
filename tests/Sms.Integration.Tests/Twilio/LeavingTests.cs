using System.Net;
using System.Net.Sockets;
using Sms.Domain.Attempts;
using Sms.Ports;
using Sms.Silo.Simulator;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class LeavingTests
{
    [Fact]
    public async Task A_refused_connection_never_left()
    {
        // Bound and not listening: nobody else can take the port, and it refuses.
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using var rig = await TwilioRig.StartAsync(options =>
            options.ApiBaseUrl = new Uri($"http://{closed.LocalEndPoint}"));

        Assert.Equal(new ProviderOutcome.NeverLeft("ConnectionError"), await rig.SendAsync());
    }

    [Fact]
    public async Task A_failed_tls_handshake_never_left()
    {
        await using var rig = await TwilioRig.StartAsync(options =>
            options.ApiBaseUrl = new UriBuilder(options.ApiBaseUrl) { Scheme = "https" }.Uri);

        Assert.Equal(new ProviderOutcome.NeverLeft("SecureConnectionError"), await rig.SendAsync());
        Assert.Equal(0, rig.Simulator.Ledger.Requests);
    }

    [Fact]
    public async Task An_unknown_host_never_left()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = (_, _) => throw new SocketException((int)SocketError.HostNotFound),
        };

        var outcome = await rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None);

        Assert.Equal(new ProviderOutcome.NeverLeft("NameResolutionError"), outcome);
    }

    [Fact]
    public async Task A_connection_that_takes_longer_than_its_own_limit_never_left()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var handler = Unreachable();
        handler.ConnectTimeout = TimeSpan.FromMilliseconds(50);

        var outcome = await rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None);

        Assert.Equal(new ProviderOutcome.NeverLeft("ConnectTimeout"), outcome);
    }

    [Fact]
    public async Task Without_a_connection_within_the_timeout_it_never_left()
    {
        await using var rig = await TwilioRig.StartAsync(options => options.Timeout = TimeSpan.FromSeconds(4));
        using var handler = Unreachable();

        var sending = rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None);
        rig.Time.Advance(TimeSpan.FromSeconds(4));

        Assert.Equal(new ProviderOutcome.NeverLeft("no connection within 4 s"), await sending);
    }

    [Fact]
    public async Task After_its_moment_it_does_not_leave()
    {
        await using var rig = await TwilioRig.StartAsync();
        var request = rig.Request();
        rig.Time.Advance(TimeSpan.FromSeconds(10) + TimeSpan.FromTicks(1));

        Assert.IsType<ProviderOutcome.TooLate>(await rig.Provider.CreateAsync(request, CancellationToken.None));
        Assert.Equal(0, rig.Simulator.Ledger.Requests);
    }

    [Fact]
    public async Task At_its_last_moment_it_still_leaves()
    {
        await using var rig = await TwilioRig.StartAsync();
        var request = rig.Request() with { LeaveBy = Deadline.After(TimeSpan.FromTicks(1), rig.Time) };

        Assert.IsType<ProviderOutcome.Accepted>(await rig.Provider.CreateAsync(request, CancellationToken.None));
    }

    [Fact]
    public async Task Waiting_for_a_connection_past_its_moment_is_too_late()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var handler = Unreachable();

        var sending = rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None);
        rig.Time.Advance(TimeSpan.FromSeconds(10));

        Assert.IsType<ProviderOutcome.TooLate>(await sending);
    }

    [Fact]
    public async Task A_connection_that_comes_after_its_moment_carries_nothing()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancellationToken) =>
            {
                // The clock jumps while the connection is made, as when the process was suspended.
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                rig.Time.Advance(TimeSpan.FromSeconds(11));
                return new NetworkStream(socket, ownsSocket: true);
            },
        };

        var outcome = await rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None);

        Assert.IsType<ProviderOutcome.TooLate>(outcome);
        Assert.Equal(0, rig.Simulator.Ledger.Requests);
    }

    [Fact]
    public async Task Cancelled_before_it_left_it_throws_and_nothing_leaves()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var handler = Unreachable();
        using var caller = new CancellationTokenSource();

        var sending = rig.ProviderOver(handler).CreateAsync(rig.Request(), caller.Token);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => rig.Provider.CreateAsync(rig.Request(), caller.Token));
        Assert.Equal(0, rig.Simulator.Ledger.Requests);
    }

    [Fact]
    public async Task No_more_connections_than_allowed_are_used_at_once()
    {
        await using var rig = await TwilioRig.StartAsync(options => options.MaxConcurrency = 1);
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangAfterAccepting));
        var first = rig.SendAsync();
        await rig.Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 1, TestContext.Current.CancellationToken);

        var second = rig.SendAsync();
        rig.Time.Advance(TimeSpan.FromSeconds(10));

        Assert.IsType<ProviderOutcome.TooLate>(await second);
        rig.Simulator.Faults.ReleaseHangs();
        Assert.IsType<ProviderOutcome.Accepted>(await first);
        Assert.Equal(1, rig.Simulator.Ledger.Requests);
    }

    private static SocketsHttpHandler Unreachable() => new()
    {
        ConnectCallback = async (_, cancellationToken) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return Stream.Null;
        },
    };
}
