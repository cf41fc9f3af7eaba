using System.Globalization;
using NodaTime;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.QuietHours;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
using Xunit;

namespace Sms.Domain.Tests.Statutes;

/// <summary>Every jurisdiction around both changes of the clock of four years, against a model that shares nothing with the product.</summary>
public sealed class LawPropertyTests
{
    private const string Elsewhere = "Etc/UTC";

    [Fact]
    public void Two_million_decisions_are_those_of_the_model()
    {
        var decisions = 0L;
        var wrong = new System.Collections.Concurrent.ConcurrentQueue<string>();
        Parallel.ForEach(Cases(), @case =>
        {
            var checker = new Checker(@case, wrong);
            checker.Walk();
            Interlocked.Add(ref decisions, checker.Decisions);
        });

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{decisions:N0} decisions, {wrong.Count:N0} violations"));
        Assert.True(wrong.IsEmpty, string.Join('\n', wrong.Take(20)));
        Assert.InRange(decisions, 2_000_000, long.MaxValue);
    }

    private static IEnumerable<Case> Cases()
    {
        var changes = Enumerable.Range(2024, 4)
            .SelectMany(static year => new[] { LawModel.Sunday(year, 3, 8), LawModel.Sunday(year, 11, 1) }).Select(DateOnly.FromDateTime).ToList();
        foreach (var day in changes)
        {
            // By the state: all of its zones. By the ZIP code and by the area code: one.
            foreach (var (state, zip, areaCode, zone) in LawModel.Places)
            {
                yield return new Case(day, new PlaceFacts(null, null, zip, null), [zone], [state], EveryMinutes: 1);
                yield return new Case(day, new PlaceFacts(null, null, zip, null), [zone], [state], EveryMinutes: 1) { IsStrict = false };
                var zones = ZonesOf(state, zone);
                yield return new Case(day, new PlaceFacts(null, null, null, state), zones, [state], EveryMinutes: zones.Length > 1 ? 3 : 7);
                // Offsets are no places, and what says nothing takes nothing away.
                yield return new Case(day, new PlaceFacts(null, Nowhere[(int)(day.DayNumber % Nowhere.Length)], zip, null), [zone], [state], EveryMinutes: 13);
                yield return new Case(day, new PlaceFacts(Number(areaCode), Nowhere[(int)(day.DayNumber % Nowhere.Length)], null, null), NumberZonesOf(state, zone), [state], EveryMinutes: 7);
            }

            yield return new Case(day, new PlaceFacts(Number("999"), null, null, null), LawModel.Mainland, ["XX"], EveryMinutes: 1);
            foreach (var (country, number, zone) in LawModel.Abroad)
                yield return new Case(day, new PlaceFacts(PhoneNumber.FromE164(number), null, null, null), [zone], [Named(country)], EveryMinutes: 1);
            foreach (var sender in new[] { "America/Los_Angeles", "Pacific/Honolulu", "America/New_York" })
                yield return new Case(day, new PlaceFacts(null, null, "27601", null), ["America/New_York"], ["NC"], EveryMinutes: 1) { Sender = sender };
        }

        // The ZIP code says where the clock is, and both it and the area code say whose law. A zone that the number knows
        // nothing of contradicts it, and so do a ZIP code and another state.
        var n = 0;
        foreach (var here in LawModel.Places)
        {
            foreach (var there in LawModel.Places)
            {
                var day = changes[n++ % changes.Count];
                yield return new Case(day, new PlaceFacts(Number(there.AreaCode), null, here.Zip, null), [here.Zone], [here.State, there.State], EveryMinutes: 97);
                var zones = NumberZonesOf(there.State, there.Zone);
                yield return new Case(
                    day, new PlaceFacts(Number(there.AreaCode), here.Zone, null, null), Array.Exists(zones, z => LawModel.IsSameClock(z, here.Zone)) ? [here.Zone] : [here.Zone, .. zones],
                    [there.State], EveryMinutes: 97);
                yield return new Case(
                    day, new PlaceFacts(null, null, here.Zip, there.State), here.State == there.State ? [here.Zone] : [here.Zone, .. ZonesOf(there.State, there.Zone)],
                    [here.State, there.State], EveryMinutes: 97);
            }
        }

        foreach (var (state, date) in LawModel.HolidaysOf2026)
        {
            var place = Array.Find(LawModel.Places, p => p.State == state);
            yield return new Case(date, new PlaceFacts(null, null, place.Zip, null), [place.Zone], [state], EveryMinutes: 7);
        }

        // The day on which Pennsylvania's law changes, and those beside it.
        for (var day = new DateOnly(2026, 10, 16); day < new DateOnly(2026, 10, 21); day = day.AddDays(1))
            yield return new Case(day, new PlaceFacts(null, null, "19103", null), ["America/New_York"], ["PA"], EveryMinutes: 1);
    }

    private static readonly string[] Nowhere = ["UTC", "Etc/UTC", "Etc/GMT+5", "EST", "+05:30", "GMT-8"];

    private static string[] ZonesOf(string state, string zone) => Array.Find(LawModel.Split, s => s.State == state).Zones ?? [zone];

