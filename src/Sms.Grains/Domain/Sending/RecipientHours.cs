using NodaTime;
using Sms.Domain.Places;
using Sms.Domain.QuietHours;
using Sms.Domain.Statutes;

namespace Sms.Domain.Sending;

/// <summary>The hours and the cap that marketing to one recipient is held to: the strictest of all that may hold there.</summary>
internal sealed class RecipientHours
{
    private readonly StatuteHours? _statutes;

    private RecipientHours(RecipientPlace place, BusinessSettings settings, BlackoutCalendar blackouts, string? businessZone, Instant? now)
    {
        (Place, Policy, Profile, Own, Blackouts) = (place, settings.QuietHoursPolicy, settings.QuietHoursProfile, settings.QuietHours, blackouts);
        var places = new List<Place>(place.Zones.Count * 2);
        if (Policy == QuietHoursPolicy.UsStates)
        {
            Jurisdictions = Lawgivers(place, now);
            _statutes = new StatuteHours(Jurisdictions, blackouts, Profile, place.PostalCode);
            // Federal hours are within the business's default ones.
            HasOwn = !Own.Equals(WeeklyWindows.Default);
        }
        else
        {
            HasOwn = true;
        }

        foreach (var zone in place.Zones)
        {
            if (_statutes is not null)
                places.Add(new Place(zone, _statutes));
            if (HasOwn)
                places.Add(new Place(zone, Own));
        }

        foreach (var jurisdiction in Jurisdictions)
        {
            foreach (var clock in jurisdiction.Clocks)
            {
                if (ZoneOf(clock, businessZone) is { } zone)
                    places.Add(new Place(zone, new ClockHours(jurisdiction, Profile, place.PostalCode, clock)));
            }
        }

        Places = places;
    }

    public RecipientPlace Place { get; }

    public QuietHoursPolicy Policy { get; }

    public RuleProfile Profile { get; }

    public WeeklyWindows Own { get; }

    public BlackoutCalendar Blackouts { get; }

    /// <summary>Federal law first; empty where only the business's hours count.</summary>
    public IReadOnlyList<Jurisdiction> Jurisdictions { get; } = [];

    /// <summary>The business's hours are asked too.</summary>
    public bool HasOwn { get; }

    /// <summary>Each zone with each set of hours: all must allow it.</summary>
    public IReadOnlyList<Place> Places { get; }

    /// <param name="place">Where the recipient may be.</param>
    /// <param name="settings">The business's.</param>
    /// <param name="blackouts">Days that are closed by hand.</param>
    /// <param name="businessZone">For laws that ask for the sender's clock too; null: it is not known.</param>
    /// <param name="now">Rows that are stale by then are held to the strictest hours too; null: nothing is.</param>
    public static RecipientHours Of(
        RecipientPlace place, BusinessSettings settings, BlackoutCalendar blackouts, string? businessZone = null, Instant? now = null) =>
        new(place, settings, blackouts, businessZone, now);

    private static Jurisdiction[] Lawgivers(RecipientPlace place, Instant? now)
    {
        var book = RuleBook.Current;
        var isStale = now is { } at && book.IsAnyStale(at) && HasStale(place, at.InUtc().Date);
        var all = new Jurisdiction[place.Jurisdictions.Count + (isStale ? 2 : 1)];
        all[0] = book.Federal;
        for (var n = 0; n < place.Jurisdictions.Count; n++)
            all[n + 1] = place.Jurisdictions[n].Jurisdiction;
        if (isStale)
            all[^1] = book.Unknown;
        return all;
    }

    private static bool HasStale(RecipientPlace place, LocalDate today) =>
        place.Jurisdictions.Select(static j => j.Jurisdiction).Append(RuleBook.Current.Federal)
            .Any(j => j != RuleBook.Current.Unknown && j.On(today, RuleProfile.Strict).Any(r => r.IsStale(today)));

