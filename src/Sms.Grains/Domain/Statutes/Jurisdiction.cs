using NodaTime;

namespace Sms.Domain.Statutes;

/// <summary>A law-giver and its rules through time.</summary>
public sealed class Jurisdiction
{
    private readonly HoursRule[] _rules;

    internal Jurisdiction(string code, IEnumerable<HoursRule> rules) => (Code, _rules) = (code, [.. rules]);

    /// <summary><c>US</c>, <c>US-</c> and a state or territory, or <c>CA</c> for Canada.</summary>
    public string Code { get; }

    /// <summary>Without gap or overlap, the oldest first.</summary>
    public IReadOnlyList<HoursRule> Rules => _rules;

    /// <summary>The one in force on that day.</summary>
    public HoursRule On(LocalDate date)
    {
        foreach (var rule in _rules)
        {
            if (rule.IsInForce(date))
                return rule;
        }

        throw new InvalidOperationException($"{Code} has no rule on {date}.");
    }

    /// <summary>The code.</summary>
    public override string ToString() => Code;
}
