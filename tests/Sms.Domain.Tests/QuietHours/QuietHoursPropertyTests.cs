using CsCheck;
using NodaTime;
using Sms.Domain.QuietHours;
using Xunit;

namespace Sms.Domain.Tests.QuietHours;

/// <summary>Arbitrary windows in zones with odd changes of offset, at instants around those changes.</summary>
public sealed class QuietHoursPropertyTests
{
    private static readonly Interval Years = new(Instant.FromUtc(2010, 1, 1, 0, 0), Instant.FromUtc(2030, 1, 1, 0, 0));

    // Half an hour of daylight saving, two hours of it, midnights that are skipped or doubled, a skipped day, a zone
    // that changes during Ramadan, quarter hours, and none at all.
    private static readonly DateTimeZone[] Zones =
    [
        .. new[]
        {
            "America/New_York", "America/Los_Angeles", "America/Phoenix", "Australia/Lord_Howe", "Antarctica/Troll",
            "Asia/Beirut", "Africa/Cairo", "America/Havana", "America/Asuncion", "Pacific/Apia", "Africa/Casablanca",
            "Asia/Kathmandu", "Pacific/Chatham", "America/St_Johns", "Europe/London", "Etc/UTC",
        }.Select(static id => DateTimeZoneProviders.Tzdb[id]),
    ];

    private static readonly Instant[] Changes =
    [
        .. Zones.SelectMany(static zone => zone.GetZoneIntervals(Years))
            .Where(static interval => interval.HasStart && Years.Contains(interval.Start))
            .Select(static interval => interval.Start),
    ];

    private static readonly Gen<Instant> Instants = Gen.Select(
        Gen.OneOf(Changes),
        Gen.Int[-4 * 24 * 60, 24 * 60],
        Gen.OneOf(Gen.Const(0L), Gen.Long[0, NodaConstants.NanosecondsPerMinute - 1]),
        static (change, minutes, nanoseconds) =>
            change + Duration.FromMinutes(minutes) + Duration.FromNanoseconds(nanoseconds));

    // Round times and hours of the night are where windows meet midnights and changes of offset.
    private static readonly Gen<int> Opens = Gen.OneOf(Gen.Int[0, 1_439], Gen.Int[0, 23].Select(static h => h * 60), Gen.Int[0, 240]);

    private static readonly Gen<int> Closes = Gen.OneOf(Gen.Int[0, 1_440], Gen.Int[0, 24].Select(static h => h * 60), Gen.Int[0, 240]);

    private static readonly Gen<WeeklyWindows> Weeks =
        Gen.Select(Gen.Int[0, 6], Opens, Closes).Array[0, 7].Select(static days => ToWindows(days));

    private static readonly Gen<Place[]> Places =
        Gen.Select(Gen.OneOf(Zones), Weeks, static (zone, windows) => new Place(zone, windows)).Array[1, 3];

    [Fact]
    public void Decisions_agree_with_a_walk_through_time() =>
        Gen.Select(Instants, Places).Sample(
            static (at, places) =>
            {
                var models = places.Select(static place => new MinuteModel(place)).ToList();
                var decision = QuietHoursRules.Decide(at, places);
                var next = MinuteModel.First(models, allowed: true, at);

                return decision.NextSendTime == next
                    && decision.CanSend == (next == at)
                    && decision.CanSend == decision.Reason is null;
            },
            iter: 2_000);

    [Fact]
    public void Closes_agree_with_a_walk_through_time() =>
        Gen.Select(Instants, Places).Sample(
            static (at, places) =>
                QuietHoursRules.OpenUntil(at, places)
                == MinuteModel.First(places.Select(static place => new MinuteModel(place)).ToList(), allowed: false, at),
            iter: 2_000);

    [Fact]
    public void The_next_time_is_allowed_and_the_nanosecond_before_it_is_not() =>
        Gen.Select(Instants, Places).Sample(
            static (at, places) =>
            {
                var decision = QuietHoursRules.Decide(at, places);
                if (decision is not { CanSend: false, NextSendTime: { } next }) return true;

                return QuietHoursRules.Decide(next, places).CanSend
                    && !QuietHoursRules.Decide(next - Duration.Epsilon, places).CanSend;
            },
            iter: 20_000);

    [Fact]
    public void The_close_is_forbidden_and_the_nanosecond_before_it_is_not() =>
        Gen.Select(Instants, Places).Sample(
            static (at, places) =>
            {
                var canSend = QuietHoursRules.Decide(at, places).CanSend;
                if (QuietHoursRules.OpenUntil(at, places) is not { } close) return canSend;
                if (!canSend) return close == at;

                return !QuietHoursRules.Decide(close, places).CanSend
                    && QuietHoursRules.Decide(close - Duration.Epsilon, places).CanSend;
            },
            iter: 20_000);

    [Fact]
    public void Another_place_never_makes_it_earlier() =>
        Gen.Select(Instants, Places).Sample(
            static (at, places) =>
            {
                var one = QuietHoursRules.Decide(at, places[..1]).NextSendTime;
                var all = QuietHoursRules.Decide(at, places).NextSendTime;
                return all is null || one <= all;
            },
            iter: 20_000);

    [Fact]
    public void Windows_survive_the_way_to_their_wire_shape_and_back() =>
        Weeks.Sample(static windows =>
            WeeklyWindows.TryParse(windows.ToDictionary(), out var again, out _)
            && again.Equals(windows)
            && again.GetHashCode() == windows.GetHashCode());

    private static WeeklyWindows ToWindows((int Day, int Open, int Close)[] days)
    {
        string[] names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        var shape = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var (day, open, close) in days)
            shape[names[day]] = [$"{open / 60:00}:{open % 60:00}", $"{close / 60:00}:{close % 60:00}"];

        return WeeklyWindows.TryParse(shape, out var windows, out var error) ? windows : throw new InvalidDataException(error);
    }
}
