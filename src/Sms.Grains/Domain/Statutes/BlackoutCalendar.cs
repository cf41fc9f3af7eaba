using NodaTime;

namespace Sms.Domain.Statutes;

/// <summary>Days on which marketing is stopped by hand, a state of emergency for example.</summary>
/// <param name="Id">Its name in the API.</param>
/// <param name="State">Two letters; null: everywhere.</param>
/// <param name="From">The first day, on the recipient's calendar.</param>
/// <param name="Until">The last day, included.</param>
/// <param name="Reason">In somebody's words.</param>
public sealed record Blackout(Guid Id, string? State, LocalDate From, LocalDate Until, string? Reason);

/// <summary>All blackouts, as they were at some moment.</summary>
/// <param name="Revision">Grows with every change.</param>
/// <param name="Blackouts">In any order.</param>
public sealed record BlackoutCalendar(long Revision, IReadOnlyList<Blackout> Blackouts)
{
    /// <summary>None at all.</summary>
    public static BlackoutCalendar Empty { get; } = new(0, []);

    /// <summary>The blackout that holds in this jurisdiction on that day; one for everywhere holds under federal law, and one
    /// for any state where nobody knows the state. Null: none.</summary>
    public Blackout? Find(Jurisdiction jurisdiction, LocalDate date)
    {
        foreach (var blackout in Blackouts)
        {
            if (date >= blackout.From && date <= blackout.Until && Holds(blackout, jurisdiction.Code))
                return blackout;
        }

        return null;
    }

    private static bool Holds(Blackout blackout, string code) => blackout.State is { } state
        ? code.Length == 5 && code.AsSpan(3).Equals(state, StringComparison.Ordinal) || string.Equals(code, RuleBook.UnknownCode, StringComparison.Ordinal)
        : string.Equals(code, RuleBook.FederalCode, StringComparison.Ordinal);
}
