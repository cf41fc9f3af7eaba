using Microsoft.Extensions.Time.Testing;
using NodaTime;
using Sms.Dispatch;
using Sms.Domain.Sending;

namespace Sms.Cluster.Tests;

/// <summary>A sender that was refused and that nobody uses any more is counted and complained of for minutes, not until a restart.</summary>
public sealed class UnusedSenderTests : IClock
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 6, 15, 16, 0, 0, TimeSpan.Zero));

    public Instant GetCurrentInstant() => Instant.FromDateTimeOffset(_time.GetUtcNow());

    [Fact]
    public void It_is_forgotten_when_its_probe_has_been_due_for_ten_minutes()
    {
        var breaker = new ProviderBreaker(this, new MonotonicClock(_time));
        breaker.Trip("+15005550006", WaitCause.SenderRefused, 20003, "bad credentials");
        breaker.Trip("MG1", WaitCause.SenderRefused, 20003, "no registration");
        Assert.Equal((2, "bad credentials; no registration"), (breaker.StoppedSenders, string.Join("; ", breaker.Complaint!.Split("; ").Order(StringComparer.Ordinal))));

        _time.Advance(TimeSpan.FromMinutes(6));
        Assert.Null(breaker.Stops("MG1")?.Until);
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(2, breaker.StoppedSenders);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((1, "no registration"), (breaker.StoppedSenders, breaker.Complaint));
        Assert.Null(breaker.Stops("+15005550006")?.Until);

        _time.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal((0, null), (breaker.StoppedSenders, breaker.Complaint));
    }

    [Fact]
    public void Whoever_uses_it_again_is_its_probe()
    {
        var breaker = new ProviderBreaker(this, new MonotonicClock(_time));
        breaker.Trip("MG1", WaitCause.SenderRefused, 20003, "no registration");
        _time.Advance(TimeSpan.FromHours(1));

        Assert.Null(breaker.Stops("MG1")?.Until);
        Assert.NotNull(breaker.Stops("MG1")?.Until);
        breaker.Reset("MG1");

        Assert.Equal((false, null), (breaker.IsOpen("MG1"), breaker.Stops("MG1")?.Until));
    }
}
