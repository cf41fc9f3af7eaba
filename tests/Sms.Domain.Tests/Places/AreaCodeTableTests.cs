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
