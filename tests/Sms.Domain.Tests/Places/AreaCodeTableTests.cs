using Sms.Domain.Places;
using Xunit;

namespace Sms.Domain.Tests.Places;

public sealed class AreaCodeTableTests
{
    [Fact]
    public void The_table_is_what_the_phone_number_library_says()
    {
        var table = AreaCodeGenerator.Table();
        var path = Path.Combine(Root(), "src", "Sms.Grains", "Domain", "Places", "area-codes.tsv");
        if (Environment.GetEnvironmentVariable("UPDATE_AREA_CODES") is "1")
            File.WriteAllText(path, table);

        Assert.Equal(File.ReadAllText(path), table);
    }

    [Theory]
    [InlineData(689, "US-FL", "America/New_York")]
    [InlineData(407, "US-FL", "America/New_York")]
    [InlineData(321, "US-FL", "America/New_York")]
    [InlineData(474, "CA", "America/Edmonton America/Regina")]
    [InlineData(306, "CA", "America/Edmonton America/Regina")]
    [InlineData(639, "CA", "America/Edmonton America/Regina")]
    [InlineData(879, "CA", "America/Halifax America/St_Johns")]
    [InlineData(709, "CA", "America/Halifax America/St_Johns")]
    [InlineData(236, "CA", "America/Dawson_Creek America/Edmonton America/Vancouver")]
    [InlineData(672, "CA", "America/Dawson_Creek America/Edmonton America/Vancouver")]
    [InlineData(778, "CA", "America/Dawson_Creek America/Edmonton America/Vancouver")]
    [InlineData(257, "CA", "America/Dawson_Creek America/Edmonton America/Vancouver")]
    [InlineData(250, "CA", "America/Dawson_Creek America/Edmonton America/Vancouver")]
    [InlineData(581, "CA", "America/Halifax America/Toronto")]
    [InlineData(367, "CA", "America/Halifax America/Toronto")]
    [InlineData(273, "CA", "America/Halifax America/Toronto")]
    [InlineData(418, "CA", "America/Halifax America/Toronto")]
    [InlineData(807, "CA", "America/Atikokan America/Toronto America/Winnipeg")]
    [InlineData(357, "US-CA", "America/Los_Angeles")]
    [InlineData(436, "US-OH", "America/New_York")]
    [InlineData(457, "US-LA", "America/Chicago")]
    [InlineData(465, "US-NY", "America/New_York")]
    [InlineData(471, "US-MS", "America/Chicago")]
    [InlineData(483, "US-AL", "America/Chicago America/New_York")]
    [InlineData(621, "US-TX", "America/Chicago")]
    [InlineData(624, "US-NY", "America/New_York")]
    [InlineData(679, "US-MI", "America/New_York")]
    [InlineData(729, "US-TN", "America/Chicago America/New_York")]
    [InlineData(764, "US-CA", "America/Los_Angeles")]
    [InlineData(837, "US-CA", "America/Los_Angeles")]
    [InlineData(861, "US-IL", "America/Chicago")]
    [InlineData(924, "US-MN", "America/Chicago")]
    public void A_code_stands_for_its_states_and_its_zones(int areaCode, string jurisdictions, string zones)
    {
        var region = PlaceTables.Current.AreaCode(areaCode)!;

        Assert.Equal(jurisdictions, string.Join(' ', region.Jurisdictions.Select(j => j.Code)));
        Assert.Equal(zones, string.Join(' ', region.Zones.Select(z => z.Id)));
    }

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Sms.sln")))
                return folder.FullName;
        }

        throw new InvalidOperationException("The tests do not run within the repository.");
    }
}