    /// <summary>Null: nobody knows where that clock hangs.</summary>
    private static DateTimeZone? ZoneOf(string clock, string? businessZone)
    {
        if (!string.Equals(clock, HoursRule.SendersClock, StringComparison.Ordinal))
            return RecipientPlace.AllZones[clock];
        return businessZone is null || ZoneClock.IsNoPlace(businessZone) ? null : RecipientPlace.AllZones.GetZoneOrNull(businessZone);
    }

    /// <summary>The places of a recipient under one rule alone.</summary>
    public static List<Place> Alone(HoursRule rule, RecipientPlace place, string? businessZone)
    {
        var hours = new OneRule(rule, place.PostalCode);
        var places = place.Zones.Select(z => new Place(z, hours)).ToList();
        if (rule.Clock is { } clock && ZoneOf(clock, businessZone) is { } zone)
            places.Add(new Place(zone, hours));
        return places;
    }

    /// <summary>What is left of law and business on that day; null: closed.</summary>
    public DailyWindow? WindowOn(LocalDate date)
    {
        if (_statutes is null)
            return Own.On(date);
        if (_statutes.On(date) is not { } lawful || !HasOwn)
            return _statutes.On(date);
        if (Own.On(date) is not { } own)
            return null;
        var open = Math.Max(own.OpenMinute, lawful.OpenMinute);
        var close = Math.Min(own.ClosesNextDay ? DailyWindow.MinutesPerDay : own.CloseMinute, lawful.CloseMinute);
        return open < close ? new DailyWindow(open, close) : null;
    }

    /// <summary>The ids of the rules in force on that day, the business's hours among them.</summary>
    public List<string> RulesOn(LocalDate date)
    {
        var rules = new List<string>(Jurisdictions.Count + 1);
        foreach (var jurisdiction in Jurisdictions)
        {
            rules.Add(jurisdiction.On(date).Id);
            if (Profile == RuleProfile.Strict && jurisdiction.Strict.Count > 0)
                rules.AddRange(jurisdiction.Strict.Where(r => r.IsInForce(date)).Select(static r => r.Id));
        }

        if (HasOwn)
            rules.Add(BusinessRule);
        return rules;
    }

    /// <summary>Those of them that close the day, or set its open or its close; blackouts by their id.</summary>
    public List<string> BindingOn(LocalDate date)
    {
        var binding = new List<string>(2);
        if (_statutes is not null)
            binding.AddRange(_statutes.Binding(date, WindowOn(date)));
        if (HasOwn && Own.On(date) is var own
            && (own is null || own.ClosesNextDay || _statutes?.On(date) is not { } lawful || own.OpenMinute > lawful.OpenMinute || own.CloseMinute < lawful.CloseMinute))
        {
            binding.Add(BusinessRule);
        }

        return binding;
    }

    /// <summary>The strictest cap in force at an instant, and whose it is; null: none.</summary>
    public (FrequencyCap Cap, string Rule)? CapAt(Instant at)
    {
        (FrequencyCap Cap, string Rule)? strictest = null;
        foreach (var jurisdiction in Jurisdictions)
        {
            if (!jurisdiction.HasCap)
                continue;
            foreach (var rule in jurisdiction.On(at.InZone(Place.Zones[0]).Date, Profile))
            {
                if (rule.Cap is not { } cap)
                    continue;
                strictest = strictest is not { } other ? (cap, rule.Id)
                    : (new FrequencyCap(Math.Min(cap.Limit, other.Cap.Limit), Math.Max(cap.Hours, other.Cap.Hours)), other.Rule);
            }
        }

        return strictest;
    }

    /// <summary>The name of the business's own hours among the rules.</summary>
    private const string BusinessRule = "business";

    private sealed class OneRule(HoursRule rule, string? postalCode) : IDailyHours
    {
        public DailyWindow? On(LocalDate date) => rule.On(date, postalCode);
    }
}
