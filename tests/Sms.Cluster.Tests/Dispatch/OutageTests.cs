using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Ports;

namespace Sms.Cluster.Tests.Dispatch;

/// <summary>An outage is said once for all that it hits.</summary>
public sealed class OutageTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Lines<Outage> _log = new();
    private readonly Outage _outage;

    public OutageTests() => _outage = new Outage("The database", _time, _log);

    [Fact]
    public void It_is_said_at_once_once_a_minute_and_when_it_is_over()
    {
        for (var second = 0; second < 130; second++)
        {
            for (var call = 0; call < 10; call++)
                _outage.Failed("Connection refused");
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(3, _log.Said.Count);
        Assert.Equal("The database does not answer: Connection refused. What needs it is tried again (failed so far: 1)", _log.Said[0]);
        _time.Advance(TimeSpan.FromSeconds(5));
        _outage.Succeeded();
        _outage.Succeeded();
        Assert.Equal("The database answers again. It did not for 129 s (failed: 1300)", _log.Said[^1]);
        Assert.Equal(4, _log.Said.Count);
    }

    [Fact]
    public void While_some_calls_fail_and_others_do_not_it_is_not_over()
    {
        for (var second = 0; second < 50; second++)
        {
            _outage.Failed("Connection reset by peer");
            _outage.Succeeded();
            _time.Advance(TimeSpan.FromSeconds(1));
            _outage.Succeeded();
        }

        Assert.Single(_log.Said);
    }

    [Fact]
    public void What_is_well_is_not_spoken_of()
    {
        _outage.Succeeded();
        Assert.Empty(_log.Said);
    }

    [Fact]
    public void A_line_about_one_thing_that_an_outage_hit_is_for_those_who_look_closely()
    {
        Assert.Equal(LogLevel.Debug, new StoreUnavailableException("away").LineLevel);
        Assert.Equal(LogLevel.Debug, new TimeoutException().LineLevel);
        // Somebody's lock, a read that took too long and a fault are nobody else's to say.
        Assert.Equal(LogLevel.Warning, new StoreUnavailableException("locked") { MayConcernOne = true }.LineLevel);
        Assert.Equal(LogLevel.Warning, new StoreUnavailableException("slow") { IsUnwritten = true }.LineLevel);
        Assert.Equal(LogLevel.Warning, new InvalidOperationException().LineLevel);
    }

    [Fact]
    public void A_spell_of_failures_leaves_outages_to_those_who_speak_of_them()
    {
        var spell = new FailureSpell(new MonotonicClock(_time));
        Assert.False(spell.Failed(new StoreUnavailableException("away")));
        Assert.Equal(0, spell.Succeeded());
        Assert.False(spell.Failed(new StoreUnavailableException("away")));
        Assert.True(spell.Failed(new InvalidOperationException()));
        Assert.False(spell.Failed(new InvalidOperationException()));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(spell.Failed(new InvalidOperationException()));
        Assert.Equal(4, spell.Succeeded());
        Assert.Equal(0, spell.Succeeded());
    }
}