    private static string[] NumberZonesOf(string state, string zone) => Array.Find(LawModel.SplitAreaCodes, s => s.State == state).Zones ?? [zone];

    // The model has states by two letters, among which are those of countries.
    private static string Named(string country) => country switch { "FR" => "France", "DE" => "Germany", "IN" => "India", _ => "Britain" };

    private static readonly BusinessSettings Anywhere = BusinessSettings.Default with { AllowedCountries = new WordList(["US", "CA", "PR", "GU", "VI", "AS", "MP", "FR", "GB", "DE", "IN"]) };

    private static PhoneNumber Number(string areaCode) => PhoneNumber.FromE164($"+1{areaCode}5551234");

    /// <param name="Day">Walked through, on the UTC calendar and a little beyond.</param>
    /// <param name="Place">What the product is told.</param>
    /// <param name="Zones">What the model makes of it.</param>
    /// <param name="States">What the model makes of it.</param>
    /// <param name="EveryMinutes">The step of the walk.</param>
    private sealed record Case(DateOnly Day, PlaceFacts Place, string[] Zones, string[] States, int EveryMinutes)
    {
        /// <summary>Whether the rules of profile strict bind.</summary>
        public bool IsStrict { get; init; } = true;

        /// <summary>The business's zone; null: one that is no place.</summary>
        public string? Sender { get; init; }
    }

    private sealed class Checker(Case @case, System.Collections.Concurrent.ConcurrentQueue<string> wrong)
    {
        private readonly bool[] _lawful = LawModel.Minutes(@case.Day, @case.Zones, @case.States, @case.IsStrict, @case.Sender);
        private readonly BusinessSettings _settings = Anywhere with { QuietHoursProfile = @case.IsStrict ? RuleProfile.Strict : RuleProfile.Statute };
        private readonly Instant _start = Instant.FromUtc(@case.Day.Year, @case.Day.Month, @case.Day.Day, 0, 0);

        public long Decisions { get; private set; }

        public void Walk()
        {
            // 30 hours: the local day begins up to half a day away from the UTC one.
            for (var minute = 0; minute < 30 * 60; minute += @case.EveryMinutes)
                Check(_start + Duration.FromMinutes(minute));
            for (var minute = 1; minute < 48 * 60; minute++)
            {
                if (_lawful[minute] == _lawful[minute - 1])
                    continue;
                var edge = _start + Duration.FromMinutes(minute);
                Check(edge - Duration.FromSeconds(1));
                Check(edge);
                Check(edge + Duration.FromSeconds(1));
                CheckVerdict(edge - Duration.FromSeconds(61));
                CheckVerdict(edge - Duration.FromSeconds(60));
                CheckVerdict(edge - Duration.FromSeconds(59));
                CheckVerdict(edge);
            }
        }

        private void Check(Instant at)
        {
            Decisions++;
            var hours = RecipientHours.Of(RecipientPlace.Of(@case.Place, Elsewhere), _settings, BlackoutCalendar.Empty, @case.Sender ?? Elsewhere);
            var decision = QuietHoursRules.Decide(at, hours.Places);
            if (decision.CanSend != IsLawful(at) || decision.NextSendTime != Next(at))
                Report(at, $"{decision}, the model says {Next(at)}");
        }

        // What goes has a minute left at least, all of it lawful; what waits, waits for the first such minute.
        private void CheckVerdict(Instant at)
        {
            Decisions++;
            var facts = new SendFacts(
                Category.Marketing, @case.Place, @case.Sender ?? Elsewhere, Segments: 1, ConsentStatus.OptedIn, OptedOut: false, Unreachable: false,
                _settings, NotBefore: null, ValidUntil: null, SegmentsToday: 0, MessagesThisMonth: null);
            var verdict = SendPolicy.Decide(facts, at);
            var goes = IsLawful(at) && IsLawful(at + Duration.FromSeconds(60) - Duration.Epsilon);
            if (goes != verdict is Verdict.Go)
                Report(at, $"{verdict}");
            if (verdict is Verdict.Go { OpenUntil: { } close } && (IsLawful(close) || !IsLawful(close - Duration.Epsilon)))
                Report(at, $"open until {close}");
            if (verdict is Verdict.Wait wait && (!IsLawful(wait.Until) || !IsLawful(wait.Until + Duration.FromSeconds(59))))
                Report(at, $"waits until {wait.Until}");
        }

        private void Report(Instant at, string what) =>
            wrong.Enqueue($"{string.Join('+', @case.States)} {string.Join('+', @case.Zones)} {@case.Place} at {at}: {what}");

        private bool IsLawful(Instant at) => _lawful[(int)Math.Floor((at - _start).TotalMinutes)];

        private Instant? Next(Instant at)
        {
            if (IsLawful(at))
                return at;
            var next = Array.IndexOf(_lawful, value: true, (int)Math.Floor((at - _start).TotalMinutes));
            return next < 0 || _start + Duration.FromMinutes(next) >= at + QuietHoursRules.Horizon ? null : _start + Duration.FromMinutes(next);
        }
    }
}
