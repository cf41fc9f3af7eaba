using NodaTime;
using Sms.Domain.QuietHours;

namespace Sms.Domain.Statutes;

/// <summary>A law-giver and its rules through time.</summary>
public sealed class Jurisdiction
{
    private readonly HoursRule[] _rules;
    private readonly HoursRule[] _strict;
    private readonly HoursRule[][] _alone;

    internal Jurisdiction(string code, IEnumerable<HoursRule> rules, IEnumerable<HoursRule> strict, IEnumerable<HoursRule> pending)
    {
        (Code, _rules, _strict, Pending) = (code, [.. rules], [.. strict], [.. pending]);
        _alone = [.. _rules.Select(static r => new[] { r })];
        HasCap = _rules.Concat(_strict).Any(static r => r.Cap is not null);
        Clocks = [.. _rules.Concat(_strict).Select(static r => r.Clock).OfType<string>().Distinct(StringComparer.Ordinal)];
    }

    /// <summary><c>US</c>, <c>US-</c> and a state or territory, <c>US-XX</c> for a number of the US whose state nobody knows, or a country.</summary>
    public string Code { get; }

    /// <summary>Those that bind in every profile, without gap or overlap, the oldest first.</summary>
    public IReadOnlyList<HoursRule> Rules => _rules;

    /// <summary>Those that bind beside them in profile <see cref="RuleProfile.Strict"/>.</summary>
    public IReadOnlyList<HoursRule> Strict => _strict;

    /// <summary>Those that are not law yet.</summary>
    public IReadOnlyList<HoursRule> Pending { get; }

    /// <summary>The clocks, beside the recipient's, on which some rule of it must hold.</summary>
    internal string[] Clocks { get; }

    /// <summary>Whether any rule of it has a cap.</summary>
    internal bool HasCap { get; }

    /// <summary>The one in force on that day, of those that bind in every profile.</summary>
    public HoursRule On(LocalDate date)
    {
        foreach (var rule in _rules)
        {
            if (rule.IsInForce(date))
                return rule;
        }

        throw new InvalidOperationException($"{Code} has no rule on {date}.");
    }

    /// <summary>All in force on that day.</summary>
    public IReadOnlyList<HoursRule> On(LocalDate date, RuleProfile profile)
    {
        var rule = On(date);
        // Most have no others: the same list each time.
        return profile == RuleProfile.Strict && _strict.Length > 0 ? [rule, .. _strict.Where(r => r.IsInForce(date))] : _alone[Array.IndexOf(_rules, rule)];
    }

    /// <summary>What all rules of that day leave open; null: nothing.</summary>
    internal DailyWindow? WindowOn(LocalDate date, RuleProfile profile, string? postalCode)
    {
        var left = On(date).On(date, postalCode);
        if (profile != RuleProfile.Strict)
            return left;
        foreach (var rule in _strict)
        {
            if (left is null)
                return null;
            if (rule.IsInForce(date))
                left = left.And(rule.On(date, postalCode));
        }

        return left;
    }

    /// <summary>What the rules of that day leave open on one of <see cref="Clocks"/>; all of the day where none asks for it.</summary>
    internal DailyWindow? WindowOn(LocalDate date, RuleProfile profile, string? postalCode, string clock)
    {
        DailyWindow? left = DailyWindow.WholeDay;
        foreach (var rule in On(date, profile))
        {
            if (string.Equals(rule.Clock, clock, StringComparison.Ordinal))
                left = left?.And(rule.On(date, postalCode));
        }

        return left;
    }

    /// <summary>The code.</summary>
    public override string ToString() => Code;
}
