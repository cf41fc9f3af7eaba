using System.Collections.Frozen;
using System.Globalization;
using NodaTime;
using NodaTime.Text;
using Sms.Domain.Tables;

namespace Sms.Domain.Statutes;

/// <summary>All rules on the consent that marketing needs, as dated rows: see consent-rules.tsv.</summary>
public sealed class ConsentBook
{
    private const int Columns = 10;

    private static readonly Lazy<ConsentBook> Embedded = new(static () => Parse(EmbeddedTable.Read("consent-rules.tsv", Columns)));

    private readonly FrozenDictionary<string, ConsentRule[]> _byJurisdiction;

    private ConsentBook(List<ConsentRule> rules)
    {
        All = rules;
        _byJurisdiction = rules.GroupBy(static r => r.Jurisdiction, StringComparer.Ordinal).ToFrozenDictionary(static g => g.Key, static g => g.ToArray(), StringComparer.Ordinal);
    }

    /// <summary>The rules that are compiled in, read and checked once.</summary>
    /// <exception cref="InvalidDataException">A row is bad; one line.</exception>
    public static ConsentBook Current => Embedded.Value;

    /// <summary>Every row, in the order of the table.</summary>
    public IReadOnlyList<ConsentRule> All { get; }

    /// <summary>The rule of that jurisdiction on that day; null: it asks for nothing.</summary>
    public ConsentRule? Find(string jurisdiction, LocalDate date)
    {
        if (!_byJurisdiction.TryGetValue(jurisdiction, out var rules))
            return null;
        foreach (var rule in rules)
        {
            if (rule.IsInForce(date))
                return rule;
        }

        return null;
    }

    internal static ConsentBook Parse(IEnumerable<string[]> rows)
    {
        var rules = rows.Select(Rule).ToList();
        foreach (var group in rules.GroupBy(static r => r.Jurisdiction, StringComparer.Ordinal))
        {
            if (RuleBook.Current.Find(group.Key) is null)
                throw Bad(group.First().Id, $"'{group.Key}' is no jurisdiction");
            var ordered = group.Where(static r => !r.IsPending).OrderBy(static r => r.From ?? LocalDate.MinIsoValue).ToList();
            if (ordered.Zip(ordered.Skip(1)).FirstOrDefault(static p => p.First.Until != p.Second.From) is ({ } before, { } after))
                throw Bad(group.Key, $"{before.Id} and {after.Id} do not adjoin");
        }

        return rules.GroupBy(static r => r.Id, StringComparer.Ordinal).FirstOrDefault(static g => g.Count() > 1) is { } twice
            ? throw Bad(twice.Key, "is there twice")
            : new ConsentBook(rules);
    }

    private static ConsentRule Rule(string[] row)
    {
        var id = row[0];
        if (!id.StartsWith($"{row[1]}/", StringComparison.Ordinal))
            throw Bad(id, $"an id is the jurisdiction ({row[1]}), a slash and a number");
        if (row[9].Length == 0)
            throw Bad(id, "cites nothing");
        return new ConsentRule(
            id, row[1], Date(row[2], id), Date(row[3], id),
            row[4] switch
            {
                "none" => ConsentLevel.None,
                "express" => ConsentLevel.Express,
                "written" => ConsentLevel.Written,
                _ => throw Bad(id, $"'{row[4]}' is not none, express or written"),
            },
            row[5] == "-" ? null : int.TryParse(row[5], NumberStyles.None, CultureInfo.InvariantCulture, out var months) ? months : throw Bad(id, $"'{row[5]}' is no number of months"),
            row[6] switch { "-" => false, "pending" => true, _ => throw Bad(id, $"'{row[6]}' is not - or pending") },
            Date(row[7], id) ?? throw Bad(id, "was never verified"), row[8], row[9]);
    }

    private static LocalDate? Date(string text, string id)
    {
        if (text == "-")
            return null;
        return LocalDatePattern.Iso.Parse(text) is { Success: true } parsed ? parsed.Value : throw Bad(id, $"'{text}' is no date");
    }

    private static InvalidDataException Bad(string where, string what) => new($"consent-rules.tsv, {where}: {what}.");
}
