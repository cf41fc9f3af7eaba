using NodaTime;
using Sms.Domain.Statutes;
using Sms.Domain.Tables;
using Xunit;

namespace Sms.Domain.Tests.Statutes;

public sealed class RuleBookTests
{
    private static readonly List<string[]> Rows = [.. EmbeddedTable.Read("hours-rules.tsv", RuleBook.Columns)];

    [Fact]
    public void The_rules_compiled_in_are_whole()
    {
        Assert.Equal(66, RuleBook.Current.All.Count);
        Assert.Equal(56, RuleBook.Current.AllStates.Count);
        Assert.Matches("^2026-11-29-[0-9a-f]{8}$", RuleBook.Current.Version);
    }

    [Fact]
    public void Pennsylvania_changes_on_its_day()
    {
        var pa = RuleBook.Current.State("pa")!;
        Assert.Equal("US-PA/1", pa.On(new LocalDate(2026, 10, 17)).Id);
        Assert.Equal("US-PA/2", pa.On(new LocalDate(2026, 10, 18)).Id);
    }

    [Theory]
    [InlineData("US-PA/2", 2, "2026-10-20", "hours-rules.tsv, US-PA: has no rule from Sunday, 18 October 2026 until Tuesday, 20 October 2026.")]
    [InlineData("US-PA/2", 2, "2026-10-11", "hours-rules.tsv, US-PA: US-PA/1 and US-PA/2 overlap.")]
    [InlineData("US-PA/2", 3, "2027-01-01", "hours-rules.tsv, US-PA: has no rule from Friday, 01 January 2027.")]
    [InlineData("US-TX/1", 2, "2020-01-01", "hours-rules.tsv, US-TX: has no rule before Wednesday, 01 January 2020.")]
    [InlineData("US-TX/1", 3, "2020-13-01", "hours-rules.tsv, US-TX/1: '2020-13-01' is no date.")]
    [InlineData("US-TX/1", 4, "21:00-08:00", "hours-rules.tsv, US-TX/1: '21:00-08:00' is not closed, nor a window within a day such as 08:00-21:00.")]
    [InlineData("US-TX/1", 7, "texan", "hours-rules.tsv, US-TX/1: 'texan' is no calendar of holidays.tsv.")]
    [InlineData("US-FL/1", 8, "0/24h", "hours-rules.tsv, US-FL/1: '0/24h' is no cap such as 3/24h.")]
    [InlineData("US-FL/1", 13, "-", "hours-rules.tsv, US-FL/1: was never verified.")]
    [InlineData("US-FL/1", 9, "fax", "hours-rules.tsv, US-FL/1: 'fax' is not text, call or device.")]
    [InlineData("US-FL/1", 10, "lax", "hours-rules.tsv, US-FL/1: 'lax' is not statute or strict.")]
    [InlineData("US-FL/1", 11, "sundial", "hours-rules.tsv, US-FL/1: 'sundial' is no clock.")]
    [InlineData("US-FL/1", 12, "repealed", "hours-rules.tsv, US-FL/1: 'repealed' is not - or pending.")]
    [InlineData("US-FL/1", 15, "", "hours-rules.tsv, US-FL/1: cites nothing.")]
    [InlineData("US-FL/1", 0, "US-GA/1", "hours-rules.tsv, US-GA/1: an id is the jurisdiction (US-FL), a slash and a number.")]
    [InlineData("US-GA/1", 1, "US-XX", "hours-rules.tsv, US-GA/1: an id is the jurisdiction (US-XX), a slash and a number.")]
    public void A_bad_row_is_told_in_one_line(string id, int column, string value, string line)
    {
        var rows = Rows.Select(r => r[0] == id ? [.. r.Take(column), value, .. r.Skip(column + 1)] : r);

        Assert.Equal(line, Assert.Throws<InvalidDataException>(() => RuleBook.Parse(rows, LegalHoliday.ReadEmbedded())).Message);
    }

    [Fact]
    public void Each_state_must_have_a_row() => Assert.Equal(
        "hours-rules.tsv, US-TX: has no row.",
        Assert.Throws<InvalidDataException>(() => RuleBook.Parse(Rows.Where(r => r[1] != "US-TX"), LegalHoliday.ReadEmbedded())).Message);

    [Fact]
    public void Another_row_is_another_version() => Assert.NotEqual(
        RuleBook.Current.Version,
        RuleBook.Parse(Rows.Select(r => r[0] == "US-TX/1" ? [.. r[..4], "10:00-21:00", .. r[5..]] : r), LegalHoliday.ReadEmbedded()).Version);
}
