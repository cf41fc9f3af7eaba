using NodaTime;
using Sms.Domain.Places;
using Sms.Domain.QuietHours;
using Sms.Domain.Statutes;

namespace Sms.Domain.Sending;

/// <summary>The hours and the cap that marketing to one recipient is held to: the strictest of all that may hold there.</summary>
internal sealed class RecipientHours
{
    private readonly StatuteHours? _statutes;

    private RecipientHours(RecipientPlace place, QuietHoursPolicy policy, WeeklyWindows own, BlackoutCalendar blackouts)
    {
        (Place, Policy, Own, Blackouts) = (place, policy, own, blackouts);
        var places = new List<Place>(place.Zones.Count * 2);
        if (policy == QuietHoursPolicy.UsStates)
        {
            Jurisdictions = [RuleBook.Current.Federal, .. place.Jurisdictions.Select(static j => j.Jurisdiction)];
            _statutes = new StatuteHours(Jurisdictions, blackouts);
            // Federal hours are within the business's default ones.
            HasOwn = !own.Equals(WeeklyWindows.Default);
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
                places.Add(new Place(zone, own));
        }

        Places = places;
    }

    public RecipientPlace Place { get; }

    public QuietHoursPolicy Policy { get; }

    public WeeklyWindows Own { get; }

    public BlackoutCalendar Blackouts { get; }

    /// <summary>Federal law first; empty where only the business's hours count.</summary>
    public IReadOnlyList<Jurisdiction> Jurisdictions { get; } = [];

    /// <summary>The business's hours are asked too.</summary>
    public bool HasOwn { get; }

    /// <summary>Each zone with each set of hours: all must allow it.</summary>
    public IReadOnlyList<Place> Places { get; }

    public static RecipientHours Of(RecipientPlace place, BusinessSettings settings, BlackoutCalendar blackouts) =>
        new(place, settings.QuietHoursPolicy, settings.QuietHours, blackouts);

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
            rules.Add(jurisdiction.On(date).Id);
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
            var rule = jurisdiction.On(at.InZone(Place.Zones[0]).Date);
            if (rule.Cap is not { } cap)
                continue;
            strictest = strictest is not { } other ? (cap, rule.Id)
                : (new FrequencyCap(Math.Min(cap.Limit, other.Cap.Limit), Math.Max(cap.Hours, other.Cap.Hours)), other.Rule);
        }

        return strictest;
    }

    /// <summary>The name of the business's own hours among the rules.</summary>
    private const string BusinessRule = "business";
}
